//! `ListExecutions`: the newest first.

use darkroom_asl::definition::MachineType;
use darkroom_asl::json::Text;
use darkroom_engine::store::{ExecutionKey, ExecutionStatus, Filter, StoredExecution};
use serde::{Deserialize, Serialize};

use super::describe_state_machine;
use crate::error::ApiError;
use crate::members::{ARN_MAX, Members};
use crate::page::{self, List};
use crate::protocol::Context;
use crate::shapes::Seconds;

/// Characters of a token, in the API's model.
const TOKEN_MAX: usize = 3096;
/// Characters of a map run's ARN, in the API's model.
const LONG_ARN_MAX: usize = 2000;

/// The words for `statusFilter`, in the order in which AWS names them. `None`: of map runs' children only.
const STATUSES: [(&str, Option<ExecutionStatus>); 6] = [
    ("SUCCEEDED", Some(ExecutionStatus::Succeeded)),
    ("TIMED_OUT", Some(ExecutionStatus::TimedOut)),
    ("PENDING_REDRIVE", None),
    ("ABORTED", Some(ExecutionStatus::Aborted)),
    ("FAILED", Some(ExecutionStatus::Failed)),
    ("RUNNING", Some(ExecutionStatus::Running)),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: Option<String>,
    status_filter: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    map_run_arn: Option<String>,
    redrive_filter: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    executions: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    execution_arn: Text,
    state_machine_arn: Text,
    name: Text,
    status: &'static str,
    start_date: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<Seconds>,
    redrive_count: u32,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    if let Some(arn) = &input.state_machine_arn {
        members.length("stateMachineArn", arn, 1, ARN_MAX);
    }
    if let Some(arn) = &input.map_run_arn {
        members.length("mapRunArn", arn, 1, LONG_ARN_MAX);
    }
    let status = members.word("statusFilter", input.status_filter.as_deref(), &STATUSES);
    let redriven = members.word(
        "redriveFilter",
        input.redrive_filter.as_deref(),
        &[("REDRIVEN", true), ("NOT_REDRIVEN", false)],
    );
    let length = page::length(&mut members, input.max_results, input.next_token.as_deref(), TOKEN_MAX);
    members.check()?;
    let arn = match (input.state_machine_arn, input.map_run_arn) {
        (Some(arn), None) => arn,
        (None, Some(arn)) => return Err(ApiError::ResourceNotFound(arn)),
        (None, None) | (Some(_), Some(_)) => {
            let message = "Exactly one of stateMachineArn and mapRunArn must be specified";
            return Err(ApiError::Validation(message.to_owned()));
        }
    };
    if status == Some(None) {
        let message = "The statusFilter PENDING_REDRIVE is only supported with mapRunArn";
        return Err(ApiError::Validation(message.to_owned()));
    }
    let list = List::of(&["executions", &arn, input.status_filter.as_deref().unwrap_or_default()]);
    let before = input.next_token.as_deref().map(|token| list.number(token)).transpose()?;
    let machine = describe_state_machine::find(&context, arn).await?;
    if machine.machine_type == MachineType::Express {
        return Err(ApiError::StateMachineTypeNotSupported);
    }
    if redriven == Some(true) {
        // No execution was ever redriven here.
        return Ok(Output { executions: Vec::new(), next_token: None });
    }
    let filter = Filter {
        state_machine_arn: Some(machine.arn),
        status: status.flatten(),
        before: before.map(ExecutionKey),
        // One more says whether there is a next page.
        limit: length + 1,
    };
    let mut found = context.read(move |store| store.executions(&filter)).await?;
    let has_next = found.len() > length;
    found.truncate(length);
    let next_token = found.last().filter(|_| has_next).map(|last| list.token(&last.key.0.to_string()));
    Ok(Output { executions: found.into_iter().map(item).collect(), next_token })
}

fn item(execution: StoredExecution) -> Item {
    Item {
        execution_arn: execution.identity.execution_arn.clone(),
        state_machine_arn: execution.identity.state_machine_arn.clone(),
        name: execution.identity.execution_name.clone(),
        status: execution.status().as_str(),
        start_date: execution.started_at.into(),
        stop_date: execution.end.map(|end| end.ended_at.into()),
        redrive_count: 0,
    }
}
