//! `DescribeStateMachineAlias`.

use darkroom_asl::json::Text;
use serde::{Deserialize, Serialize};

use crate::arn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::routing::{self, WireRoute};
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_alias_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_alias_arn: Text,
    name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Text>,
    routing_configuration: Vec<WireRoute>,
    creation_date: Seconds,
    update_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.state_machine_alias_arn;
    arn::check_alias(&arn)?;
    let alias = context.read(move |store| store.alias(&arn)).await?.ok_or(ApiError::ReferenceNotFound)?;
    Ok(Output {
        routing_configuration: routing::show(&alias.state_machine_arn, &alias.routes),
        state_machine_alias_arn: alias.arn,
        name: alias.name,
        description: alias.description,
        creation_date: alias.created_at.into(),
        update_date: alias.updated_at.into(),
    })
}
