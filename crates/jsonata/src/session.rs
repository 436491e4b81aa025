//! What the expressions of one state read, and their evaluation.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use indexmap::IndexMap;
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator};
use jsonata_core::value::JValue;

use crate::host::{self, Host};
use crate::limits::Limits;
use crate::scan::tokens;
use crate::{Error, ErrorKind, Expression, place, value};

/// Where time and chance come from.
pub trait Surroundings {
    /// The time in milliseconds since 1970. Asked for at most once a session, by `$now` and `$millis`.
    fn now_millis(&self) -> i64;

    /// 64 random bits.
    fn random_u64(&self) -> u64;

    /// How long it has been since some moment that stays the same, by a clock that only goes forward.
    fn elapsed(&self) -> Duration;
}

/// The stack of an evaluation in which functions are made: a chain of them that hold each other is freed one within
/// the other. How long it may be is bounded by what a function is counted for.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// What an expression evaluates to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: JSON has no such value.
    Undefined,
    /// JSON text, without white space.
    Json(String),
    /// A function or a regular expression.
    Unsupported,
}

/// One scene of evaluation: what expressions read, each value converted when the first of them reads it.
///
/// `$now`, `$millis` answer the same in all of a session.
pub struct Session<'a> {
    host: Rc<Host>,
    /// The context item, `$`.
    context: Option<Bound<'a>>,
    variables: IndexMap<String, Variable<'a>>,
}

enum Variable<'a> {
    Whole(Bound<'a>),
    Members(IndexMap<String, Bound<'a>>),
}

/// JSON text and, once it was read, its value.
struct Bound<'a> {
    text: Cow<'a, str>,
    value: OnceCell<JValue>,
}

impl<'a> Session<'a> {
    /// A session in which nothing is bound.
    pub fn new(limits: Limits, surroundings: Rc<dyn Surroundings>) -> Session<'a> {
        Session { host: Rc::new(Host::new(limits, surroundings)), context: None, variables: IndexMap::new() }
    }

    /// Sets the context item, `$`, which is undefined otherwise.
    pub fn set_context(&mut self, json: impl Into<Cow<'a, str>>) {
        self.context = Some(Bound::new(json.into()));
    }

    /// Binds `$name` to the value of JSON text.
    pub fn bind_json(&mut self, name: &str, json: impl Into<Cow<'a, str>>) {
        self.variables.insert(name.to_owned(), Variable::Whole(Bound::new(json.into())));
    }

    /// Binds `$name.member`, and makes `$name` an object of the members that are bound so. Only members that an
    /// expression reads are converted.
    pub fn bind_member(&mut self, name: &str, member: &str, json: impl Into<Cow<'a, str>>) {
        let bound = Bound::new(json.into());
        match self.variables.get_mut(name) {
            Some(Variable::Members(members)) => {
                members.insert(member.to_owned(), bound);
            }
            Some(Variable::Whole(_)) | None => {
                let members = IndexMap::from([(member.to_owned(), bound)]);
                self.variables.insert(name.to_owned(), Variable::Members(members));
            }
        }
    }

    /// Evaluates an expression. What it binds itself is gone afterwards.
    pub fn evaluate(&mut self, expression: &Expression) -> Result<Outcome, Error> {
        if expression.traits().makes_functions {
            return stacker::maybe_grow(STACK_BYTES, STACK_BYTES, || self.evaluate_here(expression));
        }
        self.evaluate_here(expression)
    }

    fn evaluate_here(&self, expression: &Expression) -> Result<Outcome, Error> {
        let bindings = self.bindings(expression)?;
        self.host.begin(expression.traits().makes_tuples);
        match self.run(expression, expression.tree(), &bindings) {
            Ok(value) => value::outcome(&value, &self.host.limits),
            Err(error) => Err(self.placed(error, expression, &bindings)),
        }
    }

    /// The values that the expression reads.
    fn bindings(&self, expression: &Expression) -> Result<Bindings, Error> {
        let mut variables = Vec::new();
        for (name, variable) in &self.variables {
            if let Some(value) = variable.value_for(name, expression)? {
                variables.push((name.clone(), value));
            }
        }
        let context = match &self.context {
            Some(bound) => bound.value()?,
            None => JValue::Undefined,
        };
        Ok(Bindings { context, variables })
    }

    fn run(&self, expression: &Expression, tree: &AstNode, bindings: &Bindings) -> Result<JValue, Error> {
        // All that a panic leaves half done is dropped with the evaluator, or reset when the next evaluation begins.
        let evaluated = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::new();
            for (name, value) in &bindings.variables {
                context.bind(name.clone(), value.clone());
            }
            let mut evaluator = Evaluator::with_options(context, self.host.options());
            host::register(&mut evaluator, &self.host, Some(&expression.traits().names))?;
            evaluator.evaluate(tree, &bindings.context)
        }));
        match evaluated {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.host.error(&error)),
            Err(_) => Err(Error::broken()),
        }
    }

    /// The error with its place, for which the expression may be evaluated again in the time that is left.
    fn placed(&self, error: Error, expression: &Expression, bindings: &Bindings) -> Error {
        if error.kind != ErrorKind::Evaluation {
            return error;
        }
        let tokens = tokens(expression.source());
        let Some(traced) = place::traced(&error, expression.tree(), &tokens) else { return error };
        if traced.only().is_some() {
            return traced.place(error, traced.only());
        }
        self.host.again();
        let again = self.run(expression, &traced.tree, bindings);
        let is_same = again.is_err_and(|again| again.code == error.code);
        traced.place(error, self.host.marked().filter(|_| is_same))
    }
}

/// What an expression is evaluated with.
struct Bindings {
    context: JValue,
    variables: Vec<(String, JValue)>,
}

impl Variable<'_> {
    /// As much of the variable as the expression reads, or `None` if it reads nothing of it.
    fn value_for(&self, name: &str, expression: &Expression) -> Result<Option<JValue>, Error> {
        let mut references = expression.references().iter().filter(|it| it.name == name).peekable();
        if references.peek().is_none() {
            return Ok(None);
        }
        let members = match self {
            Variable::Whole(bound) => return bound.value().map(Some),
            Variable::Members(members) => members,
        };
        let read: Option<Vec<&String>> = references.map(|reference| reference.path.first()).collect();
        let mut object = IndexMap::new();
        for (member, bound) in members {
            if read.as_ref().is_none_or(|read| read.contains(&member)) {
                object.insert(member.clone(), bound.value()?);
            }
        }
        Ok(Some(JValue::object(object)))
    }
}

impl<'a> Bound<'a> {
    fn new(text: Cow<'a, str>) -> Bound<'a> {
        Bound { text, value: OnceCell::new() }
    }

    fn value(&self) -> Result<JValue, Error> {
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let value = value::read(&self.text).map_err(|problem| {
            Error::new(ErrorKind::Evaluation, format!("a bound value is not JSON: {problem}"))
        })?;
        Ok(self.value.get_or_init(|| value).clone())
    }
}
