//! `ListStateMachines`, by ARN.

use darkroom_asl::json::Text;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::members::Members;
use crate::page::{self, List};
use crate::protocol::Context;
use crate::shapes::Seconds;

/// Characters of a token, in the API's model.
const TOKEN_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machines: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    state_machine_arn: Text,
    name: Text,
    #[serde(rename = "type")]
    machine_type: &'static str,
    creation_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    let length = page::length(&mut members, input.max_results, input.next_token.as_deref(), TOKEN_MAX);
    members.check()?;
    let list = List::of(&["state machines"]);
    let after = input.next_token.as_deref().map(|token| list.place(token)).transpose()?;
    let mut found = context.read(move |store| store.state_machines(after.as_deref(), length + 1)).await?;
    let has_next = found.len() > length;
    found.truncate(length);
    let next_token = found.last().filter(|_| has_next).map(|last| list.token(&last.arn));
    let state_machines = found
        .into_iter()
        .map(|machine| Item {
            state_machine_arn: machine.arn,
            name: machine.name,
            machine_type: machine.machine_type.as_str(),
            creation_date: machine.created_at.into(),
        })
        .collect();
    Ok(Output { state_machines, next_token })
}
