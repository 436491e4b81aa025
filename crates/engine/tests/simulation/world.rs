//! The simulated world: store, clock, chance, executor and callers, and what must hold in it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::{self, StateMachine};
use darkroom_asl::interpreter::event::{EventKind, HistoryEvent, Reason};
use darkroom_asl::interpreter::{
    Effect, Execution, Identity, Limits, Qualifiers, Random, Stimulus, TaskId, TaskRequest,
};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    EndStatus, ExecutionKey, ExecutionStatus, ExecutionSummary, Filter, MemoryStore, Store, StoredExecution,
};
use darkroom_engine::{
    Definitions, Errand, Input, Part, Rest, Shard, ShardConfig, StartRequest, TokenSecret, Turn,
};

use crate::machines::{ALL, Machine};
use crate::outside::Outside;

/// What happened, to see that enough did.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub crashes: u64,
    pub commits: u64,
    pub refused_commits: u64,
    pub doubled_answers: u64,
    pub late_answers: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub timed_out: u64,
    pub aborted: u64,
    pub errands: u64,
    pub handed_out: u64,
    pub reported: u64,
    pub redriven: u64,
    pub children: u64,
    pub rested: u64,
}

impl Counts {
    /// What went wrong, but for tasks that fail.
    pub fn faults(&self) -> u64 {
        self.crashes + self.refused_commits + self.doubled_answers + self.late_answers
    }

    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.commits += other.commits;
        self.refused_commits += other.refused_commits;
        self.doubled_answers += other.doubled_answers;
        self.late_answers += other.late_answers;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.aborted += other.aborted;
        self.errands += other.errands;
        self.handed_out += other.handed_out;
        self.reported += other.reported;
        self.redriven += other.redriven;
        self.children += other.children;
        self.rested += other.rested;
    }
}

/// Where an exhaustive run crashes.
#[derive(Clone, Copy, Debug)]
pub enum Crash {
    BeforeCommit(u64),
    AfterCommit(u64),
}

/// What a quiet run came to.
#[derive(Debug)]
pub struct QuietRun {
    pub commits: u64,
    pub ends: Vec<(&'static str, String)>,
}

/// A generator that is good enough for a simulation, and the same everywhere (SplitMix64).
pub struct Dice(Cell<u64>);

impl Random for Dice {
    fn next_u64(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Dice {
    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// A place in something of this length.
    pub fn place(&self, length: usize) -> usize {
        let place = self.below(u64::try_from(length).expect("a length fits"));
        usize::try_from(place).expect("a place in a length fits")
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.place(from.len())]
    }

    pub fn one_in(&self, chance: u64) -> bool {
        self.below(chance) == 0
    }
}

/// A task that the world is at work on.
#[derive(Clone)]
struct Job {
    key: ExecutionKey,
    request: TaskRequest,
    /// Given out by a process that has died since.
    from_before_a_crash: bool,
}

pub struct World {
    pub store: MemoryStore,
    pub shard: Shard,
    pub dice: Dice,
    now: Timestamp,
    verbose: bool,
    limits: Limits,
    pub definitions: BTreeMap<Text, Arc<StateMachine>>,
    next_key: i64,
    /// Turns on their way to the disk.
    pipeline: VecDeque<Turn>,
    jobs: Vec<Job>,
    /// Executions that are to be decided for away from the shard.
    errands: Vec<Errand>,
    /// Starts that were acknowledged.
    acknowledged: Arc<Mutex<BTreeSet<ExecutionKey>>>,
    /// What was committed, as it was committed: reading it back each time would take most of the time.
    durable: BTreeMap<ExecutionKey, Vec<HistoryEvent>>,
    /// Tasks whose end is durable.
    pub settled: BTreeSet<(ExecutionKey, TaskId)>,
    pub outside: Outside,
    pub counts: Counts,
}

const STEPS: u64 = 120;
const EXECUTIONS_MAX: i64 = 3;
/// More than any of these executions needs.
const STEPS_TO_REST_MAX: u64 = 20_000;

impl World {
    pub fn new(seed: u64, verbose: bool) -> Self {
        let dice = Dice(Cell::new(seed));
        // A small budget now and then, so that turns end in the middle of a chain.
        let turn_events_max = if dice.one_in(3) { 3 } else { 1_000 };
        Self::with(dice, verbose, Limits { turn_events_max, ..Limits::default() })
    }

