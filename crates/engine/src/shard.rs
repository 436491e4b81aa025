//! A shard: the single-threaded loop that owns executions, without the loop.
//!
//! A shard is driven: inputs are pushed, and [`Shard::turn`] decides for all of them and answers with one
//! [`Turn`], a batch to commit and what to let out once it is. Meanwhile the next turn may be decided: the
//! executions in memory are ahead of the disk, and nothing outside has seen it. It starts no thread, waits
//! for nothing and sends nothing; it reads the store to load what it is asked about.

mod audit;
mod away;
mod input;
mod part;
mod redrive;
mod sleep;
mod start;
mod tasks;
mod turn;

pub use away::{Errand, Returned};
pub use input::{
    EndReply, ExpressReply, Input, Outcome, Permit, RedriveError, RedriveReply, RedriveRequest, Reply,
    Report, ReportError, ReportReply, StartError, StartReply, StartRequest, Started, StopReply, TakeReply,
};
pub use part::Part;
pub use sleep::Rest;
pub use turn::{Parked, Release, Turn};

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::event::{HistoryEvent, Reason};
use darkroom_asl::interpreter::{
    Decision, Effect, Execution, Limits, Random, Status, Stimulus, Surroundings,
};
use darkroom_asl::json::Text;

use self::sleep::Sleepers;
use self::turn::Building;
use crate::definitions::Definitions;
use crate::store::{End, EndStatus, ExecutionKey, Parent, Sleep, Store, StoredExecution};
use crate::token::{TokenSecret, Tokens};

/// An execution in memory.
struct Live {
    execution: Execution,
    /// The task that started it, if one did.
    parent: Option<Parent>,
    /// Who is to be told of its end.
    watchers: Vec<EndReply>,
    /// What waits for its end to be durable.
    after_end: Vec<Input>,
    /// An Express execution's place.
    permit: Option<Permit>,
    /// Until when it is asleep as the store knows it, or will.
    asleep_until: Option<Timestamp>,
    /// The deadline that stands for it among the shard's timers.
    timer: Option<Timestamp>,
    /// What a replay of its stored events gives, where the shard is audited.
    shadow: Option<Box<Execution>>,
}

/// What a shard is made of.
#[derive(Clone)]
pub struct ShardConfig {
    /// Where it finds what it is asked about.
    pub store: Arc<dyn Store>,
    /// What task tokens are made with.
    pub secret: TokenSecret,
    /// The bounds on executions.
    pub limits: Limits,
    /// The state machines of executions that wake up.
    pub definitions: Arc<Definitions>,
    /// Which executions are its own.
    pub part: Part,
    /// When executions that only wait are left on the disk.
    pub rest: Rest,
    /// Whether every decision is checked against a replay of what would be stored: a difference parks the
    /// execution. Costs about as much as deciding again.
    pub audit: bool,
}

/// Executions, and what is waiting to happen to them.
pub struct Shard {
    config: ShardConfig,
    live: HashMap<ExecutionKey, Live>,
    by_arn: HashMap<Text, ExecutionKey>,
    timers: BTreeSet<(Timestamp, ExecutionKey)>,
    /// State machines that are being deleted.
    deleting: HashSet<Text>,
    /// What came for executions that are decided for elsewhere.
    away: HashMap<ExecutionKey, VecDeque<Input>>,
    inputs: VecDeque<Input>,
    parked: Vec<Parked>,
    sleepers: Sleepers,
}

/// Inputs that one turn takes at most, so that a commit stays small enough to be quick.
const TURN_INPUTS_MAX: usize = 4_096;

impl Shard {
    /// An empty shard.
    pub fn new(config: ShardConfig) -> Self {
        Self {
            config,
            live: HashMap::new(),
            by_arn: HashMap::new(),
            timers: BTreeSet::new(),
            deleting: HashSet::new(),
            away: HashMap::new(),
            inputs: VecDeque::new(),
            parked: Vec::new(),
            sleepers: Sleepers::default(),
        }
    }

