//! `UpdateStateMachineAlias`.

use darkroom_asl::json::Text;
use darkroom_engine::{QualifiedArn, store::Route};
use serde::{Deserialize, Serialize};

use crate::arn;
use crate::error::{ApiError, Rule};
use crate::protocol::Context;
use crate::routing::{self, WireRoute};
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_alias_arn: String,
    description: Option<String>,
    routing_configuration: Option<Vec<WireRoute>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    update_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.state_machine_alias_arn;
    arn::check_alias(&arn)?;
    if input.description.is_none() && input.routing_configuration.is_none() {
        let message = "Either the description or the routing configuration must be specified";
        return Err(ApiError::Rule(Rule::MissingRequiredParameter, message.to_owned()));
    }
    let routes = input.routing_configuration.map(|routes| routes_of(&arn, &routes)).transpose()?;
    let description = input.description.map(Text::from);
    let alias = context.blocking(move |engine| Ok(engine.update_alias(&arn, description, routes)?)).await?;
    Ok(Output { update_date: alias.updated_at.into() })
}

/// Routes to versions of the alias's own state machine.
fn routes_of(alias_arn: &str, routes: &[WireRoute]) -> Result<Vec<Route>, ApiError> {
    let (state_machine_arn, routes) = routing::read(routes)?;
    if *state_machine_arn == *QualifiedArn::parse(alias_arn).state_machine_arn {
        return Ok(routes);
    }
    let message = "Routing configuration must contain versions of the alias's own state machine";
    Err(ApiError::Rule(Rule::InvalidRoutingConfiguration, message.to_owned()))
}
