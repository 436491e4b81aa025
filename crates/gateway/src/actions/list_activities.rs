//! `ListActivities`, by ARN.

use darkroom_asl::json::Text;
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
    activities: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    activity_arn: Text,
    name: Text,
    creation_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let list = List::of(&context, &["activities"]);
    let length = page::length(input.max_results);
    let after = input.next_token.as_deref().map(|token| list.place(token)).transpose()?;
    let found = context.read(move |store| store.activities(after.as_deref(), length + 1)).await?;
    let page = list.page(found, length, |activity| activity.arn.to_string());
    let item = |activity: darkroom_engine::store::StoredActivity| Item {
        activity_arn: activity.arn,
        name: activity.name,
        creation_date: activity.created_at.into(),
    };
    Ok(Output { activities: page.items.into_iter().map(item).collect(), next_token: page.next_token })
}
