//! Redrive: an execution that ended badly goes on from where it did.
//!
//! What had ended well is kept, and what was under way, failed or given up goes on: a task is given out again, a
//! Wait ends when it would have, a Parallel or a Map goes on with the branches and iterations that have not ended.
//! A state that failed over its own fields is tried again. Retriers and the machine's time-out start anew.
//!
//! Spec: Step Functions, "Restarting state machine executions with redrive".

use super::event::{BranchId, EventKind, HistoryEvent};
use super::execution::{Execution, Phase, Position, Status, Visit};
use super::turn::Turn;
use crate::definition::StateKind;
use crate::json::Text;

impl Turn<'_> {
    /// Goes on. A history that is full stays as it is.
    pub(super) fn redrive(&mut self, client_token: Option<Text>) {
        let last = self.execution.last_event_id;
        if last.next().next().0 >= self.limits.history_events_max {
            return;
        }
        let redrive_count = self.execution.redrive_count + 1;
        self.emit_redriven(EventKind::ExecutionRedriven { redrive_count, client_token });
        // What was given up is due at once.
        self.timers_due();
        for branch in self.execution.waiting_maps() {
            if let Some(StateKind::Map(map)) = self.state(branch).map(|state| &state.kind) {
                self.continue_map(branch, map);
            }
        }
    }
}

impl Execution {
    /// Gives a branch up: it does nothing any more, and what it was at is kept.
    pub(super) fn give_up(&mut self, id: BranchId) {
        self.clear_deadline(id);
        let Some(branch) = self.branches.get_mut(id).filter(|branch| !branch.is_given_up) else { return };
        branch.is_given_up = true;
        let bytes = branch.variable_bytes();
        self.variable_bytes -= bytes;
    }

    /// Gives up all that runs below a branch.
    pub(super) fn give_up_children(&mut self, ancestor: BranchId) {
        for child in self.children(ancestor) {
            self.give_up_children(child);
            self.give_up(child);
        }
        self.drop_stale_front();
    }

    /// The execution runs again, with everything that had not ended well due.
    pub(super) fn redrive(&mut self, event: &HistoryEvent, redrive_count: u32) {
        self.status = Status::Running;
        self.ended_at = None;
        self.redrive_count = redrive_count;
        self.redriven_at = Some(event.timestamp);
        self.timeout_at = self.seconds_max().map(|seconds| event.timestamp.plus_seconds(seconds));
        let machine = self.machine.clone();
        for id in self.branches.ids() {
            let has_children = !self.children(id).is_empty();
            let Some(branch) = self.branches.get_mut(id) else { continue };
            branch.is_given_up = false;
            branch.previous = event.id;
            match &mut branch.position {
                Position::In(visit) => {
                    visit.used.clear();
                    visit.has_failed = false;
                    let is_retried = match machine.state(visit.state).kind {
                        StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => true,
                        StateKind::Pass(_)
                        | StateKind::Choice(_)
                        | StateKind::Wait(_)
                        | StateKind::Succeed(_)
                        | StateKind::Fail(_) => false,
                    };
                    if !visit.goes_on(has_children) {
                        if is_retried {
                            visit.phase = Phase::Backoff { until: event.timestamp };
                        } else {
                            let (state, input) = (visit.state, visit.input.clone());
                            branch.position = Position::Ready { state, input };
                        }
                    }
                }
                Position::Ready { .. } | Position::Ended { .. } => {}
            }
            if let Position::Ready { .. } = branch.position {
                self.ready.push_back(id);
            }
            if let Some(deadline) = self.visit(id).and_then(Visit::deadline) {
                self.deadlines.insert((deadline, id));
            }
        }
        self.variable_bytes = self.branches.iter().map(|(_, branch)| branch.variable_bytes()).sum();
    }

    /// The branches that are in a Map whose iterations run.
    fn waiting_maps(&self) -> Vec<BranchId> {
        let is_in_map = |visit: &Visit| matches!(visit.phase, Phase::Map(_));
        self.branches.ids().into_iter().filter(|id| self.visit(*id).is_some_and(is_in_map)).collect()
    }
}

impl Visit {
    /// Whether the visit goes on as it is: a Wait that is not over, and what still has branches or iterations.
    fn goes_on(&self, has_children: bool) -> bool {
        match &self.phase {
            Phase::Waiting { .. } => true,
            Phase::Parallel { .. } => has_children,
            // One that failed before its first iteration is tried again as a whole.
            Phase::Map(iterations) => has_children || iterations.next > 0,
            Phase::Working | Phase::Task(_) | Phase::Backoff { .. } => false,
        }
    }
}
