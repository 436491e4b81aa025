//! Resources in a running engine: who wins, what is refused, what a restart does not forget.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::{Identity, Limits, Random, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Append, EndStatus, ExecutionKey, ExecutionStatus, MemoryStore, Route, Settings, Store,
};
use darkroom_engine::{
    ALIASES_MAX, Answer, Clock, Config, Engine, Invocation, NewAlias, NewStateMachine, Observer, Parked,
    Publication, ResourceError, StateMachineUpdate, Target, TaskExecutor, VERSIONS_MAX,
};

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
const DAY: Duration = Duration::from_hours(24);

/// Answers every task, or none.
struct Executor {
    answers: bool,
}

impl TaskExecutor for Executor {
    fn start(&self, _: Invocation, answer: Answer) {
        if self.answers {
            answer.give(Ok(Payload::from_trusted("1")));
        } else {
            answer.withhold();
        }
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

/// Passes on the names of executions whose end became durable.
struct Told(Mutex<Sender<String>>);

impl Observer for Told {
    fn committed(&self, appends: &[Append]) {
        for append in appends.iter().filter(|append| append.end.is_some()) {
            // A test that has seen enough listens no more.
            let _ = self.0.lock().unwrap().send(append.identity.execution_name.to_string());
        }
    }

    fn parked(&self, parked: &Parked) {
        panic!("{} is set aside: {}", parked.arn, parked.reason);
    }
}

/// A clock that is set by hand.
#[derive(Default)]
struct ByHand(AtomicI64);

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

struct Counts(AtomicI64);

impl Random for Counts {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst).unsigned_abs()
    }
}

struct Running {
    engine: Engine,
    clock: Arc<ByHand>,
    ended: std::sync::mpsc::Receiver<String>,
}

fn start(store: &MemoryStore, answers: bool) -> Running {
    let (tell, ended) = channel();
    let clock = Arc::new(ByHand::default());
    let engine = Engine::start(Config {
        store: Arc::new(store.clone()),
        executor: Arc::new(Executor { answers }),
        clock: clock.clone(),
        random: Arc::new(Counts(AtomicI64::new(0))),
        observer: Arc::new(Told(Mutex::new(tell))),
        limits: Limits::default(),
        shards: 2,
        audit: true,
    })
    .unwrap();
    Running { engine, clock, ended }
}

fn definition(comment: &str) -> Text {
    format!(
        r#"{{"Comment": "{comment}", "StartAt": "T", "States": {{
            "T": {{"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "Next": "P"}},
            "P": {{"Type": "Pass", "End": true}}}}}}"#
    )
    .into()
}

fn new(comment: &str) -> NewStateMachine {
    let text = || Text::from("{}");
    NewStateMachine {
        arn: MACHINE.into(),
        name: "m".into(),
        definition: definition(comment),
        role_arn: "role".into(),
        machine_type: MachineType::Standard,
        settings: Settings { logging: text(), tracing: text(), encryption: text() },
        creation: text(),
        tags: Vec::new(),
        publish: None,
    }
}

impl Running {
    fn start_execution(&self, arn: &str, name: &str) {
        let Target { machine, revision, qualifiers } = self.engine.target(arn).unwrap();
        let identity = Identity {
            execution_arn: execution_arn(name),
            execution_name: name.into(),
            state_machine_arn: machine.arn,
            state_machine_name: machine.name,
            role_arn: revision.role_arn,
            qualifiers,
            revision_id: Some(revision.id),
            trace_header: None,
        };
        let machine = self.engine.machine(&revision.definition).unwrap();
        let input = Payload::from_trusted("{}");
        self.engine.start_execution(Arc::new(identity), &revision.definition, &machine, input).unwrap();
    }

