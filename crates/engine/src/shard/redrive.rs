//! An execution that ended badly goes on.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::event::HistoryEvent;
use darkroom_asl::interpreter::{Execution, Random, Stimulus};
use darkroom_asl::json::Text;

use super::turn::Building;
use super::{Input, RedriveError, RedriveReply, RedriveRequest, Shard};
use crate::redrive::{self, NotRedrivable};
use crate::store::{ExecutionStatus, Redrive, StoreError, StoredExecution};

impl Shard {
    /// AWS: the same request within a while is answered as it was.
    pub(super) fn redrive(
        &mut self,
        request: RedriveRequest,
        reply: RedriveReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        if let Some(key) = self.by_arn.get(&request.arn).copied()
            && let Some(live) = self.live.get_mut(&key)
        {
            if !live.execution.is_running() {
                // Its end is on its way to the disk: then this is looked at again.
                live.after_end.push(Input::Redrive(request, reply));
                return;
            }
            let answer = match self.config.store.history(key) {
                Ok(history) => request
                    .repeated(&history, building.now)
                    .ok_or(RedriveError::NotRedrivable(NotRedrivable::Status(ExecutionStatus::Running))),
                Err(error) => Err(error.into()),
            };
            return reply(answer);
        }
        match self.read_ended(&request, building.now) {
            Ok(Ended::Repeated(at)) => reply(Ok(at)),
            Ok(Ended::Redrivable(stored, history)) => {
                match replay(request.machine.clone(), &stored, &history) {
                    Ok(execution) => {
                        self.go_on(&stored, execution, request.client_token, reply, building, random);
                    }
                    Err(error) => reply(Err(error.into())),
                }
            }
            Err(error) => reply(Err(error)),
        }
    }

    fn read_ended(&self, request: &RedriveRequest, now: Timestamp) -> Result<Ended, RedriveError> {
        let store = &self.config.store;
        let stored = store.execution(&request.arn)?.ok_or(RedriveError::DoesNotExist)?;
        let history = store.history(stored.key)?;
        if let Some(at) = request.repeated(&history, now) {
            return Ok(Ended::Repeated(at));
        }
        let last = history.last().map(|event| event.id).unwrap_or_default();
        redrive::check(&stored, last, self.config.limits.history_events_max, now)
            .map_err(RedriveError::NotRedrivable)?;
        Ok(Ended::Redrivable(Box::new(stored), history))
    }

    fn go_on(
        &mut self,
        stored: &StoredExecution,
        execution: Execution,
        client_token: Option<Text>,
        reply: RedriveReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let (key, at) = (stored.key, building.now);
        let count = execution.redrive_count() + 1;
        self.keep(key, execution, stored.parent);
        building.append(key, &stored.identity).redrive = Some(Redrive { count, at });
        if !self.decide(key, Stimulus::Redrive { client_token }, building, random) {
            building.withdraw(key);
            let place = stored.identity.execution_arn.to_string();
            let reason = "it could not be redriven; see the engine's log".to_owned();
            return reply(Err(StoreError::Corrupt { place, reason }.into()));
        }
        building.release(key, &stored.identity).replies.push(Box::new(move |committed| {
            reply(committed.map(|()| at).map_err(RedriveError::from));
        }));
    }
}

/// What a redrive finds in the store.
enum Ended {
    Repeated(Timestamp),
    Redrivable(Box<StoredExecution>, Vec<HistoryEvent>),
}

impl RedriveRequest {
    fn repeated(&self, history: &[HistoryEvent], now: Timestamp) -> Option<Timestamp> {
        redrive::earlier(history, self.client_token.as_deref()?, now)
    }
}

fn replay(
    machine: Arc<StateMachine>,
    stored: &StoredExecution,
    history: &[HistoryEvent],
) -> Result<Execution, StoreError> {
    Execution::replay(machine, stored.identity.clone(), stored.input.clone(), history).map_err(|error| {
        StoreError::Corrupt { place: stored.identity.execution_arn.to_string(), reason: error.to_string() }
    })
}
