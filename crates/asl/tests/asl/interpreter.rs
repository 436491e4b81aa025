//! What AWS does that the specification does not say, decided event by event.

use std::sync::Arc;
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::{Options, parse};
use darkroom_asl::interpreter::event::{HistoryEvent, Reason, wire};
use darkroom_asl::interpreter::{
    Decision, Effect, Execution, Identity, Limits, Qualifiers, Random, Status, Stimulus, Surroundings,
    TaskId, TaskTokens,
};
use darkroom_asl::json::{Payload, Text};

struct NoChance;

struct NoTokens;

impl TaskTokens for NoTokens {
    fn token(&self, _: TaskId) -> Text {
        "token".into()
    }
}

impl Random for NoChance {
    fn next_u64(&self) -> u64 {
        0
    }
}

/// An execution, and the history that its decisions make.
struct Run {
    execution: Execution,
    now: i64,
    deleting: bool,
    history: Vec<HistoryEvent>,
    effects: Vec<Effect>,
}

impl Run {
    fn start(definition: &str, input: &str) -> Self {
        let parsed = parse(definition, Options::default());
        let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        let name = |text: &str| format!("arn:aws:states:us-east-1:000000000000:{text}").into();
        let identity = Arc::new(Identity {
            execution_arn: name("execution:m:e"),
            execution_name: "e".into(),
            state_machine_arn: name("stateMachine:m"),
            state_machine_name: "m".into(),
            role_arn: "role".into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
        });
        let execution = Execution::new(machine, identity, Payload::parse(input).unwrap());
        let mut run = Self { execution, now: 0, deleting: false, history: Vec::new(), effects: Vec::new() };
        run.tell(Stimulus::Start);
        run
    }

    fn tell(&mut self, stimulus: Stimulus) {
        let now = Timestamp::from_millis(self.now);
        let surroundings = Surroundings {
            now,
            random: &NoChance,
            tokens: &NoTokens,
            stopwatch: || Duration::ZERO,
            limits: &Limits::default(),
            deleting: self.deleting,
            is_in_a_hurry: false,
        };
        let Decision { events, effects, .. } = self.execution.decide(stimulus, surroundings);
        self.history.extend(events);
        self.effects.extend(effects);
    }

    fn seconds_later(&mut self, seconds: i64) {
        self.now += seconds * 1000;
        self.tell(Stimulus::TimersDue);
    }

    /// The events from this one on: previous id and type.
    fn from(&self, first: usize) -> Vec<(u32, String)> {
        let events = self.history.iter().skip(first - 1);
        events.map(|event| (event.previous_event_id.0, wire::type_name(event).into_owned())).collect()
    }

    fn output(&self) -> String {
        match self.execution.status() {
            Status::Succeeded(output) => output.text().to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn expected(events: &[(u32, &str)]) -> Vec<(u32, String)> {
    events.iter().map(|(previous, name)| (*previous, (*name).to_owned())).collect()
}

#[test]
fn a_maps_success_names_its_last_iterations_and_the_next_iteration_an_exit() {
    let run = Run::start(
        r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "End": true,
            "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}"#,
        "[1, 2]",
    );
    let events = [
        (3, "MapIterationStarted"),
        (4, "PassStateEntered"),
        (5, "PassStateExited"),
        (6, "MapIterationSucceeded"),
        (6, "MapIterationStarted"),
        (8, "PassStateEntered"),
        (9, "PassStateExited"),
        (10, "MapIterationSucceeded"),
        (11, "MapStateSucceeded"),
        (11, "MapStateExited"),
        (13, "ExecutionSucceeded"),
    ];
    assert_eq!(run.from(4), expected(&events));
}

#[test]
fn a_map_without_items_names_its_start() {
    let run = Run::start(
        r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
            "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}"#,
        "[]",
    );
    assert_eq!(
        run.from(3),
        expected(&[
            (2, "MapStateStarted"),
            (3, "MapStateSucceeded"),
            (3, "MapStateExited"),
            (5, "ExecutionSucceeded")
        ])
    );
}

const TASKS: &str = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "T", "States": {"T": {"Type": "Task", "End": true, "TimeoutSeconds": 5,
        "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}RETRY}}}}}}"#;

#[test]
fn tasks_that_time_out_together_have_all_timed_out_before_the_first_fails_the_map() {
    let mut run = Run::start(&TASKS.replace("RETRY", ""), "[1, 2]");
    let first = run.history.len() + 1;
    run.seconds_later(5);
    let timed_out: Vec<String> = run.from(first).into_iter().map(|(_, name)| name).collect();
    assert_eq!(
        timed_out,
        [
            "TaskTimedOut",
            "TaskTimedOut",
            "MapIterationFailed",
            "TaskStateAborted",
            "MapIterationAborted",
            "TaskStateAborted",
            "MapStateFailed",
            "ExecutionFailed"
        ]
    );
    // Whatever is cleaned up names the first time-out.
    let previous: Vec<u32> = run.from(first).into_iter().map(|(previous, _)| previous).collect();
    let failing = u32::try_from(first).unwrap();
    assert_eq!(previous[2..7], [failing; 5]);
}

#[test]
fn tasks_that_time_out_together_are_each_tried_again() {
    let retry = r#", "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]"#;
    let mut run = Run::start(&TASKS.replace("RETRY", retry), "[1, 2]");
    let first = run.history.len() + 1;
    run.seconds_later(5);
    run.seconds_later(1);
    let names: Vec<String> = run.from(first).into_iter().map(|(_, name)| name).collect();
    assert_eq!(
        names,
        ["TaskTimedOut", "TaskTimedOut", "TaskScheduled", "TaskStarted", "TaskScheduled", "TaskStarted"]
    );
    let replayed = Execution::replay(
        parse(&TASKS.replace("RETRY", retry), Options::default()).machine.unwrap(),
        run.execution.identity().clone(),
        Payload::parse("[1, 2]").unwrap(),
        &run.history,
    );
    assert_eq!(replayed.unwrap(), run.execution);
}

#[test]
fn the_error_output_of_a_timeout_has_an_empty_cause() {
    let mut run = Run::start(
        r#"{"StartAt": "T", "States": {
            "T": {"Type": "Task", "End": true, "TimeoutSeconds": 5,
                  "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"},
                  "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]},
            "Caught": {"Type": "Pass", "End": true}}}"#,
        "{}",
    );
    run.seconds_later(5);
    assert_eq!(run.output(), r#"{"Error":"States.Timeout","Cause":""}"#);
}

#[test]
fn a_deleted_state_machine_s_execution_ends_at_its_next_transition() {
    let machine = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Wait", "Seconds": 5, "Next": "B"},
        "B": {"Type": "Pass", "End": true}}}"#;
    let mut run = Run::start(machine, "{}");
    run.deleting = true;
    run.tell(Stimulus::Continue);
    assert_eq!(run.history.len(), 2, "waiting is no transition");
    run.seconds_later(5);
    let events = [(2, "WaitStateExited"), (0, "ExecutionAborted")];
    assert_eq!(run.from(3), events.map(|(previous, name)| (previous, name.to_owned())));
    assert_eq!(*run.execution.status(), Status::Aborted(Reason::default()));
}

#[test]
fn a_deleted_state_machine_s_last_state_ends_as_it_would() {
    let mut run =
        Run::start(r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 5, "End": true}}}"#, "{}");
    run.deleting = true;
    run.seconds_later(5);
    assert_eq!(run.output(), "{}");
}
