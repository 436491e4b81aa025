//! `ListExecutions`: the newest first.

use darkroom_asl::definition::MachineType;
use darkroom_asl::json::Text;
use darkroom_engine::store::{
    ExecutionKey, ExecutionStatus, ExecutionSummary, Filter, StartedThrough, Store,
};
use darkroom_engine::{Engine, QualifiedArn, Qualifier};
use serde::{Deserialize, Serialize};

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::page::{self, List};
use crate::protocol::Context;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: Option<String>,
    status_filter: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    map_run_arn: Option<String>,
    redrive_filter: Option<RedriveFilter>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RedriveFilter {
    Redriven,
    NotRedriven,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<Text>,
    redrive_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_date: Option<Seconds>,
}

/// A status that only children of a map run have.
const PENDING_REDRIVE: &str = "PENDING_REDRIVE";

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = match (input.state_machine_arn, input.map_run_arn) {
        (Some(arn), None) => arn,
        (None, Some(arn)) => {
            StatesArn::map_run(&arn)?;
            return Err(ApiError::ResourceNotFound(arn));
        }
        (None, None) | (Some(_), Some(_)) => {
            let message = "Exactly one of stateMachineArn and mapRunArn must be specified";
            return Err(ApiError::Validation(message.to_owned()));
        }
    };
    StatesArn::state_machine(&arn)?;
    let status = input.status_filter.as_deref().unwrap_or_default();
    if status == PENDING_REDRIVE {
        let message = "The statusFilter PENDING_REDRIVE is only supported with mapRunArn";
        return Err(ApiError::Validation(message.to_owned()));
    }
    let redriven = match input.redrive_filter {
        None => "",
        Some(RedriveFilter::Redriven) => "redriven",
        Some(RedriveFilter::NotRedriven) => "not redriven",
    };
    let list = List::of(&context, &["executions", &arn, status, redriven]);
    let length = page::length(input.max_results);
    let before = input.next_token.as_deref().map(|token| list.number(token)).transpose()?;
    let status = ExecutionStatus::parse(status);
    let found = context
        .blocking(move |engine| {
            let filter = Filter {
                through: Some(through(engine, &arn)?),
                status,
                before: before.map(ExecutionKey),
                limit: length + 1,
            };
            listed(engine.store().as_ref(), filter, input.redrive_filter)
        })
        .await?;
    let page = list.page(found, length, |execution| execution.key.0.to_string());
    Ok(Output { executions: page.items.iter().map(item).collect(), next_token: page.next_token })
}

/// A page's executions. Few are redriven, so they have no index: the store's pages are gone through.
fn listed(
    store: &dyn Store,
    mut filter: Filter,
    redrive_filter: Option<RedriveFilter>,
) -> Result<Vec<ExecutionSummary>, ApiError> {
    let mut found = Vec::new();
    loop {
        let page = store.executions(&filter)?;
        filter.before = page.last().map(|execution| execution.key);
        let is_last = page.len() < filter.limit;
        found.extend(page.into_iter().filter(|execution| match redrive_filter {
            None => true,
            Some(RedriveFilter::Redriven) => execution.redrive.is_some(),
            Some(RedriveFilter::NotRedriven) => execution.redrive.is_none(),
        }));
        if is_last || found.len() >= filter.limit {
            found.truncate(filter.limit);
            return Ok(found);
        }
    }
}

/// What the ARN of a Standard state machine, or of its version or alias, lists.
fn through(engine: &Engine, arn: &str) -> Result<StartedThrough, ApiError> {
    let QualifiedArn { state_machine_arn, qualifier } = QualifiedArn::parse(arn);
    let store = engine.store();
    let machine = store.state_machine(state_machine_arn)?;
    let machine = machine.ok_or_else(|| ApiError::StateMachineDoesNotExist(arn.to_owned()))?;
    if machine.machine_type == MachineType::Express {
        return Err(ApiError::StateMachineTypeNotSupported);
    }
    let (is_there, through) = match qualifier {
        None => (true, StartedThrough::StateMachine(machine.arn)),
        Some(Qualifier::Version(number)) => {
            (store.version(state_machine_arn, number)?.is_some(), StartedThrough::Version(arn.into()))
        }
        Some(Qualifier::Alias(_)) => (store.alias(arn)?.is_some(), StartedThrough::Alias(arn.into())),
    };
    if is_there { Ok(through) } else { Err(ApiError::ResourceNotFound(arn.to_owned())) }
}

fn item(execution: &ExecutionSummary) -> Item {
    let identity = &execution.identity;
    Item {
        execution_arn: identity.execution_arn.clone(),
        state_machine_arn: identity.state_machine_arn.clone(),
        name: identity.execution_name.clone(),
        status: execution.status.as_str(),
        start_date: execution.started_at.into(),
        stop_date: execution.ended_at.map(Seconds::from),
        state_machine_version_arn: identity.qualifiers.version_arn.clone(),
        state_machine_alias_arn: identity.qualifiers.alias_arn.clone(),
        redrive_count: execution.redrive.map_or(0, |redrive| redrive.count),
        redrive_date: execution.redrive.map(|redrive| redrive.at.into()),
    }
}