    fn with(dice: Dice, verbose: bool, limits: Limits) -> Self {
        let store = MemoryStore::default();
        let shard = Shard::new(shard_config(&store, &limits));
        Self {
            store,
            shard,
            dice,
            now: Timestamp::from_millis(1_700_000_000_000),
            verbose,
            limits,
            definitions: BTreeMap::new(),
            next_key: 1,
            pipeline: VecDeque::new(),
            jobs: Vec::new(),
            errands: Vec::new(),
            acknowledged: Arc::default(),
            durable: BTreeMap::new(),
            settled: BTreeSet::new(),
            outside: Outside::default(),
            counts: Counts::default(),
        }
    }

    /// Runs one execution of `machine` to its end in a world where nothing goes wrong but, perhaps, one crash.
    pub fn run_quietly(machine: &'static Machine, crash: Option<Crash>) -> QuietRun {
        let mut world = Self::with(Dice(Cell::new(1)), false, Limits::default());
        world.start(machine);
        world.run_to_end(machine, crash)
    }

    fn run_to_end(mut self, machine: &'static Machine, crash: Option<Crash>) -> QuietRun {
        let mut steps = 0;
        let mut crashed = false;
        while self.has_open_executions() || self.counts.commits == 0 {
            steps += 1;
            assert!(steps < STEPS_TO_REST_MAX, "it does not come to its end");
            self.turn();
            self.decide_all_away();
            while let Some(turn) = self.pipeline.pop_front() {
                if matches!(crash, Some(Crash::BeforeCommit(at)) if !crashed && at == self.counts.commits) {
                    crashed = true;
                    self.crash();
                    break;
                }
                self.commit(&turn);
                if matches!(crash, Some(Crash::AfterCommit(at)) if !crashed && at + 1 == self.counts.commits)
                {
                    crashed = true;
                    self.crash();
                    break;
                }
                self.release(turn);
            }
            if self.counts.commits == 0 {
                // The crash came before the start was durable: nobody was told, so the caller asks again.
                self.next_key = 1;
                self.start(machine);
                continue;
            }
            self.answer_all_well();
            self.work_outside();
            self.report_all_well();
            // What has come in is quicker than time: nothing times out because of where a crash was.
            if !self.shard.has_inputs() {
                self.pass_time_to_the_next_deadline();
            }
        }
        let ends = self
            .executions()
            .into_iter()
            .map(|execution| {
                let end = execution.end.expect("every execution has ended");
                (end.status.as_str(), format!("{:?}", end.status))
            })
            .collect();
        QuietRun { commits: self.counts.commits, ends }
    }

    /// Faults and all.
    pub fn live_dangerously(&mut self) {
        for _ in 0..STEPS {
            match self.dice.below(22) {
                0 | 1 => {
                    if self.next_key <= EXECUTIONS_MAX {
                        let machine = self.dice.pick(ALL);
                        self.start(machine);
                    }
                }
                2..=5 => self.turn(),
                6..=8 => self.commit_or_not(),
                9..=12 => self.answer_one(),
                13 | 14 => self.pass_time(),
                15 | 16 => self.deliver_mail(),
                17 => _ = self.poll(),
                18 => self.report_one(),
                19 if self.dice.one_in(3) => self.redrive_one(),
                19 => {}
                20 => self.decide_away(),
                _ => {
                    if self.dice.one_in(3) {
                        self.crash();
                    } else if self.dice.one_in(4) {
                        self.stop_one();
                    }
                }
            }
            self.hear();
            self.check_safety();
        }
    }

    /// No more faults: everything must come to its end.
    pub fn come_to_rest(&mut self) {
        for _ in 0..STEPS_TO_REST_MAX {
            self.turn();
            self.decide_all_away();
            while let Some(turn) = self.pipeline.pop_front() {
                self.commit(&turn);
                self.release(turn);
            }
            self.hear();
            let is_quiet = self.errands.is_empty() && self.jobs.is_empty() && self.is_quiet_outside();
            if is_quiet && !self.shard.has_inputs() && !self.has_open_executions() {
                return;
            }
            self.answer_all();
            self.work_outside();
            self.report_one();
            self.pass_time_to_the_next_deadline();
        }
        panic!("something does not come to its end");
    }

    /// Everything that waits to be told or taken is.
    fn work_outside(&mut self) {
        self.hear();
        self.deliver_mail();
        while self.poll() {}
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{} {}", self.now, what());
        }
    }

