//! A shard: the single-threaded loop that owns executions, without the loop.
//!
//! A shard is driven: inputs are pushed, and [`Shard::turn`] decides for all of them and answers with one
//! [`Turn`], a batch to commit and what to let out once it is. Meanwhile the next turn may be decided: the
//! executions in memory are ahead of the disk, and nothing outside has seen it. It starts no thread, waits
//! for nothing and sends nothing; it reads the store to load what it is asked about.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::event::{HistoryEvent, Reason};
use darkroom_asl::interpreter::{
    Decision, Effect, Execution, Identity, Limits, Random, Status, Stimulus, Surroundings,
};
use darkroom_asl::json::{Payload, Text};

use crate::store::{
    Append, Batch, DefinitionKey, End, EndStatus, ExecutionKey, NewExecution, Store, StoreError,
    StoredExecution,
};

/// What is told to a shard.
pub enum Input {
    /// Start an execution.
    Start(StartRequest, StartReply),
    /// Something happened to an execution.
    Stimulus(ExecutionKey, Stimulus),
    /// Stop an execution, by its ARN. Answers whether it was running.
    Stop(Text, Reason, StopReply),
    /// Ends of these executions are durable: they need not be kept in memory.
    Settled(Vec<ExecutionKey>),
    /// Another writer owns this execution: what is in memory of it is worthless.
    Lost(ExecutionKey),
}

/// An execution to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// A number that was never used.
    pub key: ExecutionKey,
    /// Who it will be.
    pub identity: Arc<Identity>,
    /// What it runs.
    pub machine: Arc<StateMachine>,
    /// The same, as the store knows it.
    pub definition: DefinitionKey,
    /// Its input.
    pub input: Payload,
}

/// An execution that was started, now or before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its number.
    pub key: ExecutionKey,
    /// Its ARN.
    pub arn: Text,
    /// When it started.
    pub started_at: Timestamp,
    /// Whether this very request started it; not so when one of the same name and input was running.
    pub is_new: bool,
}

/// Why an execution was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name is taken: by an execution that has ended, or that has another input.
    #[error("Execution Already Exists: '{arn}'")]
    AlreadyExists {
        /// The ARN of the one that is there.
        arn: Text,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine was shut down before it could answer. The execution may have been started.
    #[error("the engine was shut down before it could answer")]
    ShutDown,
}

/// Told about a start once it is durable.
pub type StartReply = Box<dyn FnOnce(Result<Started, StartError>) + Send>;
/// Told whether the commit that a caller waits for succeeded.
pub type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Told whether the execution was running, once the stop is durable.
pub type StopReply = Box<dyn FnOnce(Result<bool, StoreError>) + Send>;

/// One turn's result: `batch` is to be committed, and then each release let out, in order.
#[derive(Default)]
pub struct Turn {
    /// What to commit.
    pub batch: Batch,
    /// What to let out then.
    pub releases: Vec<Release>,
}

/// What an execution owes the world once its part of the batch is durable.
pub struct Release {
    /// The execution.
    pub key: ExecutionKey,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Tasks to run and to cancel, in order.
    pub effects: Vec<Effect>,
    /// Callers to answer.
    pub replies: Vec<Reply>,
    /// Whether it has ended.
    pub ended: bool,
}

/// An execution that was set aside: it does not go on, and its history stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The execution.
    pub key: ExecutionKey,
    /// Its ARN.
    pub arn: Text,
    /// What went wrong in deciding.
    pub reason: String,
}

/// An execution in memory.
struct Live {
    execution: Execution,
    /// The deadline that stands for it among the shard's timers.
    timer: Option<Timestamp>,
    /// What a replay of its stored events gives, where the shard is audited.
    shadow: Option<Box<Execution>>,
}

