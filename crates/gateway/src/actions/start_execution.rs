//! `StartExecution`, and what it has in common with `StartSyncExecution`.

use std::sync::Arc;

use darkroom_asl::definition::{MachineType, StateMachine};
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::{JacksonError, Payload};
use darkroom_engine::Engine;
use darkroom_engine::arn::{of_execution, of_express};
use darkroom_engine::store::DefinitionKey;
use darkroom_port::random_uuid;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::arn::{self, StatesArn};
use crate::error::ApiError;
use crate::protocol::Context;
use crate::shapes::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Input {
    state_machine_arn: String,
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
pub(super) struct Wanted {
    pub(super) machine_arn: String,
    name: Option<String>,
    input: Payload,
    trace_header: Option<String>,
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
    let wanted = Wanted::read(input.state_machine_arn, input.name, input.input)?;
    let wanted = wanted.in_trace(&context, input.trace_header);
    let (answer, answered) = oneshot::channel();
    let machine_arn = wanted.machine_arn.clone();
    context
        .with_target(&machine_arn, move |engine| {
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

impl Wanted {
    pub(super) fn read(
        machine_arn: String,
        name: Option<String>,
        input: Option<String>,
    ) -> Result<Self, ApiError> {
        StatesArn::state_machine(&machine_arn)?;
        if let Some(name) = &name {
            arn::check_name(name)?;
        }
        let text = input.unwrap_or_else(|| "{}".to_owned());
        let input = Payload::parse(text.as_str())
            .map_err(|error| ApiError::InvalidExecutionInput(JacksonError::new(&text, &error).to_string()))?;
        Ok(Self { machine_arn, name, input, trace_header: None })
    }

    /// AWS: the request's header wins over `traceHeader`.
    pub(super) fn in_trace(self, context: &Context, trace_header: Option<String>) -> Self {
        Self { trace_header: context.trace_header.clone().or(trace_header), ..self }
    }

    /// Finds what to run. Reads the store.
    pub(super) fn resolve(self, engine: &Engine) -> Result<Start, ApiError> {
        let Self { machine_arn, name, input, trace_header } = self;
        let target = engine.target(&machine_arn)?;
        let (machine_type, definition) = (target.machine.machine_type, target.revision.definition.clone());
        let name = name.unwrap_or_else(random_uuid);
        let (arn, machine_name) = (&target.machine.arn, &target.machine.name);
        let execution_arn = match machine_type {
            MachineType::Standard => of_execution(arn, machine_name, &name),
            MachineType::Express => of_express(arn, machine_name, &name, &random_uuid()),
        };
        let identity = engine.identity(&target, execution_arn, &name, trace_header.as_deref());
        let machine = engine.machine(&definition)?;
        Ok(Start { machine_type, identity, definition, machine, input })
    }
}
