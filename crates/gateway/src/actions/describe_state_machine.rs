//! `DescribeStateMachine`: of a state machine, a version, or the version that an alias leads to first.

use std::collections::BTreeMap;

use darkroom_asl::json::Text;
use darkroom_engine::store::{DefinitionKey, StoreError, StoredStateMachine, StoredVersion};
use darkroom_engine::{Engine, QualifiedArn, Qualifier};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::settings;
use crate::shapes::{IncludedData, Seconds, revision_id, variable_references};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: String,
    included_data: Option<IncludedData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_arn: String,
    name: Text,
    status: &'static str,
    definition: Text,
    role_arn: Text,
    #[serde(rename = "type")]
    machine_type: &'static str,
    creation_date: Seconds,
    logging_configuration: Value,
    tracing_configuration: Value,
    encryption_configuration: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable_references: Option<References>,
}

/// The variables that each state reads.
pub(super) type References = BTreeMap<Text, Vec<Text>>;

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.state_machine_arn;
    StatesArn::state_machine(&arn)?;
    let included_data = input.included_data.unwrap_or_default();
    context.blocking(move |engine| describe(engine, arn, included_data)).await
}

fn describe(engine: &Engine, arn: String, included_data: IncludedData) -> Result<Output, ApiError> {
    let (machine, version) = find(engine, &arn)?;
    // AWS: a version's date and revision are its own.
    let created_at = version.as_ref().map_or(machine.created_at, |version| version.created_at);
    let (revision, description) = match version {
        Some(version) => (version.revision, version.description),
        None => (machine.revision, None),
    };
    let (definition, variable_references) = definition(engine, &revision.definition, included_data)?;
    Ok(Output {
        state_machine_arn: arn,
        name: machine.name,
        status: machine.status.as_str(),
        definition,
        revision_id: revision_id(&revision),
        role_arn: revision.role_arn,
        machine_type: machine.machine_type.as_str(),
        creation_date: created_at.into(),
        logging_configuration: settings::read(&revision.settings.logging)?,
        tracing_configuration: settings::read(&revision.settings.tracing)?,
        encryption_configuration: settings::read(&revision.settings.encryption)?,
        description,
        variable_references,
    })
}

/// The state machine that an ARN names, and what of it, unless it is the state machine itself.
pub(super) fn find(
    engine: &Engine,
    arn: &str,
) -> Result<(StoredStateMachine, Option<StoredVersion>), ApiError> {
    let missing = || ApiError::StateMachineDoesNotExist(arn.to_owned());
    let QualifiedArn { state_machine_arn, qualifier } = QualifiedArn::parse(arn);
    let store = engine.store();
    let machine = store.state_machine(state_machine_arn)?.ok_or_else(missing)?;
    let number = match qualifier {
        None => return Ok((machine, None)),
        Some(Qualifier::Version(number)) => number,
        Some(Qualifier::Alias(_)) => {
            let alias = store.alias(arn)?.ok_or_else(missing)?;
            alias.routes.first().ok_or_else(missing)?.version
        }
    };
    let version = store.version(state_machine_arn, number)?.ok_or_else(missing)?;
    Ok((machine, Some(version)))
}

/// A definition's text, and the variables that its states read. AWS: an empty object stands for a text that was
/// not asked for.
pub(super) fn definition(
    engine: &Engine,
    key: &DefinitionKey,
    included_data: IncludedData,
) -> Result<(Text, Option<References>), ApiError> {
    if included_data == IncludedData::MetadataOnly {
        return Ok(("{}".into(), None));
    }
    let text = engine.store().definition(key)?.ok_or_else(|| StoreError::Corrupt {
        place: format!("definition {key}"),
        reason: "it is not there".to_owned(),
    })?;
    let machine = engine.machine(key)?;
    Ok((text, variable_references(&machine)))
}
