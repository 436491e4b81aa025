//! Pass: hands its input on, shaped. Spec: States Language, "Pass State".

use crate::definition::{DataFlow, Pass, State};
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
        let result = match &pass.result {
            Some(result) => Payload::from_value(result.clone()),
            None => queries.scene().shape(pass.parameters.as_ref(), &effective)?,
        };
        match (&pass.flow, &pass.result) {
            (DataFlow::JsonPath(_), Some(_)) => queries.scene().took(Step::Result, &result),
            (DataFlow::JsonPath(_), None) => queries.scene().took(Step::AfterParameters, &result),
            // `JSONata` has neither field.
            (DataFlow::Jsonata(_), _) => {}
        }
        queries.leave(&pass.flow, &pass.assign, pass.transition, &result)
    }
}
