//! A store that can never write what follows in one execution: the others go on, and that one is set aside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::RangeInclusive;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent};
use darkroom_asl::interpreter::{Identity, Limits, Qualifiers, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Append, Batch, Change, DefinitionKey, ExecutionKey, ExecutionStatus, ExecutionSummary, Filter,
    MemoryStore, Revision, Store, StoreError, StoredActivity, StoredAlias, StoredExecution,
    StoredStateMachine, StoredVersion, Tag,
};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Observer, OsRandom, Parked, StartError, SystemClock, TaskExecutor,
    TokenSecret,
};

/// Refuses every event after the first ones of executions with this word in their ARN, and starts with another.
struct Refusing(MemoryStore);

impl Store for Refusing {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let is_refused = |append: &&Append| {
            let arn = &append.identity.execution_arn;
            arn.ends_with("never") || (arn.ends_with("later") && append.start.is_none())
        };
        match batch.appends.iter().find(is_refused) {
            Some(append) => Err(StoreError::Refused { key: append.key, reason: "too big".into() }),
            None => self.0.commit(batch),
        }
    }

    fn put_definition(&self, key: &DefinitionKey, text: &str) -> Result<(), StoreError> {
        self.0.put_definition(key, text)
    }

    fn definition(&self, key: &DefinitionKey) -> Result<Option<Text>, StoreError> {
        self.0.definition(key)
    }

    fn last_key(&self) -> Result<ExecutionKey, StoreError> {
        self.0.last_key()
    }

    fn open_executions(
        &self,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        self.0.open_executions(after, limit)
    }

    fn ended_since(
        &self,
        time: Timestamp,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        self.0.ended_since(time, after, limit)
    }

    fn execution(&self, arn: &str) -> Result<Option<StoredExecution>, StoreError> {
        self.0.execution(arn)
    }

    fn execution_by_key(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, StoreError> {
        self.0.execution_by_key(key)
    }

    fn executions(&self, filter: &Filter) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.0.executions(filter)
    }

    fn delete_ended(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.delete_ended(ended_before, limit)
    }

    fn history(&self, key: ExecutionKey) -> Result<Vec<HistoryEvent>, StoreError> {
        self.0.history(key)
    }

    fn history_part(
        &self,
        key: ExecutionKey,
        ids: RangeInclusive<EventId>,
    ) -> Result<Vec<HistoryEvent>, StoreError> {
        self.0.history_part(key, ids)
    }

    fn last_event(&self, key: ExecutionKey) -> Result<EventId, StoreError> {
        self.0.last_event(key)
    }

    fn change(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.0.change(changes)
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StoredStateMachine>, StoreError> {
        self.0.state_machine(arn)
    }

    fn state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredStateMachine>, StoreError> {
        self.0.state_machines(after, limit)
    }

    fn revision(&self, id: &str) -> Result<Option<Revision>, StoreError> {
        self.0.revision(id)
    }

    fn version(&self, state_machine_arn: &str, number: u32) -> Result<Option<StoredVersion>, StoreError> {
        self.0.version(state_machine_arn, number)
    }

    fn versions(
        &self,
        state_machine_arn: &str,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<StoredVersion>, StoreError> {
        self.0.versions(state_machine_arn, before, limit)
    }

    fn alias(&self, arn: &str) -> Result<Option<StoredAlias>, StoreError> {
        self.0.alias(arn)
    }

    fn aliases(&self, state_machine_arn: &str) -> Result<Vec<StoredAlias>, StoreError> {
        self.0.aliases(state_machine_arn)
    }

    fn activity(&self, arn: &str) -> Result<Option<StoredActivity>, StoreError> {
        self.0.activity(arn)
    }

    fn activities(&self, after: Option<&str>, limit: usize) -> Result<Vec<StoredActivity>, StoreError> {
        self.0.activities(after, limit)
    }

    fn tags(&self, resource_arn: &str) -> Result<Vec<Tag>, StoreError> {
        self.0.tags(resource_arn)
    }

    fn token_secret(&self, fresh: TokenSecret) -> Result<TokenSecret, StoreError> {
        self.0.token_secret(fresh)
    }

    fn park(&self, key: ExecutionKey, reason: Option<&str>) -> Result<(), StoreError> {
        self.0.park(key, reason)
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
    fn committed(&self, append: &Append) {
        if append.end.is_some() {
            self.0.lock().unwrap().send(format!("{} ended", append.identity.execution_name)).unwrap();
        }
    }

    fn parked(&self, parked: &Parked) {
        self.0.lock().unwrap().send(format!("{} set aside: {}", parked.arn, parked.reason)).unwrap();
    }
}

const TASK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;

#[test]
fn what_can_never_be_written_is_set_aside_and_the_others_go_on() {
    let store = MemoryStore::default();
    let (tell, told) = channel();
    let engine = Engine::start(Config {
        store: Arc::new(Refusing(store.clone())),
        executor: Arc::new(Answers),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Told(Mutex::new(tell))),
        limits: Limits::default(),
        shards: 1,
        audit: true,
    })
    .unwrap();
    let (definition, machine) = engine.register(TASK).unwrap();
    let start = |name: &str| {
        let identity = Arc::new(Identity {
            execution_arn: name.into(),
            execution_name: name.into(),
            state_machine_arn: "machine".into(),
            state_machine_name: "machine".into(),
            role_arn: "role".into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
        });
        engine.start_execution(identity, &definition, &machine, Payload::from_trusted("{}"))
    };
    let next = || told.recv_timeout(Duration::from_secs(30)).unwrap();

    let refused = start("never").unwrap_err();
    assert!(matches!(refused, StartError::Store(StoreError::Refused { .. })), "{refused}");
    assert_eq!(next(), "never set aside: too big");
    assert_eq!(store.execution("never").unwrap(), None);

    start("later").unwrap();
    assert_eq!(next(), "later set aside: too big");
    let later = store.execution("later").unwrap().unwrap();
    assert_eq!((later.status(), later.parked.as_deref()), (ExecutionStatus::Running, Some("too big")));

    start("other").unwrap();
    assert_eq!(next(), "other ended");
}
