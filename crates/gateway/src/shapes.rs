//! Shapes that more than one action reads or writes.

use std::collections::BTreeMap;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::json::Text;
use darkroom_engine::store::{Revision, Tag};
use serde::{Deserialize, Serialize};

/// A point in time on the wire: seconds since 1970, with milliseconds behind the point.
#[derive(Clone, Copy, Serialize)]
#[serde(transparent)]
pub(crate) struct Seconds(f64);

impl From<Timestamp> for Seconds {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 need 41 bits of a double's 53")]
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_millis() as f64 / 1000.0)
    }
}

/// An answer without members.
#[derive(Serialize)]
pub(crate) struct Empty {}

/// `inputDetails`, `outputDetails`.
#[derive(Serialize)]
pub(crate) struct Included {
    pub(crate) included: bool,
}

/// `includedData`: whether what travels through a workflow is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum IncludedData {
    #[default]
    AllData,
    MetadataOnly,
}

/// `variableReferences`: the variables that each state reads. States that read none are left out, and the
/// member too where there would be nothing in it.
pub(crate) fn variable_references(machine: &StateMachine) -> Option<BTreeMap<Text, Vec<Text>>> {
    let reading = machine.states().filter(|(_, state)| !state.variables.is_empty());
    let references: BTreeMap<_, _> =
        reading.map(|(_, state)| (state.name.clone(), state.variables.clone())).collect();
    (!references.is_empty()).then_some(references)
}

/// The id of a revision. AWS: the one that a state machine was created with has none to show.
pub(crate) fn revision_id(revision: &Revision) -> Option<Text> {
    (!revision.is_initial).then(|| revision.id.clone())
}

/// A tag on the wire. AWS: neither member is required; without a value it is empty.
#[derive(Deserialize, Serialize)]
pub(crate) struct WireTag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

impl From<WireTag> for Tag {
    fn from(tag: WireTag) -> Self {
        Self { key: tag.key.into(), value: tag.value.into() }
    }
}

impl From<Tag> for WireTag {
    fn from(tag: Tag) -> Self {
        Self { key: tag.key.to_string(), value: tag.value.to_string() }
    }
}

/// The tags of an input.
pub(crate) fn tags(tags: Option<Vec<WireTag>>) -> Vec<Tag> {
    tags.into_iter().flatten().map(Tag::from).collect()
}
