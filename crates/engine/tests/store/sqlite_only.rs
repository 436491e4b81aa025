//! What a file promises besides: it outlives its process, and says what is wrong with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::event::{HistoryEvent, wire};
use darkroom_engine::TokenSecret;
use darkroom_engine::store::{
    EndStatus, ExecutionKey, Filter, Settings, SqliteStore, StateMachineStatus, Store, StoreError,
    StoredStateMachine,
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::made::{
    append, commit, end, events, execution_arn, ids, keys, payload, put_definition, reason, start, stored,
};
use crate::sample;

const SAMPLE: &str = include_str!("../samples/history-v1.json");
/// What came after it.
const LATER: &str = include_str!("../samples/later-events.json");

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).unwrap()
}

#[track_caller]
fn assert_corrupt<T>(result: Result<T, StoreError>, words: &[&str]) {
    let Err(error) = result else { panic!("it was read") };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[track_caller]
fn assert_unavailable<T>(result: Result<T, StoreError>, word: &str) {
    let Err(error) = result else { panic!("it was available") };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

#[test]
fn a_store_is_the_same_after_it_was_closed() {
    let (_folder, path) = place();
    let store = open(&path);
    put_definition(&store);
    commit(&store, [start(1, 2), start(2, 1)]).unwrap();
    commit(&store, [append(1, events(3, 4)), end(2, EndStatus::Succeeded(payload("1.0")))]).unwrap();
    store.park(ExecutionKey(1), Some("why not")).unwrap();
    drop(store);

    let store = open(&path);
    assert_eq!(ids(&store, 1), [1, 2, 3, 4]);
    assert_eq!(store.history(ExecutionKey(1)).unwrap()[..2], events(1, 2));
    assert_eq!(keys(&crate::made::open(&store)), [1]);
    let ended = stored(2, "photos", Some(EndStatus::Succeeded(payload("1.0"))));
    assert_eq!(store.execution(&execution_arn(2)).unwrap(), Some(ended));
    assert_eq!(store.last_key().unwrap(), ExecutionKey(2));
    commit(&store, [append(1, events(5, 5)), start(3, 1)]).unwrap();
}

#[test]
fn a_second_writer_is_refused_while_the_first_is_there() {
    let (_folder, path) = place();
    let store = open(&path);
    assert_unavailable(SqliteStore::open(&path), "in use by another process");
    drop(store);
    open(&path);
}

#[test]
fn a_reader_reads_while_another_writes() {
    let (_folder, path) = place();
    let writer = open(&path);
    put_definition(&writer);
    commit(&writer, [start(1, 2)]).unwrap();
    let reader = SqliteStore::open_read_only(&path).unwrap();
    assert_eq!(ids(&reader, 1), [1, 2]);
    commit(&writer, [append(1, events(3, 3)), start(2, 1)]).unwrap();
    assert_eq!(ids(&reader, 1), [1, 2, 3]);
    assert_eq!(reader.executions(&Filter { limit: 9, ..Filter::default() }).unwrap().len(), 2);
    assert_unavailable(commit(&reader, [start(3, 1)]), "reading only");
    assert_unavailable(reader.put_definition(&"a".into(), ""), "reading only");
    assert_unavailable(reader.park(ExecutionKey(1), None), "reading only");
    drop(writer);
    assert_eq!(ids(&reader, 1), [1, 2, 3]);
    drop(reader);
    let reader = SqliteStore::open_read_only(&path).unwrap();
    assert_eq!(ids(&reader, 1), [1, 2, 3]);
}

#[test]
fn a_reader_makes_no_file() {
    let (_folder, path) = place();
    assert_unavailable(SqliteStore::open_read_only(&path), "store.db");
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    assert_corrupt(SqliteStore::open_read_only(&path), &["store.db", "empty"]);
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let (_folder, path) = place();
    let text = "Dear diary, ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    assert_corrupt(SqliteStore::open(&path), &["store.db", "not a database"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_corrupt(SqliteStore::open(&path), &["store.db", "no store of Darkroom's"]);
    assert_corrupt(SqliteStore::open_read_only(&path), &["no store of Darkroom's"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// The tables of a file, as SQLite keeps their text.
fn tables(path: &Path) -> Vec<String> {
    let file = Connection::open(path).unwrap();
    let mut statement =
        file.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    // A table that was renamed is quoted.
    let text = |row: &rusqlite::Row<'_>| Ok(row.get::<_, String>(0)?.replace('"', ""));
    statement.query_map([], text).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_file_of_an_earlier_version_is_brought_up_to_date() {
    let samples =
        [(1, include_str!("../samples/store-v1.sql")), (2, include_str!("../samples/store-v2.sql"))];
    for (version, sample) in samples {
        let (_folder, path) = place();
        Connection::open(&path).unwrap().execute_batch(sample).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert_unavailable(SqliteStore::open_read_only(&path), &format!("its schema is {version}"));
        assert_eq!(std::fs::read(&path).unwrap(), before, "who only reads changes nothing");

        let store = open(&path);
        let mut set_aside = stored(5, "photos", None);
        set_aside.parked = Some("its definition is gone".into());
        assert_eq!(crate::made::open(&store), [stored(1, "photos", None), set_aside]);
        let succeeded = stored(2, "photos", Some(EndStatus::Succeeded(payload("[1.0]"))));
        assert_eq!(store.execution(&execution_arn(2)).unwrap(), Some(succeeded));
        let failed = stored(4, "photos", Some(EndStatus::Failed(reason("Disk", "full"))));
        assert_eq!(store.execution(&execution_arn(4)).unwrap(), Some(failed));
        assert_eq!(store.history(ExecutionKey(1)).unwrap(), sample::history()[..1]);
        assert_eq!(store.last_key().unwrap(), ExecutionKey(5));
        let machines = store.state_machines(None, 9).unwrap();
        if version == 1 {
            assert_eq!(machines, []);
        } else {
            assert_eq!(machines, [machine_of_2("idle", "ACTIVE"), machine_of_2("photos", "DELETING")]);
        }
        commit(&store, [append(1, events(2, 2)), start(6, 1)]).unwrap();
        drop(store);

        let (_folder, new) = place();
        drop(open(&new));
        assert_eq!(tables(&path), tables(&new), "from version {version}");
        assert_eq!(ids(&SqliteStore::open_read_only(&path).unwrap(), 1), [1, 2]);
    }
}

/// What version 2 knew of a state machine.
fn machine_of_2(name: &str, status: &str) -> StoredStateMachine {
    let mut machine = crate::resources::machine(name);
    machine.machine_type = MachineType::Standard;
    machine.status = StateMachineStatus::parse(status).unwrap();
    machine.revision.id = format!("first of {}", machine.arn).into();
    machine.revision.role_arn = "arn:aws:iam::000000000000:role/darkroom".into();
    machine.revision.updated_at = machine.created_at;
    machine.revision.settings = Settings {
        logging: r#"{"level":"OFF","includeExecutionData":false}"#.into(),
        tracing: r#"{"enabled":true}"#.into(),
        encryption: r#"{"type":"AWS_OWNED_KEY"}"#.into(),
    };
    machine
}

#[test]
fn a_token_secret_outlives_the_process() {
    let (_folder, path) = place();
    let secret = open(&path).token_secret(TokenSecret([3; 32])).unwrap();
    assert_eq!(open(&path).token_secret(TokenSecret([4; 32])).unwrap(), secret);
}

#[test]
fn a_newer_version_s_file_is_refused() {
    let (_folder, path) = place();
    drop(open(&path));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    assert_corrupt(SqliteStore::open(&path), &["store.db", "newer version"]);
    assert_corrupt(SqliteStore::open_read_only(&path), &["newer version"]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let (_folder, path) = place();
    let store = open(&path);
    put_definition(&store);
    commit(&store, [start(7, 2)]).unwrap();
    commit(&store, [append(7, events(3, 4))]).unwrap();
    let other = Connection::open(&path).unwrap();
    let spoilt = |change: &str, words: &[&str]| {
        other.execute_batch("SAVEPOINT spoil").unwrap();
        other.execute_batch(change).unwrap();
        other.execute_batch("RELEASE spoil").unwrap();
        assert_corrupt(store.history(ExecutionKey(7)), words);
    };
    let at = "table history, execution 7, first_event 3";
    let piece: String =
        other.query_row("SELECT events FROM history WHERE first_event = 3", [], |row| row.get(0)).unwrap();

    spoilt("UPDATE history SET events = substr(events, 1, 200) WHERE first_event = 3", &["store.db", at]);
    spoilt("UPDATE history SET events = '{}' WHERE first_event = 3", &[at]);
    spoilt("UPDATE history SET events = '[]' WHERE first_event = 3", &[at, "event 4"]);
    let unknown = piece.replace("PassStateEntered", "PassStateImagined");
    spoilt(&format!("UPDATE history SET events = '{unknown}' WHERE first_event = 3"), &[at, "Imagined"]);
    let payload = piece.replace("größe.jpg\\\"}", "");
    assert_ne!(payload, piece);
    spoilt(&format!("UPDATE history SET events = '{payload}' WHERE first_event = 3"), &[at]);
    spoilt(
        &format!("UPDATE history SET events = '{piece}', format = 2 WHERE first_event = 3"),
        &[at, "format 2"],
    );
    spoilt(
        "DELETE FROM history WHERE first_event = 1; UPDATE history SET format = 1",
        &[at, "event 3", "event 1"],
    );

    let spoilt = |change: &str, column: &str| {
        other.execute_batch(change).unwrap();
        assert_corrupt(store.execution(&execution_arn(7)), &["table executions, key 7", column]);
    };
    spoilt("UPDATE executions SET input = '{'", "column input");
    spoilt("UPDATE executions SET input = '{}', status = 'SUCCEEDED'", "column output");
    spoilt("UPDATE executions SET output = '{}'", "column ended_ms");
    spoilt("UPDATE executions SET status = 'ASLEEP'", "column status");
}

#[test]
fn what_the_first_version_stored_is_read_for_ever() {
    let records: Vec<wire::Record> = serde_json::from_str(SAMPLE).unwrap();
    let read: Vec<_> = records.into_iter().map(|record| HistoryEvent::try_from(record).unwrap()).collect();
    assert_eq!(read, sample::first_version());

    let (_folder, path) = place();
    let store = open(&path);
    put_definition(&store);
    commit(&store, [start(1, 0)]).unwrap();
    let last = sample::first_version().len();
    Connection::open(&path)
        .unwrap()
        .execute("INSERT INTO history VALUES (1, 1, ?1, 1, ?2)", rusqlite::params![last, SAMPLE])
        .unwrap();
    assert_eq!(store.history(ExecutionKey(1)).unwrap(), sample::first_version());
}

#[test]
fn a_start_through_an_alias_is_stored_as_it_first_was() {
    let text = include_str!("../samples/start-through-alias.json");
    let record: wire::Record = serde_json::from_str(text).unwrap();
    assert_eq!(HistoryEvent::try_from(record).unwrap(), sample::start_through_an_alias());
    let stored = serde_json::to_value(wire::to_record(&sample::start_through_an_alias())).unwrap();
    assert_eq!(stored, serde_json::from_str::<serde_json::Value>(text).unwrap());
}

/// When this fails, the stored form has changed: keep the old sample, and add one for the new form.
#[test]
fn the_newest_sample_is_what_is_stored_today() {
    for (events, sample) in [(sample::first_version(), SAMPLE), (sample::later(), LATER)] {
        let records: Vec<_> = events.iter().map(wire::to_record).collect();
        let stored: serde_json::Value = serde_json::to_value(records).unwrap();
        assert_eq!(stored, serde_json::from_str::<serde_json::Value>(sample).unwrap());
    }
}

/// The machine fails, and the log ends wherever the disk had come to.
#[test]
fn a_log_that_is_cut_anywhere_gives_a_whole_batch_or_none_of_it() {
    let (folder, path) = place();
    let store = open(&path);
    put_definition(&store);
    commit(&store, [start(1, 1), start(2, 1)]).unwrap();
    for id in 2..=6 {
        commit(&store, [append(1, events(id, id)), append(2, events(id, id))]).unwrap();
    }
    let file = std::fs::read(&path).unwrap();
    let log = std::fs::read(folder.path().join("store.db-wal")).unwrap();
    let copy = folder.path().join("copy.db");
    let read_back = |length: usize| {
        std::fs::write(&copy, &file).unwrap();
        std::fs::write(folder.path().join("copy.db-wal"), &log[..length]).unwrap();
        let store = SqliteStore::open(&copy).unwrap();
        let found = ids(&store, 1);
        assert!(found.iter().copied().eq(1..=u32::try_from(found.len()).unwrap()), "{found:?}");
        assert_eq!(ids(&store, 2), found);
        assert_eq!(crate::made::open(&store).is_empty(), found.is_empty());
        found.len()
    };
    let mut seen = 0;
    for length in (0..log.len()).step_by(1009) {
        let found = read_back(length);
        assert!(found >= seen);
        seen = found;
    }
    assert_eq!(read_back(log.len()), 6);
}

const CHILD: &str = "DARKROOM_TEST_STORE_TO_WRITE";
const EXECUTIONS: i64 = 40;

/// The process that is killed. Says what was committed after it was; does nothing in an ordinary run.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = open(Path::new(&path));
    put_definition(&store);
    let started = store.last_key().unwrap().0;
    if started == 0 {
        commit(&store, (1..=EXECUTIONS).map(|key| start(key, 1))).unwrap();
    }
    let mut heads: BTreeMap<i64, u32> =
        (1..=EXECUTIONS).map(|key| (key, u32::try_from(ids(&store, key).len()).unwrap())).collect();
    let mut answers = std::io::stdout().lock();
    for turn in 1.. {
        let mut batch = Vec::new();
        for (key, head) in &mut heads {
            if (key + turn) % 3 == 0 {
                let last = *head + 1 + u32::try_from(turn % 4).unwrap();
                batch.push(append(*key, events(*head + 1, last)));
                *head = last;
            }
        }
        commit(&store, batch).unwrap();
        let committed: Vec<String> = heads.values().map(u32::to_string).collect();
        writeln!(answers, "committed {} .", committed.join(" ")).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_every_history_gapless_and_all_that_it_answered_for() {
    let (_folder, path) = place();
    for commits in [1, 17, 40, 5, 90, 2] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite_only::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The last line may be cut.
        let mut is_answer = |line: &String| line.starts_with("committed ") && line.ends_with(" .");
        let before = lines.by_ref().filter(&mut is_answer).nth(commits - 1).unwrap();
        // SIGKILL, wherever the child is by now: most often in the middle of a later commit.
        child.kill().unwrap();
        child.wait().unwrap();
        let answered = lines.filter(is_answer).last().unwrap_or(before);

        let store = open(&path);
        for (key, answered) in (1..=EXECUTIONS).zip(answered.split(' ').skip(1)) {
            let found = ids(&store, key);
            let last = u32::try_from(found.len()).unwrap();
            assert!(found.iter().copied().eq(1..=last), "execution {key}: {found:?}");
            assert!(last >= answered.parse().unwrap(), "execution {key} ends at {last}, not {answered}");
        }
        assert_eq!(crate::made::open(&store).len(), usize::try_from(EXECUTIONS).unwrap());
    }
}
