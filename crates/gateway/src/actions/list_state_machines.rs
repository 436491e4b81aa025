//! `ListStateMachines`, by ARN.

use darkroom_asl::json::Text;
use darkroom_engine::store::StoredStateMachine;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::page::{self, List};
use crate::protocol::Context;
use crate::shapes::Seconds;

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
    let list = List::of(&context, &["state machines"]);
    let length = page::length(input.max_results);
    let after = input.next_token.as_deref().map(|token| list.place(token)).transpose()?;
    let found = context.read(move |store| store.state_machines(after.as_deref(), length + 1)).await?;
    let page = list.page(found, length, |machine| machine.arn.to_string());
    let item = |machine: StoredStateMachine| Item {
        state_machine_arn: machine.arn,
        name: machine.name,
        machine_type: machine.machine_type.as_str(),
        creation_date: machine.created_at.into(),
    };
    Ok(Output { state_machines: page.items.into_iter().map(item).collect(), next_token: page.next_token })
}