/// Executions, and what is waiting to happen to them.
pub struct Shard {
    store: Arc<dyn Store>,
    limits: Limits,
    audit: bool,
    live: HashMap<ExecutionKey, Live>,
    by_arn: HashMap<Text, ExecutionKey>,
    timers: BTreeSet<(Timestamp, ExecutionKey)>,
    inputs: VecDeque<Input>,
    parked: Vec<Parked>,
}

/// A turn under construction.
struct Building {
    now: Timestamp,
    turn: Turn,
    /// Where each execution stands in the batch, and among the releases.
    append_at: HashMap<ExecutionKey, usize>,
    release_at: HashMap<ExecutionKey, usize>,
}

/// Inputs that one turn takes at most, so that a commit stays small enough to be quick.
const TURN_INPUTS_MAX: usize = 4_096;

impl Shard {
    /// An empty shard. With `audit`, every decision is checked against a replay of what would be stored: a
    /// difference parks the execution. Costs about as much as deciding again.
    pub fn new(store: Arc<dyn Store>, limits: Limits, audit: bool) -> Self {
        Self {
            store,
            limits,
            audit,
            live: HashMap::new(),
            by_arn: HashMap::new(),
            timers: BTreeSet::new(),
            inputs: VecDeque::new(),
            parked: Vec::new(),
        }
    }

    /// Takes an execution up again after a restart, from what the store has of it. Its open tasks come back
    /// as effects, to be run again at once: what asked for them is durable.
    pub fn recover(
        &mut self,
        stored: &StoredExecution,
        machine: Arc<StateMachine>,
        history: &[HistoryEvent],
    ) -> Result<Vec<Effect>, darkroom_asl::interpreter::ReplayError> {
        let execution = Execution::replay(machine, stored.identity.clone(), stored.input.clone(), history)?;
        let effects = execution.open_tasks().into_iter().map(Effect::RunTask).collect();
        if execution.has_ready_branches() {
            self.inputs.push_back(Input::Stimulus(stored.key, Stimulus::Continue));
        }
        let shadow = self.audit.then(|| Box::new(execution.clone()));
        self.by_arn.insert(stored.identity.execution_arn.clone(), stored.key);
        self.live.insert(stored.key, Live { execution, timer: None, shadow });
        self.set_timer(stored.key);
        Ok(effects)
    }

    /// Adds an input. It is taken by a later turn, in order.
    pub fn push(&mut self, input: Input) {
        self.inputs.push_back(input);
    }

    /// Whether an input is waiting.
    pub fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// When the next timer is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// How many executions are in memory.
    pub fn executions_in_memory(&self) -> usize {
        self.live.len()
    }

    /// The executions that were set aside since this was last asked, with the reason.
    pub fn take_parked(&mut self) -> Vec<Parked> {
        std::mem::take(&mut self.parked)
    }

    /// The execution, as it is in memory: ahead of the disk.
    pub fn execution(&self, key: ExecutionKey) -> Option<&Execution> {
        self.live.get(&key).map(|live| &live.execution)
    }

    /// Decides for everything that is waiting and due. The batch may be empty, and the releases not.
    pub fn turn(&mut self, now: Timestamp, random: &dyn Random) -> Turn {
        let mut building =
            Building { now, turn: Turn::default(), append_at: HashMap::new(), release_at: HashMap::new() };
        self.fire_timers(now);
        for _ in 0..TURN_INPUTS_MAX {
            let Some(input) = self.inputs.pop_front() else { break };
            self.take(input, &mut building, random);
        }
        building.turn
    }

