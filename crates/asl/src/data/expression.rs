//! What a field whose name ends in `.$`, or `ErrorPath`, can hold: a path, or a call of an intrinsic function.

use super::intrinsic::Call;
use super::path::{Path, PathMiss};
use super::{Environment, SyntaxError};
use crate::failure::{Failure, names};
use crate::json::{Text, Value};

/// A path or a call.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "said above")]
pub enum Expression {
    Path(Path),
    Call(Call),
}

impl Expression {
    /// Compiles what begins with `$` as a path, and anything else as a call.
    pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
        if text.starts_with('$') {
            Path::parse(text).map(Expression::Path)
        } else if text.starts_with("States.") {
            Call::parse(text).map(Expression::Call)
        } else {
            Err(SyntaxError {
                offset: 0,
                message: "expected a path that begins with `$` or a call of `States.…`".into(),
            })
        }
    }

    /// The expression as it was written.
    pub fn text(&self) -> &Text {
        match self {
            Expression::Path(path) => path.text(),
            Expression::Call(call) => call.text(),
        }
    }

    /// Shows every path in it.
    pub fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        match self {
            Expression::Path(path) => visit(path),
            Expression::Call(call) => call.visit_paths(visit),
        }
    }

    /// The value, or the failure of the state. `field` is the name of the field that holds the expression, with
    /// its `.$` where it has one; the failure's cause tells it.
    pub fn evaluate(&self, environment: &dyn Environment, field: &str) -> Result<Value, Failure> {
        match self {
            Expression::Call(call) => call.evaluate(environment),
            Expression::Path(path) => {
                path.select(environment).map_err(|miss| missing_field(path, &miss, environment, field))
            }
        }
    }
}

/// AWS: recorded for the input and the context object. That the context object is what is shown for the latter
/// is what Step Functions Local does. For variables it is not verified.
fn missing_field(path: &Path, miss: &PathMiss, environment: &dyn Environment, field: &str) -> Failure {
    match miss {
        PathMiss::NoResults { .. } | PathMiss::MissingProperty { .. } | PathMiss::NotAnObject { .. } => {
            let searched = if path.is_context() { environment.context() } else { environment.input() };
            let cause = format!(
                "The JSONPath '{}' specified for the field '{field}' could not be found in the input '{}'",
                path.text(),
                searched.to_text()
            );
            Failure::new(names::RUNTIME, cause)
        }
        PathMiss::Null { .. }
        | PathMiss::NotAnArray { .. }
        | PathMiss::UndefinedVariable { .. }
        | PathMiss::TooLarge => miss.failure(path),
    }
}
