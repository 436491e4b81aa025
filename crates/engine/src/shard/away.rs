//! Decisions that may take long, which are made away from the shard while it goes on with other executions.
//!
//! What leaves is the execution itself, with what it is told; nothing of it stays that could be decided on. What comes
//! for it meanwhile waits until it is back, in order. Expressions are bounded in time, so it comes back.

use std::collections::VecDeque;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::{Decision, Limits, Random, Stimulus};

use super::turn::Building;
use super::{Input, Live, Outlook, ReportReply, Shard};
use crate::store::ExecutionKey;
use crate::token::TokenSecret;

/// An execution that is to be decided for somewhere else.
pub struct Errand {
    key: ExecutionKey,
    live: Live,
    stimulus: Stimulus,
    then: Then,
    now: Timestamp,
    secret: TokenSecret,
    limits: Limits,
    deleting: bool,
}

/// What is owed once it is decided.
enum Then {
    Nothing,
    /// Who reported is to be answered.
    Answer(ReportReply),
}

/// An execution that was decided for.
pub struct Returned {
    key: ExecutionKey,
    live: Live,
    decided: Result<Decision, String>,
    then: Then,
}

impl Errand {
    /// Decides. What comes of it is the shard's next input.
    pub fn run(self, random: &dyn Random) -> Input {
        let Self { key, mut live, stimulus, then, now, secret, limits, deleting } = self;
        let outlook =
            Outlook { now, random, secret: &secret, limits: &limits, deleting, is_in_a_hurry: false };
        let decided = live.decide(key, stimulus, &outlook);
        Input::Returned(Box::new(Returned { key, live, decided, then }))
    }
}

impl Shard {
    /// An input that is to be taken here: none if its execution is away, or is sent away with it.
    pub(super) fn unless_away(&mut self, input: Input, building: &mut Building) -> Option<Input> {
        if let Some(waiting) = self.concerned(&input).and_then(|key| self.away.get_mut(&key)) {
            waiting.push_back(input);
            return None;
        }
        match input {
            Input::Stimulus(key, stimulus) if self.may_take_long(key, &stimulus, building.now) => {
                self.send_away(key, stimulus, Then::Nothing, building);
                None
            }
            Input::Report(key, task, report, reply)
                if self.may_take_long(key, &report.clone().stimulus(task), building.now) =>
            {
                self.send_away(key, report.stimulus(task), Then::Answer(reply), building);
                None
            }
            input => Some(input),
        }
    }

    /// The execution that an input is for, if that is one in memory or away.
    fn concerned(&self, input: &Input) -> Option<ExecutionKey> {
        match input {
            Input::Start(request, _) | Input::StartExpress(request, ..) => {
                self.by_arn.get(&request.identity.execution_arn).copied()
            }
            Input::Watch(arn, _) | Input::Stop(arn, ..) => self.by_arn.get(arn).copied(),
            Input::Redrive(request, _) => self.by_arn.get(&request.arn).copied(),
            Input::Stimulus(key, _)
            | Input::Report(key, ..)
            | Input::Take(key, ..)
            | Input::Rested(key, _)
            | Input::Lost(key) => Some(*key),
            Input::Deleting { .. } | Input::Settled(_) | Input::Returned(_) => None,
        }
    }

    fn may_take_long(&self, key: ExecutionKey, stimulus: &Stimulus, now: Timestamp) -> bool {
        self.live.get(&key).is_some_and(|live| live.execution.may_take_long(stimulus, now))
    }

    fn send_away(&mut self, key: ExecutionKey, stimulus: Stimulus, then: Then, building: &mut Building) {
        let Some(mut live) = self.live.remove(&key) else { return };
        if let Some(at) = live.timer.take() {
            self.timers.remove(&(at, key));
        }
        self.away.insert(key, VecDeque::new());
        let deleting = self.deleting.contains(&live.execution.identity().state_machine_arn);
        building.turn.errands.push(Errand {
            key,
            live,
            stimulus,
            then,
            now: building.now,
            secret: self.config.secret,
            limits: self.config.limits.clone(),
            deleting,
        });
    }

    pub(super) fn come_back(&mut self, returned: Returned, building: &mut Building) {
        let Returned { key, live, decided, then } = returned;
        let waiting = self.away.remove(&key).unwrap_or_default();
        self.live.insert(key, live);
        let went_well = self.settle(key, decided, building);
        if let Then::Answer(reply) = then {
            self.answer(key, true, went_well, reply, building);
        }
        for input in waiting.into_iter().rev() {
            self.inputs.push_front(input);
        }
    }
}