    fn start(&mut self, machine: &'static Machine) {
        let key = ExecutionKey(self.next_key);
        self.next_key += 1;
        self.say(|| format!("start {} as {}", machine.name, key.0));
        let (definition, parsed) = self.define(machine);
        let request = StartRequest {
            key,
            identity: identity(key),
            machine: parsed,
            definition,
            input: Payload::parse(machine.input).expect("an input of ours"),
            parent: None,
        };
        let acknowledged = self.acknowledged.clone();
        let reply = Box::new(move |started: Result<darkroom_engine::Started, _>| {
            let started = started.expect("a start of a new name");
            acknowledged.lock().expect("one thread").insert(started.key);
        });
        self.shard.push(Input::Start(request, reply));
    }

    /// The machine, as the store knows it and as it runs.
    pub fn define(&mut self, machine: &Machine) -> (Text, Arc<StateMachine>) {
        let definition: Text = machine.definition.into();
        let parsed = self.definitions.entry(definition.clone()).or_insert_with(|| {
            let parsed = definition::parse(machine.definition, definition::Options::default());
            parsed.machine.unwrap_or_else(|| panic!("{}: {:?}", machine.name, parsed.diagnostics))
        });
        self.store.put_definition(&definition, machine.definition).expect("a store in memory");
        (definition, parsed.clone())
    }

    fn stop_one(&mut self) {
        let key = ExecutionKey(*self.dice.pick(&[1, 2, 3]));
        self.say(|| format!("stop {}", key.0));
        let arn = identity(key).execution_arn.clone();
        self.shard.push(Input::Stop(arn, Reason::default(), Box::new(drop)));
    }

    fn turn(&mut self) {
        let mut turn = self.shard.turn(self.now, &self.dice);
        self.errands.append(&mut turn.errands);
        let parked = self.shard.take_parked();
        assert!(parked.is_empty(), "set aside: {parked:?}");
        if !turn.batch.appends.is_empty() || !turn.releases.is_empty() {
            self.say(|| format!("turn: {:?}", event_types(&turn)));
            self.pipeline.push_back(turn);
        }
    }

    /// One of the executions that are away is decided for, whichever.
    fn decide_away(&mut self) {
        if !self.errands.is_empty() {
            let errand = self.errands.swap_remove(self.dice.place(self.errands.len()));
            self.counts.errands += 1;
            self.shard.push(errand.run(&self.dice));
        }
    }

    fn decide_all_away(&mut self) {
        while !self.errands.is_empty() {
            self.decide_away();
        }
    }

    fn commit_or_not(&mut self) {
        if self.dice.one_in(5) {
            // A full disk: the same turn is tried again later.
            self.counts.refused_commits += 1;
            return;
        }
        if let Some(turn) = self.pipeline.pop_front() {
            self.commit(&turn);
            if self.dice.one_in(20) {
                self.crash();
            } else {
                self.release(turn);
            }
        }
    }

    fn commit(&mut self, turn: &Turn) {
        let mut batch = turn.batch.clone();
        batch.appends.retain(|append| append.start.is_some() || !append.events.is_empty());
        self.store.commit(&batch).expect("one writer");
        self.counts.commits += 1;
        for append in &batch.appends {
            self.note_settled_tasks(append.key, &append.events);
        }
    }

    fn note_settled_tasks(&mut self, key: ExecutionKey, events: &[HistoryEvent]) {
        let history = self.durable.entry(key).or_default();
        history.extend(events.iter().cloned());
        for event in events {
            if let EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskScheduleFailed { .. }
            | EventKind::TaskSubmitFailed { .. }
            | EventKind::TaskTimedOut { .. } = event.kind
            {
                let scheduled = history
                    .iter()
                    .take_while(|earlier| earlier.id < event.id)
                    .filter(|earlier| earlier.branch == event.branch)
                    .filter(|earlier| matches!(earlier.kind, EventKind::TaskScheduled(_)))
                    .last()
                    .expect("a task that ends was scheduled");
                self.settled.insert((key, TaskId { branch: event.branch, scheduled: scheduled.id }));
            }
        }
    }

    /// Lets a committed turn out.
    fn release(&mut self, turn: Turn) {
        for release in turn.releases {
            for effect in release.effects {
                match effect {
                    Effect::RunTask(request) => self.give_out(release.key, request),
                    Effect::CancelTask(id) => {
                        self.cancel_outside(release.key, id);
                        if self.dice.one_in(2) {
                            self.jobs.retain(|job| job.key != release.key || job.request.id != id);
                        }
                    }
                }
            }
            for reply in release.replies {
                reply(Ok(()));
            }
            if release.ended {
                self.shard.push(Input::Settled(vec![release.key]));
            }
            if let Some(last) = release.rests_at {
                self.counts.rested += 1;
                self.shard.push(Input::Rested(release.key, last));
            }
        }
    }

