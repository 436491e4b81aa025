//! The cases under `tests/cases`: what each expression evaluates to, or the code that it fails with.
//!
//! `reference.jsonl` is from the reference implementation, see `cases/README.md`; the other files are our own.

use std::time::Duration;

use darkroom_jsonata::{Expression, Limits, Outcome, Session};
use serde_json::Value;

/// AWS has no `$eval`: what calls it is `T1006`.
const EVAL: &str = "function-eval";

#[test]
fn reference_cases() {
    check(include_str!("../cases/reference.jsonl"));
}

#[test]
fn cases_of_aws() {
    check(include_str!("../cases/aws.jsonl"));
}

#[test]
fn values() {
    check(include_str!("../cases/values.jsonl"));
}

#[test]
fn what_was_found() {
    check(include_str!("../cases/found.jsonl"));
}

fn check(lines: &str) {
    let mut failures = Vec::new();
    let mut count = 0;
    for line in lines.lines() {
        // Half of a surrogate pair makes the line no JSON in Rust. AWS's payloads hold none either.
        let Ok(case) = serde_json::from_str::<Value>(line) else {
            assert!(line.contains("\\ud"), "{line}");
            continue;
        };
        count += 1;
        let found = evaluate(&case);
        let is_refused = case["group"] == EVAL && found["err"] == "T1006";
        if !is_refused && !is_as_wanted(&found, &case) {
            failures.push(format!(
                "{}/{}: {} made {found}, not {}",
                case["group"], case["file"], case["expr"], case["want"]
            ));
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn evaluate(case: &Value) -> Value {
    let source = case["expr"].as_str().expect("a case has an expression");
    // The reference implementation has no such bounds, and two of its cases count ten million numbers.
    let mut limits = Limits {
        time: Duration::from_secs(10),
        memory_bytes: 1 << 30,
        sequence_length: 10_000_000,
        ..Limits::default()
    };
    if let Some(depth) = case["depth"].as_u64() {
        // What the bounds put into the tree is as deep again.
        limits.depth = usize::try_from(2 * depth).expect("a depth");
    }
    if let Some(time) = case["timelimit"].as_u64() {
        limits.time = Duration::from_millis(time);
    }
    let mut session = Session::new(limits, crate::surroundings::fixed());
    if let Some(data) = case.get("data") {
        session.set_context(data.to_string());
    }
    for (name, value) in case["bindings"].as_object().into_iter().flatten() {
        session.bind_json(name, value.to_string());
    }
    let result = Expression::parse(source).and_then(|expression| session.evaluate(&expression));
    match result {
        Ok(Outcome::Undefined) => serde_json::json!({ "undef": true }),
        Ok(Outcome::Json(text)) => {
            serde_json::json!({ "ok": serde_json::from_str::<Value>(&text).expect("it is JSON") })
        }
        Ok(Outcome::Unsupported) => serde_json::json!({ "unsupported": true }),
        Err(error) => serde_json::json!({ "err": error.code, "message": error.message }),
    }
}

fn is_as_wanted(found: &Value, case: &Value) -> bool {
    let want = &case["want"];
    if let Some(code) = want.get("err") {
        return found.get("err").is_some_and(|found| code.is_null() || found == code);
    }
    match (found.get("ok"), want.get("ok")) {
        (Some(found), Some(want)) => {
            let (mut found, mut want) = (found.clone(), want.clone());
            if case["unordered"] == true {
                for list in [&mut found, &mut want] {
                    if let Some(items) = list.as_array_mut() {
                        items.sort_by_key(ToString::to_string);
                    }
                }
            }
            same(&found, &want)
        }
        _ => found == want,
    }
}

/// The same value: 1 and 1.0 are one number, and members may stand in any order.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}
