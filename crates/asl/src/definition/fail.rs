//! The Fail state. Spec: States Language, "Fail State".

use super::expressions;
use super::fields::{Field, Kind, QueryLanguage, both, json_path};
use super::machine::{Fail, FailText};
use super::payload;
use super::query::Moment;
use super::reader::is_expression;
use super::state_reader::StateReader;

/// The fields of a Fail.
pub(super) const FIELDS: &[Field] = &[
    both("Error", Kind::Text),
    both("Cause", Kind::Text),
    json_path("ErrorPath", Kind::Text),
    json_path("CausePath", Kind::Text),
];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Fail {
    state.draft.is_terminal = true;
    Fail { error: read_text(state, "Error", "ErrorPath"), cause: read_text(state, "Cause", "CausePath") }
}

/// `Error` or `ErrorPath`, `Cause` or `CausePath`.
fn read_text(state: &mut StateReader<'_, '_>, name: &str, path_name: &str) -> Option<FailText> {
    if state.fields.exclude(&[name, path_name], &mut state.builder.report) {
        return None;
    }
    if let Some((found, text)) = state.fields.text(path_name) {
        let reads = payload::reads_of(text, &found.location, found.value.span);
        state.check_variables(&reads.variables);
        state.draft.flow.reads.extend(reads.input);
        return match expressions::expression(text) {
            Ok(expression) => Some(FailText::At(expression)),
            Err(why) => {
                let message = format!(
                    "The value for the field '{path_name}' must be a valid JSONPath or a valid intrinsic \
                     function call"
                );
                state.report().schema(&found.location, found.value.span, message).help(why);
                None
            }
        };
    }
    if state.language == QueryLanguage::Jsonata
        && let Some(found) = state.fields.get(name)
        && is_expression(found.value)
    {
        return state.query(state.fields, name, Moment::WithoutResult).map(FailText::Query);
    }
    let (found, text) = state.fields.text(name)?;
    payload::warn_no_path(&found, name, text, state.report());
    Some(FailText::Fixed(text.clone()))
}
