//! `DeleteStateMachineVersion`. One that is not there is deleted too.

use serde::Deserialize;

use crate::arn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_version_arn: String,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let arn = input.state_machine_version_arn;
    arn::version(&arn)?;
    context
        .blocking(move |engine| {
            let (state_machine_arn, number) = arn::version(&arn)?;
            Ok(engine.delete_version(state_machine_arn, number)?)
        })
        .await?;
    Ok(Empty {})
}
