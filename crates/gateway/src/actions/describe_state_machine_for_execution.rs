//! `DescribeStateMachineForExecution`: the state machine as it was when the execution started.

use darkroom_asl::json::Text;
use darkroom_engine::Engine;
use darkroom_engine::store::{Settings, StoredExecution};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::describe_execution;
use super::describe_state_machine::{References, definition};
use crate::error::ApiError;
use crate::protocol::Context;
use crate::settings;
use crate::shapes::{IncludedData, Seconds, revision_id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: String,
    included_data: Option<IncludedData>,
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
    revision_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable_references: Option<References>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let execution = describe_execution::find(&context, input.execution_arn).await?;
    let included_data = input.included_data.unwrap_or_default();
    context.blocking(move |engine| describe(engine, &execution, included_data)).await
}

fn describe(
    engine: &Engine,
    execution: &StoredExecution,
    included_data: IncludedData,
) -> Result<Output, ApiError> {
    let (definition, variable_references) = definition(engine, &execution.definition, included_data)?;
    let identity = &execution.identity;
    let revision =
        identity.revision_id.as_deref().map(|id| engine.store().revision(id)).transpose()?.flatten();
    // An execution that was started by other means than this API has no revision.
    let Settings { logging, tracing, encryption } = match &revision {
        Some(revision) => revision.settings.clone(),
        None => settings::defaults()?,
    };
    Ok(Output {
        state_machine_arn: identity.state_machine_arn.clone(),
        name: identity.state_machine_name.clone(),
        definition,
        role_arn: identity.role_arn.clone(),
        update_date: revision.as_ref().map_or(execution.started_at, |revision| revision.updated_at).into(),
        logging_configuration: settings::read(&logging)?,
        tracing_configuration: settings::read(&tracing)?,
        encryption_configuration: settings::read(&encryption)?,
        revision_id: revision.as_ref().and_then(revision_id),
        variable_references,
    })
}
