//! `SendTaskHeartbeat`, and what all three reports on a task have in common.

use darkroom_engine::Report;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    task_token: String,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Empty, ApiError> {
    send(context, input.task_token, Report::Heartbeat).await
}

/// Whether the token is one of this engine's at all.
pub(super) fn check_token(context: &Context, token: &str) -> Result<(), ApiError> {
    if context.engine.knows_token(token) { Ok(()) } else { Err(ApiError::InvalidToken) }
}

/// Reports on a task, and answers when that is durable.
pub(super) async fn send(context: Context, token: String, report: Report) -> Result<Empty, ApiError> {
    let (answer, answered) = oneshot::channel();
    let reply = Box::new(move |taken| {
        // A caller that has gone away needs no answer.
        let _ = answer.send(taken);
    });
    context
        .blocking(move |engine| {
            engine.submit_report(&token, report, reply);
            Ok(())
        })
        .await?;
    answered.await.map_err(|_| ApiError::Unavailable)??;
    Ok(Empty {})
}
