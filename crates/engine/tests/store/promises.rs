//! What every store promises.

use std::sync::atomic::{AtomicU32, Ordering};

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::event::{EventId, Reason};
use darkroom_engine::store::{
    Append, Batch, EndStatus, ExecutionKey, ExecutionStatus, Filter, StateMachineStatus, Store,
    StoredStateMachine,
};

use crate::made::{
    DEFINITION, append, assert_conflict, commit, end, events, execution_arn, ids, keys, machine_arn, payload,
    put_definition, reason, start, start_of, stored,
};
use crate::sample;

pub fn an_empty_store_has_nothing(store: &dyn Store) {
    assert_eq!(store.last_key().unwrap(), ExecutionKey(0));
    assert_eq!(store.open_executions().unwrap(), []);
    assert_eq!(store.executions(&Filter { limit: 10, ..Filter::default() }).unwrap(), []);
    assert_eq!(store.execution(&execution_arn(1)).unwrap(), None);
    assert_eq!(store.history(ExecutionKey(1)).unwrap(), []);
    assert_eq!(store.definition(&DEFINITION.into()).unwrap(), None);
    store.commit(&Batch::default()).unwrap();
}

pub fn every_kind_of_event_is_read_back_as_it_was(store: &dyn Store) {
    put_definition(store);
    let history = sample::history();
    commit(store, [Append { events: history.clone(), ..start(1, 0) }]).unwrap();
    assert_eq!(store.history(ExecutionKey(1)).unwrap(), history);
    for (read, written) in store.history(ExecutionKey(1)).unwrap().iter().zip(&history) {
        // Payloads are equal by value; in a history their text is kept, byte for byte.
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
    }
}

pub fn a_history_may_come_in_any_pieces(store: &dyn Store) {
    put_definition(store);
    let history = sample::history();
    commit(store, [start(1, 0)]).unwrap();
    let mut rest = history.as_slice();
    for length in (1..5).cycle() {
        let (piece, after) = rest.split_at(length.min(rest.len()));
        if piece.is_empty() {
            break;
        }
        commit(store, [append(1, piece.to_vec())]).unwrap();
        rest = after;
    }
    assert_eq!(store.history(ExecutionKey(1)).unwrap(), history);
}

pub fn an_execution_is_read_back_as_it_was(store: &dyn Store) {
    put_definition(store);
    let ends = [
        EndStatus::Succeeded(payload(" [1.0] ")),
        EndStatus::Failed(reason("States.TaskFailed", "größe")),
        EndStatus::TimedOut(Reason { error: Some("States.Timeout".into()), cause: None }),
        EndStatus::Aborted(Reason::default()),
    ];
    for (status, key) in ends.into_iter().zip(1..) {
        commit(store, [start(key, 1)]).unwrap();
        let found = store.execution(&execution_arn(key)).unwrap().unwrap();
        assert_eq!(found, stored(key, "photos", None));
        assert_eq!(found.status(), ExecutionStatus::Running);
        assert_eq!(&**found.input.text(), r#" {"n": 1.50} "#);

        commit(store, [Append { events: events(2, 2), ..end(key, status.clone()) }]).unwrap();
        let found = store.execution(&execution_arn(key)).unwrap().unwrap();
        assert_eq!(found.status(), status.status());
        assert_eq!(found, stored(key, "photos", Some(status)));
    }
}

pub fn a_batch_with_one_conflict_writes_nothing(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(1, 3)]).unwrap();
    let ended = Append { events: events(4, 5), ..end(1, EndStatus::Aborted(Reason::default())) };
    let result = commit(store, [ended, append(2, events(1, 1)), start(3, 1)]);
    assert_conflict(result, 2);
    assert_eq!(ids(store, 1), [1, 2, 3]);
    assert_eq!(store.execution(&execution_arn(1)).unwrap(), Some(stored(1, "photos", None)));
    assert_eq!(store.execution(&execution_arn(3)).unwrap(), None);
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1));

    // The batch without it goes through: nothing of it was in the way.
    commit(store, [append(1, events(4, 5)), start(3, 1)]).unwrap();
    assert_eq!(ids(store, 1), [1, 2, 3, 4, 5]);
}

