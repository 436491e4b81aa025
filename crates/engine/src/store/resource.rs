//! Activities, tags, and how any resource is changed.

use darkroom_asl::data::Timestamp;
use darkroom_asl::json::Text;

use super::{StoredAlias, StoredStateMachine, StoredVersion};

/// An activity: a place where workers ask for tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredActivity {
    /// Unique in the store.
    pub arn: Text,
    /// The name that the ARN ends in.
    pub name: Text,
    /// How it encrypts, as the API's own JSON text. The engine does not look into it.
    pub settings: Text,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A label on a resource.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tag {
    /// Unique among the resource's.
    pub key: Text,
    /// May be empty.
    pub value: Text,
}

/// One change of a resource. What is put takes the place of what has its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Keeps a state machine and its revision. The definition must be there.
    PutStateMachine(StoredStateMachine),
    /// Deletes a state machine, if it is there, with its versions, aliases and tags. While executions of it run
    /// it stays in [`StateMachineStatus::Deleting`](super::StateMachineStatus); once there is none it is gone.
    DeleteStateMachine(Text),
    /// Keeps a version of a state machine that is there, and its revision.
    PutVersion(StoredVersion),
    /// Deletes a version, if it is there.
    DeleteVersion {
        /// Whose version.
        state_machine_arn: Text,
        /// Which one.
        number: u32,
    },
    /// Keeps an alias.
    PutAlias(StoredAlias),
    /// Deletes the alias of this ARN, if it is there.
    DeleteAlias(Text),
    /// Keeps an activity.
    PutActivity(StoredActivity),
    /// Deletes the activity of this ARN, if it is there, with its tags.
    DeleteActivity(Text),
    /// Keeps a resource's tags, in this order, in place of those that it has.
    PutTags {
        /// The state machine or the activity.
        resource_arn: Text,
        /// All of its tags.
        tags: Vec<Tag>,
    },
}
