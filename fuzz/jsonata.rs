//! What is fuzzed of JSONata: an expression and the data that it is evaluated on.
//!
//! Shared by the libFuzzer target beside this file and by the smoke test in `crates/jsonata/tests/fuzz.rs`.

use std::rc::Rc;
use std::time::{Duration, Instant};

use darkroom_jsonata::{BROKEN, Error, Expression, Limits, Outcome, Session, Surroundings};

/// Functions whose malformed pictures the evaluator is known to break down on. It is answered with an error.
const PICTURES: &[&str] = &["parseInteger", "formatInteger", "formatNumber", "toMillis", "fromMillis", "now"];

/// An expression, a line break, and the JSON that is its context and two of its variables. Whatever it is, it ends
/// within its limits, its places lie in it, and what it makes is JSON.
pub fn jsonata(data: &[u8]) {
    let Some((source, json)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) else {
        return;
    };
    let expression = match Expression::parse(source) {
        Ok(expression) => expression,
        Err(error) => {
            check(source, &error);
            return;
        }
    };
    for reference in expression.references().iter().chain(expression.context_references()) {
        assert!(source.get(reference.offset..).is_some(), "{reference:?}");
    }
    let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
    let mut session = Session::new(limits.clone(), Rc::new(Fixed(now())));
    session.set_context(json);
    session.bind_json("v", json);
    session.bind_member("states", "input", json);
    session.bind_member("states", "context", r#"{"Execution":{"Name":"e"}}"#);
    let first = session.evaluate(&expression);
    match &first {
        Ok(Outcome::Json(text)) => {
            assert!(text.len() <= limits.output_bytes);
            let mut reader = serde_json::Deserializer::from_str(text);
            reader.disable_recursion_limit();
            let read: Result<serde::de::IgnoredAny, _> = serde::Deserialize::deserialize(&mut reader);
            assert!(read.is_ok(), "{text}");
        }
        Ok(Outcome::Undefined | Outcome::Unsupported) => {}
        Err(error) => check(source, error),
    }
}

/// An error lies in the source, and is not a fault of the evaluator.
fn check(source: &str, error: &Error) {
    assert!(error.position.is_none_or(|at| source.get(at..).is_some()), "{error:?}");
    let takes_picture = PICTURES.iter().any(|name| source.contains(name));
    assert!(error.message != BROKEN || takes_picture, "{error:?}");
}

/// A time that stands, and chance that is none.
struct Fixed(Instant);

impl Surroundings for Fixed {
    fn now_millis(&self) -> i64 {
        1_515_153_600_000
    }

    fn random_u64(&self) -> u64 {
        0x1234_5678_9abc_def0
    }

    fn elapsed(&self) -> Duration {
        now().duration_since(self.0)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the limit on time is fuzzed with real time; not every crate forbids it"
)]
fn now() -> Instant {
    Instant::now()
}
