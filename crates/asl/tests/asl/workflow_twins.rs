//! The image workflow and its `JSONata` twin: whatever its tasks answer, both call the same tasks with the same
//! input, in the same order, and end in the same way.

use std::sync::Arc;

use crate::world::{Act, Step, World};
use darkroom_asl::definition::{Options, StateMachine, parse};
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Limits, Status, TaskRequest};
use darkroom_asl::json::{Payload, Value};
use proptest::prelude::*;
use proptest::sample::select;

const WORKFLOW: &str = include_str!("../../../../workflows/image-processing.asl.json");
const TWIN: &str = include_str!("../../../../workflows/image-processing.jsonata.asl.json");

const INPUT: &str = r#"{"imageId": "img_1", "userId": "u", "s3Key": "uploads/u/a.jpg", "fileName": "a.jpg",
    "fileSize": 12, "fileType": "image/jpeg"}"#;

/// What happened that the world can see: each call, and the end.
#[derive(Debug, PartialEq)]
struct Story {
    calls: Vec<(String, Value)>,
    status: Status,
}

fn machine(text: &str) -> Arc<StateMachine> {
    let places = [
        ("region", "eu-west-1"),
        ("account", "111122223333"),
        ("project_name", "p"),
        ("sns_topic_name", "t"),
    ];
    let fill = |text: String, (name, value): (&str, &str)| text.replace(&format!("${{{name}}}"), value);
    let text = places.into_iter().fold(text.to_owned(), fill);
    parse(&text, Options::default()).machine.expect("it is valid")
}

fn run(machine: &Arc<StateMachine>, answers: &[Act]) -> Story {
    let mut calls = Vec::new();
    let mut turn = answers.iter().cycle();
    let mut script = |request: &TaskRequest| {
        calls.push((request.state_name.to_string(), request.scheduled.input.value().clone()));
        turn.next().map(|act| Step { after_ms: 1, act: act.clone() }).into_iter().collect()
    };
    let input = Payload::parse(INPUT).expect("it is JSON");
    let mut world = World::new(machine, &input, Limits::default(), &mut script);
    world.run(10_000);
    let status = world.live.status().clone();
    drop(world);
    Story { calls, status }
}

fn answers() -> impl Strategy<Value = Act> {
    let succeed = select(vec![
        r#"{"result": "valid", "status": "completed", "width": 10}"#,
        r#"{"result": "invalid", "reason": "too small", "status": "failed"}"#,
        r#"{"status": "completed"}"#,
        "{}",
        r#"{"result": null, "status": 7}"#,
    ]);
    let fail = select(vec![
        (Some("Lambda.ServiceException"), Some("again")),
        (Some("ImageProcessing.Refused"), Some("no \u{1F4F7}")),
        (Some("States.DataLimitExceeded"), None),
        (Some("States.TaskFailed"), None),
        (None, None),
    ]);
    prop_oneof![
        3 => succeed.prop_map(|text| Act::Succeed(Payload::parse(text).expect("it is JSON"))),
        2 => fail.prop_map(|(error, cause)| {
            Act::Fail(Reason { error: error.map(Into::into), cause: cause.map(Into::into) })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_twins_tell_the_same_story(answers in prop::collection::vec(answers(), 1..12)) {
        let story = run(&machine(WORKFLOW), &answers);
        prop_assert!(!story.calls.is_empty());
        prop_assert_eq!(run(&machine(TWIN), &answers), story);
    }
}
