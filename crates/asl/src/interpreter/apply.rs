//! The fold: what each history event does to an execution.
//!
//! `apply` evaluates no expression, draws nothing and looks at no clock: what was decided stands in the
//! event. It serves the live execution and the replay alike, so the two cannot differ. An event that
//! cannot follow from the state before it is refused, and the execution is left as it was found.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::{
    BranchId, EventId, EventKind, HistoryEvent, MapStarted, PlannedRetry, Target, TaskScheduled,
};
use super::execution::{
    Branch, Execution, Identity, Iterations, OpenTask, Parent, Phase, Position, Status, Visit,
};
use crate::data::Timestamp;
use crate::definition::{StateIndex, StateKind, StateMachine};
use crate::json::{Payload, Text};

/// An event that does not follow from what came before: the log is damaged, or not this execution's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Ids are dense.
    #[error("event {found} follows event {last}; expected {}", .last + 1)]
    OutOfOrder {
        /// The last id that was applied.
        last: u32,
        /// The id that came.
        found: u32,
    },
    /// The event names a branch that is not there, or is not where the event needs it to be.
    #[error("event {id} ({what}) does not fit branch {branch}: {found}")]
    Misplaced {
        /// The event's id.
        id: u32,
        /// What kind of event it is.
        what: &'static str,
        /// Its branch.
        branch: u32,
        /// What was found there.
        found: &'static str,
    },
    /// The definition has no such state.
    #[error("event {id} names the state `{name}`, which the definition does not have")]
    UnknownState {
        /// The event's id.
        id: u32,
        /// The name.
        name: Text,
    },
    /// An event after the end.
    #[error("event {id} comes after the execution has ended")]
    AfterTheEnd {
        /// The event's id.
        id: u32,
    },
}

