//! `CreateStateMachine`.

use darkroom_asl::definition::MachineType;
use darkroom_asl::json::Text;
use darkroom_engine::store::Settings;
use darkroom_engine::{NewStateMachine, Publication};
use serde::{Deserialize, Serialize};

use crate::arn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::settings::{self, Encryption, Logging, Tracing};
use crate::shapes::{Seconds, WireTag, tags};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    name: String,
    definition: String,
    role_arn: String,
    #[serde(rename = "type")]
    machine_type: Option<String>,
    logging_configuration: Option<Logging>,
    tracing_configuration: Option<Tracing>,
    encryption_configuration: Option<Encryption>,
    tags: Option<Vec<WireTag>>,
    publish: Option<bool>,
    version_description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    state_machine_arn: Text,
    creation_date: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<Text>,
}

/// What AWS compares of a second creation beside what a revision holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Creation<'a> {
    #[serde(skip_serializing_if = "is_false")]
    publish: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_description: Option<&'a str>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    arn::check_name(&input.name)?;
    arn::check_role(&input.role_arn)?;
    let settings = Settings {
        logging: settings::logging(input.logging_configuration)?,
        tracing: settings::tracing(input.tracing_configuration),
        encryption: settings::encryption(input.encryption_configuration)?,
    };
    let publish = input.publish.unwrap_or(false);
    let creation = Creation { publish, version_description: input.version_description.as_deref() };
    let creation = serde_json::to_string(&creation).map_err(|error| ApiError::Internal(error.to_string()))?;
    let new = NewStateMachine {
        arn: arn::of_state_machine(&context, &input.name).into(),
        name: input.name.into(),
        definition: input.definition.into(),
        role_arn: input.role_arn.into(),
        machine_type: machine_type(input.machine_type.as_deref()),
        settings,
        creation: creation.into(),
        tags: tags(input.tags),
        publish: publication(publish, input.version_description)?,
    };
    let created = context.blocking(move |engine| Ok(engine.create_state_machine(new)?)).await?;
    Ok(Output {
        state_machine_arn: created.machine.arn,
        creation_date: created.machine.created_at.into(),
        state_machine_version_arn: created.version.map(|version| version.arn()),
    })
}

/// The type of a checked `type`.
pub(super) fn machine_type(word: Option<&str>) -> MachineType {
    word.and_then(MachineType::parse).unwrap_or_default()
}

/// What is to be published, if anything is.
pub(super) fn publication(
    publish: bool,
    version_description: Option<String>,
) -> Result<Option<Publication>, ApiError> {
    if !publish && version_description.is_some() {
        let message = "Version description can only be set when publish is true";
        return Err(ApiError::Validation(message.to_owned()));
    }
    Ok(publish.then(|| Publication { description: version_description.map(Text::from) }))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
