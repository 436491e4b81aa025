//! The Succeed state. Spec: States Language, "Succeed State".

use super::fields::{Field, Kind, json_path, jsonata};
use super::machine::Succeed;
use super::query::Moment;
use super::state_reader::StateReader;

/// The fields of a Succeed.
pub(super) const FIELDS: &[Field] =
    &[json_path("InputPath", Kind::Path), json_path("OutputPath", Kind::Path), jsonata("Output", Kind::Any)];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Succeed {
    state.draft.is_terminal = true;
    state.draft.end = Some((state.fields.location.clone(), state.draft.span));
    Succeed { flow: state.data_flow(Moment::WithoutResult) }
}