    fn give_out(&mut self, key: ExecutionKey, request: TaskRequest) {
        let asked_for = self.durable.get(&key).into_iter().flatten().any(|event| {
            event.id == request.id.scheduled && matches!(event.kind, EventKind::TaskScheduled(_))
        });
        assert!(asked_for, "a task leaves before what asked for it is durable: {request:?}");
        assert!(
            !self.settled.contains(&(key, request.id)),
            "a task whose end is durable is asked for again: {request:?}"
        );
        if !self.takes_outside(key, &request) {
            self.jobs.push(Job { key, request, from_before_a_crash: false });
        }
    }

    fn crash(&mut self) {
        self.say(|| format!("crash, with {} turns not committed", self.pipeline.len()));
        self.counts.crashes += 1;
        self.pipeline.clear();
        self.errands.clear();
        self.crash_outside();
        // Some workers die with the process; the answers of others arrive at the next one.
        self.jobs.retain(|_| self.dice.one_in(3));
        for job in &mut self.jobs {
            job.from_before_a_crash = true;
        }
        self.shard = Shard::new(shard_config(&self.store, &self.limits));
        for stored in self.store.open_executions(None, usize::MAX).expect("a store in memory") {
            let machine = self.definitions[&stored.definition].clone();
            let history = self.store.history(stored.key).expect("a store in memory");
            let effects =
                self.shard.recover(&stored, machine, &history, self.now).expect("a history of ours");
            for effect in effects {
                if let Effect::RunTask(request) = effect {
                    self.give_out(stored.key, request);
                }
            }
        }
    }

    fn answer_one(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let place = self.dice.place(self.jobs.len());
        if self.dice.one_in(6) {
            // The work is done, and its answer gets lost: the world will ask again, or time out.
            return;
        }
        let job = self.jobs[place].clone();
        if job.from_before_a_crash {
            self.counts.late_answers += 1;
        }
        if self.dice.one_in(4) {
            self.counts.doubled_answers += 1;
        } else {
            self.jobs.swap_remove(place);
        }
        let stimulus = self.outcome(&job);
        self.shard.push(Input::Stimulus(job.key, stimulus));
    }

    fn answer_all(&mut self) {
        for job in std::mem::take(&mut self.jobs) {
            let stimulus = self.outcome(&job);
            self.shard.push(Input::Stimulus(job.key, stimulus));
        }
    }

