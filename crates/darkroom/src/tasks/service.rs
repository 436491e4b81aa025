//! The executor of a server: every Task is a call of a service, wherever that is.
//!
//! A call takes no thread while it waits. So many run at once; the others wait in memory for their turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::{Reason, Target};
use darkroom_asl::interpreter::{Identity, TaskId};
use darkroom_asl::json::Payload;
use darkroom_engine::store::ExecutionKey;
use darkroom_engine::{Answer, Invocation, TaskExecutor, TaskOutcome};
use darkroom_port::Witness;
use darkroom_services::roles::Roles;
use darkroom_services::tasks::{TaskCall, TaskFault, Tasks, check_permissions};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

/// Calls that run at once. Our choice: each is a connection.
const CALLS_MAX: usize = 256;
/// What a resource ends in whose Task ends by its token: the call's answer only says that it was submitted.
const BY_TOKEN: &str = ".waitForTaskToken";

/// Runs tasks through the services, once there are any: the engine begins before them.
pub struct ServiceTasks {
    runtime: Handle,
    tasks: watch::Receiver<Option<Arc<Tasks>>>,
    places: Arc<Semaphore>,
    calls: Calls,
    roles: Arc<Roles>,
}

tokio::task_local! {
    static EXECUTION: Arc<Identity>;
}

/// The execution whose task is being called, for whoever writes the log: a line knows it without a span, which would cost
/// every task what few lines need.
pub fn current_execution() -> Option<Arc<Identity>> {
    EXECUTION.try_with(Clone::clone).ok()
}

/// How many calls there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallsLoad {
    /// Calls that are under way.
    pub under_way: usize,
    /// Calls that wait until fewer are.
    pub waiting: usize,
}

/// The calls that are under way or waiting for their turn.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<HashMap<(ExecutionKey, TaskId), AbortHandle>>>);

impl ServiceTasks {
    /// Calls run on this runtime, when `tasks` are there.
    pub fn new(runtime: Handle, tasks: watch::Receiver<Option<Arc<Tasks>>>, roles: Arc<Roles>) -> Self {
        let places = Arc::new(Semaphore::new(CALLS_MAX));
        Self { runtime, tasks, places, calls: Calls::default(), roles }
    }

    /// How many calls there are just now.
    pub fn load(&self) -> CallsLoad {
        let all = self.calls.lock().len();
        let under_way = (CALLS_MAX - self.places.available_permits().min(CALLS_MAX)).min(all);
        CallsLoad { under_way, waiting: all - under_way }
    }
}

impl TaskExecutor for ServiceTasks {
    fn start(&self, invocation: Invocation, answer: Answer) {
        let Some(call) = call_of(&invocation) else {
            return answer.give(Err(failed("an activity's tasks are not called")));
        };
        let id = (invocation.key, invocation.request.id);
        let (mut tasks, places, calls) = (self.tasks.clone(), self.places.clone(), self.calls.clone());
        let pending = Pending(Some(answer));
        let witness = Witness::current();
        // Held until the call is known, so that one that ends at once is not noted after its end.
        let mut known = self.calls.lock();
        let called = async move {
            // The sender lives as long as the server; without it the process ends and the task stays open.
            let found = tasks.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
            let Some(found) = found else { return };
            // The semaphore is never closed; a closed one would only mean that nobody counts.
            let _place = places.acquire().await;
            let outcome = match witness {
                Some(witness) => witness.within(run(&found, &call)).await,
                None => run(&found, &call).await,
            };
            calls.lock().remove(&id);
            pending.give(outcome);
        };
        let task = self.runtime.spawn(EXECUTION.scope(invocation.identity, called));
        known.insert(id, task.abort_handle());
    }

    fn refusal(&self, invocation: &Invocation) -> Option<Reason> {
        check_permissions(&self.roles, &call_of(invocation)?).err().map(reason)
    }

    fn cancel(&self, key: ExecutionKey, id: TaskId) {
        if let Some(call) = self.calls.lock().remove(&(key, id)) {
            call.abort();
        }
    }
}

async fn run(tasks: &Tasks, call: &TaskCall) -> TaskOutcome {
    match tasks.call(call).await {
        Ok(output) => {
            Payload::parse(output).map_err(|error| failed(&format!("the answer is no JSON: {error}")))
        }
        Err(fault) => Err(reason(fault)),
    }
}

fn reason(fault: TaskFault) -> Reason {
    Reason { error: Some(fault.error.into()), cause: Some(fault.cause.into()) }
}

/// The call that a task is.
fn call_of(invocation: &Invocation) -> Option<TaskCall> {
    let scheduled = &invocation.request.scheduled;
    let resource = match &scheduled.target {
        Target::LambdaFunction { resource } => resource.to_string(),
        Target::Service { resource_type, resource } => format!("{resource_type}:{resource}"),
        Target::Activity { .. } => return None,
    };
    let resource = resource.strip_suffix(BY_TOKEN).map_or(resource.clone(), str::to_owned);
    let identity = &invocation.identity;
    let mut arn = identity.execution_arn.split(':').skip(3);
    Some(TaskCall {
        resource,
        parameters: scheduled.input.text().to_string(),
        region: arn.next().unwrap_or_default().to_owned(),
        account: arn.next().unwrap_or_default().to_owned(),
        execution_arn: identity.execution_arn.to_string(),
        state_machine_arn: identity.state_machine_arn.to_string(),
        role_arn: identity.role_arn.to_string(),
        credentials_role_arn: scheduled.credentials_role_arn.as_ref().map(ToString::to_string),
        trace_header: invocation.trace_header(),
    })
}

fn failed(cause: &str) -> Reason {
    Reason { error: Some(names::TASK_FAILED.into()), cause: Some(cause.into()) }
}

impl Calls {
    /// A poisoned lock guards a map that is whole: nothing that holds it can panic half-way.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(ExecutionKey, TaskId), AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is withheld where its call is aborted: the task was cancelled, or the process ends and the
/// task is run again by the next one.
struct Pending(Option<Answer>);

impl Pending {
    fn give(mut self, outcome: TaskOutcome) {
        if let Some(answer) = self.0.take() {
            answer.give(outcome);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(answer) = self.0.take() else { return };
        if std::thread::panicking() {
            answer.give(Err(failed("the call panicked")));
        } else {
            answer.withhold();
        }
    }
}
