//! `UntagResource`: state machines and activities.

use serde::Deserialize;

use super::list_tags_for_resource::in_context;
use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let Input { resource_arn, tag_keys } = input;
    StatesArn::taggable(&resource_arn)?;
    context
        .blocking(move |engine| {
            engine.untag_resource(&resource_arn, &tag_keys).map_err(in_context(&resource_arn))
        })
        .await?;
    Ok(Empty {})
}
