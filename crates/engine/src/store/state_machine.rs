//! State machines as a store keeps them.

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::MachineType;
use darkroom_asl::json::Text;

use super::DefinitionKey;

/// A state machine. Its definition's text is kept on its own, under `definition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStateMachine {
    /// Unique in the store.
    pub arn: Text,
    /// The name that the ARN ends in.
    pub name: Text,
    /// The definition that executions started from now on run.
    pub definition: DefinitionKey,
    /// The role that it was created with.
    pub role_arn: Text,
    /// Standard or Express, for good.
    pub machine_type: MachineType,
    /// What else it was created with, as the API's own JSON text. The engine does not look into it.
    pub settings: Text,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether executions of it may be started.
    pub status: StateMachineStatus,
}

/// How a state machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateMachineStatus {
    /// Executions may be started.
    Active,
    /// It was deleted while executions of it ran. It is gone once the last of them has ended.
    Deleting,
}

impl StateMachineStatus {
    /// AWS's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Deleting].into_iter().find(|status| status.as_str() == word)
    }
}