impl Execution {
    /// The execution that a history adds up to.
    pub fn replay<'a>(
        machine: Arc<StateMachine>,
        identity: Arc<Identity>,
        input: Payload,
        history: impl IntoIterator<Item = &'a HistoryEvent>,
    ) -> Result<Self, ReplayError> {
        let mut execution = Self::new(machine, identity, input);
        for event in history {
            execution.apply(event)?;
        }
        Ok(execution)
    }

    /// Takes one event into account.
    pub fn apply(&mut self, event: &HistoryEvent) -> Result<(), ReplayError> {
        if event.id != self.last_event_id.next() {
            return Err(ReplayError::OutOfOrder { last: self.last_event_id.0, found: event.id.0 });
        }
        let follows = match (&event.kind, &self.status) {
            (
                EventKind::ExecutionRedriven { .. },
                Status::Failed(_) | Status::TimedOut(_) | Status::Aborted(_),
            ) => true,
            (
                EventKind::ExecutionRedriven { .. },
                Status::Pending | Status::Running | Status::Succeeded(_),
            ) => false,
            _ => self.ended_at.is_none(),
        };
        if !follows {
            return Err(ReplayError::AfterTheEnd { id: event.id.0 });
        }
        self.apply_kind(event)?;
        if let Some(retry) = &event.retry {
            self.apply_retry(event, retry)?;
        }
        self.last_event_id = event.id;
        Ok(())
    }

    /// Puts a retry on the last event, after that event was applied.
    pub(super) fn apply_retry(
        &mut self,
        event: &HistoryEvent,
        retry: &PlannedRetry,
    ) -> Result<(), ReplayError> {
        self.remove_children(retry.branch);
        let retriers = self.visited_state(retry.branch).map_or(0, |state| state.retry().len());
        let branch = self.branch_mut(event, "retry", retry.branch)?;
        branch.previous = event.failing();
        let Position::In(visit) = &mut branch.position else {
            return Err(misplaced(event, "retry", "not in a state"));
        };
        visit.has_failed = false;
        visit.used.resize(retriers, 0);
        let Some(used) = visit.used.get_mut(retry.retrier as usize) else {
            return Err(misplaced(event, "retry", "a state without that retrier"));
        };
        *used += 1;
        self.set_phase(event, retry.branch, Phase::Backoff { until: retry.at })
    }

    fn apply_kind(&mut self, event: &HistoryEvent) -> Result<(), ReplayError> {
        match &event.kind {
            EventKind::ExecutionStarted { input, role_arn: _, qualifiers: _ } => {
                self.start(event, input);
                Ok(())
            }
            EventKind::ExecutionSucceeded { output } => {
                self.end(event, Status::Succeeded(output.clone()));
                Ok(())
            }
            EventKind::ExecutionFailed(reason) => {
                self.end(event, Status::Failed(reason.clone()));
                Ok(())
            }
            EventKind::ExecutionTimedOut(reason) => {
                self.end(event, Status::TimedOut(reason.clone()));
                Ok(())
            }
            EventKind::ExecutionAborted(reason) => {
                self.end(event, Status::Aborted(reason.clone()));
                Ok(())
            }
            EventKind::StateEntered { name, input, wake_at, state_type: _ } => {
                self.enter(event, name, input, *wake_at)
            }
            EventKind::StateExited { output, assigned, next, state_type: _, name: _ } => {
                self.exit(event, output, assigned, next.as_ref())
            }
            EventKind::ExecutionRedriven { redrive_count, client_token: _ } => {
                self.redrive(event, *redrive_count);
                Ok(())
            }
            EventKind::StateAborted { .. } => {
                self.branch_mut(event, "StateAborted", event.branch)?;
                self.give_up(event.branch);
                Ok(())
            }
            EventKind::TaskScheduled(scheduled) => self.schedule(event, scheduled),
            EventKind::TaskStarted { target, .. } => {
                self.task_mut(event, "TaskStarted")?.is_started = true;
                if let Target::Activity { .. } = target {
                    self.postpone_heartbeat(event.branch, event.timestamp);
                }
                Ok(())
            }
            EventKind::TaskSubmitted { .. } => {
                self.task_mut(event, "TaskSubmitted")?.is_submitted = true;
                Ok(())
            }
            EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskScheduleFailed { .. }
            | EventKind::TaskSubmitFailed { .. }
            | EventKind::TaskTimedOut { .. } => {
                self.set_phase(event, event.branch, Phase::Working)?;
                self.branch_mut(event, "task end", event.branch)?.previous = event.id;
                Ok(())
            }
            EventKind::EvaluationFailed { .. } => {
                self.branch_mut(event, "EvaluationFailed", event.branch)?.previous = event.id;
                Ok(())
            }
            EventKind::ParallelStateStarted { input } => self.start_parallel(event, input.as_ref()),
            EventKind::MapStateStarted(started) => self.start_map(event, started),
            EventKind::ParallelStateSucceeded | EventKind::MapStateSucceeded => {
                // AWS: the exit names the same previous event as the success does.
                self.set_phase(event, event.branch, Phase::Working)
            }
            EventKind::ParallelStateFailed | EventKind::MapStateFailed => {
                let branch = self.branch_mut(event, "StateFailed", event.branch)?;
                branch.previous = event.id;
                if let Position::In(visit) = &mut branch.position {
                    visit.has_failed = true;
                }
                self.give_up_children(event.branch);
                Ok(())
            }
            EventKind::MapIterationStarted { iteration, input } => {
                self.start_iteration(event, iteration.index, input.as_ref())
            }
            EventKind::MapIterationSucceeded(_) => self.end_iteration(event),
            EventKind::MapIterationFailed(_) | EventKind::MapIterationAborted(_) => Ok(()),
        }
    }

    fn start(&mut self, event: &HistoryEvent, input: &Payload) {
        self.status = Status::Running;
        self.started_at = event.timestamp;
        self.input = input.clone();
        self.timeout_at = self.seconds_max().map(|seconds| event.timestamp.plus_seconds(seconds));
        let start_at = self.machine.start_at;
        // AWS: the first state's entry names 0, not the start event, as its previous one.
        self.add_branch(None, EventId(0), start_at, input.clone());
    }

    pub(super) fn seconds_max(&self) -> Option<u32> {
        match (self.machine.timeout_seconds, self.seconds_max) {
            (Some(own), Some(given)) => Some(own.min(given)),
            (own, given) => own.or(given),
        }
    }

    fn end(&mut self, event: &HistoryEvent, status: Status) {
        self.status = status;
        self.ended_at = Some(event.timestamp);
        // One that ended badly keeps where it was: it may be redriven.
        if let Status::Succeeded(_) = self.status {
            self.branches.clear();
            self.below.clear();
            self.variable_bytes = 0;
        }
        self.ready.clear();
        self.deadlines.clear();
        self.timeout_at = None;
    }

    fn enter(
        &mut self,
        event: &HistoryEvent,
        name: &Text,
        input: &Payload,
        wake_at: Option<Timestamp>,
    ) -> Result<(), ReplayError> {
        let branch = self.branch_mut(event, "StateEntered", event.branch)?;
        let Position::Ready { state, .. } = branch.position else {
            return Err(misplaced(event, "StateEntered", "not between states"));
        };
        branch.previous = event.id;
        branch.position = Position::In(Box::new(Visit {
            state,
            entered: event.id,
            entered_after: event.previous_event_id,
            entered_at: event.timestamp,
            input: input.clone(),
            used: Vec::new(),
            has_failed: false,
            phase: Phase::Working,
        }));
        if self.machine.state(state).name != *name {
            return Err(ReplayError::UnknownState { id: event.id.0, name: name.clone() });
        }
        if self.ready.front() == Some(&event.branch) {
            self.ready.pop_front();
            self.drop_stale_front();
        } else {
            self.ready.retain(|ready| *ready != event.branch);
        }
        match wake_at {
            Some(until) => self.set_phase(event, event.branch, Phase::Waiting { until }),
            None => Ok(()),
        }
    }

    fn exit(
        &mut self,
        event: &HistoryEvent,
        output: &Payload,
        assigned: &[(Text, Payload)],
        next: Option<&Text>,
    ) -> Result<(), ReplayError> {
        self.clear_deadline(event.branch);
        if self.visit(event.branch).is_some_and(|visit| visit.has_failed) {
            self.remove_children(event.branch);
        }
        let next = next.map(|name| self.index_of(event, name)).transpose()?;
        if !assigned.is_empty() {
            self.variable_bytes = self.variable_bytes_with(event.branch, assigned);
        }
        let branch = self.branch_mut(event, "StateExited", event.branch)?;
        branch.previous = event.id;
        branch.variables.extend(assigned.iter().cloned());
        let parent = branch.parent;
        match (next, parent) {
            (Some(state), _) => {
                branch.position = Position::Ready { state, input: output.clone() };
                self.ready.push_back(event.branch);
                Ok(())
            }
            (None, Some(parent)) => self.end_branch(event, parent, output),
            (None, None) => {
                branch.position = Position::Ended { output: output.clone() };
                Ok(())
            }
        }
    }

    /// A branch of a Parallel hands its output over and is gone; an iteration waits for its own event.
    fn end_branch(
        &mut self,
        event: &HistoryEvent,
        parent: Parent,
        output: &Payload,
    ) -> Result<(), ReplayError> {
        let above = self.branch_mut(event, "StateExited", parent.branch)?;
        above.previous = event.id;
        let Position::In(visit) = &mut above.position else {
            return Err(misplaced(event, "StateExited", "a parent that is not in a state"));
        };
        match &mut visit.phase {
            Phase::Parallel { outputs, missing } => {
                let Some(slot @ None) = outputs.get_mut(parent.index as usize) else {
                    return Err(misplaced(event, "StateExited", "a Parallel that waits for no such branch"));
                };
                *slot = Some(output.clone());
                *missing -= 1;
                self.remove_branch(event.branch);
                Ok(())
            }
            Phase::Map(_) => {
                self.branch_mut(event, "StateExited", event.branch)?.position =
                    Position::Ended { output: output.clone() };
                Ok(())
            }
            Phase::Working | Phase::Waiting { .. } | Phase::Task(_) | Phase::Backoff { .. } => {
                Err(misplaced(event, "StateExited", "a parent that runs no branches"))
            }
        }
    }

    fn schedule(&mut self, event: &HistoryEvent, scheduled: &TaskScheduled) -> Result<(), ReplayError> {
        // AWS: an activity's heartbeats count from when a worker has taken it.
        let heartbeat_seconds =
            scheduled.heartbeat_seconds.filter(|_| !matches!(scheduled.target, Target::Activity { .. }));
        let task = OpenTask {
            scheduled: event.id,
            scheduled_at: event.timestamp,
            request: scheduled.clone(),
            is_started: false,
            is_submitted: false,
            timeout_at: scheduled.timeout_seconds.map(|seconds| event.timestamp.plus_seconds(seconds)),
            heartbeat_at: heartbeat_seconds.map(|seconds| event.timestamp.plus_seconds(seconds)),
        };
        self.set_phase(event, event.branch, Phase::Task(task))?;
        self.branch_mut(event, "TaskScheduled", event.branch)?.previous = event.id;
        Ok(())
    }

    fn start_parallel(&mut self, event: &HistoryEvent, input: Option<&Payload>) -> Result<(), ReplayError> {
        let visit = self
            .visit(event.branch)
            .ok_or_else(|| misplaced(event, "ParallelStateStarted", "not in a state"))?;
        let input = input.unwrap_or(&visit.input).clone();
        let machine = self.machine.clone();
        let StateKind::Parallel(parallel) = &machine.state(visit.state).kind else {
            return Err(misplaced(event, "ParallelStateStarted", "not in a Parallel"));
        };
        let missing = parallel.branches.len();
        let outputs = vec![None; missing];
        self.set_phase(event, event.branch, Phase::Parallel { outputs, missing })?;
        self.branch_mut(event, "ParallelStateStarted", event.branch)?.previous = event.id;
        for (index, start_at) in (0..).zip(&parallel.branches) {
            let parent = Parent { branch: event.branch, index };
            self.add_branch(Some(parent), event.id, *start_at, input.clone());
        }
        Ok(())
    }

    fn start_map(&mut self, event: &HistoryEvent, started: &MapStarted) -> Result<(), ReplayError> {
        let iterations = Iterations {
            items: started.items.clone(),
            max_concurrency: started.max_concurrency,
            next: 0,
            running: 0,
            outputs: vec![None; started.length as usize],
        };
        self.set_phase(event, event.branch, Phase::Map(iterations))?;
        self.branch_mut(event, "MapStateStarted", event.branch)?.previous = event.id;
        Ok(())
    }

    fn start_iteration(
        &mut self,
        event: &HistoryEvent,
        index: u32,
        input: Option<&Payload>,
    ) -> Result<(), ReplayError> {
        const WHAT: &str = "MapIterationStarted";
        let visit = self.visit(event.branch).ok_or_else(|| misplaced(event, WHAT, "not in a state"))?;
        let StateKind::Map(map) = &self.machine.state(visit.state).kind else {
            return Err(misplaced(event, WHAT, "not in a Map"));
        };
        let processor = map.processor;
        let iterations = self.iterations_mut(event, WHAT, event.branch)?;
        let input = match input {
            Some(input) => input.clone(),
            None => {
                item(iterations, index).ok_or_else(|| misplaced(event, WHAT, "a Map without that item"))?
            }
        };
        iterations.next = index + 1;
        iterations.running += 1;
        self.add_branch(Some(Parent { branch: event.branch, index }), event.id, processor, input);
        Ok(())
    }

    fn end_iteration(&mut self, event: &HistoryEvent) -> Result<(), ReplayError> {
        const WHAT: &str = "MapIterationSucceeded";
        let branch =
            self.remove_branch(event.branch).ok_or_else(|| misplaced(event, WHAT, "no such branch"))?;
        let (Some(parent), Position::Ended { output }) = (branch.parent, branch.position) else {
            return Err(misplaced(event, WHAT, "an iteration that has not ended"));
        };
        let iterations = self.iterations_mut(event, WHAT, parent.branch)?;
        let Some(slot @ None) = iterations.outputs.get_mut(parent.index as usize) else {
            return Err(misplaced(event, WHAT, "a Map that waits for no such item"));
        };
        *slot = Some(output);
        iterations.running -= 1;
        if iterations.is_done() {
            // AWS: recorded: the next iteration's start names the last exit, the Map's success this event.
            self.branch_mut(event, WHAT, parent.branch)?.previous = event.id;
        }
        Ok(())
    }

    fn add_branch(&mut self, parent: Option<Parent>, previous: EventId, state: StateIndex, input: Payload) {
        let position = Position::Ready { state, input };
        let id = self.branches.add(Branch {
            parent,
            previous,
            variables: BTreeMap::new(),
            position,
            is_given_up: false,
        });
        self.below.extend(parent.map(|parent| (parent.branch, id)));
        self.ready.push_back(id);
    }

    /// Removes all that runs below a branch.
    fn remove_children(&mut self, ancestor: BranchId) {
        for child in self.children(ancestor) {
            self.remove_children(child);
            self.clear_deadline(child);
            self.remove_branch(child);
        }
        self.drop_stale_front();
    }

    fn remove_branch(&mut self, id: BranchId) -> Option<Branch> {
        let branch = self.branches.remove(id)?;
        if let Some(parent) = branch.parent {
            self.below.remove(&(parent.branch, id));
        }
        if !branch.is_given_up {
            self.variable_bytes -= branch.variable_bytes();
        }
        Some(branch)
    }

    /// Branches are given up wherever they stand in the queue, and leave it when they come to its front: looking
    /// for each of them would make the end of a large Map quadratic.
    pub(super) fn drop_stale_front(&mut self) {
        let is_ready = |branch: BranchId| {
            let branch = self.branches.get(branch);
            branch.is_some_and(|branch| {
                matches!(branch.position, Position::Ready { .. }) && !branch.is_given_up
            })
        };
        while self.ready.front().is_some_and(|front| !is_ready(*front)) {
            self.ready.pop_front();
        }
    }

    /// Changes what a visit is busy with, and its deadline with it.
    fn set_phase(&mut self, event: &HistoryEvent, branch: BranchId, phase: Phase) -> Result<(), ReplayError> {
        self.clear_deadline(branch);
        let Position::In(visit) = &mut self.branch_mut(event, "phase", branch)?.position else {
            return Err(misplaced(event, "phase", "not in a state"));
        };
        visit.phase = phase;
        if let Some(deadline) = visit.deadline() {
            self.deadlines.insert((deadline, branch));
        }
        Ok(())
    }

    pub(super) fn clear_deadline(&mut self, branch: BranchId) {
        if let Some(deadline) = self.visit(branch).and_then(Visit::deadline) {
            self.deadlines.remove(&(deadline, branch));
        }
    }

    /// Counts the silence of every worker from now on. To be called after a replay: the history does not say
    /// when a worker was last heard of, and nobody could hear it while the process was down.
    pub fn restart_heartbeats(&mut self, now: Timestamp) {
        let waiting: Vec<BranchId> = self.open_task_ids().map(|task| task.branch).collect();
        for branch in waiting {
            let is_counted = match self.visit(branch).map(|visit| &visit.phase) {
                Some(Phase::Task(task)) => task.heartbeat_at.is_some(),
                _ => false,
            };
            if is_counted {
                self.postpone_heartbeat(branch, now);
            }
        }
    }

    /// A worker is alive. Writes no event: after a crash the silence is counted anew.
    pub(super) fn postpone_heartbeat(&mut self, branch: BranchId, now: Timestamp) {
        self.clear_deadline(branch);
        if let Some(Branch { position: Position::In(visit), .. }) = self.branches.get_mut(branch) {
            if let Phase::Task(task) = &mut visit.phase {
                task.heartbeat_at = task.request.heartbeat_seconds.map(|seconds| now.plus_seconds(seconds));
            }
            if let Some(deadline) = visit.deadline() {
                self.deadlines.insert((deadline, branch));
            }
        }
    }

    fn branch_mut(
        &mut self,
        event: &HistoryEvent,
        what: &'static str,
        branch: BranchId,
    ) -> Result<&mut Branch, ReplayError> {
        self.branches.get_mut(branch).ok_or(ReplayError::Misplaced {
            id: event.id.0,
            what,
            branch: branch.0,
            found: "no such branch",
        })
    }

    /// The task that the event's branch waits for; the event becomes the branch's last one.
    fn task_mut(&mut self, event: &HistoryEvent, what: &'static str) -> Result<&mut OpenTask, ReplayError> {
        let branch = self.branch_mut(event, what, event.branch)?;
        branch.previous = event.id;
        if let Position::In(visit) = &mut branch.position
            && let Phase::Task(task) = &mut visit.phase
        {
            return Ok(task);
        }
        Err(misplaced(event, what, "no open task"))
    }

    fn iterations_mut(
        &mut self,
        event: &HistoryEvent,
        what: &'static str,
        branch: BranchId,
    ) -> Result<&mut Iterations, ReplayError> {
        match &mut self.branch_mut(event, what, branch)?.position {
            Position::In(visit) => match &mut visit.phase {
                Phase::Map(iterations) => Ok(iterations),
                _ => Err(misplaced(event, what, "a Map that has not started")),
            },
            _ => Err(misplaced(event, what, "not in a state")),
        }
    }

    fn index_of(&self, event: &HistoryEvent, name: &Text) -> Result<StateIndex, ReplayError> {
        self.machine
            .find(name)
            .ok_or_else(|| ReplayError::UnknownState { id: event.id.0, name: name.clone() })
    }
}

/// The item at an index, as a payload of its own.
pub(super) fn item(iterations: &Iterations, index: u32) -> Option<Payload> {
    let items = iterations.items.value().as_array()?;
    items.get(index as usize).cloned().map(Payload::from_value)
}

impl HistoryEvent {
    /// The failure that a retry noted on this event answers. Events that only report it or clean up after it name
    /// it as their previous one.
    pub(super) fn failing(&self) -> EventId {
        match self.kind {
            EventKind::MapIterationFailed(_)
            | EventKind::MapIterationAborted(_)
            | EventKind::StateAborted { .. }
            | EventKind::ParallelStateSucceeded
            | EventKind::MapStateSucceeded => self.previous_event_id,
            _ => self.id,
        }
    }
}

fn misplaced(event: &HistoryEvent, what: &'static str, found: &'static str) -> ReplayError {
    ReplayError::Misplaced { id: event.id.0, what, branch: event.branch.0, found }
}
