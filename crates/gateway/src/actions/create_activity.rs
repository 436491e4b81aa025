//! `CreateActivity`.

use serde::{Deserialize, Serialize};

use crate::arn;
use crate::error::ApiError;
use crate::protocol::Context;
use crate::settings::{self, Encryption};
use crate::shapes::{Seconds, WireTag, tags};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    name: String,
    tags: Option<Vec<WireTag>>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    activity_arn: String,
    creation_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    arn::check_name(&input.name)?;
    let encryption = settings::encryption(input.encryption_configuration)?;
    let arn = arn::of_activity(&context, &input.name);
    let (name, tags) = (input.name.into(), tags(input.tags));
    let created = context
        .blocking(move |engine| Ok(engine.create_activity(arn.into(), name, encryption, tags)?))
        .await?;
    Ok(Output { activity_arn: created.arn.to_string(), creation_date: created.created_at.into() })
}
