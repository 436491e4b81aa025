//! The executor of a server: Lambda functions over HTTP, its own API, the rest on threads of this process.
//!
//! A call takes no thread while it waits. So many run at once; the others wait in memory for their turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use darkroom_asl::failure::names;
use darkroom_asl::interpreter::TaskId;
use darkroom_asl::interpreter::event::{Reason, Target};
use darkroom_engine::store::ExecutionKey;
use darkroom_engine::{Answer, Invocation, TaskExecutor, TaskOutcome, WorkerPool};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::api::Api;
use super::lambda::{Call, Lambda};

/// Calls that run at once. Our choice: each is a connection.
const CALLS_MAX: usize = 256;

/// Runs tasks: Lambda functions at the endpoint, if there is one, calls of `aws-sdk:sfn`, the others on the pool.
pub struct RemoteTasks {
    runtime: Handle,
    lambda: Option<Arc<Lambda>>,
    api: Api,
    others: WorkerPool,
    places: Arc<Semaphore>,
    calls: Calls,
}

/// The calls that are under way or waiting for their turn.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<HashMap<(ExecutionKey, TaskId), AbortHandle>>>);

/// How a function is reached, and so what becomes of its answer.
#[derive(Clone, Copy)]
enum Way {
    ByArn,
    ByIntegration,
}

impl RemoteTasks {
    /// Calls run on this runtime. `others` takes the tasks that call no Lambda function.
    pub fn new(runtime: Handle, lambda: Option<Lambda>, api: Api, others: WorkerPool) -> Self {
        Self {
            runtime,
            lambda: lambda.map(Arc::new),
            api,
            others,
            places: Arc::new(Semaphore::new(CALLS_MAX)),
            calls: Calls::default(),
        }
    }
}

impl TaskExecutor for RemoteTasks {
    fn start(&self, invocation: Invocation, answer: Answer) {
        let scheduled = &invocation.request.scheduled;
        match (&scheduled.target, self.lambda.clone()) {
            (Target::LambdaFunction { resource }, Some(lambda)) => {
                let call = Call::by_arn(resource, scheduled.input.text());
                self.invoke(lambda, Way::ByArn, call, &invocation, answer);
            }
            (Target::Service { resource_type, resource }, Some(lambda))
                if &**resource_type == "lambda" && action(resource) == "invoke" =>
            {
                match Call::by_parameters(scheduled.input.text()) {
                    Ok(call) => self.invoke(lambda, Way::ByIntegration, call, &invocation, answer),
                    Err(reason) => answer.give(Err(reason)),
                }
            }
            (Target::Service { resource_type, resource }, _) if &**resource_type == "aws-sdk:sfn" => {
                let (api, name) = (self.api.clone(), action(resource).to_owned());
                let (arn, input) = (invocation.identity.execution_arn.clone(), scheduled.input.clone());
                let call = async move { api.call(&arn, &name, input.text()).await };
                self.spawn(&invocation, answer, call);
            }
            (Target::LambdaFunction { .. } | Target::Service { .. } | Target::Activity { .. }, _) => {
                self.others.start(invocation, answer);
            }
        }
    }

    fn cancel(&self, key: ExecutionKey, id: TaskId) {
        match self.calls.lock().remove(&(key, id)) {
            Some(call) => call.abort(),
            None => self.others.cancel(key, id),
        }
    }
}

impl RemoteTasks {
    fn invoke(&self, lambda: Arc<Lambda>, way: Way, call: Call, invocation: &Invocation, answer: Answer) {
        let places = self.places.clone();
        self.spawn(invocation, answer, async move { run(&lambda, &places, way, call).await });
    }

    fn spawn(
        &self,
        invocation: &Invocation,
        answer: Answer,
        call: impl Future<Output = TaskOutcome> + Send + 'static,
    ) {
        let id = (invocation.key, invocation.request.id);
        let calls = self.calls.clone();
        let pending = Pending(Some(answer));
        // Held until the call is known, so that one that ends at once is not noted after its end.
        let mut known = self.calls.lock();
        let task = self.runtime.spawn(async move {
            let outcome = call.await;
            calls.lock().remove(&id);
            pending.give(outcome);
        });
        known.insert(id, task.abort_handle());
    }
}

/// The action of an integration's resource, without what says how its end is learned of.
pub(super) fn action(resource: &str) -> &str {
    resource.split_once('.').map_or(resource, |(action, _)| action)
}

async fn run(lambda: &Lambda, places: &Semaphore, way: Way, call: Call) -> TaskOutcome {
    // The semaphore is never closed; a closed one would only mean that nobody counts.
    let _place = places.acquire().await;
    let answered = lambda.invoke(call).await?;
    match way {
        Way::ByArn => answered.result(),
        Way::ByIntegration => answered.wrapped(),
    }
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
            let cause = "the call panicked";
            answer.give(Err(Reason { error: Some(names::TASK_FAILED.into()), cause: Some(cause.into()) }));
        } else {
            answer.withhold();
        }
    }
}
