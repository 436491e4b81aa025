//! Executions, case by case: `tests/corpus/execution/<topic>/<sentence>.json`.
//!
//! A case is `{definition, input, tasks?, limits?, stop?, expected, unfinished?, history}`; the README beside the
//! topics says what stands in each. Everything in a case is compared exactly: values as JSON text, key order and
//! the difference of 1 and 1.0 included. Beside that, every decision of every case is audited, see [`world`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::world::{Act, START_MS, Step, World};
use darkroom_asl::definition::{Options, parse};
use darkroom_asl::interpreter::event::{HistoryEvent, Reason, wire};
use darkroom_asl::interpreter::{Limits, Status};
use darkroom_asl::json::{self, Number, Object, Payload, Value};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/execution");

/// More decisions than any case needs.
const DECISIONS_MAX: usize = 100_000;

#[test]
fn every_case_ends_as_expected() {
    let cases = cases();
    let mut failures = Vec::new();
    for path in &cases {
        let name = path.strip_prefix(CORPUS).expect("it is in there").display().to_string();
        if let Err(difference) = std::panic::catch_unwind(|| check(path)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned())
        }) {
            failures.push(format!("{name}: {difference}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    assert!(cases.len() > 200, "the corpus is there: {}", cases.len());
}

fn check(path: &Path) -> Result<(), String> {
    let case = expanded(&read(path));
    let members = case.as_object().expect("a case is an object");
    for name in members.keys() {
        let known =
            ["definition", "input", "tasks", "limits", "stop", "expected", "unfinished", "history", "why"];
        assert!(known.contains(&&**name), "a case has no `{name}`");
    }
    let parsed = parse(&case_text(members, "definition"), Options::default());
    let Some(machine) = parsed.machine else { return Err(format!("refused: {:?}", parsed.diagnostics)) };
    let input = Payload::parse(case_text(members, "input")).expect("the input is JSON");
    let mut attempts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    if let Some(tasks) = members.get("tasks").and_then(Value::as_object) {
        for (state, answers) in tasks {
            let answers = answers.as_array().expect("answers stand in order");
            attempts.insert(state.to_string(), answers.iter().rev().cloned().collect());
        }
    }
    let mut script = |request: &darkroom_asl::interpreter::TaskRequest| {
        let answers = attempts.get_mut(&*request.state_name);
        let answer = answers.and_then(Vec::pop);
        steps(&answer.unwrap_or_else(|| panic!("no answer is left for `{}`", request.state_name)))
    };
    let mut world = World::new(&machine, &input, limits(members), &mut script);
    if let Some(stop) = members.get("stop").and_then(Value::as_object) {
        world.stop_after(milliseconds(stop, "after"), reason(stop));
    }
    world.run(DECISIONS_MAX);

    let history = std::mem::take(&mut world.history);
    let found_history = || {
        let rows = history.iter().map(|event| format!("    {}", shown(event).to_text()));
        rows.collect::<Vec<_>>().join(",\n")
    };
    let expected = members.get("expected").and_then(Value::as_object).expect("a case expects something");
    let found = outcome(world.live.status());
    if Value::from(expected.clone()).to_text() != found.to_text() {
        return Err(format!("ended with {}\n{}", found.to_text(), found_history()));
    }
    if let Some(unfinished) = number(members, "unfinished")
        && unfinished != world.unfinished as u64
    {
        return Err(format!("{} turns were unfinished", world.unfinished));
    }
    drop(world);
    if let Some((_, left)) = attempts.iter().find(|(_, left)| !left.is_empty()) {
        return Err(format!("an answer was not asked for: {left:?}\n{}", found_history()));
    }
    let rows = members.get("history").and_then(Value::as_array).unwrap_or_default();
    match follows(rows, &history) {
        Ok(()) => Ok(()),
        Err(difference) => Err(format!("{difference}\n{}", found_history())),
    }
}

/// The case's member as JSON text; a string that starts with `text:` is that text, byte for byte.
fn case_text(members: &Object, name: &str) -> String {
    let value = members.get(name).unwrap_or_else(|| panic!("a case has `{name}`"));
    match value.as_str().and_then(|text| text.strip_prefix("text:")) {
        Some(text) => text.to_owned(),
        None => value.to_text(),
    }
}

fn limits(members: &Object) -> Limits {
    let mut limits = Limits::default();
    for (name, value) in members.get("limits").and_then(Value::as_object).unwrap_or(&Object::new()) {
        let value = value.as_number().and_then(Number::as_i64).expect("a limit is an integer");
        let value = u32::try_from(value).expect("a limit is not negative");
        match &**name {
            "payload_bytes_max" => limits.payload_bytes_max = value as usize,
            "history_events_max" => limits.history_events_max = value,
            "inline_map_concurrency_max" => limits.inline_map_concurrency_max = value,
            "turn_events_max" => limits.turn_events_max = value as usize,
            "variable_bytes_max" => limits.variable_bytes_max = value as usize,
            "variables_bytes_max" => limits.variables_bytes_max = value as usize,
            other => panic!("there is no limit `{other}`"),
        }
    }
    limits
}

/// What one attempt at a task is answered with: one step, or several in order.
fn steps(answer: &Value) -> Vec<Step> {
    match answer.as_array() {
        Some(steps) => steps.iter().filter_map(step).collect(),
        None => step(answer).into_iter().collect(),
    }
}

fn step(step: &Value) -> Option<Step> {
    let members = step.as_object().expect("a step is an object");
    let payload = |name: &str| Payload::parse(case_text(members, name)).expect("an answer is JSON");
    let act = if members.contains_key("output") {
        Act::Succeed(payload("output"))
    } else if members.contains_key("error") || members.contains_key("cause") {
        Act::Fail(reason(members))
    } else if members.contains_key("submitted") {
        Act::Submit(payload("submitted"))
    } else if let Some(worker) = members.get("started") {
        Act::Start(worker.as_str().map(Into::into))
    } else if members.contains_key("heartbeat") {
        Act::Heartbeat
    } else {
        assert!(members.contains_key("timeout"), "a step does something: {}", step.to_text());
        return None;
    };
    Some(Step { after_ms: milliseconds(members, "after"), act })
}

fn reason(members: &Object) -> Reason {
    let text = |name| members.get(name).and_then(Value::as_str).map(Into::into);
    Reason { error: text("error"), cause: text("cause") }
}

fn number(members: &Object, name: &str) -> Option<u64> {
    let number = members.get(name)?.as_number().and_then(Number::as_i64);
    number.and_then(|number| u64::try_from(number).ok())
}

/// A number of seconds, 0 where none is given.
fn milliseconds(members: &Object, name: &str) -> u64 {
    number(members, name).unwrap_or(0) * 1000
}

fn outcome(status: &Status) -> Value {
    let (status, reason) = match status {
        Status::Succeeded(output) => {
            return [("output", output.value().clone())].into_iter().collect::<Object>().into();
        }
        Status::Failed(reason) => (None, reason),
        Status::TimedOut(reason) => (Some("TIMED_OUT"), reason),
        Status::Aborted(reason) => (Some("ABORTED"), reason),
        Status::Running => (Some("RUNNING"), &Reason::default()),
        Status::Pending => (Some("PENDING"), &Reason::default()),
    };
    let mut found = Object::new();
    if let Some(status) = status {
        found.insert("status", status);
    }
    found.insert("error", reason.error.clone().map_or(Value::Null, Into::into));
    if let Some(cause) = &reason.cause {
        found.insert("cause", cause.clone());
    }
    found.into()
}

/// An event as a row: its id, the previous id, its type, and its details by name.
fn shown(event: &HistoryEvent) -> Value {
    let record = serde_json::to_string(&wire::to_api(event, true)).expect("a record is JSON");
    let record = json::parse(&record).expect("it was just written");
    let mut details = Object::new();
    for (name, value) in record.as_object().expect("a record is an object") {
        if name.ends_with("EventDetails") {
            for (name, value) in value.as_object().expect("details are an object") {
                if !name.ends_with("Details") {
                    details.insert(name.clone(), value.clone());
                }
            }
        }
    }
    let seconds = (event.timestamp.as_millis() - START_MS) / 1000;
    if seconds > 0 {
        details.insert("at", seconds);
    }
    let mut row = vec![Value::from(i64::from(event.id.0)), i64::from(event.previous_event_id.0).into()];
    row.push(wire::type_name(event).into_owned().into());
    if !details.is_empty() {
        row.push(details.into());
    }
    row.into()
}

/// Whether the history is as listed: `"..."` stands for any events until the next that is listed.
fn follows(rows: &[Value], history: &[HistoryEvent]) -> Result<(), String> {
    let mut at = 0;
    let mut rows = rows.iter();
    while let Some(row) = rows.next() {
        if row.as_str() == Some("...") {
            let Some(next) = rows.clone().next() else { return Ok(()) };
            let next = next.as_array().and_then(|row| row[0].as_number()?.as_i64()).expect("a row follows");
            at = usize::try_from(next).expect("an id is positive") - 1;
            continue;
        }
        let Some(event) = history.get(at) else { return Err(format!("{} is missing", row.to_text())) };
        if !agrees(row, &shown(event)) {
            return Err(format!("expected {}", row.to_text()));
        }
        at += 1;
    }
    if at < history.len() { Err(format!("expected nothing after event {at}")) } else { Ok(()) }
}

/// A row lists the ids and the type, and of the details what matters: a name alone, or members.
fn agrees(row: &Value, found: &Value) -> bool {
    let (row, found) = (row.as_array().expect("a row"), found.as_array().expect("a row"));
    let none = Object::new();
    let details = found.get(3).and_then(Value::as_object).unwrap_or(&none);
    let agree = match row.get(3) {
        None => true,
        Some(Value::String(name)) => details.get("name").and_then(Value::as_str) == Some(name),
        Some(listed) => listed.as_object().expect("details are an object").iter().all(|(name, listed)| {
            // What must not be there is listed as null.
            let found = details.get(name).cloned().unwrap_or(Value::Null);
            found.to_text() == listed.to_text()
        }),
    };
    agree && row[..3] == found[..3]
}

/// A case as a value, its `<<x*1000>>` written out: a text repeated so many times.
fn expanded(text: &str) -> Value {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let (inside, after) = after.split_once(">>").expect("`<<` has its `>>`");
        let (repeated, count) = inside.rsplit_once('*').expect("`<<text*count>>`");
        out.push_str(before);
        out.push_str(&repeated.repeat(count.parse().expect("a count")));
        rest = after;
    }
    out.push_str(rest);
    json::parse(&out).unwrap_or_else(|error| panic!("a case is JSON: {error}"))
}

fn cases() -> Vec<PathBuf> {
    let mut cases = Vec::new();
    let mut folders = vec![PathBuf::from(CORPUS)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the corpus is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "json") {
                cases.push(path);
            }
        }
    }
    cases.sort();
    cases
}

#[expect(clippy::disallowed_methods, reason = "a test reads its cases")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
