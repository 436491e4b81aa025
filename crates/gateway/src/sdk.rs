//! The API as a task calls it: `arn:aws:states:::aws-sdk:sfn:<action>`.
//!
//! The same actions as over HTTP, with the members in the case that integrations use. Dates are texts, and a payload
//! may be given as the JSON that it is.
//!
//! Spec: AWS, "Integrating AWS services", AWS SDK service integrations.

use darkroom_asl::data::Timestamp;
use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::json::Payload;
use darkroom_port::{Stop, random_uuid};
use serde_json::Value;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::{Context, Gateway};

/// Members whose text is JSON.
const PAYLOADS: [&str; 3] = ["Input", "Output", "Definition"];

impl Gateway {
    /// Calls an action, such as `startExecution`, for the execution of this ARN. `parameters` is a JSON object.
    pub async fn call_for_task(
        &self,
        execution_arn: &str,
        action: &str,
        parameters: &str,
    ) -> Result<Payload, Reason> {
        let input = serde_json::from_str(parameters).map(|input| renamed(written(input), lower));
        let outcome = match input {
            Ok(input @ Value::Object(_)) => {
                self.call_action(self.context_of(execution_arn), &upper(action), input).await
            }
            Ok(_) | Err(_) => Err(ApiError::Validation("The parameters must be a JSON object".to_owned())),
        };
        match outcome {
            Ok(body) => answer(&body),
            Err(error) => Err(refusal(&error)),
        }
    }

    fn context_of(&self, execution_arn: &str) -> Context {
        let place = StatesArn::place(execution_arn);
        let (region, account) = place.unwrap_or((&self.region, &self.account));
        Context {
            engine: self.engine.clone(),
            region: region.to_owned(),
            account: account.to_owned(),
            trace_header: None,
            // The engine gives up its tasks itself.
            stop: Stop::never(),
        }
    }
}

/// Payloads that were given as JSON, written out.
fn written(mut input: Value) -> Value {
    for name in PAYLOADS {
        if let Some(payload @ (Value::Object(_) | Value::Array(_))) = input.get_mut(name) {
            *payload = Value::String(payload.to_string());
        }
    }
    input
}

fn answer(body: &[u8]) -> Result<Payload, Reason> {
    let unreadable = |error: serde_json::Error| Reason {
        error: Some(names::TASK_FAILED.into()),
        cause: Some(format!("the answer cannot be read: {error}").into()),
    };
    let output: Value = serde_json::from_slice(body).map_err(unreadable)?;
    Ok(Payload::from_trusted(renamed(dated(output), upper).to_string()))
}

/// AWS: `Sfn.<code>Exception`, and a cause that names the call.
fn refusal(error: &ApiError) -> Reason {
    let code = error.code();
    let cause = format!(
        "{} (Service: Sfn, Status Code: {}, Request ID: {}) (SDK Attempt Count: 1)",
        error.message(),
        error.status().as_u16(),
        random_uuid()
    );
    let error = format!("Sfn.{}Exception", code.strip_suffix("Exception").unwrap_or(code));
    Reason { error: Some(error.into()), cause: Some(cause.into()) }
}

/// Dates as texts.
fn dated(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let dated = members.into_iter().map(|(name, value)| {
        let value = match value.as_f64() {
            Some(seconds) if name.ends_with("Date") => Value::String(date(seconds)),
            _ => match value {
                Value::Array(items) => items.into_iter().map(dated).collect(),
                other => dated(other),
            },
        };
        (name, value)
    });
    Value::Object(dated.collect())
}

#[expect(clippy::cast_possible_truncation, reason = "a date that we wrote; saturates otherwise")]
fn date(seconds: f64) -> String {
    Timestamp::from_millis((seconds * 1000.0).round() as i64).to_string()
}

/// The members' names, changed all the way down.
fn renamed(value: Value, rename: fn(&str) -> String) -> Value {
    match value {
        Value::Object(members) => {
            let renamed = members.into_iter().map(|(name, value)| (rename(&name), renamed(value, rename)));
            Value::Object(renamed.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| renamed(item, rename)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn lower(name: &str) -> String {
    first(name, |letter| letter.to_ascii_lowercase())
}

fn upper(name: &str) -> String {
    first(name, |letter| letter.to_ascii_uppercase())
}

fn first(name: &str, change: fn(char) -> char) -> String {
    let mut letters = name.chars();
    letters.next().map(change).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_in_the_case_of_integrations() {
        let input = json!({ "StateMachineArn": "a", "Input": { "Key": [1] }, "Tags": [{ "Key": "k" }] });
        let expected = json!({ "stateMachineArn": "a", "input": "{\"Key\":[1]}", "tags": [{ "key": "k" }] });
        assert_eq!(renamed(written(input), lower), expected);
        let body = json!({ "startDate": 1.5, "billingDetails": { "billedMemoryUsedInMB": 64 },
            "executions": [{ "stopDate": 0 }] });
        let output = answer(body.to_string().as_bytes()).map(|output| output.text().to_string());
        let expected = json!({ "StartDate": "1970-01-01T00:00:01.500Z",
            "BillingDetails": { "BilledMemoryUsedInMB": 64 },
            "Executions": [{ "StopDate": "1970-01-01T00:00:00.000Z" }] });
        assert_eq!(output.map_err(|reason| reason.error), Ok(expected.to_string()));
    }

    #[test]
    fn errors_are_named_as_the_sdk_names_them() {
        for (error, name) in [
            (ApiError::InvalidToken, "Sfn.InvalidTokenException"),
            (ApiError::Validation(String::new()), "Sfn.ValidationException"),
        ] {
            assert_eq!(refusal(&error).error.as_deref(), Some(name));
        }
        let cause = refusal(&ApiError::InvalidToken).cause.unwrap_or_default();
        let start = "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: ";
        assert!(cause.starts_with(start) && cause.ends_with(") (SDK Attempt Count: 1)"), "{cause}");
    }
}
