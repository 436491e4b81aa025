//! `DescribeMapRun`. No map run is there yet: the distributed Map is refused in definitions.

use serde::Deserialize;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Empty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    map_run_arn: String,
}

pub(super) async fn run(_: Context, input: Input) -> Result<Empty, ApiError> {
    StatesArn::map_run(&input.map_run_arn)?;
    Err(ApiError::ResourceNotFound(input.map_run_arn))
}
