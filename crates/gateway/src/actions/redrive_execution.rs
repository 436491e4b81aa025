//! `RedriveExecution`.

use darkroom_engine::RedriveError;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: String,
    client_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    redrive_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let Input { execution_arn, client_token } = input;
    StatesArn::execution(&execution_arn)?;
    let arn = execution_arn.as_str().into();
    let (answer, answered) = oneshot::channel();
    let reply = Box::new(move |redriven| {
        // A caller that has gone away needs no answer.
        let _ = answer.send(redriven);
    });
    context
        .blocking(move |engine| {
            engine.submit_redrive(&arn, client_token.map(Into::into), reply);
            Ok(())
        })
        .await?;
    match answered.await.map_err(|_| ApiError::Unavailable)? {
        Ok(at) => Ok(Output { redrive_date: at.into() }),
        Err(RedriveError::DoesNotExist) => Err(ApiError::ExecutionDoesNotExist(execution_arn)),
        Err(RedriveError::NotRedrivable(reason)) => Err(ApiError::ExecutionNotRedrivable(reason)),
        Err(RedriveError::Store(error)) => Err(error.into()),
    }
}
