//! `DescribeStateMachine`.

use std::collections::BTreeMap;

use darkroom_asl::json::Text;
use darkroom_engine::store::{DefinitionKey, StoreError, StoredStateMachine};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::members::{ARN_MAX, Members};
use crate::protocol::Context;
use crate::shapes::{Seconds, Settings, includes_data, variable_references};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: Option<String>,
    included_data: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_arn: Text,
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
    variable_references: Option<BTreeMap<Text, Vec<Text>>>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    let arn = members.text("stateMachineArn", input.state_machine_arn, 1, ARN_MAX);
    includes_data(&mut members, input.included_data.as_deref());
    members.check()?;
    let machine = find(&context, arn).await?;
    let (definition, variable_references) = definition(&context, machine.definition.clone()).await?;
    let settings = Settings::read(&machine.settings)?;
    Ok(Output {
        state_machine_arn: machine.arn,
        name: machine.name,
        status: machine.status.as_str(),
        definition,
        role_arn: machine.role_arn,
        machine_type: machine.machine_type.as_str(),
        creation_date: machine.created_at.into(),
        logging_configuration: settings.logging_configuration,
        tracing_configuration: settings.tracing_configuration,
        encryption_configuration: settings.encryption_configuration,
        variable_references,
    })
}

/// The state machine of this ARN.
pub(super) async fn find(context: &Context, arn: String) -> Result<StoredStateMachine, ApiError> {
    StatesArn::state_machine(&arn)?;
    let wanted = arn.clone();
    context
        .read(move |store| store.state_machine(&wanted))
        .await?
        .ok_or(ApiError::StateMachineDoesNotExist(arn))
}

/// A definition's text, and the variables that its states read.
pub(super) async fn definition(
    context: &Context,
    key: DefinitionKey,
) -> Result<(Text, Option<BTreeMap<Text, Vec<Text>>>), ApiError> {
    context
        .blocking(move |engine| {
            let text = engine.store().definition(&key)?.ok_or_else(|| StoreError::Corrupt {
                place: format!("definition {key}"),
                reason: "it is not there".to_owned(),
            })?;
            let machine = engine.machine(&key)?;
            Ok((text, variable_references(&machine)))
        })
        .await
}
