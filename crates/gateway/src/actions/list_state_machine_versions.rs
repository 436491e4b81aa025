//! `ListStateMachineVersions`: the newest first. AWS: of a state machine that is not there, there are none.

use darkroom_asl::json::Text;
use darkroom_engine::store::StoredVersion;
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
    state_machine_versions: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    state_machine_version_arn: Text,
    creation_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.state_machine_arn;
    StatesArn::unqualified(&arn)?;
    let list = List::of(&context, &["versions", &arn]);
    let length = page::length(input.max_results);
    let before = input.next_token.as_deref().map(|token| list.number(token)).transpose()?;
    let found = context.read(move |store| store.versions(&arn, before, length + 1)).await?;
    let page = list.page(found, length, |version| version.number.to_string());
    let item = |version: StoredVersion| Item {
        state_machine_version_arn: version.arn(),
        creation_date: version.created_at.into(),
    };
    Ok(Output {
        state_machine_versions: page.items.into_iter().map(item).collect(),
        next_token: page.next_token,
    })
}
