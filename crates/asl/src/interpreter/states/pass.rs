//! Pass: hands its input on, shaped. Spec: States Language, "Pass State".

use crate::definition::{Pass, State};
use crate::failure::Failure;
use crate::interpreter::event::BranchId;
use crate::interpreter::inspection::Step;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::Payload;

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_pass(
        &mut self,
        branch: BranchId,
        state: &State,
        pass: &Pass,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        match self.pass(branch, pass, input) {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    pub(in crate::interpreter) fn pass(
        &self,
        branch: BranchId,
        pass: &Pass,
        input: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, input);
        let effective = queries.effective(&pass.flow)?;
        let (step, result) = match &pass.result {
            Some(result) => (Step::Result, Payload::from_value(result.clone())),
            None => (Step::AfterParameters, queries.scene().shape(pass.parameters.as_ref(), &effective)?),
        };
        queries.scene().took(step, &result);
        queries.leave(&pass.flow, &pass.assign, pass.transition, &result)
    }
}
