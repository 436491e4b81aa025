//! `DeleteActivity`. One that is not there is deleted too.

use serde::Deserialize;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    activity_arn: String,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    StatesArn::activity(&input.activity_arn)?;
    context.blocking(move |engine| Ok(engine.delete_activity(&input.activity_arn)?)).await?;
    Ok(Empty {})
}
