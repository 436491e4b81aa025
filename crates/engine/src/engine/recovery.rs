//! Going on after a restart: every open execution is read back from its history.

use std::collections::HashSet;
use std::sync::Arc;

use darkroom_asl::interpreter::event::{EventKind, HistoryEvent, Reason};
use darkroom_asl::interpreter::{Effect, Identity, TaskRequest};
use darkroom_asl::json::Text;

use super::inside::Inside;
use super::outlet::Outlet;
use super::{EngineError, Observer};
use crate::clock::Clock;
use crate::definitions::{DefinitionError, Definitions};
use crate::shard::{Input, Parked, Part, Shard};
use crate::store::{ExecutionKey, Parent, StateMachineStatus, Store, StoreError, StoredExecution};

/// Executions that are read from the store at once.
const RECOVERED_AT_ONCE_MAX: usize = 256;

/// What is needed to read executions back.
pub(super) struct Recovery<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) definitions: &'a Definitions,
    pub(super) clock: &'a dyn Clock,
    pub(super) observer: &'a dyn Observer,
}

/// An execution that goes on, and the tasks that are out for it.
pub(super) struct Recovered {
    key: ExecutionKey,
    identity: Arc<Identity>,
    effects: Vec<Effect>,
}

/// Why an execution was not read back.
enum Unreadable {
    /// The store cannot be read at all.
    Store(StoreError),
    /// This one cannot.
    Parked(String),
}

impl Recovery<'_> {
    /// Reads every open execution back. One that cannot be followed is parked, and the others go on.
    pub(super) fn run(&self, shards: &mut [Shard]) -> Result<Vec<Recovered>, EngineError> {
        let mut recovered = Vec::new();
        let (mut machines, mut open, mut children) = (HashSet::new(), HashSet::new(), Vec::new());
        let mut after = None;
        loop {
            let page = self.store.open_executions(after, RECOVERED_AT_ONCE_MAX)?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for stored in &page {
                let machine_arn = &stored.identity.state_machine_arn;
                if machines.insert(machine_arn.clone()) {
                    self.recover_deletion(machine_arn, shards)?;
                }
                open.insert(stored.key);
                // One that was redriven goes on for itself.
                if let Some(parent) = stored.parent.filter(|parent| parent.waits && stored.redrive.is_none())
                {
                    children.push((stored.identity.execution_arn.clone(), parent));
                }
                recovered.extend(self.recover_one(stored, shards)?);
            }
        }
        for (child, parent) in children {
            if self.has_given_up(parent, open.contains(&parent.key))? {
                let place = Part::number_of(&child, shards.len());
                shards[place].push(Input::Stop(child, Reason::default(), Box::new(drop)));
            }
        }
        Ok(recovered)
    }

    /// Executions of a state machine that was being deleted are ended still.
    fn recover_deletion(&self, machine_arn: &Text, shards: &mut [Shard]) -> Result<(), EngineError> {
        let machine = self.store.state_machine(machine_arn)?;
        if machine.is_some_and(|machine| machine.status == StateMachineStatus::Deleting) {
            for shard in shards {
                shard.set_deleting(machine_arn.clone(), true);
            }
        }
        Ok(())
    }

    fn recover_one(
        &self,
        stored: &StoredExecution,
        shards: &mut [Shard],
    ) -> Result<Option<Recovered>, EngineError> {
        let place = Part::number_of(&stored.identity.execution_arn, shards.len());
        match self.read_back(stored, &mut shards[place]) {
            Ok(effects) => {
                if stored.parked.is_some() {
                    self.store.park(stored.key, None)?;
                }
                Ok(Some(Recovered { key: stored.key, identity: stored.identity.clone(), effects }))
            }
            Err(Unreadable::Store(error)) => Err(error.into()),
            Err(Unreadable::Parked(reason)) => {
                self.store.park(stored.key, Some(&reason))?;
                self.observer.parked(&Parked::of(stored.key, &stored.identity, reason));
                Ok(None)
            }
        }
    }

    fn read_back(&self, stored: &StoredExecution, shard: &mut Shard) -> Result<Vec<Effect>, Unreadable> {
        let machine = match self.definitions.machine(&stored.definition) {
            Ok(machine) => machine,
            Err(DefinitionError::Store(StoreError::Corrupt { .. })) => {
                return Err(Unreadable::Parked(format!("its definition {} is not there", stored.definition)));
            }
            Err(DefinitionError::Store(error)) => return Err(Unreadable::Store(error)),
            Err(error @ DefinitionError::Refused(_)) => return Err(Unreadable::Parked(error.to_string())),
        };
        let history = match self.store.history(stored.key) {
            Ok(history) => history,
            Err(error @ StoreError::Corrupt { .. }) => return Err(Unreadable::Parked(error.to_string())),
            Err(error) => return Err(Unreadable::Store(error)),
        };
        shard
            .recover(stored, machine, &history, self.clock.now())
            .map_err(|error| Unreadable::Parked(error.to_string()))
    }

    /// Whether a child is to end, because its parent has given it up, and the crash came before it was stopped.
    fn has_given_up(&self, parent: Parent, is_open: bool) -> Result<bool, StoreError> {
        match self.store.history(parent.key) {
            Ok(history) => Ok(gave_up(&history, parent, is_open)),
            // A parent that cannot be read may still be waiting.
            Err(StoreError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether a parent no longer waits for the child that its task has started, though nobody answered that task.
fn gave_up(history: &[HistoryEvent], parent: Parent, is_open: bool) -> bool {
    let after =
        history.iter().filter(|event| event.id > parent.task.scheduled && event.branch == parent.task.branch);
    for event in after {
        match event.kind {
            EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskSubmitFailed { .. } => return false,
            EventKind::TaskTimedOut { .. } | EventKind::StateAborted { .. } => return true,
            _ => {}
        }
    }
    !is_open && !history.is_empty()
}

/// Lets the recovered executions' open tasks out. Activities' tasks in the order in which they were given out:
/// their queues are first in, first out.
pub(super) fn let_out(recovered: Vec<Recovered>, outlet: &Outlet) {
    let mut queued: Vec<(ExecutionKey, Arc<Identity>, TaskRequest)> = Vec::new();
    for Recovered { key, identity, effects } in recovered {
        let mut others = Vec::new();
        for effect in effects {
            match effect {
                Effect::RunTask(request) if Inside::takes(&request.scheduled.target) => {
                    queued.push((key, identity.clone(), request));
                }
                other @ (Effect::RunTask(_) | Effect::CancelTask(_)) => others.push(other),
            }
        }
        outlet.let_out(key, &identity, others);
    }
    queued.sort_by_key(|(key, _, request)| (request.scheduled_at, *key, request.id.scheduled));
    for (key, identity, request) in queued {
        outlet.let_out(key, &identity, vec![Effect::RunTask(request)]);
    }
}
