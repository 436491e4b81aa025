//! Choice: goes where the first matching rule says. Spec: States Language, "Choice State".

use crate::definition::{Choice, ChoiceRule, Condition, State, Transition};
use crate::failure::{Failure, names};
use crate::interpreter::event::BranchId;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::{Payload, Value};

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

    pub(in crate::interpreter) fn choose(
        &self,
        branch: BranchId,
        choice: &Choice,
        input: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, input);
        let effective = queries.effective(&choice.flow)?;
        let mut taken = None;
        for (position, rule) in choice.choices.iter().enumerate() {
            let holds = match &rule.condition {
                Condition::Rule(rule) => rule.evaluate(&queries.scene().view(effective.value()))?,
                Condition::Fixed(holds) => *holds,
                Condition::Query(query) => {
                    let field = format!("Choices[{position}]/Condition");
                    query.evaluate_as(&queries, &field, "boolean", Value::as_bool)?
                }
            };
            if holds {
                taken = Some((position, rule));
                break;
            }
        }
        let next = taken.map(|(_, rule)| rule.next).or(choice.default).ok_or_else(no_choice_matched)?;
        let assign = taken.and_then(|(_, rule)| rule.assign.as_ref()).unwrap_or(&choice.assign);
        let transition = Transition::Next(next);
        let mut leave = queries.leave(&choice.flow, assign, transition, &effective)?;
        if let Some((position, ChoiceRule { output: Some(output), .. })) = taken {
            leave.output = output.evaluate(&queries, &format!("Choices[{position}]/Output"))?;
        }
        Ok(leave)
    }
}

fn no_choice_matched() -> Failure {
    let cause = "Failed to transition out of the state. The state does not point to a next state.";
    Failure::new(names::NO_CHOICE_MATCHED, cause.to_owned())
}
