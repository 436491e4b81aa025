//! `StartExecution`, and what it has in common with `StartSyncExecution`.

use std::sync::Arc;

use darkroom_asl::definition::{MachineType, StateMachine};
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::{JacksonError, Payload};
use darkroom_engine::Engine;
use darkroom_engine::arn::{of_execution, of_express};
use darkroom_engine::store::{DefinitionKey, StateMachineStatus};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::arn::{self, StatesArn};
use crate::error::ApiError;
use crate::members::{ARN_MAX, INPUT_MAX, Members, NAME_MAX, TRACE_HEADER_MAX};
use crate::protocol::{Context, random_uuid};
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    state_machine_arn: Option<String>,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    execution_arn: String,
    start_date: Seconds,
}

/// The execution that a caller wants.
pub(super) struct Wanted<P> {
    machine_arn: String,
    name: Option<String>,
    input: P,
}

/// An execution that can be started.
pub(super) struct Start {
    pub(super) machine_type: MachineType,
    pub(super) identity: Arc<Identity>,
    pub(super) definition: DefinitionKey,
    pub(super) machine: Arc<StateMachine>,
    pub(super) input: Payload,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let mut members = Members::default();
    let wanted = Wanted::check(&mut members, input.state_machine_arn, input.name, input.input);
    if let Some(header) = &input.trace_header {
        members.length("traceHeader", header, 0, TRACE_HEADER_MAX);
    }
    members.check()?;
    let wanted = wanted.read()?;
    let (answer, answered) = oneshot::channel();
    context
        .blocking(move |engine| {
            let Start { machine_type, identity, definition, machine, input } = wanted.resolve(engine)?;
            let reply = Box::new(move |started| {
                // A caller that has gone away needs no answer.
                let _ = answer.send(started);
            });
            match machine_type {
                MachineType::Standard => engine.submit_start(identity, &definition, &machine, input, reply),
                MachineType::Express => {
                    engine.submit_start_express(identity, &definition, &machine, input, reply);
                }
            }
            Ok(())
        })
        .await?;
    let started = answered.await.map_err(|_| ApiError::Unavailable)??;
    Ok(Output { execution_arn: started.arn.to_string(), start_date: started.started_at.into() })
}

impl Wanted<String> {
    /// Checks the members that say what to start.
    pub(super) fn check(
        members: &mut Members,
        state_machine_arn: Option<String>,
        name: Option<String>,
        input: Option<String>,
    ) -> Self {
        let machine_arn = members.text("stateMachineArn", state_machine_arn, 1, ARN_MAX);
        if let Some(name) = &name {
            members.length("name", name, 1, NAME_MAX);
        }
        if let Some(text) = &input {
            members.length("input", text, 0, INPUT_MAX);
        }
        Self { machine_arn, name, input: input.unwrap_or_else(|| "{}".to_owned()) }
    }

    /// Reads them.
    pub(super) fn read(self) -> Result<Wanted<Payload>, ApiError> {
        let Self { machine_arn, name, input: text } = self;
        StatesArn::state_machine(&machine_arn)?;
        if let Some(name) = &name {
            arn::check_name(name)?;
        }
        let input = Payload::parse(text.as_str())
            .map_err(|error| ApiError::InvalidExecutionInput(JacksonError::new(&text, &error).to_string()))?;
        Ok(Wanted { machine_arn, name, input })
    }
}

impl Wanted<Payload> {
    /// Finds the state machine. Reads the store.
    pub(super) fn resolve(self, engine: &Engine) -> Result<Start, ApiError> {
        let Self { machine_arn, name, input } = self;
        let record = engine
            .store()
            .state_machine(&machine_arn)?
            .ok_or_else(|| ApiError::StateMachineDoesNotExist(machine_arn.clone()))?;
        if record.status == StateMachineStatus::Deleting {
            return Err(ApiError::StateMachineDeleting(machine_arn));
        }
        let name = name.unwrap_or_else(random_uuid);
        let execution_arn = match record.machine_type {
            MachineType::Standard => of_execution(&record.arn, &record.name, &name),
            MachineType::Express => of_express(&record.arn, &record.name, &name, &random_uuid()),
        };
        let machine = engine.machine(&record.definition)?;
        let identity = Identity {
            execution_arn: execution_arn.into(),
            execution_name: name.into(),
            state_machine_arn: record.arn,
            state_machine_name: record.name,
            role_arn: record.role_arn,
        };
        Ok(Start {
            machine_type: record.machine_type,
            identity: Arc::new(identity),
            definition: record.definition,
            machine,
            input,
        })
    }
}
