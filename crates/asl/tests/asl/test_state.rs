//! States on their own, case by case: `tests/corpus/test_state/*.json`, each an object of cases by their names.
//!
//! A case is `{state or definition and stateName, input, variables?, context?, mock?, configuration?}`, and what
//! comes of it: `refused`, or `expected` with exactly the members that `TestState` would tell. A `mock` is `{result}`
//! or `{error, cause}`; so is the `answer` to a call, which is expected to be with `calls`. `waits` is how many
//! milliseconds are waited.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::{Options, parse_state, validate};
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::test_state::{
    Configuration, Handler, Mock, Progress, Refusal, Report, Status, Subject, Test,
};
use darkroom_asl::interpreter::{Identity, Limits, Qualifiers, Random, Surroundings, TaskId, TaskTokens};
use darkroom_asl::json::{Payload, Text};
use serde_json::{Map, Value, json};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/test_state");

struct NoChance;

impl Random for NoChance {
    fn next_u64(&self) -> u64 {
        7
    }
}

struct OneToken;

impl TaskTokens for OneToken {
    fn token(&self, _: TaskId) -> Text {
        "token".into()
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the corpus is files")]
fn every_case_ends_as_it_should() {
    let mut failures = Vec::new();
    let mut count = 0;
    for file in std::fs::read_dir(Path::new(CORPUS)).expect("the corpus is there").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a file of cases is text");
        let cases: Map<String, Value> = serde_json::from_str(&text).expect("a file of cases is JSON");
        for (name, case) in &cases {
            count += 1;
            let found = run(case).map_err(|refusal| refusal.to_string());
            let expected = match case.get("refused") {
                Some(message) => Err(message.as_str().expect("a refusal is a text").to_owned()),
                None => Ok(case["expected"].clone()),
            };
            if found != expected {
                failures.push(format!("{name}:\n  found    {found:?}\n  expected {expected:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 40, "the corpus is there: {count}");
}

#[test]
fn a_test_that_takes_too_long_fails_whatever_the_state_catches() {
    let case = json!({"input": {}, "state": {"Type": "Task", "End": true,
        "Resource": "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]}});
    let mut test = Test::new(subject(&case), now()).expect("a task can be tested");
    assert!(matches!(in_surroundings(0, |at| test.begin(at)), Ok(Progress::Call(_))));
    let report = told(test.expired());
    assert_eq!((&report["status"], &report["error"]), (&json!("FAILED"), &json!("States.Timeout")));
}

fn now() -> Timestamp {
    Timestamp::parse("2026-03-14T01:59:00Z").expect("it is a timestamp")
}

fn in_surroundings<T>(after_ms: u64, work: impl FnOnce(Surroundings<'_>) -> T) -> T {
    let limits = Limits::default();
    work(Surroundings {
        now: now().plus_millis(after_ms),
        random: &NoChance,
        tokens: &OneToken,
        stopwatch: || Duration::ZERO,
        limits: &limits,
        deleting: false,
        is_in_a_hurry: false,
    })
}

fn run(case: &Value) -> Result<Value, Refusal> {
    let mut test = Test::new(subject(case), now())?;
    let report = match in_surroundings(0, |at| test.begin(at))? {
        Progress::Ended(report) => *report,
        Progress::Call(request) => {
            let sent: Value = serde_json::from_str(request.scheduled.input.text()).expect("it is JSON");
            assert_eq!(sent, case["calls"], "what is called");
            let answer = match mock(&case["answer"]) {
                Mock::Result(result) => Ok(result),
                Mock::Error(reason) => Err(reason),
            };
            in_surroundings(10, |at| test.answered(answer, at))
        }
        Progress::Wait(until) => {
            let waits = case["waits"].as_u64().expect("a case that waits says how long");
            assert_eq!(until, now().plus_millis(waits));
            in_surroundings(waits, |at| test.woken(at))
        }
    };
    Ok(told(report))
}

fn subject(case: &Value) -> Subject {
    let parsed = match case.get("state") {
        Some(state) => parse_state(&state.to_string(), Options::default()),
        None => validate(&case["definition"].to_string(), Options::default()),
    };
    let machine = parsed.machine.unwrap_or_else(|| panic!("{case}: {:?}", parsed.diagnostics));
    let state = match case["stateName"].as_str() {
        Some(name) => machine.find(name).expect("the state is there"),
        None => machine.start_at,
    };
    let configuration = &case["configuration"];
    let count = |name: &str| configuration[name].as_u64().map(|count| u32::try_from(count).expect("small"));
    let variables = case["variables"].as_object().cloned().unwrap_or_default();
    Subject {
        machine,
        state,
        identity: Arc::new(Identity {
            execution_arn: "arn:aws:states:eu-west-1:111122223333:express:m:e".into(),
            execution_name: "e".into(),
            state_machine_arn: "arn:aws:states:eu-west-1:111122223333:stateMachine:m".into(),
            state_machine_name: "m".into(),
            role_arn: "arn:aws:iam::111122223333:role/r".into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
        }),
        input: payload(&case["input"]),
        variables: variables
            .iter()
            .map(|(name, value)| (name.as_str().into(), payload(value)))
            .collect::<BTreeMap<_, _>>(),
        context: case.get("context").map(|context| payload(context).value().clone()),
        mock: case.get("mock").map(mock),
        configuration: Configuration {
            retrier_retry_count: count("retrierRetryCount").unwrap_or(0),
            error_caused_by_state: configuration["errorCausedByState"].as_str().map(Into::into),
            map_iteration_failure_count: count("mapIterationFailureCount"),
            map_item_reader_data: configuration["mapItemReaderData"].as_str().map(Into::into),
        },
    }
}

fn mock(given: &Value) -> Mock {
    // An answer is a result as it is.
    let is_error = given.get("error").is_some();
    let text = |name: &str| given[name].as_str().map(Into::into);
    match given.get("result") {
        _ if is_error => Mock::Error(Reason { error: text("error"), cause: text("cause") }),
        Some(result) => Mock::Result(payload(result)),
        None => Mock::Result(payload(given)),
    }
}

fn payload(value: &Value) -> Payload {
    Payload::parse(value.to_string()).expect("it is JSON")
}

/// The report as one object of what is there.
fn told(report: Report) -> Value {
    let read = |payload: &Payload| serde_json::from_str::<Value>(payload.text()).expect("it is JSON");
    let mut members = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        members.extend(value.map(|value| (name.to_owned(), value)));
    };
    let status = match report.status {
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::Retriable => "RETRIABLE",
        Status::CaughtError => "CAUGHT_ERROR",
    };
    tell("status", Some(json!(status)));
    tell("output", report.output.as_ref().map(read));
    let reason = report.reason.unwrap_or_default();
    tell("error", reason.error.map(|error| json!(error)));
    tell("cause", reason.cause.map(|cause| json!(cause)));
    tell("nextState", report.next.map(|next| json!(next)));
    let inspection = report.inspection;
    for (step, payload) in &inspection.steps {
        tell(step.member(), Some(read(payload)));
    }
    tell("variables", inspection.variables.as_ref().map(read));
    // A whole number is written as one.
    let whole = |number: f64| serde_json::from_str(&number.to_string()).expect("it is a number");
    tell("maxConcurrency", inspection.map.max_concurrency.map(|count| json!(count)));
    tell("toleratedFailureCount", inspection.map.tolerated_failure_count.map(whole));
    tell("toleratedFailurePercentage", inspection.map.tolerated_failure_percentage.map(whole));
    match inspection.handler {
        None => {}
        Some(Handler::Catcher { index }) => tell("catchIndex", Some(json!(index))),
        Some(Handler::Retrier { index, backoff_seconds }) => {
            tell("retryIndex", Some(json!(index)));
            tell("retryBackoffIntervalSeconds", Some(json!(backoff_seconds)));
        }
    }
    Value::Object(members)
}
