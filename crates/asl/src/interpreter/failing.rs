//! What happens to an error: a retry, a catch, or the end of the branch, and of what is around it.
//!
//! An error in a branch goes to the state that raised it, then to the Parallel or Map around it, and so on
//! outwards; where nothing takes it, the execution fails. On its way it ends the siblings of each branch
//! it leaves, in the events and with the previous ids that AWS gives them.
//!
//! Spec: States Language, "Errors".

use super::event::{BranchId, EventId, EventKind, PlannedRetry, Reason};
use super::execution::{Parent, Phase, TaskId};
use super::retry::{catcher_for, is_terminal, retrier_for};
use super::turn::{Turn, state_type};
use crate::definition::{Catcher, StateKind, Transition};
use crate::failure::{Failure, names};
use crate::json::{Object, Payload, Text, Value};

/// An error on its way outwards.
pub(super) struct Raised {
    reason: Reason,
    /// A missed heartbeat. AWS: recorded: it is reported as `States.Timeout` everywhere, and documented:
    /// `States.HeartbeatTimeout` in `ErrorEquals` takes it too.
    by_silence: bool,
}

impl Raised {
    /// The name that `ErrorEquals` is compared with.
    fn name(&self) -> Option<&str> {
        if self.by_silence { Some(names::HEARTBEAT_TIMEOUT) } else { self.reason.error.as_deref() }
    }

    fn is_terminal(&self) -> bool {
        is_terminal(self.name())
    }
}

