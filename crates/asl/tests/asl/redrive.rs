//! Redrive: what goes on, what is kept, and what starts anew.

use crate::world::{Act, Script, Step, World};
use darkroom_asl::definition::{Options, parse};
use darkroom_asl::interpreter::event::{Reason, wire};
use darkroom_asl::interpreter::{Limits, Status, Stimulus, TaskRequest};
use darkroom_asl::json::Payload;

/// A machine in which the tasks of the states in `failing` fail until the first redrive. The answer is the types and
/// names of the events from the redrive on, and the output.
fn redriven(definition: &str, input: &str, failing: &[&str]) -> (Vec<String>, String) {
    let mut fails = true;
    let mut left = failing.len();
    let mut script = |request: &TaskRequest| {
        if fails && failing.contains(&&*request.state_name) {
            left -= 1;
            fails = left > 0;
            let reason = Reason { error: Some("Down".into()), cause: None };
            return vec![Step { after_ms: 10, act: Act::Fail(reason) }];
        }
        let output = Payload::parse(format!("\"{}\"", request.state_name)).expect("a name of ours");
        vec![Step { after_ms: 5, act: Act::Succeed(output) }]
    };
    run(definition, input, &mut script, |world| {
        assert!(matches!(world.live.status(), Status::Failed(_)), "{:?}", world.live.status());
    })
}

fn run<'a>(
    definition: &str,
    input: &str,
    script: &'a mut Script<'a>,
    first_end: impl FnOnce(&mut World<'a>),
) -> (Vec<String>, String) {
    let parsed = parse(definition, Options::default());
    let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let input = Payload::parse(input).expect("an input of ours");
    let mut world = World::new(&machine, &input, Limits::default(), script);
    world.run(1_000);
    first_end(&mut world);
    let before = world.history.len();
    assert!(world.redrive(1_000));
    let events = world.history[before..].iter().map(|event| match &event.kind {
        darkroom_asl::interpreter::event::EventKind::StateEntered { name, .. } => {
            format!("{} {name}", wire::type_name(event))
        }
        _ => wire::type_name(event).into_owned(),
    });
    let output = match world.live.status() {
        Status::Succeeded(output) => output.text().to_string(),
        other => panic!("{other:?}"),
    };
    (events.collect(), output)
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

#[test]
fn a_task_is_given_out_again_and_its_state_is_not_entered_again() {
    let definition = format!(
        r#"{{"StartAt": "A", "States": {{
            "A": {{"Type": "Pass", "Next": "B"}},
            "B": {{"Type": "Task", "Resource": "{FUNCTION}", "Next": "C"}},
            "C": {{"Type": "Pass", "Parameters": {{"count.$": "$$.Execution.RedriveCount"}}, "End": true}}}}}}"#
    );
    let (events, output) = redriven(&definition, "{}", &["B"]);
    let expected = [
        "ExecutionRedriven",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "PassStateEntered C",
        "PassStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(events, expected);
    assert_eq!(output, r#"{"count":1}"#);
}

#[test]
fn retries_start_anew() {
    let definition = format!(
        r#"{{"StartAt": "B", "States": {{
            "B": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true,
                   "Retry": [{{"ErrorEquals": ["Down"], "MaxAttempts": 1}}]}}}}}}"#
    );
    // Two failures use the retrier up; a third follows the redrive, and is tried again.
    let mut attempts = 0;
    let mut script = move |_: &TaskRequest| {
        attempts += 1;
        let act = if attempts <= 3 {
            Act::Fail(Reason { error: Some("Down".into()), cause: None })
        } else {
            Act::Succeed(Payload::from_trusted("1"))
        };
        vec![Step { after_ms: 1, act }]
    };
    let (events, output) = run(&definition, "{}", &mut script, |_| {});
    assert_eq!(events.iter().filter(|event| *event == "LambdaFunctionFailed").count(), 1);
    assert_eq!(output, "1");
}

