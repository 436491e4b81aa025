//! `StopExecution`. One that has ended stays as it is, and says when it ended.

use darkroom_asl::interpreter::event::Reason;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::describe_execution;
use crate::error::ApiError;
use crate::members::{ARN_MAX, CAUSE_MAX, ERROR_MAX, Members};
use crate::protocol::Context;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    stop_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    let arn = members.text("executionArn", input.execution_arn, 1, ARN_MAX);
    if let Some(error) = &input.error {
        members.length("error", error, 0, ERROR_MAX);
    }
    if let Some(cause) = &input.cause {
        members.length("cause", cause, 0, CAUSE_MAX);
    }
    members.check()?;
    let found = describe_execution::find(&context, arn.clone()).await?;
    if let Some(end) = found.end {
        return Ok(Output { stop_date: end.ended_at.into() });
    }
    let (answer, answered) = oneshot::channel();
    let reason = Reason { error: input.error.map(Into::into), cause: input.cause.map(Into::into) };
    let reply = Box::new(move |stopped| {
        // A caller that has gone away needs no answer.
        let _ = answer.send(stopped);
    });
    context.engine.submit_stop(&arn.as_str().into(), reason, reply);
    answered.await.map_err(|_| ApiError::Unavailable)??;
    let execution = describe_execution::find(&context, arn).await?;
    match execution.end {
        Some(end) => Ok(Output { stop_date: end.ended_at.into() }),
        // It is open, and nobody runs it.
        None => Err(ApiError::Internal(format!(
            "{} cannot be stopped: it is set aside: {}",
            execution.identity.execution_arn,
            execution.parked.as_deref().unwrap_or("for no known reason")
        ))),
    }
}
