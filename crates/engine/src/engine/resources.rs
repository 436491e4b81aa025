//! Resources in the engine: one change at a time, and why one is refused. Activities and tags.
//!
//! The store is this process's alone, and every change of a resource is made here, under one lock: nothing
//! changes between a look and the write that depends on it.

use std::sync::{MutexGuard, PoisonError};

use darkroom_asl::definition::Diagnostic;
use darkroom_asl::json::Text;

use super::Engine;
use crate::store::{Change, StoreError, StoredActivity, Tag};

/// Tags on a resource. AWS: "Quotas", tagging.
pub const TAGS_MAX: usize = 50;

/// Why a resource was not changed, or not found.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// The definition has errors; warnings are among them.
    #[error("the definition is not valid")]
    Definition(Vec<Diagnostic>),
    /// A state machine of the same ARN is there, and differs.
    #[error("the state machine {0} is there already, and differs")]
    StateMachineAlreadyExists(Text),
    /// The state machine is being deleted.
    #[error("the state machine {0} is being deleted")]
    StateMachineDeleting(Text),
    /// There is no such state machine, version or alias.
    #[error("there is no state machine {0}")]
    StateMachineDoesNotExist(Text),
    /// The caller knows another revision than the current one.
    #[error("the revision is {current}, not {expected}")]
    RevisionConflict {
        /// What the caller takes for the current revision.
        expected: Text,
        /// The current revision.
        current: Text,
    },
    /// Aliases lead to the version that was to be deleted.
    #[error("aliases lead to this version: {}", .0.join(", "))]
    VersionReferenced(Vec<Text>),
    /// An alias leads to a version that is not there, or there is no such alias.
    #[error("there is no {0}")]
    NotFound(Text),
    /// An alias of the same ARN is there, and differs.
    #[error("the alias {0} is there already, and differs")]
    AliasAlreadyExists(Text),
    /// There are as many as there may be.
    #[error("there are {max} {what} of {arn} already")]
    QuotaExceeded {
        /// What there would be too many of.
        what: &'static str,
        /// Whose.
        arn: Text,
        /// How many there may be.
        max: usize,
    },
    /// More than [`TAGS_MAX`] tags.
    #[error("{0} would have more than {TAGS_MAX} tags")]
    TooManyTags(Text),
    /// An activity of the same ARN is there, and differs.
    #[error("the activity {0} is there already, and differs")]
    ActivityAlreadyExists(Text),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Keeps others from changing resources.
    pub(super) fn resources(&self) -> MutexGuard<'_, ()> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the store, and forgets what was known of it. To be called with the lock held.
    pub(super) fn change(&self, changes: &[Change]) -> Result<(), StoreError> {
        let outcome = self.store.change(changes);
        // Whatever came of it: an error may be one of the answer only.
        self.known_state_machines.forget();
        outcome
    }

    /// Creates an activity; durable when it returns. One that is there with the same settings is the answer,
    /// with the tags that it has.
    pub fn create_activity(
        &self,
        arn: Text,
        name: Text,
        settings: Text,
        tags: Vec<Tag>,
    ) -> Result<StoredActivity, ResourceError> {
        let _alone = self.resources();
        if let Some(before) = self.store.activity(&arn)? {
            let is_same = before.settings == settings;
            return if is_same { Ok(before) } else { Err(ResourceError::ActivityAlreadyExists(arn)) };
        }
        let tags = tagged(&arn, Vec::new(), tags)?;
        let activity = StoredActivity { arn, name, settings, created_at: self.clock.now() };
        let put_tags = Change::PutTags { resource_arn: activity.arn.clone(), tags };
        self.change(&[Change::PutActivity(activity.clone()), put_tags])?;
        Ok(activity)
    }

    /// Deletes an activity, if it is there; durable when it returns.
    pub fn delete_activity(&self, arn: &str) -> Result<(), ResourceError> {
        let _alone = self.resources();
        Ok(self.change(&[Change::DeleteActivity(arn.into())])?)
    }

    /// Adds tags to a state machine or an activity; a key that it has gets the new value. Durable when it
    /// returns.
    pub fn tag_resource(&self, arn: &str, tags: Vec<Tag>) -> Result<(), ResourceError> {
        let _alone = self.resources();
        let tags = tagged(arn, self.tags(arn)?, tags)?;
        Ok(self.change(&[Change::PutTags { resource_arn: arn.into(), tags }])?)
    }

    /// Takes the tags of these keys from a state machine or an activity; durable when it returns.
    pub fn untag_resource(&self, arn: &str, keys: &[String]) -> Result<(), ResourceError> {
        let _alone = self.resources();
        let mut tags = self.tags(arn)?;
        tags.retain(|tag| !keys.iter().any(|key| **key == *tag.key));
        Ok(self.change(&[Change::PutTags { resource_arn: arn.into(), tags }])?)
    }

    /// The tags of a state machine or an activity. AWS: versions and aliases have none.
    pub fn tags(&self, arn: &str) -> Result<Vec<Tag>, ResourceError> {
        if self.store.state_machine(arn)?.is_none() && self.store.activity(arn)?.is_none() {
            return Err(ResourceError::NotFound(arn.into()));
        }
        Ok(self.store.tags(arn)?)
    }
}

/// Tags with those added whose keys are new, and those changed whose keys are not.
pub(super) fn tagged(arn: &str, mut tags: Vec<Tag>, more: Vec<Tag>) -> Result<Vec<Tag>, ResourceError> {
    for tag in more {
        match tags.iter_mut().find(|before| before.key == tag.key) {
            Some(before) => before.value = tag.value,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX { Err(ResourceError::TooManyTags(arn.into())) } else { Ok(tags) }
}