    fn answer_all_well(&mut self) {
        for job in std::mem::take(&mut self.jobs) {
            let task = job.request.id;
            let output = Payload::parse(r#"{"ok": true}"#).expect("an output of ours");
            self.shard.push(Input::Stimulus(job.key, Stimulus::TaskSucceeded { task, output }));
        }
    }

    fn outcome(&self, job: &Job) -> Stimulus {
        let task = job.request.id;
        let failed = |error: Option<&str>| Stimulus::TaskFailed {
            task,
            reason: Reason { error: error.map(Into::into), cause: Some("the dice said so".into()) },
        };
        match self.dice.below(12) {
            0 | 1 => failed(Some("Flaky")),
            2 => failed(Some("Broken")),
            3 => failed(None),
            4 => Stimulus::TaskHeartbeat { task },
            _ => Stimulus::TaskSucceeded {
                task,
                output: Payload::parse(format!(r#"{{"roll": {}}}"#, self.dice.below(1_000)))
                    .expect("an output of ours"),
            },
        }
    }

    fn pass_time(&mut self) {
        let longest = if self.dice.one_in(4) { 30_000 } else { 1_500 };
        self.now = self.now.plus_millis(self.dice.below(longest));
    }

    fn pass_time_to_the_next_deadline(&mut self) {
        if self.shard.has_inputs() {
            return;
        }
        if let Some(deadline) = self.shard.next_deadline() {
            self.now = self.now.max(deadline);
        }
    }

    /// Whether a task was given up, on the disk: with its state, or with the execution.
    pub fn was_given_up(&self, key: ExecutionKey, task: TaskId) -> bool {
        let history = self.durable.get(&key).into_iter().flatten();
        history.filter(|event| event.id > task.scheduled).any(|event| {
            let is_own = event.branch == task.branch;
            event.kind.is_terminal() || is_own && matches!(event.kind, EventKind::StateAborted { .. })
        })
    }

    fn has_open_executions(&self) -> bool {
        let running = Some(ExecutionStatus::Running);
        !self.store.executions(&Filter { status: running, ..all() }).expect("a store in memory").is_empty()
    }

    /// Every execution, newest first.
    fn executions(&self) -> Vec<StoredExecution> {
        let summaries = self.store.executions(&all()).expect("a store in memory");
        let whole = |summary: ExecutionSummary| {
            self.store.execution(&summary.identity.execution_arn).expect("a store in memory")
        };
        summaries.into_iter().filter_map(whole).collect()
    }

    /// What must hold at every moment.
    fn check_safety(&self) {
        for key in self.acknowledged.lock().expect("one thread").iter() {
            let arn = &identity(*key).execution_arn;
            let stored = self.store.execution(arn).expect("a store in memory");
            assert!(stored.is_some(), "an acknowledged start is lost: {arn}");
        }
    }

    /// What must hold at the end: each history is gapless, has one end, and adds up to it.
    pub fn check_all_ended(&mut self) {
        let mut parents = BTreeSet::new();
        for stored in self.executions() {
            let history = self.store.history(stored.key).expect("a store in memory");
            assert_eq!(self.durable.get(&stored.key), Some(&history), "the store has something else");
            for (event, expected) in history.iter().zip(1..) {
                assert_eq!(event.id.0, expected, "a gap in {}", stored.key.0);
                assert!(event.previous_event_id < event.id);
            }
            let ends = history.iter().filter(|event| event.kind.is_terminal()).count();
            let redrives = history
                .iter()
                .filter(|event| matches!(event.kind, EventKind::ExecutionRedriven { .. }))
                .count();
            assert_eq!(ends, 1 + redrives, "{} has {ends} ends", stored.key.0);
            assert_eq!(stored.redrive.map_or(0, |redrive| redrive.count as usize), redrives);
            assert!(history.last().is_some_and(|event| event.kind.is_terminal()));
            self.check_prefixes(&stored, &history);
            if let Some(parent) = stored.parent {
                assert!(parents.insert((parent.key, parent.task)), "{parent:?} has two children");
            }
            match stored.end.expect("every execution has ended").status {
                EndStatus::Succeeded(_) => self.counts.succeeded += 1,
                EndStatus::Failed(_) => self.counts.failed += 1,
                EndStatus::TimedOut(_) => self.counts.timed_out += 1,
                EndStatus::Aborted(_) => self.counts.aborted += 1,
            }
        }
    }

    /// Every prefix of a history can be replayed; that it gives the live execution, the shard's audit has
    /// checked at each decision.
    fn check_prefixes(&self, stored: &StoredExecution, history: &[HistoryEvent]) {
        let machine = self.definitions[&stored.definition].clone();
        let mut execution = Execution::new(machine, stored.identity.clone(), stored.input.clone());
        for event in history {
            execution.apply(event).unwrap_or_else(|error| panic!("{}: {error}", stored.key.0));
        }
        assert!(execution.next_deadline().is_none(), "an ended execution waits for nothing");
        assert!(execution.open_tasks().is_empty());
    }
}

fn shard_config(store: &MemoryStore, limits: &Limits) -> ShardConfig {
    ShardConfig {
        store: Arc::new(store.clone()),
        secret: TokenSecret([7; 32]),
        limits: limits.clone(),
        audit: true,
        definitions: Arc::new(Definitions::new(Arc::new(store.clone()))),
        part: Part::WHOLE,
        // What waits for a second is left on the disk already.
        rest: Rest { longer_than: Duration::from_millis(900), early: Duration::from_millis(300) },
    }
}

pub fn identity(key: ExecutionKey) -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: format!("arn:aws:states:us-east-1:000000000000:execution:sim:{}", key.0).into(),
        execution_name: key.0.to_string().into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:sim".into(),
        state_machine_name: "sim".into(),
        role_arn: "arn:aws:iam::000000000000:role/sim".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}

fn all() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

fn event_types(turn: &Turn) -> Vec<String> {
    turn.batch
        .appends
        .iter()
        .flat_map(|append| {
            append.events.iter().map(|event| {
                let name = darkroom_asl::interpreter::event::wire::type_name(event);
                format!("{}#{} {name}", append.key.0, event.id.0)
            })
        })
        .collect()
}