    /// Takes an execution up again after a restart, at `now`, from what the store has of it. Its open tasks come
    /// back as effects, to be run again at once: what asked for them is durable.
    pub fn recover(
        &mut self,
        stored: &StoredExecution,
        machine: Arc<StateMachine>,
        history: &[HistoryEvent],
        now: Timestamp,
    ) -> Result<Vec<Effect>, darkroom_asl::interpreter::ReplayError> {
        let mut execution =
            Execution::replay(machine, stored.identity.clone(), stored.input.clone(), history)?;
        execution.restart_heartbeats(now);
        let effects = execution.open_tasks().into_iter().map(Effect::RunTask).collect();
        if execution.has_ready_branches() {
            self.inputs.push_back(Input::Stimulus(stored.key, Stimulus::Continue));
        }
        self.keep(stored.key, execution, stored.parent);
        self.set_timer(stored.key);
        Ok(effects)
    }

    /// Adds an input. It is taken by a later turn, in order.
    pub fn push(&mut self, input: Input) {
        self.inputs.push_back(input);
    }

    /// Says whether a state machine is being deleted. Its executions are then ended at their next transition.
    pub fn set_deleting(&mut self, state_machine_arn: Text, is_deleting: bool) {
        if is_deleting {
            self.deleting.insert(state_machine_arn);
        } else {
            self.deleting.remove(&state_machine_arn);
        }
    }

