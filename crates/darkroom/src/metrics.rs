//! The engine's metrics: those of the namespace AWS/States, and how the engine itself is, for CloudWatch and Prometheus.
//!
//! An observer takes of what has become durable the little that is counted, and puts it into a queue; a thread of its own
//! counts, and hands it on every second. Metrics are no log: what finds the queue full is left out, and that is counted.
//!
//! AWS: "Monitoring Step Functions metrics using Amazon CloudWatch".

mod count;
mod names;
mod prometheus;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context;
use darkroom_asl::data::Timestamp;
use darkroom_asl::failure::names as errors;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::{BranchId, EventKind, HistoryEvent, Target};
use darkroom_engine::store::{Append, EndStatus, ExecutionKey, ExecutionStatus};
use darkroom_engine::{Engine, Observer, Parked, Vital};
use darkroom_services::cloudwatch::CloudWatch;

use self::count::Counter;
use self::names::Outcome;
pub use self::prometheus::{Page, Prometheus};

/// Turns of executions that may wait to be counted. Our choice: two of the largest commits.
const WAITING_MAX: usize = 32_768;
/// How long a stop waits for what is in the queue.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Is told by the engine.
pub struct MetricsObserver {
    queue: SyncSender<Told>,
    left_out: Arc<AtomicU64>,
    prometheus: Arc<Prometheus>,
}

/// What the observer was told.
pub struct Waiting {
    queue: SyncSender<Told>,
    waiting: Receiver<Told>,
    left_out: Arc<AtomicU64>,
}

/// A running count.
pub struct Counting {
    queue: SyncSender<Told>,
}

enum Told {
    Part(Part),
    /// Everything before this is to be handed on, and then this is to be answered.
    Flush(SyncSender<()>),
}

/// What is counted of an execution's turn.
struct Part {
    key: ExecutionKey,
    identity: Arc<Identity>,
    started_at: Option<Timestamp>,
    redriven_at: Option<Timestamp>,
    end: Option<(ExecutionStatus, Timestamp)>,
    tasks: Vec<TaskStep>,
}

/// A task's event.
struct TaskStep {
    branch: BranchId,
    at: Timestamp,
    target: Target,
    outcome: Outcome,
}

/// An observer, and what it will be told.
pub fn observer(prometheus: Arc<Prometheus>) -> (MetricsObserver, Waiting) {
    let (queue, waiting) = sync_channel(WAITING_MAX);
    let left_out = Arc::new(AtomicU64::new(0));
    let observer = MetricsObserver { queue: queue.clone(), left_out: left_out.clone(), prometheus };
    (observer, Waiting { queue, waiting, left_out })
}

impl Waiting {
    /// Starts to count, for these two.
    pub fn count(
        self,
        engine: &Engine,
        cloudwatch: CloudWatch,
        prometheus: Arc<Prometheus>,
    ) -> anyhow::Result<Counting> {
        let counter = Counter::new(engine.store().clone(), cloudwatch, prometheus, self.left_out);
        let waiting = self.waiting;
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || counter.run(&waiting))
            .context("the thread that counts cannot be started")?;
        Ok(Counting { queue: self.queue })
    }
}

impl Counting {
    /// Has everything handed on that has happened until now. What takes too long is left.
    pub fn flush(&self) {
        let (answer, answered) = sync_channel(1);
        if self.queue.send(Told::Flush(answer)).is_ok() {
            // Too late is as good as never: nothing depends on it.
            let _ = answered.recv_timeout(FLUSH_MAX);
        }
    }
}

impl Observer for MetricsObserver {
    fn committed(&self, append: &Append) {
        let part = Part {
            key: append.key,
            identity: append.identity.clone(),
            started_at: append.start.as_ref().map(|start| start.started_at),
            redriven_at: append.redrive.map(|redrive| redrive.at),
            end: append.end.as_ref().map(|end| (status(&end.status), end.ended_at)),
            tasks: append.events.iter().filter_map(TaskStep::of).collect(),
        };
        let is_counted = part.started_at.is_some()
            || part.redriven_at.is_some()
            || part.end.is_some()
            || !part.tasks.is_empty();
        if is_counted && self.queue.try_send(Told::Part(part)).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn parked(&self, _: &Parked) {
        self.prometheus.parked();
    }

    fn measured(&self, vital: Vital) {
        self.prometheus.measured(vital);
    }
}

fn status(end: &EndStatus) -> ExecutionStatus {
    end.status()
}

impl TaskStep {
    fn of(event: &HistoryEvent) -> Option<Self> {
        let (target, outcome) = match &event.kind {
            EventKind::TaskScheduled(scheduled) => (&scheduled.target, Outcome::Scheduled),
            EventKind::TaskStarted { target, .. } => (target, Outcome::Started),
            EventKind::TaskSucceeded { target, .. } => (target, Outcome::Succeeded),
            EventKind::TaskScheduleFailed { target, .. }
            | EventKind::TaskSubmitFailed { target, .. }
            | EventKind::TaskFailed { target, .. } => (target, Outcome::Failed),
            EventKind::TaskTimedOut { target, reason } => {
                let is_silence = reason.error.as_deref() == Some(errors::HEARTBEAT_TIMEOUT);
                (target, if is_silence { Outcome::HeartbeatTimedOut } else { Outcome::TimedOut })
            }
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionRedriven { .. }
            | EventKind::StateEntered { .. }
            | EventKind::StateExited { .. }
            | EventKind::StateAborted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::EvaluationFailed { .. }
            | EventKind::ParallelStateStarted { .. }
            | EventKind::ParallelStateSucceeded
            | EventKind::ParallelStateFailed
            | EventKind::MapStateStarted(_)
            | EventKind::MapStateSucceeded
            | EventKind::MapStateFailed
            | EventKind::MapIterationStarted { .. }
            | EventKind::MapIterationSucceeded(_)
            | EventKind::MapIterationFailed(_)
            | EventKind::MapIterationAborted(_) => return None,
        };
        Some(Self { branch: event.branch, at: event.timestamp, target: target.clone(), outcome })
    }
}
