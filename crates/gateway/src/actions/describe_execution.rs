//! `DescribeExecution`.

use std::sync::Arc;

use darkroom_asl::json::{Payload, Text};
use darkroom_engine::NotRedrivable;
use darkroom_engine::store::{EndStatus, StoredExecution};
use serde::{Deserialize, Serialize};

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::{Included, IncludedData, Seconds};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: String,
    included_data: Option<IncludedData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Output {
    execution_arn: Text,
    state_machine_arn: Text,
    name: Text,
    status: &'static str,
    start_date: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Payload>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_header: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<Text>,
    redrive_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_date: Option<Seconds>,
    redrive_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_status_reason: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    StatesArn::execution(&input.execution_arn)?;
    let include_data = input.included_data.unwrap_or_default() == IncludedData::AllData;
    // Whoever waits for an execution asks again and again: that is answered here, and not by the store.
    if let Some(execution) = context.engine.known_execution(&input.execution_arn)
        && let Some(reason) = context.engine.is_known_not_redrivable(&execution)
    {
        return Ok(describe(Arc::unwrap_or_clone(execution), Err(reason), include_data));
    }
    let arn = input.execution_arn;
    let (execution, redrivable) = context
        .blocking(move |engine| {
            let found = engine.store().execution(&arn)?;
            let execution = found.ok_or(ApiError::ExecutionDoesNotExist(arn))?;
            let redrivable = engine.is_redrivable(&execution)?;
            Ok((execution, redrivable))
        })
        .await?;
    Ok(describe(execution, redrivable, include_data))
}

/// The execution of this ARN.
pub(super) async fn find(context: &Context, arn: String) -> Result<StoredExecution, ApiError> {
    StatesArn::execution(&arn)?;
    let wanted = arn.clone();
    context.read(move |store| store.execution(&wanted)).await?.ok_or(ApiError::ExecutionDoesNotExist(arn))
}

fn describe(execution: StoredExecution, redrivable: Result<(), NotRedrivable>, include_data: bool) -> Output {
    let status = execution.status();
    let (redrive_status, redrive_status_reason) = match redrivable {
        Ok(()) => ("REDRIVABLE", None),
        Err(reason) => ("NOT_REDRIVABLE", Some(reason.to_string())),
    };
    let stop_date = execution.end.as_ref().map(|end| end.ended_at.into());
    let (output, reason) = match execution.end.map(|end| end.status) {
        Some(EndStatus::Succeeded(output)) => (Some(output), None),
        // AWS: the machine's own timeout has no error and no cause here.
        None | Some(EndStatus::TimedOut(_)) => (None, None),
        Some(EndStatus::Failed(reason) | EndStatus::Aborted(reason)) => (None, Some(reason)),
    };
    let reason = reason.unwrap_or_default();
    Output {
        execution_arn: execution.identity.execution_arn.clone(),
        state_machine_arn: execution.identity.state_machine_arn.clone(),
        name: execution.identity.execution_name.clone(),
        status: status.as_str(),
        start_date: execution.started_at.into(),
        stop_date,
        input: include_data.then_some(execution.input),
        input_details: Included { included: include_data },
        output_details: output.is_some().then_some(Included { included: include_data }),
        output: output.filter(|_| include_data),
        trace_header: execution.identity.trace_header.clone(),
        error: reason.error,
        cause: reason.cause,
        state_machine_version_arn: execution.identity.qualifiers.version_arn.clone(),
        state_machine_alias_arn: execution.identity.qualifiers.alias_arn.clone(),
        redrive_count: execution.redrive.map_or(0, |redrive| redrive.count),
        redrive_date: execution.redrive.map(|redrive| redrive.at.into()),
        redrive_status,
        redrive_status_reason,
    }
}
