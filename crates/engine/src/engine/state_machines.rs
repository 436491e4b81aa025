//! State machines in the engine: created once, found by ARN, deleted.

use std::sync::Arc;

use darkroom_asl::definition::{self, Diagnostic, MachineType, Options};
use darkroom_asl::json::Text;

use super::{Engine, EngineError, definition_key};
use crate::store::{DefinitionKey, StateMachineStatus, StoreError, StoredStateMachine};

/// A state machine to create.
#[derive(Clone, Debug)]
pub struct NewStateMachine {
    /// Unique.
    pub arn: Text,
    /// The name that the ARN ends in.
    pub name: Text,
    /// The definition's text.
    pub definition: Text,
    /// The role.
    pub role_arn: Text,
    /// Standard or Express.
    pub machine_type: MachineType,
    /// What else the API was told: kept and compared as it is.
    pub settings: Text,
}

/// Why a state machine was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The definition has errors; warnings are among them.
    #[error("the definition is not valid")]
    Definition(Vec<Diagnostic>),
    /// One of the same ARN is there, and differs.
    #[error("State Machine Already Exists: '{0}'")]
    AlreadyExists(Text),
    /// One of the same ARN is being deleted.
    #[error("State Machine is deleting: '{0}'")]
    Deleting(Text),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Creates a state machine; durable when it returns.
    ///
    /// AWS: one that is there with the same definition, type and settings is the answer, unchanged, even if
    /// its role is another.
    pub fn create_state_machine(&self, new: NewStateMachine) -> Result<StoredStateMachine, CreateError> {
        let NewStateMachine { arn, name, definition: text, role_arn, machine_type, settings } = new;
        let parsed = definition::parse(&text, Options { machine_type });
        let Some(machine) = parsed.machine else {
            return Err(CreateError::Definition(parsed.diagnostics));
        };
        let key = definition_key(&text);
        self.store().put_definition(&key, &text)?;
        self.definitions().insert(key.clone(), machine);
        let wanted = StoredStateMachine {
            arn,
            name,
            definition: key,
            role_arn,
            machine_type,
            settings,
            created_at: self.clock.now(),
            status: StateMachineStatus::Active,
        };
        let Some(before) = self.store().create_state_machine(&wanted)? else { return Ok(wanted) };
        if before.status == StateMachineStatus::Deleting {
            return Err(CreateError::Deleting(before.arn));
        }
        let same = before.definition == wanted.definition
            && before.machine_type == wanted.machine_type
            && before.settings == wanted.settings;
        if same { Ok(before) } else { Err(CreateError::AlreadyExists(before.arn)) }
    }

    /// The machine that a stored definition describes.
    pub fn machine(&self, key: &DefinitionKey) -> Result<Arc<definition::StateMachine>, EngineError> {
        self.definitions.machine(key)
    }
}
