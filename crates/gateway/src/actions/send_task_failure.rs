//! `SendTaskFailure`.

use darkroom_asl::interpreter::event::Reason;
use darkroom_engine::Report;
use serde::Deserialize;

use super::send_task_heartbeat::send;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let reason = Reason { error: input.error.map(Into::into), cause: input.cause.map(Into::into) };
    send(context, input.task_token, Report::Failure(reason)).await
}
