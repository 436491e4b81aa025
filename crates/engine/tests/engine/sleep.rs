//! Executions that only wait are left on the disk, and are there again when something happens to them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::{self, MachineType, Options, StateMachine};
use darkroom_asl::interpreter::event::{BranchId, EventId, Reason};
use darkroom_asl::interpreter::{Effect, Identity, Limits, Qualifiers, Stimulus, TaskId, TaskRequest};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Change, DefinitionKey, EndStatus, ExecutionKey, ExecutionStatus, MemoryStore, Parent, Revision, Settings,
    StateMachineStatus, Store, StoredStateMachine,
};
use darkroom_engine::{
    Definitions, Input, OsRandom, Part, Report, ReportError, Rest, Shard, ShardConfig, StartRequest,
    TokenSecret,
};

const WAIT: &str = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": true}}}"#;
const CALLBACK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}}}"#;
const HEARTBEAT: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "HeartbeatSeconds": 3600, "End": true,
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}}}"#;
const TASK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
const BRANCHES: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
    {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 86400, "End": true}}},
    {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 43200, "Next": "C"}, "C": {"Type": "Pass", "End": true}}}]}}}"#;
const BRIEF: &str = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": true}}}"#;

const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: u64 = 3_600_000;

/// A shard, driven by hand, with a disk that takes everything at once.
struct World {
    store: MemoryStore,
    shard: Shard,
    now: Timestamp,
    tasks: Vec<(ExecutionKey, TaskRequest)>,
}

fn shard(store: &MemoryStore) -> Shard {
    Shard::new(ShardConfig {
        store: Arc::new(store.clone()),
        secret: TokenSecret([1; 32]),
        limits: Limits::default(),
        audit: true,
        definitions: Arc::new(Definitions::new(Arc::new(store.clone()))),
        part: Part::WHOLE,
        rest: Rest::default(),
    })
}

fn identity(key: i64) -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: format!("arn:aws:states:us-east-1:000000000000:execution:m:{key}").into(),
        execution_name: key.to_string().into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "arn:aws:iam::000000000000:role/r".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}

fn machine(text: &str) -> Arc<StateMachine> {
    definition::parse(text, Options::default()).machine.expect("a definition of ours")
}

impl World {
    fn new() -> Self {
        let store = MemoryStore::default();
        Self { shard: shard(&store), store, now: BEGIN, tasks: Vec::new() }
    }

    fn start(&mut self, key: i64, text: &str, parent: Option<Parent>) {
        let definition: DefinitionKey = text.into();
        self.store.put_definition(&definition, text).expect("memory");
        let request = StartRequest {
            key: ExecutionKey(key),
            identity: identity(key),
            machine: machine(text),
            definition,
            input: Payload::parse("{}").expect("JSON"),
            parent,
        };
        self.shard.push(Input::Start(request, Box::new(|_| {})));
        self.run();
    }

    fn tell(&mut self, input: Input) {
        self.shard.push(input);
        self.run();
    }

    /// Turns, each committed and let out, until nothing is left to do.
    fn run(&mut self) {
        loop {
            let turn = self.shard.turn(self.now, &OsRandom);
            self.store.commit(&turn.batch).expect("memory");
            for release in turn.releases {
                for reply in release.replies {
                    reply(Ok(()));
                }
                for effect in release.effects {
                    if let Effect::RunTask(request) = effect {
                        self.tasks.push((release.key, request));
                    }
                }
                if release.ended {
                    self.shard.push(Input::Settled(vec![release.key]));
                }
                if let Some(last) = release.rests_at {
                    self.shard.push(Input::Rested(release.key, last));
                }
            }
            if !self.shard.has_inputs() && self.shard.next_deadline().is_none_or(|at| at > self.now) {
                return;
            }
        }
    }

    /// The caller that is to call back was asked.
    fn submit(&mut self) {
        for (key, request) in std::mem::take(&mut self.tasks) {
            let output = Payload::parse("{}").expect("JSON");
            self.tell(Input::Stimulus(key, Stimulus::TaskSubmitted { task: request.id, output }));
        }
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.run();
    }

