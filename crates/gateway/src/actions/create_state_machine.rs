//! `CreateStateMachine`.

use darkroom_asl::definition::MachineType;
use darkroom_engine::NewStateMachine;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::arn;
use crate::error::ApiError;
use crate::members::{ARN_MAX, DEFINITION_MAX, Members, NAME_MAX};
use crate::protocol::Context;
use crate::shapes::{Logging, Seconds, Settings, Tracing};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    name: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    #[serde(rename = "type")]
    machine_type: Option<String>,
    logging_configuration: Option<Logging>,
    tracing_configuration: Option<Tracing>,
    encryption_configuration: Option<Map<String, Value>>,
    publish: Option<bool>,
    version_description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_arn: String,
    creation_date: Seconds,
}

/// The types, in the order in which AWS names them.
pub(super) const TYPES: [(&str, MachineType); 2] =
    [("STANDARD", MachineType::Standard), ("EXPRESS", MachineType::Express)];

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    let name = members.text("name", input.name, 1, NAME_MAX);
    let definition = members.text("definition", input.definition, 1, DEFINITION_MAX);
    let role_arn = members.text("roleArn", input.role_arn, 1, ARN_MAX);
    let machine_type = members.word("type", input.machine_type.as_deref(), &TYPES).unwrap_or_default();
    let settings = Settings::check(
        &mut members,
        input.logging_configuration,
        input.tracing_configuration,
        input.encryption_configuration,
    );
    members.check()?;
    arn::check_name(&name)?;
    arn::check_role(&role_arn)?;
    let settings = settings?.text();
    if input.version_description.is_some() && input.publish != Some(true) {
        let message = "Version description can only be set when publish is true";
        return Err(ApiError::Validation(message.to_owned()));
    }
    if input.publish == Some(true) {
        return Err(ApiError::Validation("Versions of state machines are not supported yet".to_owned()));
    }
    let new = NewStateMachine {
        arn: arn::of_state_machine(&context, &name).into(),
        name: name.into(),
        definition: definition.into(),
        role_arn: role_arn.into(),
        machine_type,
        settings: settings.into(),
    };
    let created = context.blocking(move |engine| Ok(engine.create_state_machine(new)?)).await?;
    Ok(Output { state_machine_arn: created.arn.to_string(), creation_date: created.created_at.into() })
}
