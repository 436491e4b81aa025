//! What only the inside can do: a disk that is full, a transaction that stays open.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventKind};
use darkroom_asl::interpreter::{Identity, Qualifiers};
use darkroom_asl::json::Payload;

use super::*;
use crate::store::{Append, NewExecution};

fn start(key: i64) -> Batch {
    let name: Text = format!("e{key}").into();
    let input = Payload::parse(format!("\"{}\"", "x".repeat(20_000))).unwrap();
    let started_at = Timestamp::from_millis(1);
    let event = HistoryEvent {
        id: EventId(1),
        previous_event_id: EventId(0),
        timestamp: started_at,
        branch: BranchId::ROOT,
        retry: None,
        kind: EventKind::ExecutionStarted {
            input: input.clone(),
            role_arn: "role".into(),
            qualifiers: Qualifiers::default(),
        },
    };
    let identity = Identity {
        execution_arn: name.clone(),
        execution_name: name,
        state_machine_arn: "machine".into(),
        state_machine_name: "machine".into(),
        role_arn: "role".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    };
    let start = NewExecution { definition: "definition".into(), input, started_at, parent: None };
    Batch {
        appends: vec![Append {
            key: ExecutionKey(key),
            identity: Arc::new(identity),
            redrive: None,
            sleep: None,
            start: Some(start),
            events: vec![event],
            end: None,
        }],
    }
}

fn with_writer(store: &SqliteStore, change: impl FnOnce(&Connection)) {
    change(&store.writer.as_ref().unwrap().lock().unwrap());
}

fn store() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
    store.put_definition(&"definition".into(), "{}").unwrap();
    (folder, store)
}

#[test]
fn a_full_disk_is_unavailable_and_the_same_commit_succeeds_once_there_is_room() {
    let (_folder, store) = store();
    let limit = |pages: u32| {
        with_writer(&store, |writer| writer.pragma_update(None, "max_page_count", pages).unwrap());
    };
    limit(12);
    let mut key = 1;
    let error = loop {
        match store.commit(&start(key)) {
            Ok(()) => key += 1,
            Err(error) => break error,
        }
        assert!(key < 20, "the disk never got full");
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(store.last_key().unwrap(), ExecutionKey(key - 1));
    assert_eq!(store.history(ExecutionKey(key)).unwrap(), []);

    limit(1000);
    store.commit(&start(key)).unwrap();
    assert_eq!(store.history(ExecutionKey(key)).unwrap().len(), 1);
}

#[test]
fn a_transaction_that_was_left_open_is_taken_back_before_the_next() {
    let (_folder, store) = store();
    with_writer(&store, |writer| {
        writer.execute_batch("BEGIN; INSERT INTO definitions VALUES ('left', 'over')").unwrap();
    });
    store.commit(&start(1)).unwrap();
    assert_eq!(store.definition(&"left".into()).unwrap(), None);
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1));
}

#[test]
fn a_panic_in_a_transaction_takes_it_back_and_leaves_the_store_usable() {
    let (_folder, store) = store();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|transaction| {
            let Ok(()) = append::write(transaction, &start(1).appends[0]) else { return Ok(()) };
            panic!("in the middle")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.last_key().unwrap(), ExecutionKey(0));
    store.commit(&start(1)).unwrap();
}
