//! The engine's metrics: those of the namespace AWS/States, and how the engine itself is, for CloudWatch and Prometheus.
//!
//! An observer takes of what has become durable the little that is counted, and leaves it where a thread of its own looks
//! several times a second: waking one for each commit would cost more than to count. The thread hands on what it counted
//! every second. Metrics are no log: what finds no room is left out, and that is counted.
//!
//! AWS: "Monitoring Step Functions metrics using Amazon CloudWatch".

mod count;
mod names;
mod prometheus;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
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
    waiting: Arc<Waiting>,
    prometheus: Arc<Prometheus>,
}

/// What the observer was told.
#[derive(Default)]
pub struct Waiting {
    parts: Mutex<Vec<Part>>,
    /// Parts that found no room since the last look.
    left_out: AtomicU64,
}

/// A running count. It ends when this is dropped.
pub struct Counting {
    flushes: SyncSender<Flush>,
}

/// Everything that was told before is to be handed on, and then this is to be answered.
struct Flush(SyncSender<()>);

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
pub fn observer(prometheus: Arc<Prometheus>) -> (MetricsObserver, Arc<Waiting>) {
    let waiting = Arc::<Waiting>::default();
    (MetricsObserver { waiting: waiting.clone(), prometheus }, waiting)
}

impl Waiting {
    /// Starts to count, for these two.
    pub fn count(
        self: Arc<Self>,
        engine: &Engine,
        cloudwatch: CloudWatch,
        prometheus: Arc<Prometheus>,
    ) -> anyhow::Result<Counting> {
        let counter = Counter::new(engine.store().clone(), cloudwatch, prometheus, self);
        let (flushes, asked) = sync_channel(1);
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || counter.run(&asked))
            .context("the thread that counts cannot be started")?;
        Ok(Counting { flushes })
    }

    fn add(&self, mut parts: Vec<Part>) {
        let mut waiting = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + parts.len() <= WAITING_MAX {
            waiting.append(&mut parts);
        } else {
            self.left_out.fetch_add(u64::try_from(parts.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn take(&self) -> Vec<Part> {
        std::mem::take(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counting {
    /// Has everything handed on that has happened until now. What takes too long is left.
    pub fn flush(&self) {
        let (answer, answered) = sync_channel(1);
        if self.flushes.send(Flush(answer)).is_ok() {
            // Too late is as good as never: nothing depends on it.
            let _ = answered.recv_timeout(FLUSH_MAX);
        }
    }
}

impl Observer for MetricsObserver {
    fn committed(&self, appends: &[Append]) {
        let parts: Vec<Part> = appends.iter().filter_map(Part::of).collect();
        if !parts.is_empty() {
            self.waiting.add(parts);
        }
    }

    fn parked(&self, _: &Parked) {
        self.prometheus.parked();
    }

    fn measured(&self, vital: Vital) {
        self.prometheus.measured(vital);
    }
}

impl Part {
    /// What is counted of it, if anything is.
    fn of(append: &Append) -> Option<Self> {
        let tasks: Vec<TaskStep> = append.events.iter().filter_map(TaskStep::of).collect();
        let is_counted =
            append.start.is_some() || append.redrive.is_some() || append.end.is_some() || !tasks.is_empty();
        is_counted.then(|| Self {
            key: append.key,
            identity: append.identity.clone(),
            started_at: append.start.as_ref().map(|start| start.started_at),
            redriven_at: append.redrive.map(|redrive| redrive.at),
            end: append.end.as_ref().map(|end| (EndStatus::status(&end.status), end.ended_at)),
            tasks,
        })
    }
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
