//! `UpdateStateMachine`. What runs goes on with what it was started with.

use darkroom_asl::json::Text;
use darkroom_engine::StateMachineUpdate;
use serde::{Deserialize, Serialize};

use super::create_state_machine::publication;
use crate::arn::{self, StatesArn};
use crate::error::ApiError;
use crate::protocol::Context;
use crate::settings::{self, Encryption, Logging, Tracing};
use crate::shapes::{Seconds, revision_id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: String,
    definition: Option<String>,
    role_arn: Option<String>,
    logging_configuration: Option<Logging>,
    tracing_configuration: Option<Tracing>,
    encryption_configuration: Option<Encryption>,
    publish: Option<bool>,
    version_description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    update_date: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<Text>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.state_machine_arn;
    StatesArn::unqualified(&arn)?;
    if let Some(role_arn) = &input.role_arn {
        arn::check_role(role_arn)?;
    }
    let changes_anything = input.definition.is_some()
        || input.role_arn.is_some()
        || input.logging_configuration.is_some()
        || input.tracing_configuration.is_some()
        || input.encryption_configuration.is_some();
    if !changes_anything {
        return Err(ApiError::MissingRequiredParameter);
    }
    let logging = input.logging_configuration;
    let encryption = input.encryption_configuration;
    let update = StateMachineUpdate {
        definition: input.definition.map(Text::from),
        role_arn: input.role_arn.map(Text::from),
        logging: logging.map(|logging| settings::logging(Some(logging))).transpose()?,
        tracing: input.tracing_configuration.map(|tracing| settings::tracing(Some(tracing))),
        encryption: encryption.map(|encryption| settings::encryption(Some(encryption))).transpose()?,
        publish: publication(input.publish.unwrap_or(false), input.version_description)?,
    };
    let updated = context.blocking(move |engine| Ok(engine.update_state_machine(&arn, update)?)).await?;
    let revision = updated.machine.revision;
    Ok(Output {
        update_date: revision.updated_at.into(),
        revision_id: revision_id(&revision),
        state_machine_version_arn: updated.version.map(|version| version.arn()),
    })
}
