//! What is remembered of executions that are open, so that their ends tell how long they and their tasks took.

use std::collections::HashMap;
use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventId};
use darkroom_engine::store::{ExecutionKey, Store, StoreError};

use super::names::Outcome;
use super::part::{Redriven, Started, TaskStep};

/// Executions whose beginnings are remembered. Our choice: some 20 MB. When there are more, all are forgotten: the store
/// is asked when they began, and the times of tasks that were open are not measured.
const OPEN_MAX: usize = 200_000;

/// The executions that are open, as far as they are remembered.
pub struct OpenExecutions {
    store: Arc<dyn Store>,
    known: HashMap<ExecutionKey, Open>,
}

/// What is remembered of one.
struct Open {
    begun: Begun,
    /// The task of each branch that has one.
    tasks: Vec<(BranchId, Task)>,
}

/// How an execution began.
#[derive(Clone, Copy)]
pub struct Begun {
    pub started_at: Timestamp,
    pub input_bytes: usize,
    /// Whether it was redriven since.
    pub is_redriven: bool,
}

/// A task that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    pub scheduled_at: Timestamp,
    pub started_at: Option<Timestamp>,
}

impl OpenExecutions {
    /// None is remembered yet; the others are looked for in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: HashMap::new() }
    }

    pub fn start(&mut self, key: ExecutionKey, started: Started) {
        let Started { at, input_bytes } = started;
        self.remember(key, Begun { started_at: at, input_bytes, is_redriven: false });
    }

    /// An execution goes on after its end. Answers when that end was.
    pub fn redrive(&mut self, key: ExecutionKey, redriven: Redriven) -> Option<Timestamp> {
        if let Some(begun) = self.stored(key) {
            self.remember(key, Begun { is_redriven: true, ..begun });
        }
        let end = EventId(redriven.event.checked_sub(1)?);
        match self.store.history_part(key, end..=end) {
            Ok(events) => events.first().map(|event| event.timestamp),
            Err(error) => {
                tracing::error!(%error, "when a redriven execution had ended cannot be read");
                None
            }
        }
    }

    /// An execution has ended: how it began, if that is known.
    pub fn end(&mut self, key: ExecutionKey) -> Option<Begun> {
        let open = self.known.remove(&key);
        open.map(|open| open.begun).or_else(|| self.stored(key))
    }

    /// Takes a task's step in; answers the task when it is over and was seen from its beginning.
    pub fn step(&mut self, key: ExecutionKey, step: &TaskStep) -> Option<Task> {
        self.known.get_mut(&key)?.step(step)
    }

    /// The ends of some may have been missed: nothing is remembered.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    fn remember(&mut self, key: ExecutionKey, begun: Begun) {
        if self.known.len() >= OPEN_MAX {
            self.known.clear();
        }
        self.known.insert(key, Open { begun, tasks: Vec::new() });
    }

    /// How an execution began of which nothing is remembered.
    fn stored(&self, key: ExecutionKey) -> Option<Begun> {
        if key.is_express() {
            return None;
        }
        let found: Result<_, StoreError> = self.store.execution_by_key(key);
        match found {
            Ok(found) => found.map(|execution| Begun {
                started_at: execution.started_at,
                input_bytes: execution.input.len_bytes(),
                is_redriven: execution.redrive.is_some(),
            }),
            Err(error) => {
                tracing::error!(%error, "when an execution began cannot be read");
                None
            }
        }
    }
}

impl Open {
    fn step(&mut self, step: &TaskStep) -> Option<Task> {
        let place = self.tasks.iter().position(|(branch, _)| *branch == step.branch);
        match (step.outcome, place) {
            (Outcome::Scheduled, place) => {
                if let Some(place) = place {
                    self.tasks.swap_remove(place);
                }
                self.tasks.push((step.branch, Task { scheduled_at: step.at, started_at: None }));
                None
            }
            (Outcome::Started, Some(place)) => {
                if let Some((_, task)) = self.tasks.get_mut(place) {
                    task.started_at = Some(step.at);
                }
                None
            }
            (Outcome::Started, None) => None,
            (
                Outcome::Succeeded | Outcome::Failed | Outcome::TimedOut | Outcome::HeartbeatTimedOut,
                place,
            ) => place.map(|place| self.tasks.swap_remove(place).1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkroom_asl::interpreter::event::Target;

    #[test]
    fn a_tasks_times_are_from_its_own_branchs_events() {
        let at = Timestamp::from_millis;
        let step = |branch, ms, outcome| TaskStep {
            branch: BranchId(branch),
            at: at(ms),
            target: Target::LambdaFunction { resource: "f".into() },
            outcome,
        };
        let begun = Begun { started_at: at(0), input_bytes: 2, is_redriven: false };
        let mut open = Open { begun, tasks: Vec::new() };
        assert!(open.step(&step(1, 10, Outcome::Scheduled)).is_none());
        assert!(open.step(&step(2, 20, Outcome::Scheduled)).is_none());
        assert!(open.step(&step(1, 30, Outcome::Started)).is_none());
        assert_eq!(
            open.step(&step(1, 50, Outcome::Failed)),
            Some(Task { scheduled_at: at(10), started_at: Some(at(30)) })
        );
        assert!(open.step(&step(1, 60, Outcome::Succeeded)).is_none(), "it is over");
        assert_eq!(
            open.step(&step(2, 70, Outcome::TimedOut)),
            Some(Task { scheduled_at: at(20), started_at: None })
        );
    }
}
