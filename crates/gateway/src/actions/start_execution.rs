//! `StartExecution`.

use std::sync::Arc;

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::{JacksonError, Payload};
use darkroom_engine::store::StateMachineStatus;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::arn::{self, StatesArn};
use crate::error::ApiError;
use crate::members::{ARN_MAX, INPUT_MAX, Members, NAME_MAX};
use crate::protocol::{Context, random_uuid};
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Input {
    state_machine_arn: Option<String>,
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
    let mut members = Members::default();
    let machine_arn = members.text("stateMachineArn", input.state_machine_arn, 1, ARN_MAX);
    if let Some(name) = &input.name {
        members.length("name", name, 1, NAME_MAX);
    }
    if let Some(text) = &input.input {
        members.length("input", text, 0, INPUT_MAX);
    }
    members.check()?;
    StatesArn::state_machine(&machine_arn)?;
    let name = input.name.unwrap_or_else(random_uuid);
    arn::check_name(&name)?;
    let text = input.input.unwrap_or_else(|| "{}".to_owned());
    let payload = Payload::parse(text.as_str())
        .map_err(|error| ApiError::InvalidExecutionInput(JacksonError::new(&text, &error).to_string()))?;

    let (answer, answered) = oneshot::channel();
    context
        .blocking(move |engine| {
            let record = engine
                .store()
                .state_machine(&machine_arn)?
                .ok_or_else(|| ApiError::StateMachineDoesNotExist(machine_arn.clone()))?;
            if record.status == StateMachineStatus::Deleting {
                return Err(ApiError::StateMachineDeleting(machine_arn));
            }
            if record.machine_type == MachineType::Express {
                return Err(ApiError::StateMachineTypeNotSupported);
            }
            let machine = engine.machine(&record.definition)?;
            let parsed = StatesArn::state_machine(&machine_arn)?;
            let identity = Identity {
                execution_arn: arn::of_execution(&parsed, &record.name, &name).into(),
                execution_name: name.into(),
                state_machine_arn: record.arn,
                state_machine_name: record.name,
                role_arn: record.role_arn,
            };
            let reply = Box::new(move |started| {
                // A caller that has gone away needs no answer.
                let _ = answer.send(started);
            });
            engine.submit_start(Arc::new(identity), &record.definition, &machine, payload, reply);
            Ok(())
        })
        .await?;
    let started = answered.await.map_err(|_| ApiError::Unavailable)??;
    Ok(Output { execution_arn: started.arn.to_string(), start_date: started.started_at.into() })
}
