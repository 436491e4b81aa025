//! `PublishStateMachineVersion`.

use darkroom_asl::json::Text;
use darkroom_engine::Publication;
use serde::{Deserialize, Serialize};

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: String,
    revision_id: Option<String>,
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    creation_date: Seconds,
    state_machine_version_arn: Text,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let Input { state_machine_arn, revision_id, description } = input;
    StatesArn::unqualified(&state_machine_arn)?;
    let publication = Publication { description: description.map(Text::from) };
    let version = context
        .blocking(move |engine| {
            Ok(engine.publish_version(&state_machine_arn, revision_id.as_deref(), publication)?)
        })
        .await?;
    Ok(Output { creation_date: version.created_at.into(), state_machine_version_arn: version.arn() })
}
