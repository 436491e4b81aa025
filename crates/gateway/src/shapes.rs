//! Shapes that more than one action reads or writes.

use darkroom_asl::data::Timestamp;
use std::collections::BTreeMap;

use darkroom_asl::definition::StateMachine;
use darkroom_asl::json::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::members::Members;

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
pub(crate) fn includes_data(members: &mut Members, included_data: Option<&str>) -> bool {
    members
        .word("includedData", included_data, &[("ALL_DATA", true), ("METADATA_ONLY", false)])
        .unwrap_or(true)
}

/// `variableReferences`: the variables that each state reads. States that read none are left out, and the
/// member too where there would be nothing in it.
pub(crate) fn variable_references(machine: &StateMachine) -> Option<BTreeMap<Text, Vec<Text>>> {
    let reading = machine.states().filter(|(_, state)| !state.variables.is_empty());
    let references: BTreeMap<_, _> =
        reading.map(|(_, state)| (state.name.clone(), state.variables.clone())).collect();
    (!references.is_empty()).then_some(references)
}

/// What a state machine is created with beside its definition, role and type, with AWS's defaults filled in.
/// Kept as its JSON text, in which two that mean the same are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(crate) struct Settings {
    pub(crate) logging_configuration: Value,
    pub(crate) tracing_configuration: Value,
    pub(crate) encryption_configuration: Value,
}

/// `loggingConfiguration`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Logging {
    level: Option<String>,
    include_execution_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destinations: Option<Vec<Value>>,
}

/// `tracingConfiguration`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Tracing {
    enabled: Option<bool>,
}

impl Settings {
    pub(crate) fn check(
        members: &mut Members,
        logging: Option<Logging>,
        tracing: Option<Tracing>,
        encryption: Option<Map<String, Value>>,
    ) -> Result<Self, ApiError> {
        let logging = logging.unwrap_or_default();
        let levels = [("ALL", true), ("ERROR", true), ("FATAL", true), ("OFF", false)];
        let logs = members.word("loggingConfiguration.level", logging.level.as_deref(), &levels);
        let destinations = logging.destinations.as_ref().map_or(0, Vec::len);
        if destinations > 1 || (logs == Some(true) && destinations != 1) {
            return Err(ApiError::InvalidLoggingConfiguration("Must specify exactly one Log Destination."));
        }
        let logging = Logging {
            level: Some(logging.level.unwrap_or_else(|| "OFF".to_owned())),
            include_execution_data: Some(logging.include_execution_data.unwrap_or(false)),
            destinations: logging.destinations,
        };
        let enabled = tracing.unwrap_or_default().enabled.unwrap_or(false);
        let encryption =
            encryption.map_or_else(|| serde_json::json!({ "type": "AWS_OWNED_KEY" }), Value::Object);
        Ok(Self {
            logging_configuration: serde_json::json!(logging),
            tracing_configuration: serde_json::json!({ "enabled": enabled }),
            encryption_configuration: encryption,
        })
    }

    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        serde_json::from_str(text).map_err(|error| {
            ApiError::Internal(format!("a state machine's settings cannot be read: {error}"))
        })
    }

    pub(crate) fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }
}
