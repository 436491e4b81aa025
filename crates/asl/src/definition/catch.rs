//! `Catch`. Spec: States Language, "Fallback states".

use super::assign;
use super::draft::Role;
use super::errors::ErrorNames;
use super::fields::{Field, Kind, QueryLanguage, both, json_path, jsonata};
use super::machine::{Catcher, CaughtOutput};
use super::query::Moment;
use super::reader::Reader;
use super::state_reader::StateReader;

const CATCHER: &[Field] = &[
    both("ErrorEquals", Kind::Items).required(),
    both("Next", Kind::Text).required(),
    json_path("ResultPath", Kind::Path),
    jsonata("Output", Kind::Any),
    both("Assign", Kind::Object).or_expression(),
    both("Comment", Kind::Text),
];

/// The catchers of a state that can have some.
pub(super) fn read(state: &mut StateReader<'_, '_>) -> Vec<Catcher> {
    let items = state.fields.items("Catch");
    let mut names = ErrorNames::new(items.len());
    let mut catchers = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let report = &mut state.builder.report;
        let Some(fields) = Reader::open(item.value, &item.location, CATCHER, state.language, report) else {
            continue;
        };
        let error_equals = names.read(&fields, position, report);
        let output = match state.language {
            QueryLanguage::JsonPath => CaughtOutput::At(state.result_path(&fields)),
            QueryLanguage::Jsonata => {
                CaughtOutput::Query(state.query_template(&fields, "Output", Moment::Caught))
            }
        };
        let assign = assign::read(state, &fields, Moment::Caught);
        let next = fields
            .text("Next")
            .and_then(|(found, name)| state.edge(Role::Catch(catchers.len()), &found, name));
        if let Some(next) = next {
            catchers.push(Catcher { error_equals, next, output, assign });
        }
    }
    catchers
}
