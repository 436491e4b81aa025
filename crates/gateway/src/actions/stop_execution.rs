//! `StopExecution`. One that has ended stays as it is, and says when it ended.

use darkroom_asl::interpreter::event::Reason;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::describe_execution;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    stop_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.execution_arn;
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
