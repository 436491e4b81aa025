//! Who runs tasks: the executor's trait, and a bounded pool of threads.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Identity, TaskId, TaskRequest};
use darkroom_asl::json::Payload;
use darkroom_trace::{SpanId, TraceHeader};

use crate::store::ExecutionKey;

/// A task to run, and whose it is.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The execution's number.
    pub key: ExecutionKey,
    /// The execution.
    pub identity: Arc<Identity>,
    /// The call.
    pub request: TaskRequest,
}

impl Invocation {
    /// The same for every repeat of the same task, and for no other: `<execution ARN>#<event id>`.
    pub fn idempotency_token(&self) -> String {
        format!("{}#{}", self.identity.execution_arn, self.request.id.scheduled.0)
    }

    /// The tracing header of the calls that this task makes: they are in its execution's trace, under the attempt that
    /// it is. `None` where the execution has no trace.
    pub fn trace_header(&self) -> Option<TraceHeader> {
        let header: TraceHeader = self.identity.trace_header.as_deref()?.parse().ok()?;
        Some(header.under(SpanId::of_event(&self.identity.execution_arn, self.request.id.scheduled.0)))
    }
}

/// How a task ended.
pub type TaskOutcome = Result<Payload, Reason>;

/// The way back of a task's outcome. Dropping it without an answer is answering that the task was lost.
pub struct Answer {
    send: Option<Box<dyn FnOnce(TaskOutcome) + Send>>,
}

impl Answer {
    /// An answer that goes to `send`, exactly once.
    pub fn new(send: impl FnOnce(TaskOutcome) + Send + 'static) -> Self {
        Self { send: Some(Box::new(send)) }
    }

    /// Gives the outcome.
    pub fn give(mut self, outcome: TaskOutcome) {
        if let Some(send) = self.send.take() {
            send(outcome);
        }
    }

    /// Gives none, where that is not the same as a lost task: the task stays open.
    pub fn withhold(mut self) {
        self.send = None;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(send) = self.send.take() {
            send(Err(lost("the executor gave no answer")));
        }
    }
}

/// Runs tasks.
///
/// A task may be started twice, after a crash between its end and the commit of its end: the same
/// [`Invocation::idempotency_token`] says so.
pub trait TaskExecutor: Send + Sync + 'static {
    /// Starts a task and returns at once; the answer comes when it comes, from any thread.
    fn start(&self, invocation: Invocation, answer: Answer);

    /// Why a task that the engine runs itself, a nested execution, is not allowed to the execution's role. What
    /// [`Self::start`] is given is the executor's own business.
    fn refusal(&self, _: &Invocation) -> Option<Reason> {
        None
    }

    /// The answer no longer matters. A task that has not begun need not begin; one that has may go on.
    fn cancel(&self, key: ExecutionKey, id: TaskId);
}

/// A fixed number of threads that run tasks one after the other. What waits for a thread waits in memory.
pub struct WorkerPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

type Work = Box<dyn Fn(&Invocation) -> TaskOutcome + Send + Sync>;

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    work: Work,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Invocation, Answer)>,
    closed: bool,
}

impl WorkerPool {
    /// A pool of `threads` that each call `work`. A panic in `work` fails its task and no other.
    pub fn new(
        threads: usize,
        work: impl Fn(&Invocation) -> TaskOutcome + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), ready: Condvar::new(), work: Box::new(work) });
        let threads = (0..threads.max(1))
            .map(|number| {
                let shared = shared.clone();
                std::thread::Builder::new().name(format!("task-{number}")).spawn(move || shared.run())
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { shared, threads })
    }
}

impl TaskExecutor for WorkerPool {
    fn start(&self, invocation: Invocation, answer: Answer) {
        let mut queue = self.shared.lock();
        if queue.closed {
            return;
        }
        queue.waiting.push_back((invocation, answer));
        self.shared.ready.notify_one();
    }

    fn cancel(&self, key: ExecutionKey, id: TaskId) {
        self.shared.lock().waiting.retain(|(waiting, _)| waiting.key != key || waiting.request.id != id);
    }
}

impl Drop for WorkerPool {
    /// Waits for the tasks that are running. Those that are waiting are not begun: they are still open in
    /// the log, and are run by the engine's next start.
    fn drop(&mut self) {
        let waiting = {
            let mut queue = self.shared.lock();
            queue.closed = true;
            std::mem::take(&mut queue.waiting)
        };
        for (_, answer) in waiting {
            answer.withhold();
        }
        self.shared.ready.notify_all();
        for thread in self.threads.drain(..) {
            // A worker does not panic: what it runs is caught.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A poisoned lock guards a queue that is whole: nothing that holds it can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some((invocation, answer)) = self.next() {
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(&invocation)))
                .unwrap_or_else(|_| Err(lost("the task panicked")));
            answer.give(outcome);
        }
    }

    fn next(&self) -> Option<(Invocation, Answer)> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(next) = queue.waiting.pop_front() {
                return Some(next);
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lost(cause: &str) -> Reason {
    Reason { error: Some(names::TASK_FAILED.into()), cause: Some(cause.into()) }
}