pub fn a_second_writer_with_a_stale_id_is_refused(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(1, 2)]).unwrap();
    commit(store, [append(1, events(3, 5))]).unwrap();
    for (first, last) in [(3, 3), (3, 5), (3, 9), (1, 1), (4, 6), (5, 5)] {
        assert_conflict(commit(store, [append(1, events(first, last))]), 1);
    }
    assert_eq!(ids(store, 1), [1, 2, 3, 4, 5]);
}

pub fn an_arn_is_given_once(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(1, 1)]).unwrap();
    let same = |key| Append { identity: start(1, 1).identity, ..start(key, 1) };
    assert_conflict(commit(store, [same(2)]), 2);
    // In one batch too, and after the first has ended.
    commit(store, [end(1, EndStatus::Aborted(Reason::default()))]).unwrap();
    assert_conflict(commit(store, [start(3, 1), same(4)]), 4);
    let twice = [start(5, 1), Append { identity: start(5, 1).identity, ..start(6, 1) }];
    assert_conflict(commit(store, twice), 6);
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1));
}

pub fn a_key_is_given_once(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(1, 1)]).unwrap();
    let other = |key| Append { identity: start(7, 1).identity, ..start(key, 1) };
    assert_conflict(commit(store, [other(1)]), 1);
    assert_conflict(commit(store, [start(2, 1), other(2)]), 2);
    assert_eq!(store.execution(&execution_arn(7)).unwrap(), None);
}

pub fn a_gap_is_refused(store: &dyn Store) {
    put_definition(store);
    assert_conflict(commit(store, [Append { events: events(2, 3), ..start(1, 0) }]), 1);
    commit(store, [start(1, 2)]).unwrap();
    assert_conflict(commit(store, [append(1, events(4, 4))]), 1);
    let within: Vec<_> = [events(3, 3), events(5, 5)].concat();
    let backwards: Vec<_> = [events(4, 4), events(3, 3)].concat();
    let doubled: Vec<_> = [events(3, 3), events(3, 3)].concat();
    for broken in [within, backwards, doubled] {
        assert_conflict(commit(store, [append(1, broken)]), 1);
    }
    assert_eq!(ids(store, 1), [1, 2]);
}

pub fn events_of_an_execution_that_never_started_are_refused(store: &dyn Store) {
    put_definition(store);
    assert_conflict(commit(store, [append(1, events(1, 2))]), 1);
    assert_conflict(commit(store, [end(1, EndStatus::Aborted(Reason::default()))]), 1);
    assert_eq!(ids(store, 1), [0; 0]);
}

pub fn nothing_follows_an_end(store: &dyn Store) {
    put_definition(store);
    let first = EndStatus::Succeeded(payload("1"));
    commit(store, [start(1, 1)]).unwrap();
    commit(store, [Append { events: events(2, 3), ..end(1, first.clone()) }]).unwrap();
    assert_conflict(commit(store, [append(1, events(4, 4))]), 1);
    assert_conflict(commit(store, [end(1, EndStatus::Aborted(Reason::default()))]), 1);
    let found = store.execution(&execution_arn(1)).unwrap();
    assert_eq!(found, Some(stored(1, "photos", Some(first))));
    assert_eq!(ids(store, 1), [1, 2, 3]);
}

/// An execution whose definition is not there could not be gone on with.
pub fn a_start_needs_its_definition(store: &dyn Store) {
    assert_conflict(commit(store, [start(1, 1)]), 1);
    assert_eq!(store.execution(&execution_arn(1)).unwrap(), None);
    put_definition(store);
    commit(store, [start(1, 1)]).unwrap();
}