    fn fire_timers(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.pop_first();
            if let Some(live) = self.live.get_mut(&key) {
                live.timer = None;
                self.inputs.push_back(Input::Stimulus(key, Stimulus::TimersDue));
            }
        }
    }

    fn take(&mut self, input: Input, building: &mut Building, random: &dyn Random) {
        match input {
            Input::Start(request, reply) => self.start(request, reply, building, random),
            Input::Stimulus(key, stimulus) => {
                self.decide(key, stimulus, building, random);
            }
            Input::Stop(arn, reason, reply) => self.stop(&arn, reason, reply, building, random),
            Input::Settled(keys) => {
                for key in keys {
                    self.forget(key);
                }
            }
            Input::Lost(key) => self.forget(key),
        }
    }

    /// AWS: a start is idempotent while an execution of the same name and input runs.
    fn start(
        &mut self,
        request: StartRequest,
        reply: StartReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let arn = request.identity.execution_arn.clone();
        if let Some(key) = self.by_arn.get(&arn).copied()
            && let Some(live) = self.live.get(&key)
        {
            let started_at = live.execution.started_at();
            if live.execution.is_running() && live.execution.input() == &request.input {
                let started = Started { key, arn, started_at, is_new: false };
                // The one that is running may itself not be durable yet: this answer waits for it too.
                building.release(key, live.execution.identity()).replies.push(Box::new(move |committed| {
                    reply(committed.map(|()| started).map_err(StartError::from));
                }));
            } else {
                reply(Err(StartError::AlreadyExists { arn }));
            }
            return;
        }
        match self.store.execution(&arn) {
            Err(error) => return reply(Err(error.into())),
            Ok(Some(_)) => return reply(Err(StartError::AlreadyExists { arn })),
            Ok(None) => {}
        }
        let StartRequest { key, identity, machine, definition, input } = request;
        let execution = Execution::new(machine, identity.clone(), input.clone());
        let shadow = self.audit.then(|| Box::new(execution.clone()));
        self.by_arn.insert(arn.clone(), key);
        self.live.insert(key, Live { execution, timer: None, shadow });
        let started_at = building.now;
        building.append(key, &identity).start = Some(NewExecution { definition, input, started_at });
        if !self.decide(key, Stimulus::Start, building, random) {
            building.withdraw(key);
            let reason = "the state machine could not be started; see the engine's log".to_owned();
            return reply(Err(StoreError::Corrupt { place: arn.to_string(), reason }.into()));
        }
        let started = Started { key, arn, started_at: building.now, is_new: true };
        building.release(key, &identity).replies.push(Box::new(move |committed| {
            reply(committed.map(|()| started).map_err(StartError::from));
        }));
    }

    fn stop(
        &mut self,
        arn: &Text,
        reason: Reason,
        reply: StopReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let running = self
            .by_arn
            .get(arn)
            .copied()
            .filter(|key| self.live.get(key).is_some_and(|live| live.execution.is_running()));
        let Some(key) = running else { return reply(Ok(false)) };
        self.decide(key, Stimulus::Stop(reason), building, random);
        if let Some(live) = self.live.get(&key) {
            let release = building.release(key, live.execution.identity());
            release.replies.push(Box::new(move |committed| reply(committed.map(|()| true))));
        }
    }

    /// Lets an execution decide. A panic, or a decision that a replay would not follow, sets it aside: its
    /// history stays as it was before this stimulus. Answers whether it went well.
    fn decide(
        &mut self,
        key: ExecutionKey,
        stimulus: Stimulus,
        building: &mut Building,
        random: &dyn Random,
    ) -> bool {
        let Some(live) = self.live.get_mut(&key) else { return false };
        // The stopwatch bounds a runaway expression, and so the turn. It is no clock: nothing else depends on it.
        let stopwatch = crate::clock::stopwatch;
        let surroundings =
            Surroundings { now: building.now, random, stopwatch, limits: &self.limits, is_in_a_hurry: false };
        let decided = catch_unwind(AssertUnwindSafe(|| live.execution.decide(stimulus, surroundings)));
        let audited = match decided {
            Ok(decision) => audit(live, &decision).map(|()| decision),
            Err(panic) => Err(panic_message(&*panic)),
        };
        match audited {
            Ok(decision) => {
                self.take_decision(key, decision, building);
                true
            }
            Err(reason) => {
                let arn = live.execution.identity().execution_arn.clone();
                self.forget(key);
                self.parked.push(Parked { key, arn, reason });
                false
            }
        }
    }

    fn take_decision(&mut self, key: ExecutionKey, decision: Decision, building: &mut Building) {
        let Some(live) = self.live.get(&key) else { return };
        let Decision { events, effects, unfinished } = decision;
        if !events.is_empty() {
            let identity = live.execution.identity();
            let append = building.append(key, identity);
            append.events.extend(events);
            append.end = end(&live.execution);
            if append.end.is_some() {
                building.release(key, identity).ended = true;
            }
        }
        if !effects.is_empty() {
            building.release(key, live.execution.identity()).effects.extend(effects);
        }
        if unfinished {
            self.inputs.push_back(Input::Stimulus(key, Stimulus::Continue));
        }
        self.set_timer(key);
    }

    fn set_timer(&mut self, key: ExecutionKey) {
        let Some(live) = self.live.get_mut(&key) else { return };
        let due = live.execution.next_deadline();
        if live.timer == due {
            return;
        }
        if let Some(at) = live.timer {
            self.timers.remove(&(at, key));
        }
        if let Some(at) = due {
            self.timers.insert((at, key));
        }
        live.timer = due;
    }

    fn forget(&mut self, key: ExecutionKey) {
        if let Some(live) = self.live.remove(&key) {
            if let Some(at) = live.timer {
                self.timers.remove(&(at, key));
            }
            self.by_arn.remove(&live.execution.identity().execution_arn);
        }
    }
}

