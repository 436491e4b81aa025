//! State machines in the engine: created once, updated to new revisions, deleted.

use std::sync::Arc;

use darkroom_asl::definition::{self, MachineType, Options};
use darkroom_asl::interpreter::Random;
use darkroom_asl::json::Text;

use super::resources::{ResourceError, tagged};
use super::{Engine, EngineError, ToShard, definition_key};
use crate::shard::Input;
use crate::store::{
    Change, DefinitionKey, Revision, Settings, StateMachineStatus, StoredStateMachine, StoredVersion, Tag,
};

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
    /// How it logs, traces and encrypts: kept and compared as it is.
    pub settings: Settings,
    /// What else the API was told that a second creation must repeat: kept and compared as it is.
    pub creation: Text,
    /// Its tags. A second creation changes none.
    pub tags: Vec<Tag>,
    /// Whether its first revision is a version.
    pub publish: Option<Publication>,
}

/// What to change of a state machine: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct StateMachineUpdate {
    /// The definition's text.
    pub definition: Option<Text>,
    /// The role.
    pub role_arn: Option<Text>,
    /// How it logs.
    pub logging: Option<Text>,
    /// How it traces.
    pub tracing: Option<Text>,
    /// How it encrypts.
    pub encryption: Option<Text>,
    /// Whether the revision that this leads to is published.
    pub publish: Option<Publication>,
}

/// A version to publish.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// What its publisher says of it.
    pub description: Option<Text>,
}

/// A state machine, and the version that was published of its current revision.
#[derive(Clone, Debug)]
pub struct Published {
    /// The state machine as it is now.
    pub machine: StoredStateMachine,
    /// The version; `None` where none was asked for.
    pub version: Option<StoredVersion>,
}

impl Engine {
    /// Creates a state machine; durable when it returns.
    ///
    /// AWS: one that is there with the same definition, type and settings is the answer, unchanged, even if its
    /// role or its tags are others.
    pub fn create_state_machine(&self, new: NewStateMachine) -> Result<Published, ResourceError> {
        let NewStateMachine {
            arn,
            name,
            definition,
            role_arn,
            machine_type,
            settings,
            creation,
            tags,
            publish,
        } = new;
        let definition = self.put_definition(&definition, machine_type)?;
        let _alone = self.resources();
        if let Some(before) = self.store.state_machine(&arn)? {
            if before.status == StateMachineStatus::Deleting {
                return Err(ResourceError::StateMachineDeleting(arn));
            }
            let is_same = before.revision.definition == definition
                && before.machine_type == machine_type
                && before.revision.settings == settings
                && before.creation == creation;
            if !is_same {
                return Err(ResourceError::StateMachineAlreadyExists(arn));
            }
            let version = if publish.is_some() { self.published(&before)? } else { None };
            return Ok(Published { machine: before, version });
        }
        let now = self.clock.now();
        let revision = Revision {
            id: random_uuid(self.random.as_ref()),
            is_initial: true,
            definition,
            role_arn,
            settings,
            updated_at: now,
        };
        let machine = StoredStateMachine {
            arn: arn.clone(),
            name,
            machine_type,
            created_at: now,
            creation,
            status: StateMachineStatus::Active,
            last_version: 0,
            revision,
        };
        let tags = tagged(&arn, Vec::new(), tags)?;
        let (published, mut changes) = self.publishing(machine, publish)?;
        changes.push(Change::PutTags { resource_arn: arn.clone(), tags });
        self.change(&changes)?;
        self.tell_all(|| Input::Deleting { state_machine_arn: arn.clone(), is_deleting: false });
        Ok(published)
    }

    /// Changes a state machine; durable when it returns. What runs goes on with what it was started with.
    pub fn update_state_machine(
        &self,
        arn: &str,
        update: StateMachineUpdate,
    ) -> Result<Published, ResourceError> {
        let StateMachineUpdate { definition, role_arn, logging, tracing, encryption, publish } = update;
        let machine_type = self.active(arn)?.machine_type;
        let definition = definition.map(|text| self.put_definition(&text, machine_type)).transpose()?;
        let _alone = self.resources();
        let mut machine = self.active(arn)?;
        let before = &machine.revision;
        let mut after = before.clone();
        after.definition = definition.unwrap_or(after.definition);
        after.role_arn = role_arn.unwrap_or(after.role_arn);
        after.settings.logging = logging.unwrap_or(after.settings.logging);
        after.settings.tracing = tracing.unwrap_or(after.settings.tracing);
        after.settings.encryption = encryption.unwrap_or(after.settings.encryption);
        // AWS: an update that changes nothing makes no revision.
        if after != *before {
            after.id = random_uuid(self.random.as_ref());
            after.is_initial = false;
            after.updated_at = self.clock.now();
            machine.revision = after;
        }
        let (published, changes) = self.publishing(machine, publish)?;
        self.change(&changes)?;
        Ok(published)
    }

    /// Deletes a state machine, if it is there, with its versions, aliases and tags; durable when it returns.
    ///
    /// AWS: executions that run are ended at their next transition, and the state machine is gone with the last.
    pub fn delete_state_machine(&self, arn: &str) -> Result<(), ResourceError> {
        let _alone = self.resources();
        self.change(&[Change::DeleteStateMachine(arn.into())])?;
        if self.store.state_machine(arn)?.is_some() {
            self.tell_all(|| Input::Deleting { state_machine_arn: arn.into(), is_deleting: true });
        }
        Ok(())
    }

    /// The state machine of this ARN, which is not being deleted.
    pub(super) fn active(&self, arn: &str) -> Result<StoredStateMachine, ResourceError> {
        let machine = self.store.state_machine(arn)?;
        let machine = machine.ok_or_else(|| ResourceError::StateMachineDoesNotExist(arn.into()))?;
        match machine.status {
            StateMachineStatus::Active => Ok(machine),
            StateMachineStatus::Deleting => Err(ResourceError::StateMachineDeleting(machine.arn)),
        }
    }

    /// Reads a definition and keeps it, if it is valid for this type.
    fn put_definition(&self, text: &str, machine_type: MachineType) -> Result<DefinitionKey, ResourceError> {
        let parsed = definition::parse(text, Options { machine_type });
        let Some(machine) = parsed.machine else {
            return Err(ResourceError::Definition(parsed.diagnostics));
        };
        let key = definition_key(text);
        self.store.put_definition(&key, text)?;
        self.definitions().insert(key.clone(), machine);
        Ok(key)
    }

    /// The machine that a stored definition describes.
    pub fn machine(&self, key: &DefinitionKey) -> Result<Arc<definition::StateMachine>, EngineError> {
        Ok(self.definitions.machine(key)?)
    }

    /// Tells every shard: whose executions a state machine's are depends on their own ARNs.
    fn tell_all(&self, input: impl Fn() -> Input) {
        for shard in self.shards.all() {
            // A shard that has gone runs nothing any more, and looks when it is started again.
            let _ = shard.send(ToShard::Input(input()));
        }
    }
}

/// A random UUID, of version 4.
pub(super) fn random_uuid(random: &dyn Random) -> Text {
    let bits = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u64);

    impl Random for Always {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_random_uuid_says_that_it_is_one() {
        assert_eq!(&*random_uuid(&Always(0)), "00000000-0000-4000-8000-000000000000");
        assert_eq!(&*random_uuid(&Always(u64::MAX)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
