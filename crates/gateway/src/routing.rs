//! `routingConfiguration`: where an alias leads to.

use darkroom_asl::json::Text;
use darkroom_engine::WEIGHTS_SUM;
use darkroom_engine::store::{Route, version_arn};
use serde::{Deserialize, Serialize};

use crate::arn;
use crate::error::{ApiError, Rule};

/// One route on the wire.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireRoute {
    state_machine_version_arn: String,
    weight: u8,
}

/// The routes, and the state machine whose versions they lead to.
pub(crate) fn read(routes: &[WireRoute]) -> Result<(Text, Vec<Route>), ApiError> {
    let arns: Vec<&str> = routes.iter().map(|route| &*route.state_machine_version_arn).collect();
    let refused = |rule: &str| {
        let message = format!("Routing configuration must contain {rule}. Received: [{}]", arns.join(", "));
        ApiError::Rule(Rule::InvalidRoutingConfiguration, message)
    };
    let weights: Vec<u32> = routes.iter().map(|route| route.weight.into()).collect();
    if weights.iter().sum::<u32>() != WEIGHTS_SUM {
        let message =
            format!("Sum of routing configuration weights must equal {WEIGHTS_SUM}. Received: {weights:?}");
        return Err(ApiError::Rule(Rule::InvalidRoutingConfiguration, message));
    }
    let mut machine: Option<&str> = None;
    let mut read: Vec<Route> = Vec::with_capacity(routes.len());
    for (arn, route) in arns.iter().zip(routes) {
        let (of, version) = arn::version(arn).map_err(|_| refused("state machine version ARNs"))?;
        if machine.is_some_and(|machine| machine != of) {
            return Err(refused("versions of one state machine"));
        }
        if read.iter().any(|route| route.version == version) {
            return Err(refused("distinct state machine version ARNs"));
        }
        machine = Some(of);
        read.push(Route { version, weight: route.weight });
    }
    match machine {
        Some(machine) => Ok((machine.into(), read)),
        None => Err(refused("state machine version ARNs")),
    }
}

/// The routes of an alias, as they are shown.
pub(crate) fn show(state_machine_arn: &str, routes: &[Route]) -> Vec<WireRoute> {
    let route = |route: &Route| WireRoute {
        state_machine_version_arn: version_arn(state_machine_arn, route.version).to_string(),
        weight: route.weight,
    };
    routes.iter().map(route).collect()
}
