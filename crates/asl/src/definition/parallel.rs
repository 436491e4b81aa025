//! The Parallel state. Spec: States Language, "Parallel State".

use super::fields::{Field, Kind, both, json_path, jsonata};
use super::machine::{Parallel, StateIndex};
use super::query::Moment;
use super::reader::Reader;
use super::state_reader::StateReader;
use super::states::Surroundings;
use super::{assign, catch, retry};

/// The fields of a Parallel.
pub(super) const FIELDS: &[Field] = &[
    both("Next", Kind::Text),
    both("End", Kind::Boolean),
    both("Branches", Kind::Items).required(),
    both("Retry", Kind::Array),
    both("Catch", Kind::Array),
    both("Assign", Kind::Object).or_expression(),
    json_path("InputPath", Kind::Path),
    json_path("Parameters", Kind::Any),
    json_path("ResultSelector", Kind::Object),
    json_path("ResultPath", Kind::Path),
    json_path("OutputPath", Kind::Path),
    jsonata("Arguments", Kind::Any),
    jsonata("Output", Kind::Any),
];

/// The fields of a branch, which is a state machine of its own.
const BRANCH: &[Field] = &[
    both("Comment", Kind::Text),
    both("StartAt", Kind::Text).required(),
    both("States", Kind::Object).required(),
];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Option<Parallel> {
    let flow = state.data_flow(Moment::WithResult);
    let arguments = state.arguments();
    let branches = read_branches(state);
    let retry = retry::read(state);
    let catch = catch::read(state);
    let assign = assign::read(state, state.fields, Moment::WithResult);
    let transition = state.transition();
    Some(Parallel { flow, arguments, branches: branches?, assign, transition: transition?, retry, catch })
}

/// The entry points, `None` if any branch has none.
fn read_branches(state: &mut StateReader<'_, '_>) -> Option<Vec<StateIndex>> {
    let mut entries = Vec::new();
    for branch in state.fields.items("Branches") {
        let report = &mut state.builder.report;
        let fields = Reader::open(branch.value, &branch.location, BRANCH, state.language, report);
        let around = Surroundings::inside(state.scope, state.index);
        entries.push(fields.and_then(|fields| state.builder.scope(&fields, around)));
    }
    entries.into_iter().collect()
}
