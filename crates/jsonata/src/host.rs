//! What the evaluator is given from outside while it runs: time, chance, and AWS's functions.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError};
use jsonata_core::value::JValue;

use crate::functions;
use crate::limits::Limits;
use crate::session::Surroundings;
use crate::{Error, ErrorKind};

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

/// What a session's evaluations share.
pub(crate) struct Host {
    pub limits: Limits,
    surroundings: Rc<dyn Surroundings>,
    /// The time of `$now` and `$millis`, read once.
    now: OnceCell<i64>,
    /// When the evaluation that runs began.
    began: Cell<Duration>,
    /// What our own functions failed with: the evaluator's error has only a text.
    failure: RefCell<Option<Error>>,
}

/// What a function of ours answers.
pub(crate) type Answer = Result<JValue, EvaluatorError>;

impl Host {
    pub(crate) fn new(limits: Limits, surroundings: Rc<dyn Surroundings>) -> Host {
        let began = Cell::new(surroundings.elapsed());
        Host { limits, surroundings, now: OnceCell::new(), began, failure: RefCell::new(None) }
    }

    /// Gets ready for an evaluation.
    pub(crate) fn begin(&self) {
        self.began.set(self.surroundings.elapsed());
        self.failure.take();
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

    /// Fails if a sequence would be too long.
    pub(crate) fn check_length(&self, items: usize) -> Result<(), EvaluatorError> {
        if items <= self.limits.sequence_length {
            return Ok(());
        }
        Err(self.fail(Error::memory_limit()))
    }

    pub(crate) fn now_millis(&self) -> i64 {
        *self.now.get_or_init(|| self.surroundings.now_millis())
    }

    pub(crate) fn random_u64(&self) -> u64 {
        self.surroundings.random_u64()
    }
}

/// Registers what stands beside or in the place of the evaluator's own functions.
pub(crate) fn register(evaluator: &mut Evaluator, host: &Rc<Host>) -> Result<(), EvaluatorError> {
    let own: &[(&str, fn(&Host, &[JValue]) -> Answer)] = &[
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
    ];
    for (name, function) in own {
        let host = Rc::clone(host);
        evaluator.register_fn_override(*name, move |arguments: &[JValue]| function(&host, arguments))?;
    }
    Ok(())
}

/// Calls a function of the evaluator's own.
pub(crate) fn call(name: &str, arguments: &[JValue]) -> Answer {
    let mut context = Context::new();
    let mut variables = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.iter().enumerate() {
        let variable = format!("argument{index}");
        context.bind(variable.clone(), argument.clone());
        variables.push(AstNode::Variable(variable));
    }
    let call = AstNode::Function { name: name.to_owned(), args: variables, is_builtin: true };
    Evaluator::with_context(context).evaluate(&call, &JValue::Undefined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_listed_in_order() {
        assert!(BUILT_IN.is_sorted() && ADDED.is_sorted());
    }
}
