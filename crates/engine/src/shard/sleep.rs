//! Executions that only wait: they cost disk and no memory.
//!
//! One that rests for long is written down as a sleeper with its last turn, and let go once that is durable. It is read
//! back from its history when its time is near, or when somebody speaks to it. Until when it sleeps stands beside its
//! history in the same commit, so a crash at any moment finds it either awake or asleep, and never neither.

use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Execution;
use darkroom_asl::interpreter::event::EventId;
use darkroom_asl::json::Text;

use super::{Input, Live, Parked, Shard};
use crate::definitions::DefinitionError;
use crate::logged::logged;
use crate::store::{ExecutionKey, StateMachineStatus, StoreError, StoredExecution};

/// When an execution is left on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// It has nothing to do for longer than this.
    pub longer_than: Duration,
    /// It is read back so long before it has. Shorter than `longer_than`.
    pub early: Duration,
}

impl Default for Rest {
    /// A minute, so that what waits briefly costs no second write, and a third of one for reading back thousands that
    /// wake at the same time.
    fn default() -> Self {
        Self { longer_than: Duration::from_mins(1), early: Duration::from_secs(20) }
    }
}

/// How far the sleepers were woken.
pub(super) struct Sleepers {
    /// Those up to here are awake.
    woken: (Timestamp, ExecutionKey),
    /// When the next is due: at once where nobody has looked yet, or not far enough.
    next: Option<Timestamp>,
    /// Executions that fell asleep, less those that woke up.
    fell_asleep: i64,
}

/// For those that wake only when they are told something. No clock comes here.
const WHEN_TOLD: Timestamp = Timestamp::from_millis(i64::MAX);
/// Before all others.
const AT_ONCE: Timestamp = Timestamp::from_millis(i64::MIN);
/// Sleepers that are read in one turn, so that others of the shard are not kept waiting.
const WOKEN_AT_ONCE_MAX: usize = 256;
/// How long a store that could not be read is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// Why a sleeper could not be read back.
enum Unreadable {
    /// The store cannot be read just now.
    Store(StoreError),
    /// This one never can.
    Parked(String),
}

impl Default for Sleepers {
    fn default() -> Self {
        Self { woken: (AT_ONCE, ExecutionKey(i64::MIN)), next: Some(AT_ONCE), fell_asleep: 0 }
    }
}

impl Rest {
    /// Until when the execution can be left on the disk, if it can.
    pub(super) fn until(self, key: ExecutionKey, live: &Live, now: Timestamp) -> Option<Timestamp> {
        // A task that waits for the end of this one takes it along when it is given up, after a crash too: recovery sees
        // to that for those that are awake.
        let is_waited_for = live.parent.is_some_and(|parent| parent.waits);
        if key.is_express() || is_waited_for || !live.execution.is_resting() {
            return None;
        }
        let due = live.execution.next_deadline().unwrap_or(WHEN_TOLD);
        (due > later(now, self.longer_than)).then_some(due)
    }
}

impl Shard {
    /// Lets a sleeper go, unless something has happened to it since its last event was this one.
    pub(super) fn let_sleep(&mut self, key: ExecutionKey, last: EventId, now: Timestamp) {
        let Some(live) = self.live.get(&key) else { return };
        let until = self.config.rest.until(key, live, now);
        let Some(until) = until.filter(|until| live.asleep_until == Some(*until)) else { return };
        let is_idle = live.execution.last_event_id() == last && live.watchers.is_empty();
        // Where the clock was set back, those up to here are not looked for again.
        if is_idle && until > self.sleepers.woken.0 {
            self.forget(key);
            self.sleepers.fell_asleep += 1;
            self.sleepers.next = self.sleepers.next.map_or(Some(until), |next| Some(next.min(until)));
        }
    }

    /// How many executions fell asleep since the shard was made, less those that woke up: below 0 where more slept then.
    pub fn fell_asleep(&self) -> i64 {
        self.sleepers.fell_asleep
    }

