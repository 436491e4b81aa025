//! What happens to an error: a retry, a catch, or the end of the branch, and of what is around it.
//!
//! An error in a branch goes to the state that raised it, then to the Parallel or Map around it, and so on
//! outwards; where nothing takes it, the execution fails. On its way it ends the siblings of each branch
//! it leaves, in the events and with the previous ids that AWS gives them.
//!
//! Spec: States Language, "Errors".

use super::data_flow::merge;
use super::event::{BranchId, EventId, EventKind, PlannedRetry, Reason};
use super::execution::{Parent, Phase, Position, TaskId};
use super::retry::{catcher_for, is_terminal, retrier_for};
use super::turn::{Leave, Turn, state_type};
use crate::definition::{Catcher, StateKind, Transition};
use crate::failure::Failure;
use crate::json::{Object, Payload, Value};

impl Turn<'_> {
    /// The state at hand failed while its own fields were evaluated: AWS names the state in the cause.
    pub(super) fn fail_evaluation(&mut self, branch: BranchId, failure: Failure) {
        let Some(visit) = self.execution.visit(branch) else { return };
        let name = &self.machine.state(visit.state).name;
        let place = format!(
            "An error occurred while executing the state '{name}' (entered at the event id #{}).",
            visit.entered.0
        );
        let cause = match &failure.cause {
            Some(cause) => format!("{place} {cause}"),
            None => place,
        };
        self.fail(branch, Reason { error: Some(failure.error), cause: Some(cause.into()) });
    }

    /// The state at hand failed.
    pub(super) fn fail(&mut self, branch: BranchId, reason: Reason) {
        let failing = self.previous(branch);
        self.fail_state(branch, reason, failing);
    }

    /// A state failed with the event `failing`: its own, or one below it.
    fn fail_state(&mut self, branch: BranchId, reason: Reason, failing: EventId) {
        let Some(state) = self.state(branch) else { return };
        if is_terminal(reason.error.as_deref()) {
            self.end(failing, EventKind::ExecutionFailed(reason));
            return;
        }
        if self.retry(branch, &reason) {
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
        match catcher_for(state.catch(), reason.error.as_deref()) {
            Some(catcher) => self.catch(branch, catcher, &reason),
            None => self.fail_branch(branch, reason),
        }
    }

    /// Plans the next attempt, if a retrier takes the error and is not used up.
    pub(super) fn retry(&mut self, branch: BranchId, reason: &Reason) -> bool {
        let Some(visit) = self.execution.visit(branch) else { return false };
        let retriers = self.machine.state(visit.state).retry();
        let Some((index, retrier)) = retrier_for(retriers, reason.error.as_deref()) else { return false };
        let used = visit.used.get(index).copied().unwrap_or(0);
        let Some(delay_ms) = retrier.next_delay_ms(used) else { return false };
        let at = self.now.plus_millis(retrier.jittered_ms(delay_ms, self.draw()));
        let retrier = u32::try_from(index).unwrap_or(u32::MAX);
        self.note_retry(PlannedRetry { branch, retrier, at })
    }

    /// Leaves the state by a catcher: the error output goes into the raw input.
    fn catch(&mut self, branch: BranchId, catcher: &Catcher, reason: &Reason) {
        let Some(visit) = self.execution.visit(branch) else { return };
        let error = error_output(reason);
        let scene = self.scene(branch);
        let left = merge(&catcher.result_path, &visit.input, &error).and_then(|output| {
            let assigned = scene.assign(&catcher.assign, &error)?;
            Ok(Leave { output, assigned, transition: Transition::Next(catcher.next) })
        });
        match left {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_branch(branch, failure.into()),
        }
    }

    /// Nothing in the branch takes the error: it ends, and so does what is around it.
    fn fail_branch(&mut self, branch: BranchId, reason: Reason) {
        let failing = self.previous(branch);
        let Some(Parent { branch: above, .. }) =
            self.execution.branches.get(&branch).and_then(|branch| branch.parent)
        else {
            self.end(failing, EventKind::ExecutionFailed(reason));
            return;
        };
        self.abort_children(above, Some(branch), failing);
        self.fail_state(above, reason, failing);
    }

    /// Ends all that runs below a branch, because `failed` (one of its children, if any) did.
    ///
    /// AWS: every one of these events names the failing event as its previous one, and the state that
    /// failed is reported as aborted too.
    fn abort_children(&mut self, above: BranchId, failed: Option<BranchId>, failing: EventId) {
        for child in self.execution.children(above) {
            if let Some(parent) = self.execution.branches.get(&child).and_then(|branch| branch.parent)
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
            self.abort_children(child, None, failing);
            self.abort_state(child, failing);
        }
    }

    fn abort_state(&mut self, branch: BranchId, failing: EventId) {
        let Some(Position::In(visit)) = self.execution.branches.get(&branch).map(|branch| &branch.position)
        else {
            return;
        };
        let open = match &visit.phase {
            Phase::Task(task) => Some(TaskId { branch, scheduled: task.scheduled }),
            Phase::Working
            | Phase::Waiting { .. }
            | Phase::Backoff { .. }
            | Phase::Parallel { .. }
            | Phase::Map(_) => None,
        };
        let kind = &self.machine.state(visit.state).kind;
        if let Some(task) = open {
            self.cancel_task(task);
        }
        match kind {
            StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel(_) | StateKind::Map(_) => {
                self.emit(branch, failing, EventKind::StateAborted { state_type: state_type(kind) });
            }
            StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {}
        }
    }
}

/// The error output: what a catcher's state goes on with. Spec: "Error output".
fn error_output(reason: &Reason) -> Payload {
    let mut output = Object::new();
    if let Some(error) = &reason.error {
        output.insert("Error", error.clone());
    }
    // AWS: a cause that nobody gave is empty here.
    output.insert("Cause", reason.cause.clone().unwrap_or_default());
    Payload::from_value(Value::from(output))
}
