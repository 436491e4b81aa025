//! State machines as a store keeps them, with their revisions, versions and aliases.
//!
//! A revision is what a state machine was between two updates, and never changes. The machine has a current
//! one, each version names one for good, and an execution knows which one it runs.

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::MachineType;
use darkroom_asl::json::Text;

use super::DefinitionKey;

/// A state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStateMachine {
    /// Unique in the store.
    pub arn: Text,
    /// The name that the ARN ends in.
    pub name: Text,
    /// Standard or Express, for good.
    pub machine_type: MachineType,
    /// When it was created.
    pub created_at: Timestamp,
    /// What its creation asked for beside what a revision holds, as the API's own JSON text. A second creation
    /// is the same one only if it asks for the same. The engine does not look into it.
    pub creation: Text,
    /// Whether executions of it may be started.
    pub status: StateMachineStatus,
    /// The largest number that a version of it ever had; 0 where none was published. None is given twice.
    pub last_version: u32,
    /// What executions started from now on run.
    pub revision: Revision,
}

/// What a state machine was between two updates. Its definition's text is kept on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Unique in the store.
    pub id: Text,
    /// Whether it is what the state machine was created with: AWS shows no id of that one.
    pub is_initial: bool,
    /// The definition.
    pub definition: DefinitionKey,
    /// The role.
    pub role_arn: Text,
    /// How it logs, traces and encrypts.
    pub settings: Settings,
    /// When it became the current one.
    pub updated_at: Timestamp,
}

/// How a state machine logs, traces and encrypts: the API's own JSON texts. The engine looks for one thing in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `loggingConfiguration`.
    pub logging: Text,
    /// `tracingConfiguration`.
    pub tracing: Text,
    /// `encryptionConfiguration`.
    pub encryption: Text,
}

/// A revision that was published under a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Whose version it is.
    pub state_machine_arn: Text,
    /// From 1; with the state machine's ARN, unique in the store.
    pub number: u32,
    /// What its publisher said of it.
    pub description: Option<Text>,
    /// When it was published.
    pub created_at: Timestamp,
    /// What it runs.
    pub revision: Revision,
}

/// A name for one or two versions, between which it distributes executions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlias {
    /// Unique in the store.
    pub arn: Text,
    /// Whose alias it is.
    pub state_machine_arn: Text,
    /// The name that the ARN ends in.
    pub name: Text,
    /// What its owner said of it.
    pub description: Option<Text>,
    /// One or two, of different versions; the weights' sum is 100.
    pub routes: Vec<Route>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A version that an alias leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Route {
    /// The version's number.
    pub version: u32,
    /// How many of a hundred executions go there.
    pub weight: u8,
}

impl Settings {
    /// Whether executions are traced that no caller has decided for.
    pub fn is_traced(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Tracing {
            #[serde(default)]
            enabled: bool,
        }
        serde_json::from_str(&self.tracing).is_ok_and(|Tracing { enabled }| enabled)
    }
}

impl StoredVersion {
    /// The version's ARN.
    pub fn arn(&self) -> Text {
        version_arn(&self.state_machine_arn, self.number)
    }
}

/// The ARN of a state machine's version.
pub fn version_arn(state_machine_arn: &str, number: u32) -> Text {
    format!("{state_machine_arn}:{number}").into()
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