impl Building {
    fn append(&mut self, key: ExecutionKey, identity: &Arc<Identity>) -> &mut Append {
        let appends = &mut self.turn.batch.appends;
        let place = *self.append_at.entry(key).or_insert_with(|| {
            appends.push(Append {
                key,
                identity: identity.clone(),
                start: None,
                events: Vec::new(),
                end: None,
            });
            appends.len() - 1
        });
        &mut appends[place]
    }

    fn release(&mut self, key: ExecutionKey, identity: &Arc<Identity>) -> &mut Release {
        let releases = &mut self.turn.releases;
        let place = *self.release_at.entry(key).or_insert_with(|| {
            releases.push(Release {
                key,
                identity: identity.clone(),
                effects: Vec::new(),
                replies: Vec::new(),
                ended: false,
            });
            releases.len() - 1
        });
        &mut releases[place]
    }

    /// Takes back an execution's part of the batch.
    fn withdraw(&mut self, key: ExecutionKey) {
        if let Some(place) = self.append_at.get(&key) {
            let append = &mut self.turn.batch.appends[*place];
            append.start = None;
            append.events.clear();
            append.end = None;
        }
    }
}

/// How the execution ended, if it has.
fn end(execution: &Execution) -> Option<End> {
    let status = match execution.status() {
        Status::Pending | Status::Running => return None,
        Status::Succeeded(output) => EndStatus::Succeeded(output.clone()),
        Status::Failed(reason) => EndStatus::Failed(reason.clone()),
        Status::TimedOut(reason) => EndStatus::TimedOut(reason.clone()),
        Status::Aborted(reason) => EndStatus::Aborted(reason.clone()),
    };
    Some(End { status, ended_at: execution.ended_at()? })
}

/// Replays what would be stored of the decision, and compares.
fn audit(live: &mut Live, decision: &Decision) -> Result<(), String> {
    let Some(shadow) = &mut live.shadow else { return Ok(()) };
    for event in &decision.events {
        let stored = crate::store::stored_form(event)
            .map_err(|error| format!("event {} cannot be stored and read back: {error}", event.id.0))?;
        if stored != *event {
            return Err(format!("event {} reads back differently: {event:?} became {stored:?}", event.id.0));
        }
        shadow.apply(&stored).map_err(|error| format!("a replay stops: {error}"))?;
    }
    if **shadow == live.execution {
        Ok(())
    } else {
        Err(format!("a replay differs: live {:?}, replayed {shadow:?}", live.execution))
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("deciding panicked: {text}")
}