    fn in_memory(&self) -> usize {
        self.shard.executions_in_memory()
    }

    fn status(&self, key: i64) -> ExecutionStatus {
        self.store.execution_by_key(ExecutionKey(key)).expect("memory").expect("it is there").status()
    }

    fn end(&self, key: i64) -> Option<(EndStatus, Timestamp)> {
        let stored = self.store.execution_by_key(ExecutionKey(key)).expect("memory").expect("it is there");
        stored.end.map(|end| (end.status, end.ended_at))
    }
}

#[test]
fn what_waits_long_is_left_on_the_disk_until_its_time_is_near() {
    let mut world = World::new();
    for key in 1..=1_000 {
        world.start(key, WAIT, None);
    }
    assert_eq!((world.in_memory(), world.shard.fell_asleep()), (0, 1_000));
    // It is read back before its time, and goes on at its time to the millisecond.
    let due = BEGIN.plus_millis(24 * HOUR);
    assert_eq!(world.shard.next_deadline(), Some(BEGIN.plus_millis(24 * HOUR - 20_000)));
    world.pass(24 * HOUR - 20_000);
    assert_eq!((world.in_memory(), world.status(1)), (1_000, ExecutionStatus::Running));
    assert_eq!((world.shard.fell_asleep(), world.shard.timed()), (0, 1_000));
    assert_eq!(world.shard.next_deadline(), Some(due));
    world.pass(20_000);
    assert_eq!(world.in_memory(), 0);
    for key in 1..=1_000 {
        assert_eq!(world.end(key), Some((EndStatus::Succeeded(Payload::parse("{}").expect("JSON")), due)));
    }
}

#[test]
fn what_is_under_way_or_waits_briefly_stays_in_memory() {
    let parent = |waits| {
        let task = TaskId { branch: BranchId(0), scheduled: EventId(3) };
        Some(Parent { key: ExecutionKey(99), task, waits })
    };
    for (what, text, parent, expected) in [
        ("a wait", WAIT, None, 0),
        ("two waits", BRANCHES, None, 0),
        ("a callback", CALLBACK, None, 0),
        ("one with heartbeats", HEARTBEAT, None, 1),
        ("a brief wait", BRIEF, None, 1),
        ("one that is waited for", WAIT, parent(true), 1),
        ("one that was started only", WAIT, parent(false), 0),
    ] {
        let mut world = World::new();
        world.start(1, text, parent);
        world.submit();
        assert_eq!(world.in_memory(), expected, "{what}");
    }
    let mut world = World::new();
    world.start(1, TASK, None);
    assert_eq!(world.in_memory(), 1, "a task that is out");
}

#[test]
fn a_sleeper_that_goes_on_sleeps_again() {
    let mut world = World::new();
    world.start(1, BRANCHES, None);
    world.pass(12 * HOUR);
    assert_eq!((world.in_memory(), world.status(1)), (0, ExecutionStatus::Running));
    assert!(world.store.history(ExecutionKey(1)).expect("memory").len() > 6, "a branch has ended");
    world.pass(12 * HOUR);
    assert_eq!((world.in_memory(), world.status(1)), (0, ExecutionStatus::Succeeded));
}

