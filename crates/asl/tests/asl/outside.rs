//! Tasks that somebody outside answers: tokens, what is begun and what cannot be, heartbeats.

use crate::world::{Act, Step, World};
use darkroom_asl::definition::{Options, parse};
use darkroom_asl::interpreter::event::{EventKind, Reason, wire};
use darkroom_asl::interpreter::{Limits, Status, Stimulus, TaskProgress, TaskRequest};
use darkroom_asl::json::Payload;

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:review";

fn machine(resource: &str, rest: &str) -> std::sync::Arc<darkroom_asl::definition::StateMachine> {
    let definition = format!(
        r#"{{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "{resource}", {rest} "End": true}}}}}}"#
    );
    let parsed = parse(&definition, Options::default());
    parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
}

fn types(world: &World<'_>) -> Vec<String> {
    world.history.iter().skip(2).map(|event| wire::type_name(event).into_owned()).collect()
}

fn reason() -> Reason {
    Reason { error: Some("Gone".into()), cause: Some("nobody answers".into()) }
}

/// The token is of the very event that gives the task out, also when it is given out again.
#[test]
fn a_call_that_is_reported_on_carries_its_token() {
    let parameters = r#""Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}},
        "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],"#;
    for resource in [
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::states:startExecution.sync:2",
        ACTIVITY,
    ] {
        let machine = machine(resource, parameters);
        let mut script = |_: &TaskRequest| vec![Step { after_ms: 1, act: Act::Fail(reason()) }];
        let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
        world.run(10);
        let mut attempts = 0;
        for event in &world.history {
            if let EventKind::TaskScheduled(scheduled) = &event.kind {
                attempts += 1;
                let sent =
                    format!(r#"{{"QueueUrl":"q","MessageBody":{{"token":"token-0-{}"}}}}"#, event.id.0);
                assert_eq!(&**scheduled.input.text(), sent, "{resource}");
            }
        }
        assert_eq!(attempts, 2, "{resource}");
    }
}

#[test]
fn a_call_that_answers_itself_has_no_token() {
    let machine = machine("arn:aws:states:::sqs:sendMessage", r#""Parameters": {"t.$": "$$.Task.Token"},"#);
    let mut script = |_: &TaskRequest| Vec::new();
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
    world.run(10);
    match world.live.status() {
        Status::Failed(Reason { error, .. }) => assert_eq!(error.as_deref(), Some("States.Runtime")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_begun_fails_its_state_and_can_be_caught() {
    let catch = r#""Catch": [{"ErrorEquals": ["Gone"], "Next": "C"}],"#;
    let definition = |resource: &str| {
        format!(
            r#"{{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "{resource}", {catch} "End": true}},
                "C": {{"Type": "Pass", "End": true}}}}}}"#
        )
    };
    for (resource, is_activity, failed) in [
        ("arn:aws:states:::sns:publish.waitForTaskToken", false, "TaskSubmitFailed"),
        (ACTIVITY, true, "ActivityScheduleFailed"),
    ] {
        let machine = parse(&definition(resource), Options::default()).machine.expect("a machine of ours");
        let mut script = |_: &TaskRequest| Vec::new();
        let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
        world.run(10);
        let task = world.live.open_tasks()[0].id;
        let fail = || {
            if is_activity {
                Stimulus::TaskScheduleFailed { task, reason: reason() }
            } else {
                Stimulus::TaskSubmitFailed { task, reason: reason() }
            }
        };
        world.end_next(task);
        world.take(fail());
        let events = types(&world);
        assert!(events.contains(&failed.to_owned()), "{events:?}");
        assert_eq!(events.last().map(String::as_str), Some("ExecutionSucceeded"));
        let before = world.history.len();
        world.take(fail());
        assert_eq!(world.history.len(), before, "once");
    }
}

#[test]
fn a_task_says_how_far_it_has_come() {
    let machine = machine("arn:aws:states:::sns:publish.waitForTaskToken", "");
    let mut script = |_: &TaskRequest| Vec::new();
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
    world.run(10);
    let task = world.live.open_tasks()[0].id;
    assert_eq!(world.live.task_progress(task), Some(TaskProgress::Started));
    world.take(Stimulus::TaskSubmitted { task, output: Payload::from_trusted("{}") });
    assert_eq!(world.live.task_progress(task), Some(TaskProgress::Submitted));
    world.end_next(task);
    world.take(Stimulus::TaskSucceeded { task, output: Payload::from_trusted("{}") });
    assert_eq!(world.live.task_progress(task), None);
}

/// AWS: a worker that has not taken the task yet cannot be missed.
#[test]
fn an_activity_s_heartbeats_count_from_its_start() {
    let machine = machine(ACTIVITY, r#""HeartbeatSeconds": 10,"#);
    let mut script =
        |_: &TaskRequest| vec![Step { after_ms: 60_000, act: Act::Start(Some("worker".into())) }];
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
    world.run(100);
    let expected =
        ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut", "ExecutionFailed"].map(str::to_owned);
    assert_eq!(types(&world), expected);
    let millis = |index: usize| world.history[index].timestamp.as_millis() - crate::world::START_MS;
    assert_eq!((millis(3), millis(4)), (60_000, 70_000));
}

#[test]
fn silence_counts_anew_after_a_replay() {
    let machine = machine("arn:aws:states:::sns:publish.waitForTaskToken", r#""HeartbeatSeconds": 10,"#);
    let mut script = |_: &TaskRequest| Vec::new();
    let mut world = World::new(&machine, &Payload::from_trusted("{}"), Limits::default(), &mut script);
    world.take(Stimulus::Start);
    let later = world.now.plus_seconds(3_600);
    world.live.restart_heartbeats(later);
    assert_eq!(world.live.next_deadline(), Some(later.plus_seconds(10)));
}
