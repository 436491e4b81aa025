//! `StartSyncExecution`: an Express execution from its start to its end. No thread waits with it.

use std::sync::Arc;

use darkroom_asl::definition::MachineType;
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::EndStatus;
use darkroom_engine::{Bill, Outcome};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::start_execution::{Start, Wanted};
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::{Included, IncludedData, Seconds};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Input {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
    included_data: Option<IncludedData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Output {
    execution_arn: Text,
    state_machine_arn: Text,
    name: Text,
    start_date: Seconds,
    stop_date: Seconds,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Payload>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_header: Option<Text>,
    billing_details: Billing,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Billing {
    #[serde(rename = "billedMemoryUsedInMB")]
    billed_memory_used_in_mb: u64,
    billed_duration_in_milliseconds: u64,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let include_data = input.included_data.unwrap_or_default() == IncludedData::AllData;
    let wanted = Wanted::read(input.state_machine_arn, input.name, input.input)?;
    let wanted = wanted.in_trace(&context, input.trace_header);
    let (answer, answered) = oneshot::channel();
    let machine_arn = wanted.machine_arn.clone();
    context
        .with_target(&machine_arn, move |engine| {
            let Start { machine_type, identity, definition, machine, input } = wanted.resolve(engine)?;
            if machine_type != MachineType::Express {
                return Err(ApiError::StateMachineTypeNotSupported);
            }
            let reply = Box::new(move |outcome| {
                // A caller that has gone away needs no answer.
                let _ = answer.send(outcome);
            });
            Ok(engine.submit_run_express(identity, &definition, &machine, input, reply)?)
        })
        .await?;
    let outcome = answered.await.ok().flatten();
    let outcome =
        outcome.ok_or_else(|| ApiError::Internal("an Express execution was set aside".to_owned()))?;
    Ok(describe(&outcome, include_data))
}

fn describe(outcome: &Arc<Outcome>, include_data: bool) -> Output {
    let Outcome { identity, input, started_at, redrive_count: _, end } = &**outcome;
    let (output, reason) = match &end.status {
        EndStatus::Succeeded(output) => (Some(output), None),
        EndStatus::Failed(reason) | EndStatus::TimedOut(reason) | EndStatus::Aborted(reason) => {
            (None, Some(reason))
        }
    };
    let bill = Bill::of(input.len_bytes(), *started_at, end.ended_at);
    Output {
        execution_arn: identity.execution_arn.clone(),
        state_machine_arn: identity.state_machine_arn.clone(),
        name: identity.execution_name.clone(),
        start_date: (*started_at).into(),
        stop_date: end.ended_at.into(),
        status: end.status.as_str(),
        error: reason.and_then(|reason| reason.error.clone()),
        cause: reason.and_then(|reason| reason.cause.clone()),
        input: include_data.then(|| input.clone()),
        input_details: Included { included: include_data },
        output: output.filter(|_| include_data).cloned(),
        output_details: output.map(|_| Included { included: include_data }),
        trace_header: identity.trace_header.clone(),
        billing_details: Billing {
            billed_memory_used_in_mb: bill.billed_memory_mb,
            billed_duration_in_milliseconds: bill.billed_duration_ms,
        },
    }
}