    /// Whether an input is waiting.
    pub fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// When the next timer is due, or the next sleeper to be woken.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_timer().into_iter().chain(self.next_wake()).min()
    }

    /// The earliest deadline of an execution that is in memory.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// How many executions are in memory.
    pub fn executions_in_memory(&self) -> usize {
        self.live.len() + self.away.len()
    }

    /// How many inputs are waiting.
    pub fn inputs_waiting(&self) -> usize {
        self.inputs.len()
    }

    /// How many executions in memory a time comes for.
    pub fn timed(&self) -> usize {
        self.timers.len()
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
        let mut building = Building::new(now);
        self.wake_due(now);
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
        self.wake_for(&input);
        let Some(input) = self.unless_away(input, building) else { return };
        match input {
            Input::Start(request, reply) => self.start(request, reply, building, random),
            Input::StartExpress(request, reply, permit) => {
                self.start_express(request, reply, permit, building, random);
            }
            Input::Stimulus(key, stimulus) => {
                self.decide(key, stimulus, building, random);
            }
            Input::Report(key, task, report, reply) => {
                self.report(key, task, report.stimulus(task), reply, building, random);
            }
            Input::Returned(returned) => self.come_back(*returned, building),
            Input::Take(key, task, worker_name, reply) => {
                self.take_task(key, task, worker_name, reply, building, random);
            }
            Input::Redrive(request, reply) => self.redrive(request, reply, building, random),
            Input::Watch(arn, reply) => self.watch(&arn, reply, building),
            Input::Stop(arn, reason, reply) => self.stop(&arn, reason, reply, building, random),
            Input::Deleting { state_machine_arn, is_deleting } => {
                self.set_deleting(state_machine_arn, is_deleting);
            }
            Input::Settled(keys) => {
                for key in keys {
                    self.forget(key);
                }
            }
            Input::Rested(key, last) => self.let_sleep(key, last, building.now),
            Input::Lost(key) => self.forget(key),
        }
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

    fn watch(&mut self, arn: &Text, reply: EndReply, building: &mut Building) {
        if let Some(key) = self.by_arn.get(arn).copied()
            && let Some(live) = self.live.get_mut(&key)
        {
            match live.outcome() {
                None => live.watchers.push(reply),
                // Its end may not be durable yet.
                Some(outcome) => building.release(key, live.execution.identity()).tell(reply, outcome),
            }
            return;
        }
        match self.config.store.execution(arn) {
            Ok(Some(StoredExecution { identity, input, started_at, redrive, end: Some(end), .. })) => {
                let redrive_count = redrive.map_or(0, |redrive| redrive.count);
                reply(Some(Arc::new(Outcome { identity, input, started_at, redrive_count, end })));
            }
            // It is set aside.
            Ok(Some(_)) => {}
            Ok(None) => reply(None),
            Err(error) => {
                tracing::error!(execution_arn = %arn, %error, "who waits for the end of an execution is not told");
            }
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
        let outlook = Outlook {
            now: building.now,
            random,
            secret: &self.config.secret,
            limits: &self.config.limits,
            deleting: self.deleting.contains(&live.execution.identity().state_machine_arn),
            is_in_a_hurry: true,
        };
        let decided = live.decide(key, stimulus, &outlook);
        self.settle(key, decided, building)
    }

    /// Takes what was decided, or sets the execution aside.
    fn settle(
        &mut self,
        key: ExecutionKey,
        decided: Result<Decision, String>,
        building: &mut Building,
    ) -> bool {
        match decided {
            Ok(decision) => {
                self.take_decision(key, decision, building);
                true
            }
            Err(reason) => {
                if let Some(live) = self.live.get(&key) {
                    self.parked.push(Parked::of(key, live.execution.identity(), reason));
                }
                self.forget(key);
                false
            }
        }
    }

    fn take_decision(&mut self, key: ExecutionKey, decision: Decision, building: &mut Building) {
        let Some(live) = self.live.get_mut(&key) else { return };
        let Decision { events, effects, unfinished } = decision;
        if !events.is_empty() {
            let until = self.config.rest.until(key, live, building.now);
            let append = building.append(key, live.execution.identity());
            append.events.extend(events);
            append.end = end(&live.execution);
            if until != live.asleep_until {
                append.sleep = Some(until.map_or(Sleep::Over, Sleep::Until));
                live.asleep_until = until;
            }
            if until.is_some() {
                let release = building.release(key, live.execution.identity());
                release.rests_at = Some(live.execution.last_event_id());
            }
            if let Some(outcome) = live.outcome() {
                let release = building.release(key, live.execution.identity());
                release.ended = true;
                for watcher in live.watchers.drain(..) {
                    release.tell(watcher, outcome.clone());
                }
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

    /// Keeps an execution in memory.
    fn keep(&mut self, key: ExecutionKey, execution: Execution, parent: Option<Parent>) {
        let shadow = self.config.audit.then(|| Box::new(execution.clone()));
        self.by_arn.insert(execution.identity().execution_arn.clone(), key);
        let live = Live {
            execution,
            parent,
            watchers: Vec::new(),
            after_end: Vec::new(),
            permit: None,
            asleep_until: None,
            timer: None,
            shadow,
        };
        self.live.insert(key, live);
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
            self.inputs.extend(live.after_end);
        }
    }
}

/// What a decision depends on beside its execution and what that is told.
struct Outlook<'a> {
    now: Timestamp,
    random: &'a dyn Random,
    secret: &'a TokenSecret,
    limits: &'a Limits,
    deleting: bool,
    is_in_a_hurry: bool,
}

impl Live {
    /// Lets the execution decide, and checks the decision. A panic is caught: the execution is then worthless.
    fn decide(
        &mut self,
        key: ExecutionKey,
        stimulus: Stimulus,
        outlook: &Outlook<'_>,
    ) -> Result<Decision, String> {
        let tokens = Tokens { secret: outlook.secret, key };
        let surroundings = Surroundings {
            now: outlook.now,
            random: outlook.random,
            tokens: &tokens,
            // Bounds a runaway expression. It is no clock: nothing else depends on it.
            stopwatch: crate::clock::stopwatch,
            limits: outlook.limits,
            deleting: outlook.deleting,
            is_in_a_hurry: outlook.is_in_a_hurry,
        };
        match catch_unwind(AssertUnwindSafe(|| self.execution.decide(stimulus, surroundings))) {
            Ok(decision) => audit::check(self, &decision).map(|()| decision),
            Err(panic) => Err(panic_message(&*panic)),
        }
    }

    /// What came of it, once it has ended.
    fn outcome(&self) -> Option<Arc<Outcome>> {
        let end = end(&self.execution)?;
        Some(Arc::new(Outcome {
            identity: self.execution.identity().clone(),
            input: self.execution.input().clone(),
            started_at: self.execution.started_at(),
            redrive_count: self.execution.redrive_count(),
            end,
        }))
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

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("deciding panicked: {text}")
}
