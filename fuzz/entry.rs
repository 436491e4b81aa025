//! What is fuzzed: one function a parser or decoder, each of bytes, each panicking if what it promises does not hold.
//!
//! Shared by the libFuzzer targets beside this file and by the smoke test in `crates/asl/tests/fuzz.rs`.

#[path = "../crates/asl/tests/asl/world/mod.rs"]
mod world;

use darkroom_asl::data::{Environment, Expression, Path};
use darkroom_asl::definition::{MachineType, Options, parse, to_json};
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Limits, TaskRequest};
use darkroom_asl::json::{self, Payload, Value};

use world::{Act, Step, World};

/// A definition. A machine that is accepted is printed, and read back as the same.
pub fn definition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for machine_type in [MachineType::Standard, MachineType::Express] {
        let parsed = parse(text, Options { machine_type });
        for diagnostic in &parsed.diagnostics {
            if let Some(span) = diagnostic.span {
                assert!(text.get(span.start..span.end).is_some(), "{diagnostic:?} points into the text");
            }
        }
        if let Some(machine) = parsed.machine {
            let printed = to_json(&machine).to_text();
            let again = parse(&printed, Options { machine_type });
            assert_eq!(again.machine.as_ref(), Some(&machine), "{printed}");
        }
    }
}

/// A path, a line break, and the document that it is used on. What is found nests no deeper than JSON may.
pub fn jsonpath(data: &[u8]) {
    let Some((text, document)) = head(data) else { return };
    let (Ok(path), Ok(document)) = (Path::parse(text), json::parse(document)) else { return };
    if let Ok(found) = path.select(&Document(document)) {
        assert!(!found.nests_deeper_than(json::DEPTH_MAX));
        let _ = found.text_exceeds(Limits::PAYLOAD_BYTES_MAX);
    }
}

/// A call or a path as a template has it, a line break, and its input.
pub fn intrinsic(data: &[u8]) {
    let Some((text, document)) = head(data) else { return };
    let (Ok(expression), Ok(document)) = (Expression::parse(text), json::parse(document)) else { return };
    if let Ok(value) = expression.evaluate(&Document(document), "v.$") {
        assert!(!value.nests_deeper_than(json::DEPTH_MAX));
        let _ = value.text_exceeds(Limits::PAYLOAD_BYTES_MAX);
    }
}

/// JSON text. Its value is written and read back as the same, and is as long as it is said to be.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = json::parse(text);
    assert_eq!(json::check(text).is_ok(), parsed.is_ok());
    assert_eq!(json::parse_spanned(text).is_ok(), parsed.is_ok());
    if let Ok(value) = parsed {
        let written = value.to_text();
        assert_eq!(json::parse(&written).expect("it was written"), value);
        assert!(!value.text_exceeds(written.len()) && value.text_exceeds(written.len() - 1), "{written}");
    }
}

/// A definition on one line, its input on the next, and a byte for each attempt at a task. The machine runs in a
/// simulated world, whose audit compares the live execution with its replay at every decision.
pub fn execution(data: &[u8]) {
    let Some((definition, rest)) = split(data) else { return };
    let (input, answers) = split(rest).unwrap_or((rest, &[]));
    let (Ok(definition), Ok(input)) = (std::str::from_utf8(definition), std::str::from_utf8(input)) else {
        return;
    };
    let Some(machine) = parse(definition, Options::default()).machine else { return };
    let Ok(input) = Payload::parse(input) else { return };
    let mut bytes = answers.iter().copied().cycle();
    let mut script = |request: &TaskRequest| steps(bytes.next().unwrap_or(1), request);
    let limits = Limits {
        payload_bytes_max: 4_096,
        variable_bytes_max: 1_024,
        variables_bytes_max: 2_048,
        history_events_max: 300,
        turn_events_max: 40,
        ..Limits::default()
    };
    let mut world = World::new(&machine, &input, limits, &mut script);
    // A task that keeps silent and has no limit leaves an execution waiting; everything else ends.
    world.run(3_000);
    assert!(!world.live.is_running() || !world.live.open_tasks().is_empty());
}

/// What one attempt is answered with: the low bits say how, the high ones when.
fn steps(byte: u8, request: &TaskRequest) -> Vec<Step> {
    let reason = |error: Option<&str>| Reason { error: error.map(Into::into), cause: Some("why".into()) };
    let succeed = || Act::Succeed(Payload::from_trusted(r#"{"a":1,"list":[1,2,{"b":null}]}"#));
    let acts = match byte % 8 {
        0 => vec![],
        1 => vec![succeed()],
        2 => vec![Act::Fail(reason(Some("E")))],
        3 => vec![Act::Fail(reason(None))],
        4 => vec![Act::Heartbeat, Act::Heartbeat, succeed()],
        5 => vec![Act::Start(None), Act::Submit(request.scheduled.input.clone()), succeed()],
        6 => vec![succeed(), succeed(), Act::Fail(reason(Some("late")))],
        _ => vec![Act::Succeed(request.scheduled.input.clone())],
    };
    acts.into_iter().map(|act| Step { after_ms: u64::from(byte / 8) * 700, act }).collect()
}

fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|byte| *byte == b'\n')?;
    Some((&data[..at], &data[at + 1..]))
}

fn head(data: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(data).ok()?.split_once('\n')
}

/// A document that is its own context, and the value of every variable.
struct Document(Value);

impl Environment for Document {
    fn input(&self) -> &Value {
        &self.0
    }

    fn context(&self) -> &Value {
        &self.0
    }

    fn variable(&self, _: &str) -> Option<Value> {
        Some(self.0.clone())
    }

    fn random_u64(&self) -> u64 {
        4
    }
}
