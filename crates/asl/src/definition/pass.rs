//! The Pass state. Spec: States Language, "Pass State".

use super::assign;
use super::fields::{Field, Kind, both, json_path, jsonata};
use super::machine::Pass;
use super::payload;
use super::query::Moment;
use super::state_reader::StateReader;

/// The fields of a Pass.
pub(super) const FIELDS: &[Field] = &[
    both("Next", Kind::Text),
    both("End", Kind::Boolean),
    both("Assign", Kind::Object).or_expression(),
    json_path("InputPath", Kind::Path),
    json_path("Parameters", Kind::Any),
    json_path("Result", Kind::Any),
    json_path("ResultPath", Kind::Path),
    json_path("OutputPath", Kind::Path),
    jsonata("Output", Kind::Any),
];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Option<Pass> {
    let flow = state.data_flow(Moment::WithoutResult);
    let parameters = state.payload("Parameters");
    let result = state.fields.get("Result");
    if let Some(found) = &result {
        payload::warn_static(found, state.report());
        state.note_literal(found);
    }
    let assign = assign::read(state, state.fields, Moment::WithoutResult);
    let transition = state.transition();
    Some(Pass {
        flow,
        parameters,
        result: result.map(|found| found.value.to_value()),
        assign,
        transition: transition?,
    })
}
