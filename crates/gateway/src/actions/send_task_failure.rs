//! `SendTaskFailure`.

use darkroom_asl::interpreter::event::Reason;
use darkroom_engine::Report;
use serde::Deserialize;

use super::send_task_heartbeat::send;
use crate::error::ApiError;
use crate::members::{CAUSE_MAX, ERROR_MAX, Members, TASK_TOKEN_MAX};
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    task_token: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let mut members = Members::default();
    let token = members.text("taskToken", input.task_token, 1, TASK_TOKEN_MAX);
    if let Some(error) = &input.error {
        members.length("error", error, 0, ERROR_MAX);
    }
    if let Some(cause) = &input.cause {
        members.length("cause", cause, 0, CAUSE_MAX);
    }
    members.check()?;
    let reason = Reason { error: input.error.map(Into::into), cause: input.cause.map(Into::into) };
    send(context, token, Report::Failure(reason)).await
}
