//! Executions and appends, made short.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventId, EventKind, HistoryEvent, Reason, StateType};
use darkroom_asl::interpreter::{Identity, Qualifiers, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Append, Batch, End, EndStatus, ExecutionKey, Filter, NewExecution, Parent, Store, StoreError,
    StoredExecution,
};

pub const DEFINITION: &str = "5f2b";

pub fn payload(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_760_000_000_000 + millis)
}

pub fn reason(error: &str, cause: &str) -> Reason {
    Reason { error: Some(error.into()), cause: Some(cause.into()) }
}

pub fn execution_arn(key: i64) -> Text {
    format!("arn:aws:states:eu-west-1:000000000000:execution:photos:e{key}").into()
}

pub fn machine_arn(name: &str) -> Text {
    format!("arn:aws:states:eu-west-1:000000000000:stateMachine:{name}").into()
}

pub fn identity(key: i64, machine: &str) -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: execution_arn(key),
        execution_name: format!("e{key}").into(),
        state_machine_arn: machine_arn(machine),
        state_machine_name: machine.into(),
        role_arn: "arn:aws:iam::000000000000:role/darkroom".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}

/// The events `first` to `last` of some history.
pub fn events(first: u32, last: u32) -> Vec<HistoryEvent> {
    (first..=last)
        .map(|id| HistoryEvent {
            id: EventId(id),
            previous_event_id: EventId(id - 1),
            timestamp: at(id.into()),
            branch: BranchId::ROOT,
            retry: None,
            kind: EventKind::StateEntered {
                state_type: StateType::Pass,
                name: format!("state {id}").into(),
                input: payload(r#"{"photo": "größe.jpg"}"#),
                wake_at: None,
            },
        })
        .collect()
}

pub fn append(key: i64, events: Vec<HistoryEvent>) -> Append {
    Append {
        key: ExecutionKey(key),
        identity: identity(key, "photos"),
        start: None,
        redrive: None,
        sleep: None,
        events,
        end: None,
    }
}

/// Some executions are another one's children.
pub fn parent(key: i64) -> Option<Parent> {
    let task = TaskId { branch: BranchId(2), scheduled: EventId(u32::MAX) };
    (key > 5 && key % 3 == 0).then_some(Parent { key: ExecutionKey(key - 1), task, waits: key % 2 == 0 })
}

/// An execution's start, with its first `last` events.
pub fn start_of(key: i64, machine: &str, last: u32) -> Append {
    Append {
        start: Some(NewExecution {
            definition: DEFINITION.into(),
            input: payload(r#" {"n": 1.50} "#),
            started_at: at(key),
            parent: parent(key),
        }),
        identity: identity(key, machine),
        ..append(key, events(1, last))
    }
}

pub fn start(key: i64, last: u32) -> Append {
    start_of(key, "photos", last)
}

pub fn end(key: i64, status: EndStatus) -> Append {
    Append { end: Some(End { status, ended_at: at(9_000 + key) }), ..append(key, Vec::new()) }
}

/// What the store is to know of an execution that `start_of` started.
pub fn stored(key: i64, machine: &str, status: Option<EndStatus>) -> StoredExecution {
    StoredExecution {
        key: ExecutionKey(key),
        identity: identity(key, machine),
        definition: DEFINITION.into(),
        input: payload(r#" {"n": 1.50} "#),
        started_at: at(key),
        end: status.map(|status| End { status, ended_at: at(9_000 + key) }),
        parked: None,
        parent: parent(key),
        redrive: None,
        asleep_until: None,
    }
}

pub fn put_definition(store: &dyn Store) {
    store.put_definition(&DEFINITION.into(), "{}").unwrap();
}

pub fn commit(store: &dyn Store, appends: impl IntoIterator<Item = Append>) -> Result<(), StoreError> {
    store.commit(&Batch { appends: appends.into_iter().collect() })
}

#[track_caller]
pub fn assert_conflict(result: Result<(), StoreError>, key: i64) {
    match result {
        Err(StoreError::Conflict { key: found }) => assert_eq!(found, ExecutionKey(key)),
        other => panic!("expected a conflict on execution {key}, found {other:?}"),
    }
}

/// The ids of an execution's stored events.
pub fn ids(store: &dyn Store, key: i64) -> Vec<u32> {
    store.history(ExecutionKey(key)).unwrap().iter().map(|event| event.id.0).collect()
}

pub fn keys(executions: &[StoredExecution]) -> Vec<i64> {
    executions.iter().map(|execution| execution.key.0).collect()
}

/// All the executions that have not ended.
pub fn open(store: &dyn Store) -> Vec<StoredExecution> {
    store.open_executions(None, usize::MAX).unwrap()
}

/// The keys of the executions that the filter admits.
pub fn listed(store: &dyn Store, filter: &Filter) -> Vec<i64> {
    store.executions(filter).unwrap().iter().map(|execution| execution.key.0).collect()
}
