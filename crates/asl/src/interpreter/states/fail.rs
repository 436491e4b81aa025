//! Fail: ends its branch badly. Spec: States Language, "Fail State".

use crate::data::Expression;
use crate::definition::{Fail, FailText, State};
use crate::failure::{Failure, names};
use crate::interpreter::event::{BranchId, Reason};
use crate::interpreter::turn::Turn;
use crate::json::{Payload, Text, Value};

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_fail(
        &mut self,
        branch: BranchId,
        state: &State,
        fail: &Fail,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        match self.reason(branch, fail, input) {
            Ok(reason) => self.fail(branch, reason),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    /// `Error` and `Cause`.
    pub(in crate::interpreter) fn reason(
        &self,
        branch: BranchId,
        fail: &Fail,
        input: &Payload,
    ) -> Result<Reason, Failure> {
        let error = self.fail_text(branch, fail.error.as_ref(), "ErrorPath", input)?;
        let cause = self.fail_text(branch, fail.cause.as_ref(), "CausePath", input)?;
        Ok(Reason { error, cause })
    }

    fn fail_text(
        &self,
        branch: BranchId,
        text: Option<&FailText>,
        field: &str,
        input: &Payload,
    ) -> Result<Option<Text>, Failure> {
        let expression = match text {
            None => return Ok(None),
            Some(FailText::Fixed(text)) => return Ok(Some(text.clone())),
            Some(FailText::At(expression)) => expression,
            Some(FailText::Query(query)) => {
                let queries = self.queries(branch, input);
                let field = field.strip_suffix("Path").unwrap_or(field);
                return query
                    .evaluate_as(&queries, field, "string", |found| found.as_str().map(Text::from))
                    .map(Some);
            }
        };
        match self.scene(branch).evaluate(expression, field, input)? {
            Value::String(text) => Ok(Some(text)),
            other => Err(not_a_string(expression, field, &other)),
        }
    }
}

fn not_a_string(expression: &Expression, field: &str, found: &Value) -> Failure {
    let cause = format!(
        "The {field} parameter does not reference a string value: {} == {}",
        expression.text(),
        found.to_text()
    );
    Failure::new(names::RUNTIME, cause)
}
