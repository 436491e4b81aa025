//! What is asked for again and again, in memory: state machines that executions are started of, and executions of
//! late, as they stand in the store.
//!
//! It is a copy of what is durable, and never ahead of it: the committer puts an execution here after its commit and
//! before anybody is answered. What is not here is in the store. Both parts are bounded; what is older makes room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkroom_asl::json::Text;

use crate::store::{
    Append, EndStatus, StateMachineStatus, Store, StoreError, StoredExecution, StoredStateMachine,
};

/// State machines that are kept. Our choice: at the most, a few megabytes.
const STATE_MACHINES_MAX: usize = 1_024;
/// Executions that are kept. Our choice: more than are likely to be asked about at once.
const EXECUTIONS_MAX: usize = 16_384;
/// Bytes of their inputs and outputs. Our choice.
const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// State machines by ARN, as the store has them.
pub(super) struct KnownStateMachines {
    store: Arc<dyn Store>,
    known: Mutex<StateMachines>,
}

#[derive(Default)]
struct StateMachines {
    by_arn: HashMap<Text, StoredStateMachine>,
    /// Counts the changes: what was read before one is not kept after it.
    changes: u64,
}

/// Executions by ARN that were started or ended of late.
#[derive(Default)]
pub(super) struct KnownExecutions(Mutex<Executions>);

#[derive(Default)]
struct Executions {
    by_arn: HashMap<Text, Arc<StoredExecution>>,
    /// In the order in which they were put here; some may be gone already.
    order: VecDeque<Text>,
    payload_bytes: usize,
}

impl KnownStateMachines {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The state machine of this ARN, if it is there. One that is being deleted is always asked for in the store: it
    /// goes when its last execution does.
    pub(super) fn get(&self, arn: &str) -> Result<Option<StoredStateMachine>, StoreError> {
        let changes = {
            let known = self.lock();
            if let Some(machine) = known.by_arn.get(arn) {
                return Ok(Some(machine.clone()));
            }
            known.changes
        };
        let found = self.store.state_machine(arn)?;
        if let Some(machine) = found.as_ref().filter(|machine| machine.status == StateMachineStatus::Active) {
            let mut known = self.lock();
            if known.changes == changes {
                if known.by_arn.len() >= STATE_MACHINES_MAX {
                    known.by_arn.clear();
                }
                known.by_arn.insert(machine.arn.clone(), machine.clone());
            }
        }
        Ok(found)
    }

    /// Whether the state machine of this ARN is in memory, and so active.
    pub(super) fn has(&self, arn: &str) -> bool {
        self.lock().by_arn.contains_key(arn)
    }

    /// Forgets all: the store has changed.
    pub(super) fn forget(&self) {
        let mut known = self.lock();
        known.by_arn.clear();
        known.changes += 1;
    }

    fn lock(&self) -> MutexGuard<'_, StateMachines> {
        // A copy of what is in the store, put in by one call each: a panic leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownExecutions {
    pub(super) fn get(&self, arn: &str) -> Option<Arc<StoredExecution>> {
        self.lock().by_arn.get(arn).cloned()
    }

    /// Takes over what was committed.
    pub(super) fn committed(&self, appends: &[Append]) {
        let mut known = self.lock();
        for append in appends {
            known.take(append);
        }
        known.make_room();
    }

    /// Forgets an execution, whose row was changed otherwise than by a commit.
    pub(super) fn forget(&self, arn: &str) {
        self.lock().remove(arn);
    }

    /// Forgets all.
    pub(super) fn forget_all(&self) {
        *self.lock() = Executions::default();
    }

    fn lock(&self) -> MutexGuard<'_, Executions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executions {
    fn take(&mut self, append: &Append) {
        let arn = &append.identity.execution_arn;
        if let Some(start) = &append.start {
            self.put(StoredExecution {
                key: append.key,
                identity: append.identity.clone(),
                definition: start.definition.clone(),
                input: start.input.clone(),
                started_at: start.started_at,
                end: append.end.clone(),
                parked: None,
                parent: start.parent,
                redrive: append.redrive,
                asleep_until: None,
            });
            self.order.push_back(arn.clone());
        } else if append.redrive.is_some() {
            self.remove(arn);
        } else if let Some(end) = &append.end
            && let Some(mut execution) = self.remove(arn)
        {
            Arc::make_mut(&mut execution).end = Some(end.clone());
            self.put(Arc::unwrap_or_clone(execution));
        }
    }

