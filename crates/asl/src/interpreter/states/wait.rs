//! Wait: lets time pass. Spec: States Language, "Wait State".

use crate::data::{Path, Timestamp};
use crate::definition::{State, Wait, WaitUntil};
use crate::failure::{Failure, names};
use crate::interpreter::event::BranchId;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::{Payload, Value};

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

    fn waited(&self, branch: BranchId, wait: &Wait, input: &Payload) -> Result<Leave, Failure> {
        let scene = self.scene(branch);
        let effective = scene.select(&wait.input_path, input)?;
        let assigned = scene.assign(&wait.assign, &effective)?;
        let output = scene.select(&wait.output_path, &effective)?;
        Ok(Leave { output, assigned, transition: wait.transition })
    }

    fn wake_at(&self, branch: BranchId, wait: &Wait, input: &Payload) -> Result<Timestamp, Failure> {
        let scene = self.scene(branch);
        let effective = scene.select(&wait.input_path, input)?;
        match &wait.until {
            WaitUntil::Seconds(seconds) => Ok(self.now.plus_seconds(*seconds)),
            WaitUntil::Timestamp(timestamp) => Ok(*timestamp),
            WaitUntil::SecondsPath(path) => {
                let found = scene.find(path, &effective);
                self.after_seconds(path, found)
            }
            WaitUntil::TimestampPath(path) => at_timestamp(path, scene.find(path, &effective)),
        }
    }

    fn after_seconds(&self, path: &Path, found: Option<Value>) -> Result<Timestamp, Failure> {
        let Some(found) = found else {
            let cause =
                format!("The SecondsPath parameter does not reference an input value: {}", path.text());
            return Err(Failure::new(names::RUNTIME, cause));
        };
        let seconds = found.as_number().and_then(crate::json::Number::as_i64).ok_or_else(|| {
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