pub fn an_empty_append_changes_nothing(store: &dyn Store) {
    put_definition(store);
    commit(store, [append(1, Vec::new())]).unwrap();
    assert_eq!(store.last_key().unwrap(), ExecutionKey(0));
    commit(store, [start(1, 2), append(1, Vec::new())]).unwrap();
    commit(store, [append(1, events(3, 3))]).unwrap();
    assert_eq!(ids(store, 1), [1, 2, 3]);
}

pub fn open_executions_are_those_without_an_end(store: &dyn Store) {
    put_definition(store);
    commit(store, (1..=6).map(|key| start(key, 1))).unwrap();
    commit(
        store,
        [end(2, EndStatus::Succeeded(payload("{}"))), end(5, EndStatus::Failed(Reason::default()))],
    )
    .unwrap();
    let open = [1, 3, 4, 6].map(|key| stored(key, "photos", None));
    assert_eq!(store.open_executions().unwrap(), open);
    // What is set aside has not ended.
    store.park(ExecutionKey(3), Some("its definition is gone")).unwrap();
    assert_eq!(keys(&store.open_executions().unwrap()), [1, 3, 4, 6]);
}

pub fn a_list_is_newest_first_filtered_and_paged(store: &dyn Store) {
    put_definition(store);
    let machine = |key| if key % 2 == 0 { "even" } else { "odd" };
    commit(store, (1..=12).map(|key| start_of(key, machine(key), 1))).unwrap();
    let ends = [
        end(1, EndStatus::Succeeded(payload("1"))),
        end(2, EndStatus::Succeeded(payload("2"))),
        end(3, EndStatus::Failed(Reason::default())),
        end(4, EndStatus::TimedOut(Reason::default())),
        end(6, EndStatus::Aborted(Reason::default())),
        end(8, EndStatus::Succeeded(payload("8"))),
    ];
    commit(store, ends).unwrap();

    let list = |machine: Option<&str>, status, before: Option<i64>, limit| {
        let state_machine_arn = machine.map(machine_arn);
        let filter = Filter { state_machine_arn, status, before: before.map(ExecutionKey), limit };
        keys(&store.executions(&filter).unwrap())
    };
    let all = usize::MAX;
    assert_eq!(list(None, None, None, all), [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(list(None, None, None, 3), [12, 11, 10]);
    assert_eq!(list(None, None, Some(10), 3), [9, 8, 7]);
    assert_eq!(list(None, None, Some(1), 3), [0; 0]);
    assert_eq!(list(None, None, None, 0), [0; 0]);
    assert_eq!(list(None, Some(ExecutionStatus::Succeeded), None, all), [8, 2, 1]);
    assert_eq!(list(None, Some(ExecutionStatus::Succeeded), Some(8), 1), [2]);
    assert_eq!(list(None, Some(ExecutionStatus::Running), Some(9), all), [7, 5]);
    assert_eq!(list(Some("even"), None, None, all), [12, 10, 8, 6, 4, 2]);
    assert_eq!(list(Some("even"), None, Some(8), 2), [6, 4]);
    assert_eq!(list(Some("odd"), None, None, 4), [11, 9, 7, 5]);
    assert_eq!(list(Some("even"), Some(ExecutionStatus::Succeeded), None, all), [8, 2]);
    assert_eq!(list(Some("even"), Some(ExecutionStatus::TimedOut), None, all), [4]);
    assert_eq!(list(Some("even"), Some(ExecutionStatus::Aborted), Some(6), all), [0; 0]);
    assert_eq!(list(Some("odd"), Some(ExecutionStatus::Failed), None, all), [3]);
    assert_eq!(list(Some("neither"), None, None, all), [0; 0]);

    let filter = Filter { before: Some(ExecutionKey(2)), limit: 1, ..Filter::default() };
    let succeeded = stored(1, "odd", Some(EndStatus::Succeeded(payload("1"))));
    assert_eq!(store.executions(&filter).unwrap(), [succeeded]);
}

pub fn parking_is_noted_and_undone(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(1, 2), start(2, 1)]).unwrap();
    store.park(ExecutionKey(1), Some("event 3 cannot be followed")).unwrap();
    let parked = |key| store.execution(&execution_arn(key)).unwrap().unwrap().parked;
    assert_eq!(parked(1).as_deref(), Some("event 3 cannot be followed"));
    assert_eq!(parked(2), None);
    assert_eq!(ids(store, 1), [1, 2]);
    store.park(ExecutionKey(1), None).unwrap();
    assert_eq!(store.execution(&execution_arn(1)).unwrap(), Some(stored(1, "photos", None)));
    commit(store, [append(1, events(3, 3))]).unwrap();
    assert_conflict(store.park(ExecutionKey(9), Some("nobody")), 9);
}

