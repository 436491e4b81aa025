//! A store that does not take everything: what it never will is set aside, and what it does not just now is waited for.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent};
use darkroom_asl::interpreter::{Limits, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Append, Batch, Change, DefinitionKey, ExecutionKey, ExecutionStatus, ExecutionSummary, Filter,
    MemoryStore, Revision, Store, StoreError, StoredActivity, StoredAlias, StoredExecution,
    StoredStateMachine, StoredVersion, Tag, Traced,
};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Observer, OsRandom, Parked, StartError, Started, SystemClock,
    TaskExecutor, TokenSecret,
};

use crate::identity;

/// Refuses every event after the first ones of executions with this word in their ARN, and starts with another; takes
/// nothing at all while it is full.
struct Refusing {
    inner: MemoryStore,
    is_full: Arc<AtomicBool>,
}

impl Store for Refusing {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { place: "memory".into(), reason: "full".into() });
        }
        let is_refused = |append: &&Append| {
            let arn = &append.identity.execution_arn;
            arn.ends_with("never") || (arn.ends_with("later") && append.start.is_none())
        };
        match batch.appends.iter().find(is_refused) {
            Some(append) => Err(StoreError::Refused { key: append.key, reason: "too big".into() }),
            None => self.inner.commit(batch),
        }
    }

    fn put_definition(&self, key: &DefinitionKey, text: &str) -> Result<(), StoreError> {
        self.inner.put_definition(key, text)
    }

    fn definition(&self, key: &DefinitionKey) -> Result<Option<Text>, StoreError> {
        self.inner.definition(key)
    }

    fn traced(&self, traced: Traced, limit: usize) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.inner.traced(traced, limit)
    }

    fn last_key(&self) -> Result<ExecutionKey, StoreError> {
        self.inner.last_key()
    }

    fn open_executions(
        &self,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        self.inner.open_executions(after, limit)
    }

    fn ended_since(
        &self,
        time: Timestamp,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        self.inner.ended_since(time, after, limit)
    }

    fn sleepers(
        &self,
        after: (Timestamp, ExecutionKey),
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        self.inner.sleepers(after, limit)
    }

    fn sleeping(&self) -> Result<usize, StoreError> {
        self.inner.sleeping()
    }

    fn execution(&self, arn: &str) -> Result<Option<StoredExecution>, StoreError> {
        self.inner.execution(arn)
    }

    fn execution_by_key(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, StoreError> {
        self.inner.execution_by_key(key)
    }

    fn executions(&self, filter: &Filter) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.inner.executions(filter)
    }

    fn delete_ended(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.delete_ended(ended_before, limit)
    }

    fn history(&self, key: ExecutionKey) -> Result<Vec<HistoryEvent>, StoreError> {
        self.inner.history(key)
    }

    fn history_part(
        &self,
        key: ExecutionKey,
        ids: RangeInclusive<EventId>,
    ) -> Result<Vec<HistoryEvent>, StoreError> {
        self.inner.history_part(key, ids)
    }

    fn last_event(&self, key: ExecutionKey) -> Result<EventId, StoreError> {
        self.inner.last_event(key)
    }

    fn change(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.inner.change(changes)
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StoredStateMachine>, StoreError> {
        self.inner.state_machine(arn)
    }

    fn state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredStateMachine>, StoreError> {
        self.inner.state_machines(after, limit)
    }

    fn revision(&self, id: &str) -> Result<Option<Revision>, StoreError> {
        self.inner.revision(id)
    }

    fn version(&self, state_machine_arn: &str, number: u32) -> Result<Option<StoredVersion>, StoreError> {
        self.inner.version(state_machine_arn, number)
    }

    fn versions(
        &self,
        state_machine_arn: &str,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<StoredVersion>, StoreError> {
        self.inner.versions(state_machine_arn, before, limit)
    }

    fn alias(&self, arn: &str) -> Result<Option<StoredAlias>, StoreError> {
        self.inner.alias(arn)
    }

    fn aliases(&self, state_machine_arn: &str) -> Result<Vec<StoredAlias>, StoreError> {
        self.inner.aliases(state_machine_arn)
    }

    fn activity(&self, arn: &str) -> Result<Option<StoredActivity>, StoreError> {
        self.inner.activity(arn)
    }

    fn activities(&self, after: Option<&str>, limit: usize) -> Result<Vec<StoredActivity>, StoreError> {
        self.inner.activities(after, limit)
    }

    fn tags(&self, resource_arn: &str) -> Result<Vec<Tag>, StoreError> {
        self.inner.tags(resource_arn)
    }

    fn token_secret(&self, fresh: TokenSecret) -> Result<TokenSecret, StoreError> {
        self.inner.token_secret(fresh)
    }

    fn park(&self, key: ExecutionKey, reason: Option<&str>) -> Result<(), StoreError> {
        self.inner.park(key, reason)
    }
}

/// Answers every task at once.
struct Answers;

impl TaskExecutor for Answers {
    fn start(&self, _: Invocation, answer: Answer) {
        answer.give(Ok(Payload::from_trusted("1")));
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

/// Passes on who was set aside, and whose end became durable.
struct Told(Mutex<Sender<String>>);

impl Observer for Told {
    fn committed(&self, appends: &[Append]) {
        for append in appends.iter().filter(|append| append.end.is_some()) {
            self.0.lock().unwrap().send(format!("{} ended", append.identity.execution_name)).unwrap();
        }
    }

    fn parked(&self, parked: &Parked) {
        self.0.lock().unwrap().send(format!("{} set aside: {}", parked.arn, parked.reason)).unwrap();
    }
}

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

const TASK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;

/// An engine on such a store, and how it is used.
struct Bench {
    engine: Engine,
    store: MemoryStore,
    is_full: Arc<AtomicBool>,
    told: Receiver<String>,
}

impl Bench {
    fn new() -> Self {
        let (store, is_full) = (MemoryStore::default(), Arc::new(AtomicBool::new(false)));
        let (tell, told) = channel();
        let engine = Engine::start(Config {
            store: Arc::new(Refusing { inner: store.clone(), is_full: is_full.clone() }),
            executor: Arc::new(Answers),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(OsRandom),
            observer: Arc::new(Told(Mutex::new(tell))),
            limits: Limits::default(),
            shards: 1,
            audit: true,
        });
        Self { engine: engine.unwrap(), store, is_full, told }
    }

    /// Starts an execution; its start's outcome comes through the channel.
    fn submit(&self, name: &str) -> Receiver<Result<Started, StartError>> {
        let (definition, machine) = self.engine.register(TASK).unwrap();
        let (answer, answered) = channel();
        let reply = Box::new(move |started| drop(answer.send(started)));
        self.engine.submit_start(identity(name), &definition, &machine, Payload::from_trusted("{}"), reply);
        answered
    }

    fn start(&self, name: &str) -> Result<Started, StartError> {
        self.submit(name).recv_timeout(PATIENCE).unwrap()
    }

    fn next(&self) -> String {
        self.told.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn what_can_never_be_written_is_set_aside_and_the_others_go_on() {
    let bench = Bench::new();
    let refused = bench.start("never").unwrap_err();
    assert!(matches!(refused, StartError::Store(StoreError::Refused { .. })), "{refused}");
    assert_eq!(bench.next(), "never set aside: too big");
    assert_eq!(bench.store.execution("never").unwrap(), None);

    bench.start("later").unwrap();
    assert_eq!(bench.next(), "later set aside: too big");
    let later = bench.store.execution("later").unwrap().unwrap();
    assert_eq!((later.status(), later.parked.as_deref()), (ExecutionStatus::Running, Some("too big")));

    bench.start("other").unwrap();
    assert_eq!(bench.next(), "other ended");
}

/// Starts executions until one is refused: those before it wait with the commit that does not succeed.
fn refused(bench: &Bench) -> (StoreError, Vec<Receiver<Result<Started, StartError>>>) {
    let mut waiting: Vec<Receiver<_>> = Vec::new();
    for number in 0.. {
        assert!(number < 10_000, "nothing is refused");
        let answered = bench.submit(&format!("e{number}"));
        match answered.recv_timeout(Duration::from_millis(10)) {
            Ok(Err(StartError::Store(error))) => return (error, waiting),
            Ok(other) => panic!("it was answered: {other:?}"),
            Err(_) => waiting.push(answered),
        }
    }
    unreachable!("numbers do not end");
}

#[test]
fn while_the_store_is_full_what_is_new_is_refused_and_what_was_begun_waits() {
    let bench = Bench::new();
    bench.start("before").unwrap();
    assert_eq!(bench.next(), "before ended");
    bench.is_full.store(true, Ordering::SeqCst);
    let (error, waiting) = refused(&bench);
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(!waiting.is_empty());
    let before = bench.store.execution("before").unwrap().unwrap();
    assert_eq!(before.status(), ExecutionStatus::Succeeded, "it can still be read");

    bench.is_full.store(false, Ordering::SeqCst);
    for answered in &waiting {
        answered.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    for number in 0..waiting.len() {
        assert_eq!(bench.next(), format!("e{number} ended"));
    }
    bench.start("after").unwrap();
    assert_eq!(bench.next(), "after ended");
}

#[test]
fn an_engine_ends_though_its_store_is_full() {
    let bench = Bench::new();
    bench.is_full.store(true, Ordering::SeqCst);
    let (_, waiting) = refused(&bench);
    let Bench { engine, store, .. } = bench;
    drop(engine);
    for answered in waiting {
        assert!(answered.recv_timeout(PATIENCE).is_err(), "a start that is not durable was acknowledged");
    }
    assert_eq!(store.execution("e0").unwrap(), None);
}