    fn wait_for_end(&self) -> String {
        self.ended.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    fn publish(&self, comment: &str) -> u32 {
        let publish = Some(Publication::default());
        let update =
            StateMachineUpdate { definition: Some(definition(comment)), publish, ..Default::default() };
        self.engine.update_state_machine(MACHINE, update).unwrap().version.unwrap().number
    }
}

fn execution_arn(name: &str) -> Text {
    format!("arn:aws:states:us-east-1:000000000000:execution:m:{name}").into()
}

#[test]
fn a_deletion_goes_on_after_a_restart() {
    let store = MemoryStore::default();
    let before = start(&store, false);
    before.engine.create_state_machine(new("")).unwrap();
    for name in ["a", "b", "c"] {
        before.start_execution(MACHINE, name);
    }
    before.engine.delete_state_machine(MACHINE).unwrap();
    drop(before);
    assert_eq!(store.open_executions(None, 9).unwrap().len(), 3);

    let after = start(&store, true);
    let mut ended = [after.wait_for_end(), after.wait_for_end(), after.wait_for_end()];
    ended.sort_unstable();
    assert_eq!(ended, ["a", "b", "c"]);
    for name in ended {
        let end = store.execution(&execution_arn(&name)).unwrap().unwrap().end.unwrap();
        assert!(matches!(end.status, EndStatus::Aborted(_)), "{end:?}");
    }
    assert_eq!(store.state_machine(MACHINE).unwrap(), None);
    after.engine.create_state_machine(new("")).unwrap();
    after.start_execution(MACHINE, "d");
    assert_eq!(after.wait_for_end(), "d");
    let status = store.execution(&execution_arn("d")).unwrap().unwrap().status();
    assert_eq!(status, ExecutionStatus::Succeeded);
}

#[test]
fn of_many_who_create_the_same_one_wins() {
    let store = MemoryStore::default();
    let running = start(&store, true);
    let results: Vec<_> = std::thread::scope(|scope| {
        let create = |number: usize| {
            let engine = &running.engine;
            scope.spawn(move || engine.create_state_machine(new(&number.to_string())))
        };
        let threads: Vec<_> = (0..16).map(|number| create(number % 8)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let kept = store.state_machine(MACHINE).unwrap().unwrap();
    for result in results {
        match result {
            Ok(created) => assert_eq!(created.machine, kept),
            Err(ResourceError::StateMachineAlreadyExists(arn)) => assert_eq!(&*arn, MACHINE),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn of_many_who_publish_the_same_revision_all_get_one_version() {
    let store = MemoryStore::default();
    let running = start(&store, true);
    running.engine.create_state_machine(new("")).unwrap();
    let publish =
        || running.engine.publish_version(MACHINE, Some("INITIAL"), Publication::default()).unwrap().number;
    let numbers: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(publish)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(numbers, [1; 8]);
}

#[test]
fn there_are_no_more_versions_and_aliases_than_there_may_be() {
    let store = MemoryStore::default();
    let running = start(&store, true);
    running.engine.create_state_machine(new("")).unwrap();
    for number in 1..=u32::try_from(VERSIONS_MAX).unwrap() {
        assert_eq!(running.publish(&number.to_string()), number);
    }
    let update = StateMachineUpdate {
        definition: Some(definition("one more")),
        publish: Some(Publication::default()),
        ..Default::default()
    };
    let refused = running.engine.update_state_machine(MACHINE, update).unwrap_err();
    assert!(matches!(refused, ResourceError::QuotaExceeded { what: "versions", .. }), "{refused}");
    let unchanged = store.state_machine(MACHINE).unwrap().unwrap();
    assert_eq!(unchanged.last_version, 1_000, "nothing of the update was made");
    running.engine.delete_version(MACHINE, 7).unwrap();
    assert_eq!(running.publish("one more"), 1_001);

    let alias = |number: usize| NewAlias {
        state_machine_arn: MACHINE.into(),
        name: format!("alias-{number}").into(),
        description: None,
        routes: vec![Route { version: 1, weight: 100 }],
    };
    for number in 0..ALIASES_MAX {
        running.engine.create_alias(alias(number)).unwrap();
    }
    running.engine.create_alias(alias(5)).unwrap();
    let refused = running.engine.create_alias(alias(ALIASES_MAX)).unwrap_err();
    assert!(matches!(refused, ResourceError::QuotaExceeded { what: "aliases", .. }), "{refused}");
}

#[test]
fn ended_executions_are_deleted_when_their_time_has_come() {
    let store = MemoryStore::default();
    let running = start(&store, true);
    running.engine.create_state_machine(new("")).unwrap();
    for number in 0..600 {
        running.start_execution(MACHINE, &number.to_string());
    }
    for _ in 0..600 {
        running.wait_for_end();
    }
    let day_ms = i64::try_from(DAY.as_millis()).unwrap();
    running.clock.0.store(90 * day_ms, Ordering::SeqCst);
    assert_eq!(running.engine.delete_ended_executions(90 * DAY).unwrap(), 0);
    running.clock.0.store(90 * day_ms + 1, Ordering::SeqCst);
    // All but the newest, whose key says which is the next.
    assert_eq!(running.engine.delete_ended_executions(90 * DAY).unwrap(), 599);
    assert_eq!(running.engine.delete_ended_executions(90 * DAY).unwrap(), 0);
    running.start_execution(MACHINE, "5");
    assert_eq!(running.wait_for_end(), "5");
}