pub fn the_last_key_is_the_largest(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(7, 1)]).unwrap();
    commit(store, [start(3, 1), end(7, EndStatus::Aborted(Reason::default()))]).unwrap();
    assert_eq!(store.last_key().unwrap(), ExecutionKey(7));
    commit(store, [start(1 << 40, 1)]).unwrap();
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1 << 40));
}

pub fn a_definition_is_kept_as_it_was_first_put(store: &dyn Store) {
    let text = "{\"Comment\": \"größe\"}\n";
    store.put_definition(&"a".into(), text).unwrap();
    store.put_definition(&"b".into(), "").unwrap();
    store.put_definition(&"a".into(), "other").unwrap();
    assert_eq!(store.definition(&"a".into()).unwrap().as_deref(), Some(text));
    assert_eq!(store.definition(&"b".into()).unwrap().as_deref(), Some(""));
    assert_eq!(store.definition(&"c".into()).unwrap(), None);
}

pub fn a_thousand_executions_fit_in_one_batch(store: &dyn Store) {
    put_definition(store);
    commit(store, (1..=1000).map(|key| start(key, 3))).unwrap();
    let ended = |key| Append { events: events(4, 4), ..end(key, EndStatus::Succeeded(payload("null"))) };
    commit(store, (1..=999).map(ended)).unwrap();
    assert_eq!(store.last_key().unwrap(), ExecutionKey(1000));
    assert_eq!(keys(&store.open_executions().unwrap()), [1000]);
    assert_eq!(ids(store, 500), [1, 2, 3, 4]);
    let filter = Filter { status: Some(ExecutionStatus::Succeeded), limit: 2000, ..Filter::default() };
    assert_eq!(store.executions(&filter).unwrap().len(), 999);
}

/// Readers outnumber whatever connections a store may keep for them.
pub fn readers_see_what_was_committed_before_they_began(store: &dyn Store) {
    const LAST: u32 = 200;
    put_definition(store);
    commit(store, [start(1, 1), start(2, 1)]).unwrap();
    let committed = AtomicU32::new(1);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut seen = 0;
                while seen < LAST {
                    let before = committed.load(Ordering::SeqCst);
                    let found = ids(store, 1);
                    let last = u32::try_from(found.len()).unwrap();
                    assert!(found.iter().copied().eq(1..=last));
                    assert!(last >= before && last >= seen, "saw {last} after {before} and {seen}");
                    // A batch is seen whole: the second execution is written with the first.
                    assert!(ids(store, 2).len() >= found.len());
                    assert_eq!(store.open_executions().unwrap().len(), 2);
                    seen = last;
                }
            });
        }
        for id in 2..=LAST {
            commit(store, [append(1, events(id, id)), append(2, events(id, id))]).unwrap();
            committed.store(id, Ordering::SeqCst);
        }
    });
}

