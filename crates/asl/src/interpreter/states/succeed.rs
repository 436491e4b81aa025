//! Succeed: ends its branch well. Spec: States Language, "Succeed State".

use crate::definition::{Assign, State, Succeed, Transition};
use crate::failure::Failure;
use crate::interpreter::event::BranchId;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::Payload;

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_succeed(
        &mut self,
        branch: BranchId,
        state: &State,
        succeed: &Succeed,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        match self.succeed(branch, succeed, input) {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    pub(in crate::interpreter) fn succeed(
        &self,
        branch: BranchId,
        succeed: &Succeed,
        input: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, input);
        let effective = queries.effective(&succeed.flow)?;
        queries.leave(&succeed.flow, &Assign::default(), Transition::End, &effective)
    }
}