impl Turn<'_> {
    /// The state at hand failed while its own fields were evaluated: AWS names the state in the cause.
    pub(super) fn fail_evaluation(&mut self, branch: BranchId, failure: Failure) {
        let location = failure.location.clone();
        let Some(reason) = self.placed(branch, failure) else { return };
        self.tell_of_evaluation(branch, location, &reason);
        self.fail(branch, reason);
    }

    /// AWS: what a `JSONata` state cannot evaluate has an event of its own, before anything follows from it.
    fn tell_of_evaluation(&mut self, branch: BranchId, location: Option<Text>, reason: &Reason) {
        if reason.error.as_deref() != Some(names::QUERY_EVALUATION_ERROR) {
            return;
        }
        let (Some(visit), Some(state)) = (self.execution.visit(branch), self.state(branch)) else { return };
        let previous = self.previous(branch);
        // AWS: recorded for Pass, Map and Wait: on the way in the event names what the entry names, but not so for a
        // Wait.
        let is_on_the_way_in = previous == visit.entered && !matches!(state.kind, StateKind::Wait(_));
        let previous = if is_on_the_way_in { visit.entered_after } else { previous };
        let event =
            EventKind::EvaluationFailed { state: state.name.clone(), location, reason: reason.clone() };
        self.emit(branch, previous, event);
    }

    /// The failure with the state that the branch is in.
    pub(super) fn placed(&self, branch: BranchId, failure: Failure) -> Option<Reason> {
        let visit = self.execution.visit(branch)?;
        let name = &self.machine.state(visit.state).name;
        let place = format!(
            "An error occurred while executing the state '{name}' (entered at the event id #{}).",
            visit.entered.0
        );
        let cause = match &failure.cause {
            Some(cause) => format!("{place} {cause}"),
            None => place,
        };
        Some(Reason { error: Some(failure.error), cause: Some(cause.into()) })
    }

    /// The state at hand failed.
    pub(super) fn fail(&mut self, branch: BranchId, reason: Reason) {
        self.raise(branch, Raised { reason, by_silence: false });
    }

    /// A task has timed out, or missed a heartbeat, with the last event. Plans its next attempt, if there is
    /// one; else the answer is what is to fail its state.
    pub(super) fn retry_timed_out(
        &mut self,
        branch: BranchId,
        reason: Reason,
        by_silence: bool,
    ) -> Option<Raised> {
        let raised = Raised { reason, by_silence };
        let failing = self.previous(branch);
        (!self.retry(branch, &raised, failing)).then_some(raised)
    }

    /// Fails the state of a task that has timed out, unless the failure of another has taken it along.
    pub(super) fn fail_timed_out(&mut self, branch: BranchId, raised: Raised) {
        let visit = self.execution.visit(branch).filter(|_| self.execution.is_running());
        if visit.is_some_and(|visit| matches!(visit.phase, Phase::Working)) {
            self.raise(branch, raised);
        }
    }

    fn raise(&mut self, branch: BranchId, raised: Raised) {
        let failing = self.previous(branch);
        if !raised.is_terminal() {
            // A Map can fail over one item's input while others are under way.
            self.abort_children(branch, None, failing);
        }
        self.fail_state(branch, raised, failing);
    }

    /// A state failed with the event `failing`: its own, or one below it.
    fn fail_state(&mut self, branch: BranchId, raised: Raised, failing: EventId) {
        let Some(state) = self.state(branch) else { return };
        if raised.is_terminal() {
            self.end(failing, EventKind::ExecutionFailed(raised.reason));
            return;
        }
        if self.retry(branch, &raised, failing) {
            return;
        }
        match state.kind {
            StateKind::Parallel(_) => self.emit(branch, failing, EventKind::ParallelStateFailed),
            StateKind::Map(_) => self.emit(branch, failing, EventKind::MapStateFailed),
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => {}
        }
        match catcher_for(state.catch(), raised.name()) {
            Some((_, catcher)) => self.catch(branch, catcher, &raised.reason),
            None => self.fail_branch(branch, raised),
        }
    }

    /// Plans the next attempt, if a retrier takes the error and is not used up.
    fn retry(&mut self, branch: BranchId, raised: &Raised, failing: EventId) -> bool {
        let Some(visit) = self.execution.visit(branch) else { return false };
        let retriers = self.machine.state(visit.state).retry();
        let Some((index, retrier)) = retrier_for(retriers, raised.name()) else { return false };
        let used = visit.used.get(index).copied().unwrap_or(0);
        let Some(delay_ms) = retrier.next_delay_ms(used) else { return false };
        let at = self.now.plus_millis(retrier.jittered_ms(delay_ms, self.draw()));
        let retrier = u32::try_from(index).unwrap_or(u32::MAX);
        self.note_retry(failing, PlannedRetry { branch, retrier, at })
    }

    /// Leaves the state by a catcher: the error output goes into the raw input. Where that fails, the state's
    /// catchers are not asked again: what is too large for one of them is too large for ever.
    fn catch(&mut self, branch: BranchId, catcher: &Catcher, reason: &Reason) {
        let Some(visit) = self.execution.visit(branch) else { return };
        let error = error_output(reason);
        let queries = self.queries(branch, &visit.input).with_error(&error);
        let transition = Transition::Next(catcher.next);
        let left = queries.leave_caught(&catcher.output, &catcher.assign, transition, &error);
        let failed = match left {
            Ok(leave) => match self.over_limit(branch, &leave) {
                None => return self.exit(branch, leave),
                Some(failure) => Some(failure.into()),
            },
            Err(failure) => {
                let location = failure.location.clone();
                let placed = self.placed(branch, failure);
                if let Some(reason) = &placed {
                    self.tell_of_evaluation(branch, location, reason);
                }
                placed
            }
        };
        if let Some(reason) = failed {
            self.fail_branch(branch, Raised { reason, by_silence: false });
        }
    }

    /// Nothing in the branch takes the error: it ends, and so does what is around it.
    fn fail_branch(&mut self, branch: BranchId, raised: Raised) {
        let failing = self.previous(branch);
        let parent = self.execution.branches.get(branch).and_then(|branch| branch.parent);
        let Some(Parent { branch: above, .. }) = parent.filter(|_| !raised.is_terminal()) else {
            self.end(failing, EventKind::ExecutionFailed(raised.reason));
            return;
        };
        self.abort_children(above, Some(branch), failing);
        self.fail_state(above, raised, failing);
    }

    /// Ends all that runs below a branch, because `failed` (one of its children, if any) did.
    ///
    /// AWS: every one of these events names the failing event as its previous one, and the state that
    /// failed is reported as aborted too.
    fn abort_children(&mut self, above: BranchId, failed: Option<BranchId>, failing: EventId) {
        for child in self.execution.children(above) {
            if let Some(parent) = self.execution.branches.get(child).and_then(|branch| branch.parent)
                && matches!(self.state(above).map(|state| &state.kind), Some(StateKind::Map(_)))
                && let Some(iteration) = self.iteration(above, parent.index)
            {
                let kind = if failed == Some(child) {
                    EventKind::MapIterationFailed(iteration)
                } else {
                    EventKind::MapIterationAborted(iteration)
                };
                self.emit(child, failing, kind);
            }
            // What is below a state that has failed is given up already.
            if !self.execution.visit(child).is_some_and(|visit| visit.has_failed) {
                self.abort_children(child, None, failing);
            }
            self.abort_state(child, failing);
        }
    }

    fn abort_state(&mut self, branch: BranchId, failing: EventId) {
        let Some(visit) = self.execution.visit(branch) else { return };
        let open = match &visit.phase {
            Phase::Task(task) => Some(TaskId { branch, scheduled: task.scheduled }),
            Phase::Working
            | Phase::Waiting { .. }
            | Phase::Backoff { .. }
            | Phase::Parallel { .. }
            | Phase::Map(_) => None,
        };
        let kind = &self.machine.state(visit.state).kind;
        match kind {
            StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel(_) | StateKind::Map(_) => {
                self.emit(branch, failing, EventKind::StateAborted { state_type: state_type(kind) });
            }
            StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {}
        }
        if let Some(task) = open {
            self.cancel_task(task);
        }
    }
}

/// The error output: what a catcher's state goes on with. Spec: "Error output".
pub(super) fn error_output(reason: &Reason) -> Payload {
    let mut output = Object::new();
    if let Some(error) = &reason.error {
        output.insert("Error", error.clone());
    }
    // AWS: a cause that nobody gave is empty here.
    output.insert("Cause", reason.cause.clone().unwrap_or_default());
    Payload::from_value(Value::from(output))
}
