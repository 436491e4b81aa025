//! The one door to [`crate::data`]: its parsers, and what is said when they refuse.

use super::reader::Found;
use super::report::Report;
use crate::data::choice::{Comparison, OperandError, OperatorKind, Rule};
use crate::data::template::TemplateErrorReason;
use crate::data::{Expression, Path, ReferencePath, Template, Timestamp};

/// A path, or why it is none.
pub(super) fn path(text: &str) -> Result<Path, String> {
    Path::parse(text).map_err(|error| error.to_string())
}

/// A reference path, or why it is none.
pub(super) fn reference_path(text: &str) -> Result<ReferencePath, String> {
    ReferencePath::parse(text).map_err(|error| error.to_string())
}

/// A path or a call of an intrinsic function, or why it is neither.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    Expression::parse(text).map_err(|error| error.to_string())
}

/// A moment.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
}

/// A payload template. AWS: its faults are told at the field that holds it, by the name of the member.
pub(super) fn template(found: &Found<'_>, report: &mut Report) -> Option<Template> {
    Template::parse(found.value, &mut |span, _, error| {
        let why = match &error.reason {
            TemplateErrorReason::NotAString(kind) => format!("found a {kind}; expected a string"),
            TemplateErrorReason::Syntax(error) => error.to_string(),
        };
        report.schema(&found.location, span, error.to_string()).help(why);
    })
}

/// A comparison of a variable by the operator of that name.
pub(super) fn comparison(variable: Path, name: &str, found: &Found<'_>, report: &mut Report) -> Option<Rule> {
    let operator = OperatorKind::from_field_name(name)?.with_operand(&found.value.to_value());
    match operator {
        Ok(operator) => Some(Rule::Comparison(Comparison { variable, operator })),
        Err(error) => {
            let (message, help) = match &error {
                OperandError::Kind { expected, .. } => {
                    (format!("Expected value of type {}", json_type(expected)), None)
                }
                OperandError::NotATimestamp => (error.to_string(), None),
                OperandError::Path(error) => {
                    ("Value is not a valid JSONPath".to_owned(), Some(error.to_string()))
                }
            };
            report.schema(&found.location, found.value.span, message).help = help;
            None
        }
    }
}

/// The type as AWS names it.
fn json_type(kind: &str) -> &'static str {
    match kind {
        "number" => "Number",
        "boolean" => "Boolean",
        _ => "String",
    }
}
