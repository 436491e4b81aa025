//! `CreateStateMachineAlias`.

use darkroom_asl::json::Text;
use darkroom_engine::NewAlias;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::protocol::Context;
use crate::routing::{self, WireRoute};
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    description: Option<String>,
    name: String,
    routing_configuration: Vec<WireRoute>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_alias_arn: Text,
    creation_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let (state_machine_arn, routes) = routing::read(&input.routing_configuration)?;
    let description = input.description.map(Text::from);
    let new = NewAlias { state_machine_arn, name: input.name.into(), description, routes };
    let alias = context.blocking(move |engine| Ok(engine.create_alias(new)?)).await?;
    Ok(Output { state_machine_alias_arn: alias.arn, creation_date: alias.created_at.into() })
}
