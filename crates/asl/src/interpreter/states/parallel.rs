//! Parallel: runs its branches side by side on the same input. Spec: States Language, "Parallel State".

use crate::definition::{Parallel, State};
use crate::failure::Failure;
use crate::interpreter::event::{BranchId, EventKind};
use crate::interpreter::turn::{Leave, Turn};
use crate::json::{Payload, Value};

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_parallel(
        &mut self,
        branch: BranchId,
        state: &State,
        parallel: &Parallel,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        self.attempt_parallel(branch, parallel);
    }

    /// Starts every branch, for the first time or again.
    pub(in crate::interpreter) fn attempt_parallel(&mut self, branch: BranchId, parallel: &Parallel) {
        let Some(visit) = self.execution.visit(branch) else { return };
        let raw = visit.input.clone();
        match self.branch_input(branch, parallel, &raw) {
            Ok(input) => {
                if let Some(state) = self.state(branch)
                    && let Some(failure) = self.too_large(&state.name, &input)
                {
                    return self.fail(branch, failure.into());
                }
                let input = (input != raw).then_some(input);
                self.emit_next(branch, EventKind::ParallelStateStarted { input });
            }
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    /// What each branch starts with.
    pub(in crate::interpreter) fn branch_input(
        &self,
        branch: BranchId,
        parallel: &Parallel,
        raw: &Payload,
    ) -> Result<Payload, Failure> {
        let queries = self.queries(branch, raw);
        let effective = queries.effective(&parallel.flow)?;
        queries.fill(parallel.arguments.as_ref(), "Arguments", &effective)
    }

    /// Every branch has handed in its output.
    pub(in crate::interpreter) fn end_parallel(
        &mut self,
        branch: BranchId,
        parallel: &Parallel,
        outputs: Vec<Value>,
    ) {
        self.emit_next(branch, EventKind::ParallelStateSucceeded);
        let Some(raw) = self.raw_input(branch) else { return };
        match self.joined(branch, parallel, &raw, &Payload::from_value(Value::from(outputs))) {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    pub(in crate::interpreter) fn joined(
        &self,
        branch: BranchId,
        parallel: &Parallel,
        raw: &Payload,
        outputs: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, raw).with_result(outputs);
        queries.leave(&parallel.flow, &parallel.assign, parallel.transition, outputs)
    }
}
