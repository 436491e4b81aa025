//! `TagResource`: state machines and activities.

use serde::Deserialize;

use super::list_tags_for_resource::in_context;
use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::{Empty, WireTag, tags};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    resource_arn: String,
    tags: Vec<WireTag>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let Input { resource_arn, tags: more } = input;
    StatesArn::taggable(&resource_arn)?;
    let tags = tags(Some(more));
    context
        .blocking(move |engine| engine.tag_resource(&resource_arn, tags).map_err(in_context(&resource_arn)))
        .await?;
    Ok(Empty {})
}
