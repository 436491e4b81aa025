//! The start of an execution, once for each name.

use darkroom_asl::interpreter::{Execution, Random, Stimulus};
use darkroom_asl::json::Text;

use super::turn::Building;
use super::{ExpressReply, Permit, Shard, StartError, StartReply, StartRequest, Started};
use crate::store::{ExecutionKey, NewExecution, StoreError};

/// AWS: "Quotas", maximum duration of an Express execution.
const EXPRESS_SECONDS_MAX: u32 = 300;

impl Shard {
    /// AWS: a start is idempotent while an execution of the same name and input runs. A task's start of its own
    /// child always is: it may be told again after a crash.
    pub(super) fn start(
        &mut self,
        request: StartRequest,
        reply: StartReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let arn = request.identity.execution_arn.clone();
        if let Some(key) = self.by_arn.get(&arn).copied() {
            return self.start_again(key, &request, reply, building);
        }
        match self.config.store.execution(&arn) {
            Err(error) => return reply(Err(error.into())),
            Ok(Some(stored)) if stored.asleep_until.is_some() => {
                let key = stored.key;
                return match self.wake(&stored) {
                    Ok(()) => self.start_again(key, &request, reply, building),
                    Err(error) => reply(Err(error.into())),
                };
            }
            Ok(Some(stored)) if request.parent.is_some() && stored.parent == request.parent => {
                let started_at = stored.started_at;
                return reply(Ok(Started { key: stored.key, arn, started_at, is_new: false }));
            }
            Ok(Some(_)) => return reply(Err(StartError::AlreadyExists { arn })),
            Ok(None) => {}
        }
        self.begin(request, arn, reply, building, random);
    }

    /// An execution of the ARN is in memory.
    fn start_again(
        &mut self,
        key: ExecutionKey,
        request: &StartRequest,
        reply: StartReply,
        building: &mut Building,
    ) {
        let arn = request.identity.execution_arn.clone();
        let Some(live) = self.live.get(&key) else { return reply(Err(StartError::AlreadyExists { arn })) };
        let started_at = live.execution.started_at();
        let is_same = live.execution.is_running() && live.execution.input() == &request.input;
        let is_own = request.parent.is_some() && live.parent == request.parent;
        if !is_same && !is_own {
            return reply(Err(StartError::AlreadyExists { arn }));
        }
        let started = Started { key, arn, started_at, is_new: false };
        // The one that is there may itself not be durable yet: this answer waits for it too.
        building.release(key, live.execution.identity()).replies.push(Box::new(move |committed| {
            reply(committed.map(|()| started).map_err(StartError::from));
        }));
    }

    /// AWS: a name may be used as often as one likes: each start is an execution of its own.
    pub(super) fn start_express(
        &mut self,
        request: StartRequest,
        reply: ExpressReply,
        permit: Permit,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let StartRequest { key, identity, machine, definition: _, input, parent } = request;
        let execution = Execution::new(machine, identity.clone(), input).within(EXPRESS_SECONDS_MAX);
        self.keep(key, execution, parent);
        let started =
            Started { key, arn: identity.execution_arn.clone(), started_at: building.now, is_new: true };
        if let Some(live) = self.live.get_mut(&key) {
            live.permit = Some(permit);
        }
        match reply {
            ExpressReply::Started(reply) => {
                let reply = Box::new(move |_: Result<(), StoreError>| reply(Ok(started)));
                building.release(key, &identity).replies.push(reply);
            }
            ExpressReply::Ended(reply) => {
                if let Some(live) = self.live.get_mut(&key) {
                    live.watchers.push(reply);
                }
            }
        }
        self.decide(key, Stimulus::Start, building, random);
    }

    fn begin(
        &mut self,
        request: StartRequest,
        arn: Text,
        reply: StartReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let StartRequest { key, identity, machine, definition, input, parent } = request;
        self.keep(key, Execution::new(machine, identity.clone(), input.clone()), parent);
        let started_at = building.now;
        building.append(key, &identity).start = Some(NewExecution { definition, input, started_at, parent });
        if !self.decide(key, Stimulus::Start, building, random) {
            building.withdraw(key);
            let reason = "the state machine could not be started; see the engine's log".to_owned();
            return reply(Err(StoreError::Corrupt { place: arn.to_string(), reason }.into()));
        }
        let started = Started { key, arn, started_at, is_new: true };
        building.release(key, &identity).replies.push(Box::new(move |committed| {
            reply(committed.map(|()| started).map_err(StartError::from));
        }));
    }
}
