//! The Wait state. Spec: States Language, "Wait State".

use super::assign;
use super::expressions;
use super::fields::{Field, Kind, both, json_path, jsonata};
use super::machine::{Wait, WaitUntil};
use super::query::Moment;
use super::state_reader::{SECONDS_MAX, StateReader};

/// The fields of a Wait.
pub(super) const FIELDS: &[Field] = &[
    both("Next", Kind::Text),
    both("End", Kind::Boolean),
    both("Seconds", Kind::Integer).or_expression(),
    both("Timestamp", Kind::Text).or_expression(),
    json_path("SecondsPath", Kind::Text),
    json_path("TimestampPath", Kind::Text),
    both("Assign", Kind::Object).or_expression(),
    json_path("InputPath", Kind::Path),
    json_path("OutputPath", Kind::Path),
    jsonata("Output", Kind::Any),
];

const FORMS: &[&str] = &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Option<Wait> {
    let flow = state.data_flow(Moment::WithoutResult);
    let until = read_until(state);
    let assign = assign::read(state, state.fields, Moment::WithoutResult);
    let transition = state.transition();
    Some(Wait { flow, until: until?, assign, transition: transition? })
}

/// Exactly one of the four forms.
fn read_until(state: &mut StateReader<'_, '_>) -> Option<WaitUntil> {
    if state.fields.exclude(FORMS, &mut state.builder.report) {
        return None;
    }
    state.fields.require_one_of(FORMS, &mut state.builder.report);
    if let Some(query) = state.query(state.fields, "Seconds", Moment::WithoutResult) {
        return Some(WaitUntil::SecondsQuery(query));
    }
    if let Some(query) = state.query(state.fields, "Timestamp", Moment::WithoutResult) {
        return Some(WaitUntil::TimestampQuery(query));
    }
    if let Some(seconds) = state.integer(state.fields, "Seconds", 0, SECONDS_MAX) {
        return Some(WaitUntil::Seconds(seconds));
    }
    if let Some(path) = state.path("SecondsPath") {
        return Some(WaitUntil::SecondsPath(path));
    }
    if let Some(path) = state.path("TimestampPath") {
        return Some(WaitUntil::TimestampPath(path));
    }
    let (found, text) = state.fields.text("Timestamp")?;
    let timestamp = expressions::timestamp(text);
    if timestamp.is_none() {
        let message = "String does not match RFC3339 timestamp";
        state
            .report()
            .schema(&found.location, found.value.span, message)
            .help("write it with a `T` and a zone: 2026-03-14T01:59:00Z");
    }
    timestamp.map(WaitUntil::Timestamp)
}
