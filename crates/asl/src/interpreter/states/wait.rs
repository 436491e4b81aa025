//! Wait: lets time pass. Spec: States Language, "Wait State".

use crate::data::{Path, Timestamp};
use crate::definition::{State, Wait, WaitUntil};
use crate::failure::{Failure, names};
use crate::interpreter::event::BranchId;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::{Number, Payload, Text, Value};

/// AWS: the longest an execution may live, and so the longest that a state may wait: one year.
const WAIT_SECONDS_MAX: i64 = 31_536_000;

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_wait(
        &mut self,
        branch: BranchId,
        state: &State,
        wait: &Wait,
        input: &Payload,
    ) {
        match self.wake_at(branch, wait, input) {
            // What is over already needs no timer, and no turn of its own.
            Ok(until) if until <= self.now => {
                self.emit_entered(branch, state, input, None);
                self.end_wait(branch, wait);
            }
            Ok(until) => self.emit_entered(branch, state, input, Some(until)),
            Err(failure) => {
                self.emit_entered(branch, state, input, None);
                self.fail_evaluation(branch, failure);
            }
        }
    }

    /// The time has come.
    pub(in crate::interpreter) fn end_wait(&mut self, branch: BranchId, wait: &Wait) {
        let Some(visit) = self.execution.visit(branch) else { return };
        let input = visit.input.clone();
        match self.waited(branch, wait, &input) {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    pub(in crate::interpreter) fn waited(
        &self,
        branch: BranchId,
        wait: &Wait,
        input: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, input);
        let effective = queries.effective(&wait.flow)?;
        queries.leave(&wait.flow, &wait.assign, wait.transition, &effective)
    }

    pub(in crate::interpreter) fn wake_at(
        &self,
        branch: BranchId,
        wait: &Wait,
        input: &Payload,
    ) -> Result<Timestamp, Failure> {
        let queries = self.queries(branch, input);
        let effective = queries.effective(&wait.flow)?;
        let scene = queries.scene();
        match &wait.until {
            WaitUntil::Seconds(seconds) => Ok(self.now.plus_seconds(*seconds)),
            WaitUntil::Timestamp(timestamp) => Ok(*timestamp),
            WaitUntil::SecondsPath(path) => {
                let found = scene.find(path, &effective);
                self.after_seconds(path, found)
            }
            WaitUntil::TimestampPath(path) => at_timestamp(path, scene.find(path, &effective)),
            WaitUntil::SecondsQuery(query) => {
                let seconds =
                    query.evaluate_as(&queries, "Seconds", "number", |found| found.as_number().cloned())?;
                self.after_computed_seconds(&seconds)
            }
            WaitUntil::TimestampQuery(query) => {
                let text = query
                    .evaluate_as(&queries, "Timestamp", "string", |found| found.as_str().map(Text::from))?;
                Timestamp::parse(&text).ok_or_else(|| {
                    let cause = format!(
                        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format \
                         string: {text}"
                    );
                    Failure::in_field(names::QUERY_EVALUATION_ERROR, cause, "Timestamp")
                })
            }
        }
    }

    /// `Seconds` as an expression yields them.
    fn after_computed_seconds(&self, seconds: &Number) -> Result<Timestamp, Failure> {
        let refused = |cause: String| Failure::in_field(names::QUERY_EVALUATION_ERROR, cause, "Seconds");
        let Some(whole) = seconds.as_i64() else {
            return Err(refused(format!("The Seconds field cannot be parsed as a long value: {seconds}")));
        };
        if whole < 0 {
            return Err(refused(format!("The Seconds field is a negative value: {whole}")));
        }
        if whole > WAIT_SECONDS_MAX {
            return Err(refused("Wait state delay is too long.".to_owned()));
        }
        Ok(self.now.plus_millis(whole.unsigned_abs() * 1000))
    }

    fn after_seconds(&self, path: &Path, found: Option<Value>) -> Result<Timestamp, Failure> {
        let Some(found) = found else {
            let cause =
                format!("The SecondsPath parameter does not reference an input value: {}", path.text());
            return Err(Failure::new(names::RUNTIME, cause));
        };
        let seconds = found.as_number().and_then(Number::as_i64).ok_or_else(|| {
            let cause = format!(
                "The SecondsPath parameter cannot be parsed as a long value: {} == {}",
                path.text(),
                plain(&found)
            );
            Failure::new(names::RUNTIME, cause)
        })?;
        if seconds < 0 {
            let cause = format!(
                "The SecondsPath parameter references a negative value: {} == {seconds}",
                path.text()
            );
            return Err(Failure::new(names::RUNTIME, cause));
        }
        if seconds > WAIT_SECONDS_MAX {
            return Err(Failure::new(names::RUNTIME, "Wait state delay is too long.".to_owned()));
        }
        Ok(self.now.plus_millis(seconds.unsigned_abs() * 1000))
    }
}

fn at_timestamp(path: &Path, found: Option<Value>) -> Result<Timestamp, Failure> {
    let Some(found) = found else {
        let cause = format!("The TimestampPath parameter does not reference an input value: {}", path.text());
        return Err(Failure::new(names::RUNTIME, cause));
    };
    found.as_str().and_then(Timestamp::parse).ok_or_else(|| {
        let cause = format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format \
             string: {} == {}",
            path.text(),
            plain(&found)
        );
        Failure::new(names::RUNTIME, cause)
    })
}

/// A value as AWS writes it into a cause: a string without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_text(),
    }
}
