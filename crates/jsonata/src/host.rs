//! What the evaluator is given from outside while it runs: time, chance, and AWS's functions.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;

use crate::limits::{Limits, NESTING_MAX, RANGE_LENGTH_MAX};
use crate::meter::{self, Meter};
use crate::session::Surroundings;
use crate::{Error, ErrorKind, cost, functions, guard, place};

/// The functions that the evaluator has by itself.
const BUILT_IN: &[&str] = &[
    "abs",
    "append",
    "assert",
    "average",
    "base64decode",
    "base64encode",
    "boolean",
    "ceil",
    "contains",
    "count",
    "decodeUrl",
    "decodeUrlComponent",
    "distinct",
    "each",
    "encodeUrl",
    "encodeUrlComponent",
    "error",
    "exists",
    "filter",
    "floor",
    "formatBase",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "map",
    "match",
    "max",
    "merge",
    "millis",
    "min",
    "not",
    "now",
    "number",
    "pad",
    "parseInteger",
    "power",
    "random",
    "reduce",
    "replace",
    "reverse",
    "round",
    "shuffle",
    "sift",
    "single",
    "sort",
    "split",
    "spread",
    "sqrt",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "toMillis",
    "trim",
    "type",
    "uppercase",
    "zip",
];

/// AWS's functions beside those.
const ADDED: &[&str] = &["hash", "parse", "partition", "range", "uuid"];

/// Whether a function of that name is there without being bound.
pub(crate) fn is_function(name: &str) -> bool {
    BUILT_IN.binary_search(&name).is_ok() || ADDED.binary_search(&name).is_ok()
}

/// Whether a function's later arguments are functions, and not what it makes something of.
pub(crate) fn takes_function(name: &str) -> bool {
    matches!(name, "each" | "filter" | "map" | "sift" | "sort")
}

/// What a session's evaluations share.
pub(crate) struct Host {
    pub limits: Limits,
    surroundings: Rc<dyn Surroundings>,
    /// The time of `$now` and `$millis`, read once.
    now: OnceCell<i64>,
    /// When the evaluation that runs began.
    began: Cell<Duration>,
    /// What the evaluation that runs has taken.
    pub meter: Meter,
    /// How many evaluations run within each other: a function that is called as a value is one of its own.
    nested: Cell<usize>,
    /// Whether the evaluation that runs makes an object of each item of its lists.
    makes_tuples: Cell<bool>,
    /// The mark that was met last, while the place of an error is looked for.
    marked: Cell<Option<usize>>,
    /// What our own functions failed with: the evaluator's error has only a text.
    failure: RefCell<Option<Error>>,
}

/// What a function of ours answers.
pub(crate) type Answer = Result<JValue, EvaluatorError>;

impl Host {
    pub(crate) fn new(limits: Limits, surroundings: Rc<dyn Surroundings>) -> Host {
        let began = Cell::new(surroundings.elapsed());
        Host {
            limits,
            surroundings,
            now: OnceCell::new(),
            began,
            meter: Meter::default(),
            nested: Cell::new(0),
            makes_tuples: Cell::new(false),
            marked: Cell::new(None),
            failure: RefCell::new(None),
        }
    }

    /// Gets ready for an evaluation.
    pub(crate) fn begin(&self, makes_tuples: bool) {
        self.makes_tuples.set(makes_tuples);
        self.began.set(self.surroundings.elapsed());
        self.again();
    }

    /// Gets ready to evaluate the same again, in the time that is left.
    pub(crate) fn again(&self) {
        self.failure.take();
        self.marked.set(None);
        self.nested.set(0);
        self.meter.reset();
    }

    /// The error of the evaluation that just failed.
    pub(crate) fn error(&self, error: &EvaluatorError) -> Error {
        self.failure.take().unwrap_or_else(|| Error::from_text(ErrorKind::Evaluation, error.message()))
    }

    /// Fails the evaluation.
    pub(crate) fn fail(&self, error: Error) -> EvaluatorError {
        let text = EvaluatorError::EvaluationError(error.to_string());
        *self.failure.borrow_mut() = Some(error);
        text
    }

    /// The mark that was met last.
    pub(crate) fn marked(&self) -> Option<usize> {
        self.marked.get()
    }

    /// Remembers a mark.
    pub(crate) fn mark(&self, mark: usize) {
        self.marked.set(Some(mark));
    }

    /// Fails if a sequence would be too long.
    pub(crate) fn check_length(&self, items: usize) -> Result<(), EvaluatorError> {
        if items <= self.sequence_length() {
            return Ok(());
        }
        Err(self.fail(Error::memory_limit()))
    }

    /// How long a sequence may be: less where each of its items becomes an object.
    fn sequence_length(&self) -> usize {
        let tuples = self.limits.memory_bytes / 2 / cost::TUPLE_BYTES;
        if self.makes_tuples.get() {
            self.limits.sequence_length.min(tuples)
        } else {
            self.limits.sequence_length
        }
    }

    /// Fails if a range would be too long.
    pub(crate) fn check_range(&self, items: usize) -> Result<(), EvaluatorError> {
        let is_list = self.makes_tuples.get();
        let most =
            if is_list { self.sequence_length() } else { self.limits.sequence_length.max(RANGE_LENGTH_MAX) };
        if items <= most {
            return Ok(());
        }
        // The reference implementation makes no longer ones either.
        let code = (items > 10_000_000).then(|| "D2014".to_owned());
        Err(self.fail(Error { code, ..Error::memory_limit() }))
    }

    /// Fails if the evaluation has run for too long.
    pub(crate) fn check_time(&self) -> Result<(), EvaluatorError> {
        if self.remaining().is_zero() { Err(self.fail(Error::time_limit())) } else { Ok(()) }
    }

