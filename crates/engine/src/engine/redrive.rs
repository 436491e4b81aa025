//! Redrives, asked for from outside.

use darkroom_asl::json::Text;

use super::Engine;
use crate::definitions::DefinitionError;
use crate::redrive::{self, NotRedrivable};
use crate::shard::{Input, RedriveError, RedriveReply, RedriveRequest};
use crate::store::{EndStatus, StateMachineStatus, StoreError, StoredExecution};

impl Engine {
    /// Has an execution go on that ended badly, and returns: `reply` is called, on a thread of the engine, when that
    /// is durable, and must not wait. Where the engine is shut down first it is dropped. Reads the store.
    pub fn submit_redrive(&self, arn: &Text, client_token: Option<Text>, reply: RedriveReply) {
        match self.redrive_request(arn, client_token) {
            Ok(request) => self.shards.send_by_arn(arn, Input::Redrive(request, reply)),
            Err(error) => reply(Err(error)),
        }
    }

    /// Whether this execution could be redriven now, and why not. Reads the store.
    pub fn is_redrivable(&self, stored: &StoredExecution) -> Result<Result<(), NotRedrivable>, StoreError> {
        if let Some(answer) = self.is_known_not_redrivable(stored) {
            return Ok(Err(answer));
        }
        if stored.end.is_some() && self.is_deleting(&stored.identity.state_machine_arn)? {
            return Ok(Err(NotRedrivable::Deleting));
        }
        let last = self.store.last_event(stored.key)?;
        Ok(redrive::check(stored, last, self.history_events_max, self.clock.now()))
    }

    /// Why this execution cannot be redriven, where that is plain without the store.
    pub fn is_known_not_redrivable(&self, stored: &StoredExecution) -> Option<NotRedrivable> {
        let is_plain = match stored.end.as_ref().map(|end| &end.status) {
            None => true,
            Some(EndStatus::Succeeded(_)) => {
                self.known_state_machines.has(&stored.identity.state_machine_arn)
            }
            Some(EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_)) => false,
        };
        is_plain.then(|| NotRedrivable::Status(stored.status()))
    }

    fn redrive_request(
        &self,
        arn: &Text,
        client_token: Option<Text>,
    ) -> Result<RedriveRequest, RedriveError> {
        self.health.check()?;
        let stored = self.store.execution(arn)?.ok_or(RedriveError::DoesNotExist)?;
        if self.is_deleting(&stored.identity.state_machine_arn)? {
            return Err(RedriveError::NotRedrivable(NotRedrivable::Deleting));
        }
        let machine = self.definitions.machine(&stored.definition).map_err(|error| match error {
            DefinitionError::Store(error) => error,
            DefinitionError::Refused(_) => {
                StoreError::Corrupt { place: arn.to_string(), reason: error.to_string() }
            }
        })?;
        Ok(RedriveRequest { arn: arn.clone(), machine, client_token })
    }

    fn is_deleting(&self, state_machine_arn: &str) -> Result<bool, StoreError> {
        let machine = self.known_state_machines.get(state_machine_arn)?;
        Ok(machine.is_some_and(|machine| machine.status == StateMachineStatus::Deleting))
    }
}
