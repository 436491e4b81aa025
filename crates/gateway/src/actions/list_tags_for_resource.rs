//! `ListTagsForResource`: state machines and activities.

use darkroom_engine::ResourceError;
use serde::{Deserialize, Serialize};

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::WireTag;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    resource_arn: String,
}

#[derive(Serialize)]
pub(super) struct Output {
    tags: Vec<WireTag>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.resource_arn;
    StatesArn::taggable(&arn)?;
    let tags = context.blocking(move |engine| engine.tags(&arn).map_err(in_context(&arn))).await?;
    Ok(Output { tags: tags.into_iter().map(WireTag::from).collect() })
}

/// Here what is not found is the resource that the call is about.
pub(super) fn in_context(arn: &str) -> impl Fn(ResourceError) -> ApiError + use<> {
    let arn = arn.to_owned();
    move |error| match error {
        ResourceError::NotFound(_) => ApiError::ResourceNotFound(arn.clone()),
        other => other.into(),
    }
}
