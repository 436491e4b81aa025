//! An environment for tests.

use std::cell::Cell;

use super::Environment;
use crate::json::{Value, parse};

pub(crate) struct Fixture {
    input: Value,
    context: Value,
    draws: Cell<u64>,
}

impl Fixture {
    /// The input as JSON; a small context object; the variable `$list`, which is `[1, 2, 3]`.
    pub(crate) fn new(input: &str) -> Self {
        let context = r#"{"Execution": {"Name": "run", "Input": {"a": 0}}, "StateMachine": {"Id": "arn:m", "Name": "M"}}"#;
        Self { input: parse(input).unwrap(), context: parse(context).unwrap(), draws: Cell::new(0) }
    }
}

impl Environment for Fixture {
    fn input(&self) -> &Value {
        &self.input
    }

    fn context(&self) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<Value> {
        (name == "list").then(|| parse("[1, 2, 3]").unwrap())
    }

    fn random_u64(&self) -> u64 {
        self.draws.set(self.draws.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        self.draws.get()
    }
}
