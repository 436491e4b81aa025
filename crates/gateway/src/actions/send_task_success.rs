//! `SendTaskSuccess`.

use darkroom_asl::json::{JacksonError, Payload};
use darkroom_engine::Report;
use serde::Deserialize;

use super::send_task_heartbeat::{check_token, send};
use crate::error::ApiError;
use crate::members::{Members, OUTPUT_MAX, TASK_TOKEN_MAX};
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    task_token: Option<String>,
    output: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    let mut members = Members::default();
    let token = members.text("taskToken", input.task_token, 1, TASK_TOKEN_MAX);
    let output = members.text("output", input.output, 0, OUTPUT_MAX);
    members.check()?;
    // AWS: a token that is none is told before an output that is none.
    check_token(&context, &token)?;
    let output = Payload::parse(output.as_str())
        .map_err(|error| ApiError::InvalidOutput(JacksonError::new(&output, &error).to_string()))?;
    send(context, token, Report::Success(output)).await
}