    fn put(&mut self, execution: StoredExecution) {
        self.payload_bytes += payload_bytes(&execution);
        self.by_arn.insert(execution.identity.execution_arn.clone(), Arc::new(execution));
    }

    fn remove(&mut self, arn: &str) -> Option<Arc<StoredExecution>> {
        let execution = self.by_arn.remove(arn)?;
        self.payload_bytes -= payload_bytes(&execution);
        Some(execution)
    }

    fn make_room(&mut self) {
        while self.order.len() > EXECUTIONS_MAX || self.payload_bytes > PAYLOAD_BYTES_MAX {
            let Some(arn) = self.order.pop_front() else { return };
            self.remove(&arn);
        }
    }
}

fn payload_bytes(execution: &StoredExecution) -> usize {
    let output = match execution.end.as_ref().map(|end| &end.status) {
        Some(EndStatus::Succeeded(output)) => output.len_bytes(),
        Some(EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_)) | None => 0,
    };
    execution.input.len_bytes() + output
}

#[cfg(test)]
mod tests {
    use darkroom_asl::data::Timestamp;
    use darkroom_asl::interpreter::{Identity, Qualifiers};
    use darkroom_asl::json::Payload;

    use super::*;
    use crate::store::{End, ExecutionKey, NewExecution, Redrive};

    const NOW: Timestamp = Timestamp::from_millis(1);

    fn append(name: &str, start: Option<&str>, output: Option<&str>) -> Append {
        let identity = Identity {
            execution_arn: name.into(),
            execution_name: name.into(),
            state_machine_arn: "machine".into(),
            state_machine_name: "machine".into(),
            role_arn: "role".into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
        };
        let payload = |text: &str| Payload::parse(text).unwrap();
        Append {
            key: ExecutionKey(1),
            identity: Arc::new(identity),
            start: start.map(|input| NewExecution {
                definition: "definition".into(),
                input: payload(input),
                started_at: NOW,
                parent: None,
            }),
            redrive: None,
            sleep: None,
            events: Vec::new(),
            end: output.map(|output| End { status: EndStatus::Succeeded(payload(output)), ended_at: NOW }),
        }
    }

    #[test]
    fn an_execution_is_known_from_its_start_to_its_end_and_not_once_it_is_redriven() {
        let known = KnownExecutions::default();
        known.committed(&[append("later", None, Some("1"))]);
        assert!(known.get("later").is_none(), "how it began is not known");
        known.committed(&[append("a", Some("1"), None), append("b", Some("1"), Some("2"))]);
        assert!(known.get("a").unwrap().end.is_none());
        assert!(known.get("b").unwrap().end.is_some());
        known.committed(&[append("a", None, Some("3"))]);
        assert!(known.get("a").unwrap().end.is_some());
        known
            .committed(&[Append { redrive: Some(Redrive { count: 1, at: NOW }), ..append("a", None, None) }]);
        assert!(known.get("a").is_none());
        known.forget("b");
        assert!(known.get("b").is_none());
        assert_eq!(known.lock().payload_bytes, 0);
    }

    #[test]
    fn the_oldest_make_room() {
        let known = KnownExecutions::default();
        let large = format!("\"{}\"", "x".repeat(PAYLOAD_BYTES_MAX / 3));
        for name in ["a", "b", "c"] {
            known.committed(&[append(name, Some(&large), None)]);
        }
        assert!(known.get("a").is_none() && known.get("b").is_some() && known.get("c").is_some());
        known.committed(&[append("b", None, Some(&large))]);
        assert!(known.get("b").is_none(), "its output does not fit either");
        for number in 0..=EXECUTIONS_MAX {
            known.committed(&[append(&number.to_string(), Some("1"), None)]);
        }
        assert_eq!(known.lock().by_arn.len(), EXECUTIONS_MAX);
    }
}