#[test]
fn a_sleeper_hears_what_it_is_told() {
    let mut world = World::new();
    world.start(1, WAIT, None);
    let arn = identity(1).execution_arn.clone();

    // Starting it again is the same start, while it sleeps, too.
    let heard = Arc::new(Mutex::new(Vec::new()));
    let start = |input: &str, heard: &Arc<Mutex<Vec<String>>>| {
        let heard = heard.clone();
        let request = StartRequest {
            key: ExecutionKey(2),
            identity: identity(1),
            machine: machine(WAIT),
            definition: WAIT.into(),
            input: Payload::parse(input).expect("JSON"),
            parent: None,
        };
        let reply = move |started: Result<darkroom_engine::Started, darkroom_engine::StartError>| {
            let said = started.map_or_else(|error| error.to_string(), |started| format!("{}", started.key.0));
            heard.lock().expect("one thread").push(said);
        };
        Input::Start(request, Box::new(reply))
    };
    world.tell(start("{}", &heard));
    world.tell(start("[]", &heard));
    let taken = format!("Execution Already Exists: '{arn}'");
    assert_eq!(*heard.lock().expect("one thread"), ["1".to_owned(), taken]);
    assert_eq!(world.in_memory(), 0, "nothing came of it, so it sleeps on");

    let stopped = Arc::new(Mutex::new(None));
    let answer = stopped.clone();
    let reply = Box::new(move |running: Result<bool, _>| {
        *answer.lock().expect("one thread") = running.ok();
    });
    world.tell(Input::Stop(arn, Reason::default(), reply));
    assert_eq!(*stopped.lock().expect("one thread"), Some(true));
    assert_eq!((world.in_memory(), world.status(1)), (0, ExecutionStatus::Aborted));
    assert!(world.store.sleepers((BEGIN, ExecutionKey(0)), 9).expect("memory").is_empty());
}

#[test]
fn a_token_wakes_who_waits_for_it_after_a_restart_too() {
    let mut world = World::new();
    world.start(1, CALLBACK, None);
    let task = world.tasks[0].1.id;
    world.submit();
    world.shard = shard(&world.store);
    assert!(world.store.open_executions(None, 9).expect("memory").is_empty(), "recovery reads none");
    world.pass(1_000 * HOUR);
    assert_eq!(world.in_memory(), 0, "nothing is due, ever");

    let heard = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let heard = heard.clone();
        let reply = move |taken: Result<(), ReportError>| {
            heard.lock().expect("one thread").push(taken.map_err(|error| error.to_string()));
        };
        let output = Payload::parse(r#""yes""#).expect("JSON");
        world.tell(Input::Report(ExecutionKey(1), task, Report::Success(output), Box::new(reply)));
    }
    assert_eq!(*heard.lock().expect("one thread"), [Ok(()), Err("the task is closed".to_owned())]);
    assert_eq!((world.in_memory(), world.status(1)), (0, ExecutionStatus::Succeeded));
}

fn deleting(arn: &Text) -> StoredStateMachine {
    StoredStateMachine {
        arn: arn.clone(),
        name: "m".into(),
        machine_type: MachineType::Standard,
        created_at: BEGIN,
        creation: "{}".into(),
        status: StateMachineStatus::Deleting,
        last_version: 0,
        revision: Revision {
            id: "r".into(),
            is_initial: true,
            definition: BRANCHES.into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            settings: Settings { logging: "{}".into(), tracing: "{}".into(), encryption: "{}".into() },
            updated_at: BEGIN,
        },
    }
}

#[test]
fn sleepers_of_a_state_machine_that_is_deleted_end_when_they_wake() {
    let mut world = World::new();
    let arn = identity(1).state_machine_arn.clone();
    world.start(1, BRANCHES, None);
    world.store.change(&[Change::PutStateMachine(deleting(&arn))]).expect("memory");
    world.shard = shard(&world.store);
    world.pass(12 * HOUR);
    assert_eq!(world.status(1), ExecutionStatus::Aborted);
}

#[test]
fn each_shard_wakes_its_own() {
    let mut world = World::new();
    for key in 1..=600 {
        world.start(key, WAIT, None);
    }
    let part = |number| {
        let rest = Rest { longer_than: Duration::from_mins(1), early: Duration::ZERO };
        let mut shard = Shard::new(ShardConfig {
            store: Arc::new(world.store.clone()),
            secret: TokenSecret([1; 32]),
            limits: Limits::default(),
            audit: false,
            definitions: Arc::new(Definitions::new(Arc::new(world.store.clone()))),
            part: Part { number, of: 3 },
            rest,
        });
        for _ in 0..9 {
            shard.turn(BEGIN.plus_millis(24 * HOUR), &OsRandom);
        }
        shard.executions_in_memory()
    };
    let awake: Vec<usize> = (0..3).map(part).collect();
    assert_eq!(awake.iter().sum::<usize>(), 600, "{awake:?}");
    assert!(awake.iter().all(|count| *count > 0), "{awake:?}");
}