    /// How long the evaluation may still run.
    fn remaining(&self) -> Duration {
        // The rest of the time is left to end in: a function is not stopped while it runs, and what was made is freed.
        let time = self.limits.time / 5 * 4;
        time.saturating_sub(self.surroundings.elapsed().saturating_sub(self.began.get()))
    }

    /// What the evaluator checks by itself.
    pub(crate) fn options(&self) -> EvaluatorOptions {
        EvaluatorOptions {
            timeout_ms: Some(u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX)),
            cancel: None,
            max_stack_depth: Some(self.limits.depth),
            max_sequence_length: Some(self.sequence_length()),
        }
    }

    pub(crate) fn now_millis(&self) -> i64 {
        *self.now.get_or_init(|| self.surroundings.now_millis())
    }

    pub(crate) fn random_u64(&self) -> u64 {
        self.surroundings.random_u64()
    }
}

/// A function of ours.
type Own = fn(&Rc<Host>, &[JValue]) -> Answer;

/// Functions of ours, by the names that the evaluator or a guard calls them by.
const OWN: &[(&str, Own)] = &[
    ("eval", functions::eval),
    ("hash", functions::hash),
    ("millis", functions::millis),
    ("now", functions::now),
    ("parse", functions::parse),
    ("partition", functions::partition),
    ("random", functions::random),
    ("range", functions::range),
    ("shuffle", functions::shuffle),
    ("uuid", functions::uuid),
    (guard::CONCATENATE, functions::concatenate),
    (guard::COPY, meter::copy),
    (guard::DISTINCT, functions::distinct),
    (guard::IS_FUNCTION, functions::is_function),
    (guard::EMIT, meter::emit),
    (guard::ENTER, meter::enter),
    (guard::HOLD, meter::hold),
    (guard::KEEP, meter::keep),
    (guard::LEAVE, meter::leave),
    (guard::LIST, functions::range_list),
    (guard::PAY, meter::pay),
    (place::MARK, meter::mark),
    (guard::RANGE, functions::range_sequence),
    (guard::TUPLES, meter::tuples),
    (guard::SOME, functions::some),
    (guard::REFUSE, meter::refuse),
];

/// Registers of what stands beside or in the place of the evaluator's own functions that which `names` holds, or all.
pub(crate) fn register(
    evaluator: &mut Evaluator,
    host: &Rc<Host>,
    names: Option<&HashSet<String>>,
) -> Result<(), EvaluatorError> {
    let is_named = |name: &str| names.is_none_or(|names| names.contains(name));
    for (name, function) in OWN.iter().filter(|(name, _)| is_named(name) || *name == place::MARK) {
        let host = Rc::clone(host);
        evaluator.register_fn_override(*name, move |arguments: &[JValue]| function(&host, arguments))?;
    }
    for checked in NAMES.iter().filter(|checked| is_named(&checked.check)) {
        let host = Rc::clone(host);
        evaluator.register_fn(checked.check.as_str(), move |arguments: &[JValue]| {
            meter::check(&host, checked.function, arguments)
        })?;
    }
    for (name, arity) in guard::BY_VALUE {
        let value_name = guard::value_name(name);
        if !is_named(&value_name) {
            continue;
        }
        let host = Rc::clone(host);
        evaluator.register_fn(value_name, move |arguments: &[JValue]| {
            // A function that takes a function gives it three arguments or four, and this one takes as many as it has.
            let count = if arguments.len() >= 3 { *arity } else { arguments.len() };
            let arguments = arguments.get(..count).unwrap_or(arguments);
            cost::charge_call(&host, name, &JValue::Null, arguments.to_vec())?;
            let answer = call(&host, name, arguments)?;
            let makes_sequence =
                matches!(*name, "match" | "spread") && !arguments.first().is_none_or(JValue::is_undefined);
            Ok(if makes_sequence { sequence(answer) } else { answer })
        })?;
    }
    Ok(())
}

/// The sequence that a function made, and that was told from its only item, or from nothing, when it came out.
fn sequence(answer: JValue) -> JValue {
    match answer {
        JValue::Array(_) => answer,
        JValue::Undefined => JValue::sequence(Vec::new()),
        one => JValue::sequence(vec![one]),
    }
}

/// A checked function and the name of its check.
struct Checked {
    function: &'static str,
    check: String,
}

/// The names are put together once, and not for each evaluation.
static NAMES: LazyLock<Vec<Checked>> = LazyLock::new(|| {
    cost::CHECKED.iter().map(|function| Checked { function, check: guard::check_name(function) }).collect()
});

/// Calls a function of the evaluator's own.
pub(crate) fn call(host: &Rc<Host>, name: &str, arguments: &[JValue]) -> Answer {
    if host.nested.get() == NESTING_MAX {
        return Err(host.fail(Error::depth_limit()));
    }
    let mut context = Context::new();
    let mut variables = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.iter().enumerate() {
        let variable = format!("argument {index}");
        context.bind(variable.clone(), argument.clone());
        variables.push(AstNode::Variable(variable));
    }
    let mut evaluator = Evaluator::with_options(context, host.options());
    // Only a function among the arguments can call others.
    if arguments.iter().any(JValue::is_function) {
        register(&mut evaluator, host, None)?;
    }
    let call = AstNode::Function { name: name.to_owned(), args: variables, is_builtin: true };
    host.nested.set(host.nested.get() + 1);
    let answer = evaluator.evaluate(&call, &JValue::Null);
    host.nested.set(host.nested.get() - 1);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_listed_in_order() {
        assert!(BUILT_IN.is_sorted() && ADDED.is_sorted());
    }
}
