//! What every store promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use darkroom_asl::interpreter::event::{EventId, Reason};
use darkroom_asl::interpreter::{Identity, Qualifiers};
use darkroom_engine::TokenSecret;
use darkroom_engine::store::{
    Append, Batch, End, EndStatus, ExecutionKey, ExecutionStatus, ExecutionSummary, Filter, NewExecution,
    Redrive, Sleep, StartedThrough, Store, StoredExecution, Traced,
};

use crate::made::{
    self, DEFINITION, append, assert_conflict, at, commit, end, events, execution_arn, ids, keys, listed,
    machine_arn, open, payload, put_definition, reason, start, start_of, stored,
};
use crate::sample;

pub fn an_empty_store_has_nothing(store: &dyn Store) {
    assert_eq!(store.last_key().unwrap(), ExecutionKey(0));
    assert_eq!(open(store), []);
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

pub fn a_redrive_opens_what_ended_badly(store: &dyn Store) {
    put_definition(store);
    let redriven = |key, count, first| Append {
        redrive: Some(Redrive { count, at: at(70_000 + key) }),
        ..append(key, events(first, first + 1))
    };
    let bad = [
        EndStatus::Failed(reason("States.TaskFailed", "disk")),
        EndStatus::TimedOut(Reason::default()),
        EndStatus::Aborted(Reason::default()),
    ];
    for (status, key) in bad.into_iter().zip(1..) {
        commit(store, [start(key, 2)]).unwrap();
        assert_conflict(commit(store, [redriven(key, 1, 3)]), key);
        commit(store, [Append { events: events(3, 3), ..end(key, status.clone()) }]).unwrap();
        // The fence holds: a redrive goes on where the history ends, and is one.
        assert_conflict(commit(store, [redriven(key, 1, 3)]), key);
        assert_conflict(commit(store, [append(key, events(4, 4))]), key);

        commit(store, [redriven(key, 1, 4)]).unwrap();
        let opened = StoredExecution {
            redrive: Some(Redrive { count: 1, at: at(70_000 + key) }),
            ..stored(key, "photos", None)
        };
        assert_eq!(store.execution(&execution_arn(key)).unwrap(), Some(opened));
        assert_conflict(commit(store, [redriven(key, 2, 6)]), key);
        commit(store, [append(key, events(6, 6))]).unwrap();
        commit(store, [end(key, status)]).unwrap();
        // A redrive and the next end may come in one batch.
        let ended = end(key, EndStatus::Succeeded(payload("1")));
        commit(store, [Append { end: ended.end, ..redriven(key, 2, 7) }]).unwrap();
        assert_conflict(commit(store, [redriven(key, 3, 9)]), key);
        assert_eq!(ids(store, key), (1..=8).collect::<Vec<_>>());
    }
    let list = store.executions(&Filter { limit: 9, ..Filter::default() }).unwrap();
    assert!(list.iter().all(|summary| summary.redrive.is_some_and(|redrive| redrive.count == 2)));
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
    let unended = [1, 3, 4, 6].map(|key| stored(key, "photos", None));
    assert_eq!(open(store), unended);
    let page = |after, limit| keys(&store.open_executions(after, limit).unwrap());
    assert_eq!(page(None, 2), [1, 3]);
    assert_eq!(page(Some(ExecutionKey(3)), 9), [4, 6]);
    assert_eq!(page(Some(ExecutionKey(6)), 9), [0; 0]);
    // What is set aside has not ended.
    store.park(ExecutionKey(3), Some("its definition is gone")).unwrap();
    assert_eq!(keys(&open(store)), [1, 3, 4, 6]);
}

pub fn sleepers_are_read_in_the_order_in_which_they_wake(store: &dyn Store) {
    put_definition(store);
    let asleep = |key, until| Append { sleep: Some(Sleep::Until(at(until))), ..start(key, 1) };
    commit(store, [asleep(1, 300), asleep(2, 100), asleep(3, 100), start(4, 1), asleep(5, 200)]).unwrap();
    let behind = |until, key, limit| keys(&store.sleepers((at(until), ExecutionKey(key)), limit).unwrap());
    assert_eq!(behind(0, 0, 9), [2, 3, 5, 1]);
    assert_eq!(store.sleeping().unwrap(), 4);
    assert_eq!(behind(100, 2, 2), [3, 5]);
    assert_eq!(behind(300, 1, 9), [0; 0]);
    assert_eq!(keys(&open(store)), [4]);
    let sleeper = StoredExecution { asleep_until: Some(at(200)), ..stored(5, "photos", None) };
    assert_eq!(store.execution_by_key(ExecutionKey(5)).unwrap(), Some(sleeper));

    // One sleeps longer, one wakes, one ends in its sleep.
    let then = |key, sleep| Append { sleep: Some(sleep), ..append(key, events(2, 2)) };
    let ended = Append { sleep: Some(Sleep::Over), ..end(3, EndStatus::Aborted(Reason::default())) };
    commit(store, [then(2, Sleep::Until(at(400))), then(5, Sleep::Over), ended]).unwrap();
    assert_eq!(behind(0, 0, 9), [1, 2]);
    assert_eq!(keys(&open(store)), [4, 5]);
    assert_eq!(store.sleeping().unwrap(), 2);
    // What says nothing of its sleep changes nothing in it; a batch that is refused neither.
    commit(store, [append(1, events(2, 2))]).unwrap();
    assert_conflict(commit(store, [then(1, Sleep::Over)]), 1);
    assert_eq!(behind(0, 0, 9), [1, 2]);
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
        let through = machine.map(|name| StartedThrough::StateMachine(machine_arn(name)));
        listed(store, &Filter { through, status, before: before.map(ExecutionKey), limit })
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

    let summaries =
        store.executions(&Filter { before: Some(ExecutionKey(3)), limit: 9, ..Filter::default() });
    let summary = |key, machine| {
        let StoredExecution { key, identity, started_at, end, parked, redrive, .. } =
            stored(key, machine, Some(EndStatus::Succeeded(payload("1"))));
        let (status, ended_at) = (ExecutionStatus::Succeeded, end.map(|end| end.ended_at));
        ExecutionSummary { key, identity, status, started_at, ended_at, parked, redrive }
    };
    assert_eq!(summaries.unwrap(), [summary(2, "even"), summary(1, "odd")]);
}

pub fn a_list_knows_versions_and_aliases(store: &dyn Store) {
    put_definition(store);
    let through = |key, version: Option<&str>, alias: Option<&str>| {
        let (version_arn, alias_arn) = (version.map(machine_arn), alias.map(machine_arn));
        let qualifiers = Qualifiers { version_arn, alias_arn };
        let revision_id = version.map(|_| "revision".into());
        let identity = Identity { qualifiers, revision_id, ..(*made::identity(key, "photos")).clone() };
        Append { identity: Arc::new(identity), ..start(key, 1) }
    };
    let starts = [
        through(1, None, None),
        through(2, Some("photos:1"), None),
        through(3, Some("photos:1"), Some("photos:live")),
        through(4, Some("photos:2"), Some("photos:live")),
        through(5, Some("photos:2"), None),
    ];
    let identities: Vec<_> = starts.iter().map(|append| append.identity.clone()).collect();
    commit(store, starts).unwrap();
    commit(store, [end(3, EndStatus::Succeeded(payload("1")))]).unwrap();
    for (identity, key) in identities.iter().zip(1..) {
        assert_eq!(store.execution(&execution_arn(key)).unwrap().unwrap().identity, *identity);
    }
    let list = |through, status, before: Option<i64>| {
        let filter = Filter { through: Some(through), status, before: before.map(ExecutionKey), limit: 9 };
        listed(store, &filter)
    };
    let version = |number| StartedThrough::Version(machine_arn(&format!("photos:{number}")));
    let alias = || StartedThrough::Alias(machine_arn("photos:live"));
    assert_eq!(list(StartedThrough::StateMachine(machine_arn("photos")), None, None), [5, 4, 3, 2, 1]);
    assert_eq!(list(version(1), None, None), [3, 2]);
    assert_eq!(list(version(1), Some(ExecutionStatus::Running), None), [2]);
    assert_eq!(list(version(2), None, Some(5)), [4]);
    assert_eq!(list(version(3), None, None), [0; 0]);
    assert_eq!(list(alias(), None, None), [4, 3]);
    assert_eq!(list(alias(), Some(ExecutionStatus::Succeeded), None), [3]);
}

pub fn what_ended_since_a_time_is_found_by_key(store: &dyn Store) {
    put_definition(store);
    commit(store, (1..=5).map(|key| start(key, 1))).unwrap();
    for (key, ended_at) in [(4, 10), (1, 20), (3, 30), (5, 20)] {
        let end = End { status: EndStatus::Failed(Reason::default()), ended_at: at(ended_at) };
        commit(store, [Append { end: Some(end), ..append(key, Vec::new()) }]).unwrap();
    }
    let since = |time, after: Option<i64>, limit| {
        keys(&store.ended_since(at(time), after.map(ExecutionKey), limit).unwrap())
    };
    assert_eq!(since(20, None, 9), [1, 3, 5]);
    assert_eq!(since(20, None, 2), [1, 3]);
    assert_eq!(since(20, Some(3), 2), [5]);
    assert_eq!(since(0, None, 9), [1, 3, 4, 5]);
    assert_eq!(since(31, None, 9), [0; 0]);
}

pub fn what_is_traced_is_found_by_its_trace_and_its_start(store: &dyn Store) {
    put_definition(store);
    let root = |digit: char| format!("1-5759e988-{}", digit.to_string().repeat(24));
    let header = |digit, sampled: &str| Some(format!("Root={};Sampled={sampled}", root(digit)));
    let traced = |(key, started, trace_header): (i64, i64, Option<String>)| {
        let trace_header = trace_header.map(Into::into);
        let identity = Identity { trace_header, ..(*made::identity(key, "photos")).clone() };
        let append = start(key, 1);
        let start = append.start.clone().map(|start| NewExecution { started_at: at(started), ..start });
        Append { identity: Arc::new(identity), start, ..append }
    };
    let starts = [
        (1, 10, header('a', "1")),
        (2, 20, header('b', "1")),
        (3, 20, header('a', "1")),
        (4, 30, header('a', "0")),
        (5, 40, header('a', "?")),
        (6, 50, None),
        (7, 60, Some("no header at all".to_owned())),
    ];
    let starts = starts.map(traced);
    let identities: Vec<_> = starts.iter().map(|append| append.identity.clone()).collect();
    commit(store, starts).unwrap();
    for (identity, key) in identities.iter().zip(1..) {
        assert_eq!(store.execution(&execution_arn(key)).unwrap().unwrap().identity, *identity);
    }
    let found = |traced, limit| {
        let found = store.traced(traced, limit).unwrap();
        found.iter().map(|execution| execution.key.0).collect::<Vec<_>>()
    };
    let of = |digit| Traced::Of(root(digit).parse().unwrap());
    assert_eq!(found(of('a'), 9), [3, 1]);
    assert_eq!(found(of('a'), 1), [3]);
    assert_eq!(found(of('b'), 9), [2]);
    assert_eq!(found(of('c'), 9), [0; 0]);
    let started = |from, before| Traced::Started { from: at(from), before: at(before) };
    assert_eq!(found(started(0, 99), 9), [3, 2, 1]);
    assert_eq!(found(started(10, 20), 9), [1]);
    assert_eq!(found(started(20, 99), 1), [3]);
}

pub fn ended_executions_are_deleted_oldest_end_first(store: &dyn Store) {
    put_definition(store);
    commit(store, (1..=6).map(|key| start(key, 2))).unwrap();
    // They end in another order than they started in; 2 does not end.
    for (key, ended_at) in [(4, 10), (1, 20), (3, 30), (5, 40), (6, 50)] {
        let end = End { status: EndStatus::Succeeded(payload("1")), ended_at: at(ended_at) };
        commit(store, [Append { end: Some(end), ..append(key, Vec::new()) }]).unwrap();
    }
    let all = || listed(store, &Filter { limit: 9, ..Filter::default() });
    assert_eq!(store.delete_ended(at(10), 9).unwrap(), 0, "one that ended right then is kept");
    assert_eq!(store.delete_ended(at(40), 2).unwrap(), 2);
    assert_eq!(all(), [6, 5, 3, 2]);
    assert_eq!(store.delete_ended(at(40), 2).unwrap(), 1);
    assert_eq!(all(), [6, 5, 2]);
    for key in [1, 3, 4] {
        assert_eq!(ids(store, key), [0; 0]);
        assert_eq!(store.execution(&execution_arn(key)).unwrap(), None);
    }
    // The newest stays, whenever it ended: its key says which is the next.
    assert_eq!(store.delete_ended(at(1_000), 9).unwrap(), 1);
    assert_eq!(all(), [6, 2]);
    assert_eq!((ids(store, 2), ids(store, 6)), (vec![1, 2], vec![1, 2]));
    assert_eq!(store.last_key().unwrap(), ExecutionKey(6));
    // A name that is free again may be used.
    let again = Append { identity: start(1, 1).identity, ..start(7, 1) };
    commit(store, [again]).unwrap();
    assert_eq!(store.delete_ended(at(1_000), 9).unwrap(), 1);
    assert_eq!(all(), [7, 2]);
}

pub fn a_token_secret_is_kept_as_it_was_first_given(store: &dyn Store) {
    for fresh in 1..4 {
        assert_eq!(store.token_secret(TokenSecret([fresh; 32])).unwrap(), TokenSecret([1; 32]));
    }
}

pub fn an_execution_is_found_by_its_number_too(store: &dyn Store) {
    put_definition(store);
    commit(store, (5..=7).map(|key| start(key, 1))).unwrap();
    for key in 5..=7 {
        let found = store.execution_by_key(ExecutionKey(key)).unwrap();
        assert_eq!(found, Some(stored(key, "photos", None)));
    }
    assert!(stored(6, "photos", None).parent.is_some(), "a child is among them");
    assert_eq!(store.execution_by_key(ExecutionKey(8)).unwrap(), None);
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
    assert_eq!(keys(&open(store)), [1000]);
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
                    assert_eq!(open(store).len(), 2);
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
