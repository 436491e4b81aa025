//! `UpdateMapRun`. No map run is there yet: the distributed Map is refused in definitions.

use serde::Deserialize;

use crate::arn::StatesArn;
use crate::error::{ApiError, Rule};
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    map_run_arn: String,
    max_concurrency: Option<i64>,
    tolerated_failure_percentage: Option<f64>,
    tolerated_failure_count: Option<i64>,
}

pub(super) async fn run(_: Context, input: Input) -> Result<Empty, ApiError> {
    StatesArn::map_run(&input.map_run_arn)?;
    let changes_anything = input.max_concurrency.is_some()
        || input.tolerated_failure_percentage.is_some()
        || input.tolerated_failure_count.is_some();
    if !changes_anything {
        let message = "One of maxConcurrency, toleratedFailurePercentage and toleratedFailureCount must be \
                       specified";
        return Err(ApiError::Rule(Rule::MissingRequiredParameter, message.to_owned()));
    }
    Err(ApiError::ResourceNotFound(input.map_run_arn))
}
