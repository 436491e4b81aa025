//! `DeleteStateMachine`. One that is not there is deleted too.

use serde::Deserialize;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::members::{ARN_MAX, Members};
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let mut members = Members::default();
    let arn = members.text("stateMachineArn", input.state_machine_arn, 1, ARN_MAX);
    members.check()?;
    StatesArn::state_machine(&arn)?;
    context.read(move |store| store.delete_state_machine(&arn)).await?;
    Ok(Empty {})
}
