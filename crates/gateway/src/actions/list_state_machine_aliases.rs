//! `ListStateMachineAliases`: of a state machine, or those that lead to a version. By name: the recordings have
//! them in this order, though AWS's documentation says that the newest comes first.

use darkroom_asl::json::Text;
use darkroom_engine::store::{StateMachineStatus, StoredAlias};
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
    state_machine_arn: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_aliases: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    state_machine_alias_arn: Text,
    creation_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.state_machine_arn;
    StatesArn::state_machine(&arn)?;
    let list = List::of(&context, &["aliases", &arn]);
    let length = page::length(input.max_results);
    let after = input.next_token.as_deref().map(|token| list.place(token)).transpose()?;
    let mut found = context.blocking(move |engine| aliases(engine, &arn)).await?;
    if let Some(after) = after {
        found.retain(|alias| *alias.arn > *after);
    }
    let page = list.page(found, length, |alias| alias.arn.to_string());
    let item = |alias: StoredAlias| Item {
        state_machine_alias_arn: alias.arn,
        creation_date: alias.created_at.into(),
    };
    Ok(Output {
        state_machine_aliases: page.items.into_iter().map(item).collect(),
        next_token: page.next_token,
    })
}

/// All of them: there are no more than a hundred.
fn aliases(engine: &Engine, arn: &str) -> Result<Vec<StoredAlias>, ApiError> {
    let QualifiedArn { state_machine_arn, qualifier } = QualifiedArn::parse(arn);
    let machine = engine.store().state_machine(state_machine_arn)?;
    let machine = machine.ok_or_else(|| ApiError::StateMachineDoesNotExist(arn.to_owned()))?;
    if machine.status == StateMachineStatus::Deleting {
        return Err(ApiError::StateMachineDeleting(arn.to_owned()));
    }
    match qualifier {
        None => Ok(engine.store().aliases(state_machine_arn)?),
        Some(Qualifier::Version(number)) => Ok(engine.aliases_to(state_machine_arn, number)?),
        Some(Qualifier::Alias(_)) => Err(ApiError::ReferenceNotFound),
    }
}
