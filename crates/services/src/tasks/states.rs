//! `states:startExecution`, request and response, where no execution's engine answers it: `TestState` calls it.
//!
//! Within executions the engine starts its own children, under names that a repeat has again.

use serde_json::{Map, Value, json};

use super::fault::Optimized;
use super::{Output, TaskCall, TaskFault, Tasks, as_text, object_in, parameters, with_metadata};
use crate::clock::iso_ms;

pub(super) const SERVICE: Optimized = Optimized {
    prefix: "StepFunctions",
    service: "AWSStepFunctions",
    general: "AWSStepFunctionsException",
    modelled: &[
        "ExecutionAlreadyExists",
        "ExecutionLimitExceeded",
        "InvalidArn",
        "InvalidExecutionInput",
        "InvalidName",
        "StateMachineDeleting",
        "StateMachineDoesNotExist",
        "ValidationException",
    ],
};

pub(super) async fn start_execution(tasks: &Tasks, call: &TaskCall) -> Output {
    let input = input(&parameters(call)?);
    let response = tasks.send_json(call, "states", "AWSStepFunctions.StartExecution", &input).await;
    let response = response.map_err(|error| TaskFault::unreachable(SERVICE.prefix, &error))?;
    if !response.status().is_success() {
        return Err(TaskFault::refused(SERVICE, &response));
    }
    let started = output(&object_in(&response)?);
    Ok(with_metadata(started, &response).to_string())
}

/// The call's members. AWS: an input that is no text is sent as its JSON, and one that is null is not sent.
fn input(parameters: &Map<String, Value>) -> Value {
    let members = [
        ("StateMachineArn", "stateMachineArn"),
        ("Name", "name"),
        ("Input", "input"),
        ("TraceHeader", "traceHeader"),
    ];
    let given = members.into_iter().filter_map(|(name, member)| {
        let value = parameters.get(name).filter(|value| !value.is_null())?;
        Some((member.to_owned(), if name == "Input" { json!(as_text(value)) } else { value.clone() }))
    });
    Value::Object(given.collect())
}

#[expect(clippy::cast_possible_truncation, reason = "a date that Step Functions wrote; saturates otherwise")]
fn output(answer: &Map<String, Value>) -> Map<String, Value> {
    let started_ms =
        answer.get("startDate").and_then(Value::as_f64).map(|seconds| (seconds * 1000.0).round() as i64);
    let arn = answer.get("executionArn").cloned();
    let members = [("ExecutionArn", arn), ("StartDate", started_ms.map(|ms| json!(iso_ms(ms))))];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_the_case_of_either_side() {
        let object = |value: Value| value.as_object().unwrap().clone();
        for (parameters, sent) in [
            (
                json!({ "StateMachineArn": "a", "Input": { "n": 1 } }),
                json!({ "stateMachineArn": "a", "input": "{\"n\":1}" }),
            ),
            (json!({ "Name": "n", "Input": "{}" }), json!({ "name": "n", "input": "{}" })),
            (json!({ "Input": null }), json!({})),
        ] {
            assert_eq!(input(&object(parameters)), sent);
        }
        let answer = object(json!({ "executionArn": "e", "startDate": 1.5 }));
        let expected = json!({ "ExecutionArn": "e", "StartDate": "1970-01-01T00:00:01.500Z" });
        assert_eq!(output(&answer), object(expected));
    }
}
