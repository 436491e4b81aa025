//! `ListMapRuns`. No execution has any yet: the distributed Map is refused in definitions.

use serde::{Deserialize, Serialize};

use super::describe_execution;
use crate::error::ApiError;
use crate::page::List;
use crate::protocol::Context;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: String,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    map_runs: [(); 0],
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let list = List::of(&context, &["map runs", &input.execution_arn]);
    if let Some(token) = &input.next_token {
        list.place(token)?;
    }
    describe_execution::find(&context, input.execution_arn).await?;
    Ok(Output { map_runs: [] })
}