#[test]
fn a_parallel_redoes_the_branches_that_failed_or_were_aborted() {
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "End": true, "Branches": [
            {{"StartAt": "Quick", "States": {{
                "Quick": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}}}}},
            {{"StartAt": "Broken", "States": {{
                "Broken": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}}}}},
            {{"StartAt": "Slow", "States": {{
                "Slow": {{"Type": "Wait", "Seconds": 60, "Next": "After"}},
                "After": {{"Type": "Pass", "Result": "waited", "End": true}}}}}}]}}}}}}"#
    );
    let (events, output) = redriven(&definition, "{}", &["Broken"]);
    assert_eq!(output, r#"["Quick","Broken","waited"]"#);
    let expected = [
        "ExecutionRedriven",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "WaitStateExited",
        "PassStateEntered After",
        "PassStateExited",
        "ParallelStateSucceeded",
        "ParallelStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_map_goes_on_with_what_is_missing() {
    let definition = format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", "MaxConcurrency": 2, "End": true,
            "ItemProcessor": {{"StartAt": "T", "States": {{
                "T": {{"Type": "Task", "Resource": "{FUNCTION}", "ResultPath": "$.done", "End": true}}}}}}}}}}}}"#
    );
    // The third of five fails: two have ended, one runs beside it, one has not started.
    let mut attempts = 0;
    let mut script = move |_: &TaskRequest| {
        attempts += 1;
        let act = if attempts == 3 {
            Act::Fail(Reason { error: Some("Down".into()), cause: None })
        } else {
            Act::Succeed(Payload::from_trusted("1"))
        };
        vec![Step { after_ms: if attempts == 4 { 50 } else { 5 }, act }]
    };
    let input = r#"[{"n":1},{"n":2},{"n":3},{"n":4},{"n":5}]"#;
    let (events, output) = run(&definition, input, &mut script, |_| {});
    let ended = r#"[{"n":1,"done":1},{"n":2,"done":1},{"n":3,"done":1},{"n":4,"done":1},{"n":5,"done":1}]"#;
    assert_eq!(output, ended);
    let count = |name: &str| events.iter().filter(|event| *event == name).count();
    assert_eq!((count("LambdaFunctionScheduled"), count("MapIterationStarted")), (3, 1), "{events:#?}");
}

#[test]
fn a_state_that_failed_over_its_own_fields_is_entered_again() {
    let definition = r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Always"}}}"#;
    let machine = parse(definition, Options::default()).machine.expect("a machine of ours");
    let mut script = |_: &TaskRequest| Vec::new();
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
    world.run(10);
    for redrives in 1..=3 {
        assert!(world.redrive(10));
        assert_eq!(world.live.redrive_count(), redrives);
    }
    let types: Vec<_> = world.history.iter().skip(3).map(wire::type_name).collect();
    assert_eq!(types[..3], ["ExecutionRedriven", "FailStateEntered", "ExecutionFailed"]);
    assert_eq!(types.len(), 9);
}

#[test]
fn what_was_stopped_or_timed_out_goes_on_too() {
    let definition = format!(
        r#"{{"StartAt": "B", "TimeoutSeconds": 30, "States": {{
            "B": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}}}}}"#
    );
    let machine = parse(&definition, Options::default()).machine.expect("a machine of ours");
    let mut attempts = 0;
    let mut script = move |_: &TaskRequest| {
        attempts += 1;
        let act = Act::Succeed(Payload::from_trusted("1"));
        if attempts <= 2 { Vec::new() } else { vec![Step { after_ms: 29_000, act }] }
    };
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
    world.run(10);
    assert!(matches!(world.live.status(), Status::TimedOut(_)));
    world.stop_after(1_000, Reason::default());
    assert!(world.redrive(10));
    assert!(matches!(world.live.status(), Status::Aborted(_)));
    // The machine's time counts from the redrive.
    assert!(world.redrive(10));
    assert!(matches!(world.live.status(), Status::Succeeded(_)));
    let before = world.history.len();
    world.take(Stimulus::Redrive { client_token: None });
    assert_eq!(world.history.len(), before, "what has ended well stays as it is");
}

#[test]
fn a_full_history_has_no_room_for_a_redrive() {
    let definition = r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Always"}}}"#;
    let machine = parse(definition, Options::default()).machine.expect("a machine of ours");
    let mut script = |_: &TaskRequest| Vec::new();
    let limits = Limits { history_events_max: 5, ..Limits::default() };
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), limits, &mut script);
    world.run(10);
    assert_eq!(world.history.len(), 3);
    assert!(!world.redrive(10));
}