pub fn a_part_of_a_history_is_what_the_whole_has_there(store: &dyn Store) {
    put_definition(store);
    commit(store, [start(1, 3)]).unwrap();
    commit(store, [append(1, events(4, 4)), start(2, 2)]).unwrap();
    commit(store, [append(1, events(5, 9))]).unwrap();
    for first in 0..=11_u32 {
        for last in first..=11 {
            let part = store.history_part(ExecutionKey(1), EventId(first)..=EventId(last)).unwrap();
            assert_eq!(part, events(first.max(1), last.min(9)), "{first} to {last}");
        }
    }
    assert_eq!(store.last_event(ExecutionKey(1)).unwrap(), EventId(9));
    assert_eq!(store.last_event(ExecutionKey(2)).unwrap(), EventId(2));
    assert_eq!(store.last_event(ExecutionKey(3)).unwrap(), EventId(0));
    assert_eq!(store.history_part(ExecutionKey(3), EventId(1)..=EventId(5)).unwrap(), []);
}

fn machine(name: &str) -> StoredStateMachine {
    StoredStateMachine {
        arn: machine_arn(name),
        name: name.into(),
        definition: DEFINITION.into(),
        role_arn: "arn:aws:iam::000000000000:role/größe".into(),
        machine_type: MachineType::Express,
        settings: r#"{"tracing":{"enabled":true}}"#.into(),
        created_at: crate::made::at(7),
        status: StateMachineStatus::Active,
    }
}

pub fn a_state_machine_is_created_once_and_read_back_as_it_was(store: &dyn Store) {
    assert!(store.create_state_machine(&machine("photos")).is_err(), "its definition is not there");
    put_definition(store);
    assert_eq!(store.state_machine(&machine_arn("photos")).unwrap(), None);
    assert_eq!(store.create_state_machine(&machine("photos")).unwrap(), None);
    let other = StoredStateMachine { role_arn: "other".into(), ..machine("photos") };
    assert_eq!(store.create_state_machine(&other).unwrap(), Some(machine("photos")));
    assert_eq!(store.state_machine(&machine_arn("photos")).unwrap(), Some(machine("photos")));
}

pub fn state_machines_are_listed_by_arn_and_paged(store: &dyn Store) {
    put_definition(store);
    for name in ["c", "a", "d", "b"] {
        store.create_state_machine(&machine(name)).unwrap();
    }
    let list = |after: Option<&str>, limit| {
        let after = after.map(machine_arn);
        let machines = store.state_machines(after.as_deref(), limit).unwrap();
        machines.iter().map(|machine| machine.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 10), ["a", "b", "c", "d"]);
    assert_eq!(list(None, 2), ["a", "b"]);
    assert_eq!(list(Some("b"), 10), ["c", "d"]);
    assert_eq!(list(Some("d"), 10), [""; 0]);
}

pub fn a_deleted_state_machine_stays_until_its_executions_have_ended(store: &dyn Store) {
    put_definition(store);
    let (photos, idle) = (machine_arn("photos"), machine_arn("idle"));
    store.create_state_machine(&machine("photos")).unwrap();
    store.create_state_machine(&machine("idle")).unwrap();
    commit(store, [start(1, 1)]).unwrap();
    store.delete_state_machine(&photos).unwrap();
    store.delete_state_machine(&idle).unwrap();
    store.delete_state_machine("no such").unwrap();
    let deleting = StoredStateMachine { status: StateMachineStatus::Deleting, ..machine("photos") };
    assert_eq!(store.state_machine(&photos).unwrap(), Some(deleting.clone()));
    assert_eq!(store.state_machine(&idle).unwrap(), None);
    assert_eq!(store.create_state_machine(&machine("photos")).unwrap(), Some(deleting.clone()));
    assert_eq!(store.state_machines(None, 9).unwrap(), [deleting]);

    commit(store, [end(1, EndStatus::Aborted(Reason::default()))]).unwrap();
    assert_eq!(store.state_machine(&photos).unwrap(), None);
    assert_eq!(store.state_machines(None, 9).unwrap(), []);
    assert_eq!(store.create_state_machine(&machine("photos")).unwrap(), None);
    assert_eq!(store.state_machine(&photos).unwrap(), Some(machine("photos")));
}
