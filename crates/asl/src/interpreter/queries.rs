//! What the fields of a state are evaluated against at one moment of its life, in either query language.
//!
//! A `JSONata` session is opened when an expression first asks for it; what an expression does not read is neither
//! built nor converted.
//!
//! Spec: States Language, "`JSONata`", "Reserved variable: `$states`".

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use darkroom_jsonata::{Error, Expression, Outcome, Session};

use super::Stopwatch;
use super::data_flow::Scene;
use crate::data::query::QueryEnvironment;
use crate::json::{Payload, Text, Value};

/// A state's data at one moment: `$states` to an expression.
pub(super) struct Queries<'a> {
    scene: Scene<'a>,
    raw: &'a Payload,
    result: Option<&'a Payload>,
    error: Option<&'a Payload>,
    context: OnceCell<Value>,
    open: OnceCell<RefCell<Open<'a>>>,
}

/// A session with what has been bound in it so far.
struct Open<'a> {
    session: Session<'a>,
    has_context: bool,
    /// The variables that were looked for, there or not.
    variables: BTreeSet<Text>,
}

/// Time and chance for a session.
struct Surroundings {
    now_millis: i64,
    /// A sequence of its own, begun with one draw.
    random: Cell<u64>,
    stopwatch: Stopwatch,
}

impl darkroom_jsonata::Surroundings for Surroundings {
    fn now_millis(&self) -> i64 {
        self.now_millis
    }

    /// The `SplitMix64` generator.
    fn random_u64(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn elapsed(&self) -> Duration {
        (self.stopwatch)()
    }
}

impl<'a> Queries<'a> {
    /// A state with its raw input, and no more.
    pub(super) fn new(scene: Scene<'a>, raw: &'a Payload) -> Self {
        Self { scene, raw, result: None, error: None, context: OnceCell::new(), open: OnceCell::new() }
    }

    /// A Task, Parallel or Map that has its result.
    pub(super) fn with_result(self, result: &'a Payload) -> Self {
        Self { result: Some(result), ..self }
    }

    /// A state whose error was caught.
    pub(super) fn with_error(self, error: &'a Payload) -> Self {
        Self { error: Some(error), ..self }
    }

    pub(super) fn scene(&self) -> Scene<'a> {
        self.scene
    }

    /// The state's input as it came.
    pub(super) fn raw(&self) -> &'a Payload {
        self.raw
    }

    fn context(&self) -> &Value {
        self.context.get_or_init(|| self.scene.context())
    }

    fn open(&self) -> Open<'a> {
        let surroundings = Surroundings {
            now_millis: self.scene.now.as_millis(),
            random: Cell::new(self.scene.random.next_u64()),
            stopwatch: self.scene.stopwatch,
        };
        let limits = self.scene.limits.jsonata.clone();
        let mut session = Session::new(limits, Rc::new(surroundings));
        session.bind_member(STATES, "input", &**self.raw.text());
        if let Some(result) = self.result {
            session.bind_member(STATES, "result", &**result.text());
        }
        if let Some(error) = self.error {
            session.bind_member(STATES, "errorOutput", &**error.text());
        }
        Open { session, has_context: false, variables: BTreeSet::new() }
    }

    /// Binds what the expression reads and what is not bound yet.
    fn bind(&self, open: &mut Open<'a>, expression: &Expression) {
        let Scene { execution, branch, .. } = self.scene;
        for reference in expression.references() {
            if reference.name == STATES {
                let wants_context =
                    reference.path.first().is_none_or(|member| member == "context") && !open.has_context;
                if wants_context {
                    open.has_context = true;
                    let context = self.context().to_text();
                    open.session.bind_member(STATES, "context", context);
                }
            } else if open.variables.insert(Text::from(&*reference.name))
                && let Some(value) = execution.variable(branch, &reference.name)
            {
                open.session.bind_json(&reference.name, &**value.text());
            }
        }
    }
}

/// The reserved variable.
const STATES: &str = "states";

impl QueryEnvironment for Queries<'_> {
    fn read<'n>(&self, variable: &str, names: &'n [String]) -> Option<(Option<Value>, &'n [String])> {
        let Scene { execution, branch, .. } = self.scene;
        let value = |payload: Option<&Payload>| payload.map(|payload| payload.value().clone());
        if variable != STATES {
            return Some((value(execution.variable(branch, variable)), names));
        }
        let (member, names) = names.split_first()?;
        let found = match member.as_str() {
            "input" => value(Some(self.raw)),
            "result" => value(self.result),
            "errorOutput" => value(self.error),
            "context" => Some(self.context().clone()),
            _ => None,
        };
        Some((found, names))
    }

    fn evaluate(&self, expression: &Expression) -> Result<Outcome, Error> {
        let mut open = self.open.get_or_init(|| RefCell::new(self.open())).borrow_mut();
        self.bind(&mut open, expression);
        open.session.evaluate(expression)
    }
}
