//! `SendTaskSuccess`.

use darkroom_asl::json::{JacksonError, Payload};
use darkroom_engine::Report;
use serde::Deserialize;

use super::send_task_heartbeat::{check_token, send};
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    task_token: String,
    output: String,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let Input { task_token, output } = input;
    // AWS: a token that is none is told before an output that is none.
    check_token(&context, &task_token)?;
    let output = Payload::parse(output.as_str())
        .map_err(|error| ApiError::InvalidOutput(JacksonError::new(&output, &error).to_string()))?;
    send(context, task_token, Report::Success(output)).await
}
