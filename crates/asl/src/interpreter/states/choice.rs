//! Choice: goes where the first matching rule says. Spec: States Language, "Choice State".

use crate::definition::{Choice, State, Transition};
use crate::failure::{Failure, names};
use crate::interpreter::event::BranchId;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::Payload;

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_choice(
        &mut self,
        branch: BranchId,
        state: &State,
        choice: &Choice,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        match self.choose(branch, choice, input) {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    fn choose(&self, branch: BranchId, choice: &Choice, input: &Payload) -> Result<Leave, Failure> {
        let scene = self.scene(branch);
        let effective = scene.select(&choice.input_path, input)?;
        let mut taken = None;
        for rule in &choice.choices {
            if rule.rule.evaluate(&scene.view(effective.value()))? {
                taken = Some(rule);
                break;
            }
        }
        let next = taken.map(|rule| rule.next).or(choice.default).ok_or_else(no_choice_matched)?;
        let assign = taken.and_then(|rule| rule.assign.as_ref()).unwrap_or(&choice.assign);
        let assigned = scene.assign(assign, &effective)?;
        let output = scene.select(&choice.output_path, &effective)?;
        Ok(Leave { output, assigned, transition: Transition::Next(next) })
    }
}

fn no_choice_matched() -> Failure {
    let cause = "Failed to transition out of the state. The state does not point to a next state.";
    Failure::new(names::NO_CHOICE_MATCHED, cause.to_owned())
}
