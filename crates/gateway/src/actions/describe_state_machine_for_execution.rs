//! `DescribeStateMachineForExecution`: the state machine as it was when the execution started.

use std::collections::BTreeMap;

use darkroom_asl::json::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{describe_execution, describe_state_machine};
use crate::error::ApiError;
use crate::members::{ARN_MAX, Members};
use crate::protocol::Context;
use crate::shapes::{Seconds, Settings, includes_data};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: Option<String>,
    included_data: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_arn: Text,
    name: Text,
    definition: Text,
    role_arn: Text,
    update_date: Seconds,
    logging_configuration: Value,
    tracing_configuration: Value,
    encryption_configuration: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable_references: Option<BTreeMap<Text, Vec<Text>>>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    let arn = members.text("executionArn", input.execution_arn, 1, ARN_MAX);
    includes_data(&mut members, input.included_data.as_deref());
    members.check()?;
    let execution = describe_execution::find(&context, arn).await?;
    let (definition, variable_references) =
        describe_state_machine::definition(&context, execution.definition.clone()).await?;
    let identity = execution.identity;
    // A state machine that was deleted since has left its executions, and they know most of it.
    let wanted = identity.state_machine_arn.clone();
    let machine = context.read(move |store| store.state_machine(&wanted)).await?;
    let settings = match &machine {
        Some(machine) => Settings::read(&machine.settings)?,
        None => Settings::check(&mut Members::default(), None, None, None)?,
    };
    Ok(Output {
        state_machine_arn: identity.state_machine_arn.clone(),
        name: identity.state_machine_name.clone(),
        definition,
        role_arn: identity.role_arn.clone(),
        update_date: machine.map_or(execution.started_at, |machine| machine.created_at).into(),
        logging_configuration: settings.logging_configuration,
        tracing_configuration: settings.tracing_configuration,
        encryption_configuration: settings.encryption_configuration,
        variable_references,
    })
}
