//! What is counted of an execution's part of a commit: taken on the committer's thread, so it is little.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::failure::names as errors;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::{BranchId, EventKind, HistoryEvent, Target};
use darkroom_engine::store::{Append, EndStatus, ExecutionKey, ExecutionStatus};

use super::names::Outcome;

/// How long a state transition may wait until it is durable, and has not been held up. Our choice: a disk that keeps up
/// takes a hundredth of it, and who watches for throttling wants to hear of one that does not. The time that a decision
/// away from its shard takes is in it: an expression that takes as long holds up its execution as well.
const HELD_UP_MS: i64 = 1_000;

/// What is counted of an execution's part of a commit.
pub struct Part {
    pub key: ExecutionKey,
    pub identity: Arc<Identity>,
    pub started: Option<Started>,
    pub redriven: Option<Redriven>,
    pub end: Option<(ExecutionStatus, Timestamp)>,
    pub tasks: Vec<TaskStep>,
    pub transitions: Transitions,
}

/// An execution's start.
#[derive(Clone, Copy)]
pub struct Started {
    pub at: Timestamp,
    /// The length of its input.
    pub input_bytes: usize,
}

/// An execution's redrive.
#[derive(Clone, Copy)]
pub struct Redriven {
    pub at: Timestamp,
    /// The event that it goes on with: the one before ended it.
    pub event: u32,
}

/// State transitions of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transitions {
    /// States that were entered.
    pub entered: u32,
    /// States that were entered and tasks that were tried again, which had to wait for the disk for longer than they should.
    pub held_up: u32,
    /// When they became durable.
    pub durable_at: Timestamp,
}

/// A task's event.
pub struct TaskStep {
    pub branch: BranchId,
    pub at: Timestamp,
    pub target: Target,
    pub outcome: Outcome,
}

impl Part {
    /// What is counted of what became durable now, if anything is.
    pub fn of(append: &Append, now: Timestamp) -> Option<Self> {
        let mut part = Self {
            key: append.key,
            identity: append.identity.clone(),
            started: None,
            redriven: None,
            end: append.end.as_ref().map(|end| (EndStatus::status(&end.status), end.ended_at)),
            tasks: Vec::new(),
            transitions: Transitions { entered: 0, held_up: held_up(&append.events, now), durable_at: now },
        };
        append.events.iter().for_each(|event| part.take(event));
        let Self { started, redriven, end, tasks, transitions, .. } = &part;
        let is_counted = started.is_some()
            || redriven.is_some()
            || end.is_some()
            || !tasks.is_empty()
            || transitions.entered > 0
            || transitions.held_up > 0;
        is_counted.then_some(part)
    }

    fn take(&mut self, event: &HistoryEvent) {
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
            EventKind::StateEntered { .. } => {
                self.transitions.entered += 1;
                return;
            }
            EventKind::ExecutionStarted { input, .. } => {
                self.started = Some(Started { at: event.timestamp, input_bytes: input.len_bytes() });
                return;
            }
            EventKind::ExecutionRedriven { .. } => {
                self.redriven = Some(Redriven { at: event.timestamp, event: event.id.0 });
                return;
            }
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionAborted(_)
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
            | EventKind::MapIterationAborted(_) => return,
        };
        let (branch, at, target) = (event.branch, event.timestamp, target.clone());
        self.tasks.push(TaskStep { branch, at, target, outcome });
    }
}

/// The state transitions among the events that waited too long. AWS: states that are entered, and retries.
fn held_up(events: &[HistoryEvent], now: Timestamp) -> u32 {
    let limit = now.as_millis().saturating_sub(HELD_UP_MS);
    let is_late = |event: &&HistoryEvent| event.timestamp.as_millis() < limit;
    let is_transition = |event: &&HistoryEvent| {
        let is_scheduled = matches!(event.kind, EventKind::TaskScheduled(_));
        is_entry(event) || (is_scheduled && !follows_an_entry(events, event))
    };
    // Events are in the order in which they were decided: those that wait longest come first.
    u32::try_from(events.iter().take_while(is_late).filter(is_transition).count()).unwrap_or(u32::MAX)
}

/// Whether the event before it, among these, is its state's entry. A retry follows a failure.
fn follows_an_entry(events: &[HistoryEvent], event: &HistoryEvent) -> bool {
    let first = events.first().map_or(0, |first| first.id.0);
    let place = event.previous_event_id.0.checked_sub(first);
    place.and_then(|place| events.get(usize::try_from(place).ok()?)).is_some_and(is_entry)
}

fn is_entry(event: &HistoryEvent) -> bool {
    matches!(event.kind, EventKind::StateEntered { .. })
}
