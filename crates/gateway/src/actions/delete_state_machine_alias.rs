//! `DeleteStateMachineAlias`. AWS: one that is not there is deleted too.

use serde::Deserialize;

use crate::arn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_alias_arn: String,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    arn::check_alias(&input.state_machine_alias_arn)?;
    context.blocking(move |engine| Ok(engine.delete_alias(&input.state_machine_alias_arn)?)).await?;
    Ok(Empty {})
}
