//! The one door to [`crate::data`]: its parsers, and what is said when they refuse.

use super::reader::Found;
use super::report::Report;
use crate::data::choice::Rule;
use crate::data::{Expression, Path, ReferencePath, Template, Timestamp};
use crate::json::Text;

/// A path, or why it is none.
pub(super) fn path(text: &str) -> Result<Path, String> {
    Path::parse(text).map_err(|error| error.to_string())
}

/// A reference path, or why it is none.
pub(super) fn reference_path(text: &str) -> Result<ReferencePath, String> {
    ReferencePath::parse(text).map_err(|error| error.to_string())
}

/// A path or an intrinsic function, or why it is neither.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    if text.starts_with("States.") {
        return Ok(Expression(text.into()));
    }
    Path::parse(text).map(|_| Expression(text.into())).map_err(|error| error.to_string())
}

pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    text.contains('T').then(|| Timestamp(text.into()))
}

pub(super) fn template(found: &Found<'_>, _report: &mut Report) -> Option<Template> {
    Some(Template(found.value.to_value()))
}

pub(super) fn comparison(
    variable: Path,
    operator: &Text,
    found: &Found<'_>,
    _report: &mut Report,
) -> Option<Rule> {
    Some(Rule::Compare(variable, operator.clone(), found.value.to_value()))
}
