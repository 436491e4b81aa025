//! `DescribeActivity`.

use darkroom_asl::json::Text;
use darkroom_engine::store::StoredActivity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::settings;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    activity_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    activity_arn: Text,
    name: Text,
    creation_date: Seconds,
    encryption_configuration: Value,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let activity = find(&context, input.activity_arn).await?;
    Ok(Output {
        encryption_configuration: settings::read(&activity.settings)?,
        activity_arn: activity.arn,
        name: activity.name,
        creation_date: activity.created_at.into(),
    })
}

/// The activity of this ARN.
pub(super) async fn find(context: &Context, arn: String) -> Result<StoredActivity, ApiError> {
    StatesArn::activity(&arn)?;
    let wanted = arn.clone();
    context.read(move |store| store.activity(&wanted)).await?.ok_or(ApiError::ActivityDoesNotExist(arn))
}
