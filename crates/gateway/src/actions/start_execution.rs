//! `StartExecution`.

use std::sync::Arc;

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::{JacksonError, Payload};
use darkroom_engine::Target;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::arn::{self, StatesArn};
use crate::error::ApiError;
use crate::protocol::{Context, random_uuid};
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Input {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    execution_arn: String,
    start_date: Seconds,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let machine_arn = input.state_machine_arn;
    StatesArn::state_machine(&machine_arn)?;
    let name = input.name.unwrap_or_else(random_uuid);
    arn::check_name(&name)?;
    let text = input.input.unwrap_or_else(|| "{}".to_owned());
    let payload = Payload::parse(text.as_str())
        .map_err(|error| ApiError::InvalidExecutionInput(JacksonError::new(&text, &error).to_string()))?;

    let (answer, answered) = oneshot::channel();
    context
        .blocking(move |engine| {
            let Target { machine: record, revision, qualifiers } = engine.target(&machine_arn)?;
            if record.machine_type == MachineType::Express {
                return Err(ApiError::StateMachineTypeNotSupported);
            }
            let machine = engine.machine(&revision.definition)?;
            let parsed = StatesArn::state_machine(&machine_arn)?;
            let identity = Identity {
                execution_arn: arn::of_execution(&parsed, &record.name, &name).into(),
                execution_name: name.into(),
                state_machine_arn: record.arn,
                state_machine_name: record.name,
                role_arn: revision.role_arn,
                qualifiers,
                revision_id: Some(revision.id),
            };
            let reply = Box::new(move |started| {
                // A caller that has gone away needs no answer.
                let _ = answer.send(started);
            });
            engine.submit_start(Arc::new(identity), &revision.definition, &machine, payload, reply);
            Ok(())
        })
        .await?;
    let started = answered.await.map_err(|_| ApiError::Unavailable)??;
    Ok(Output { execution_arn: started.arn.to_string(), start_date: started.started_at.into() })
}