    /// When sleepers are to be looked for.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let next = self.sleepers.next.filter(|next| *next != WHEN_TOLD)?;
        Some(earlier(next, self.config.rest.early))
    }

    /// Reads back the sleepers whose time is near.
    pub(super) fn wake_due(&mut self, now: Timestamp) {
        if self.next_wake().is_none_or(|at| at > now) {
            return;
        }
        let page = match self.config.store.sleepers(self.sleepers.woken, WOKEN_AT_ONCE_MAX) {
            Ok(page) => page,
            Err(error) => return self.look_again(now, &error),
        };
        let is_last = page.len() < WOKEN_AT_ONCE_MAX;
        let near = later(now, self.config.rest.early);
        for stored in page {
            let until = stored.asleep_until.unwrap_or(AT_ONCE);
            if until > near {
                self.sleepers.next = Some(until);
                return;
            }
            let place = (until, stored.key);
            if self.config.part.owns(&stored.identity.execution_arn)
                && let Err(error) = self.wake(&stored)
            {
                return self.look_again(now, &error);
            }
            self.sleepers.woken = place;
        }
        self.sleepers.next = (!is_last).then_some(AT_ONCE);
    }

    fn look_again(&mut self, now: Timestamp, error: &StoreError) {
        tracing::error!(%error, "executions whose time has come cannot be read; they are looked for again");
        self.sleepers.next = Some(later(now, self.config.rest.early + RETRY));
    }

    /// Reads back the execution that an input is for, if it sleeps. Where it cannot be read the input finds none, and
    /// whoever is behind it is told so.
    pub(super) fn wake_for(&mut self, input: &Input) {
        let found = match input {
            Input::Stimulus(key, _) | Input::Report(key, ..) | Input::Take(key, ..) => self.find(*key),
            Input::Watch(arn, _) | Input::Stop(arn, ..) => self.find_by_arn(arn),
            // A start looks for one of its name itself; the others are for those in memory, or have ended.
            Input::Start(..)
            | Input::StartExpress(..)
            | Input::Redrive(..)
            | Input::Deleting { .. }
            | Input::Settled(_)
            | Input::Rested(..)
            | Input::Returned(_)
            | Input::Lost(_) => return,
        };
        match found {
            Ok(Some(stored)) => {
                if let Err(error) = self.wake(&stored) {
                    let _around = logged(&stored.identity).entered();
                    tracing::error!(%error, "an execution that sleeps cannot be read");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "an execution cannot be looked for"),
        }
    }

    fn find(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, StoreError> {
        if key.is_express() || self.live.contains_key(&key) || self.away.contains_key(&key) {
            return Ok(None);
        }
        self.config.store.execution_by_key(key)
    }

    fn find_by_arn(&self, arn: &Text) -> Result<Option<StoredExecution>, StoreError> {
        if self.by_arn.contains_key(arn) { Ok(None) } else { self.config.store.execution(arn) }
    }

    /// Takes a sleeper up again. Nothing happens where it does not sleep.
    pub(super) fn wake(&mut self, stored: &StoredExecution) -> Result<(), StoreError> {
        let key = stored.key;
        let is_here = self.live.contains_key(&key) || self.away.contains_key(&key);
        if is_here || stored.asleep_until.is_none() || stored.parked.is_some() {
            return Ok(());
        }
        match self.read_back(stored) {
            Ok(execution) => {
                let last = execution.last_event_id();
                self.keep(key, execution, stored.parent);
                self.sleepers.fell_asleep -= 1;
                if let Some(live) = self.live.get_mut(&key) {
                    live.asleep_until = stored.asleep_until;
                }
                self.set_timer(key);
                // Where nothing comes of what it was woken for, it goes on sleeping.
                self.inputs.push_back(Input::Rested(key, last));
            }
            Err(Unreadable::Parked(reason)) => {
                self.parked.push(Parked::of(key, &stored.identity, reason));
            }
            Err(Unreadable::Store(error)) => return Err(error),
        }
        Ok(())
    }

    fn read_back(&mut self, stored: &StoredExecution) -> Result<Execution, Unreadable> {
        let store = &self.config.store;
        let machine_arn = &stored.identity.state_machine_arn;
        let status = store.state_machine(machine_arn)?.map(|machine| machine.status);
        if status == Some(StateMachineStatus::Deleting) {
            self.deleting.insert(machine_arn.clone());
        }
        let machine = self.config.definitions.machine(&stored.definition)?;
        let history = store.history(stored.key)?;
        Execution::replay(machine, stored.identity.clone(), stored.input.clone(), &history)
            .map_err(|error| Unreadable::Parked(error.to_string()))
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.plus_millis(millis(by).unsigned_abs())
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(time.as_millis().saturating_sub(millis(by)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<DefinitionError> for Unreadable {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Store(error) => error.into(),
            DefinitionError::Refused(_) => Self::Parked(error.to_string()),
        }
    }
}

impl From<StoreError> for Unreadable {
    fn from(error: StoreError) -> Self {
        match error {
            error @ StoreError::Corrupt { .. } => Self::Parked(error.to_string()),
            error => Self::Store(error),
        }
    }
}
