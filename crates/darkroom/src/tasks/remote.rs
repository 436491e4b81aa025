//! The executor of a server: Lambda functions over HTTP, the rest on threads of this process.
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

use super::lambda::{Call, Lambda};

/// Calls that run at once. Our choice: each is a connection.
const CALLS_MAX: usize = 256;

/// Runs tasks: Lambda functions at the endpoint, what is not Lambda's on the pool.
pub struct RemoteTasks {
    runtime: Handle,
    lambda: Arc<Lambda>,
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
    pub fn new(runtime: Handle, lambda: Lambda, others: WorkerPool) -> Self {
        Self {
            runtime,
            lambda: Arc::new(lambda),
            others,
            places: Arc::new(Semaphore::new(CALLS_MAX)),
            calls: Calls::default(),
        }
    }
}

impl TaskExecutor for RemoteTasks {
    fn start(&self, invocation: Invocation, answer: Answer) {
        let scheduled = &invocation.request.scheduled;
        let (way, call) = match &scheduled.target {
            Target::LambdaFunction { resource } => {
                (Way::ByArn, Ok(Call::by_arn(resource, scheduled.input.text())))
            }
            Target::Service { resource_type, resource }
                if &**resource_type == "lambda" && &**resource == "invoke" =>
            {
                (Way::ByIntegration, Call::by_parameters(scheduled.input.text()))
            }
            Target::Service { .. } | Target::Activity { .. } => {
                return self.others.start(invocation, answer);
            }
        };
        let call = match call {
            Ok(call) => call,
            Err(reason) => return answer.give(Err(reason)),
        };
        let id = (invocation.key, invocation.request.id);
        let (lambda, places, calls) = (self.lambda.clone(), self.places.clone(), self.calls.clone());
        let pending = Pending(Some(answer));
        // Held until the call is known, so that one that ends at once is not noted after its end.
        let mut known = self.calls.lock();
        let task = self.runtime.spawn(async move {
            let outcome = run(&lambda, &places, way, call).await;
            calls.lock().remove(&id);
            pending.give(outcome);
        });
        known.insert(id, task.abort_handle());
    }

    fn cancel(&self, key: ExecutionKey, id: TaskId) {
        match self.calls.lock().remove(&(key, id)) {
            Some(call) => call.abort(),
            None => self.others.cancel(key, id),
        }
    }
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
