//! The whole program, killed at random moments while it processes photos.

mod support;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use darkroom_asl::interpreter::event::EventKind;
use darkroom_engine::store::{Filter, SqliteStore, Store};
use support::{Workspace, photo_with_comment};

const PHOTOS: usize = 50;
const KILLS: u32 = 10;

/// SIGKILL ten times, then once to the end: every photo is done exactly once, and every history is whole.
#[test]
fn fifty_photos_survive_ten_kills() {
    let workspace = Workspace::new();
    let photos = workspace.path().join("photos");
    std::fs::create_dir(&photos).expect("a folder");
    for number in 0..PHOTOS {
        let source = ["china.jpg", "flower.jpg", "rocket.jpg"][number % 3];
        let bytes = photo_with_comment(source, &format!("photo {number}"));
        std::fs::write(photos.join(format!("{number:02}.jpg")), bytes).expect("a photo");
    }

    // How long a run takes on this machine decides where the kills fall; that they differ is all that matters.
    let mut acknowledged = BTreeMap::new();
    let mut delay = Duration::from_millis(40);
    for kill in 0..KILLS {
        let mut child = workspace
            .darkroom(&["process", "photos", "--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        delay += Duration::from_millis(u64::from(random_below(120)));
        std::thread::sleep(delay);
        child.kill().expect("SIGKILL");
        child.wait().expect("a child");
        check_what_is_durable(&workspace, &mut acknowledged);
        println!("kill {kill} after {delay:?}: {} executions acknowledged", acknowledged.len());
    }

    let (code, report) = workspace.process(&[&photos], &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["summary"]["succeeded"], PHOTOS);
    check_what_is_durable(&workspace, &mut acknowledged);
    check_every_history(&workspace);
    assert_eq!(workspace.processed_files().len(), PHOTOS * 4, "an output is missing, or one is too many");
}

/// What the log said once, it says for ever: no execution and no event goes away or changes.
fn check_what_is_durable(workspace: &Workspace, acknowledged: &mut BTreeMap<String, Vec<String>>) {
    let file = workspace.data().join("engine.db");
    if !file.is_file() {
        assert!(acknowledged.is_empty());
        return;
    }
    let Ok(store) = SqliteStore::open_read_only(&file) else {
        // Killed before the file was made into a store.
        assert!(acknowledged.is_empty());
        return;
    };
    let mut now = BTreeMap::new();
    for execution in store.executions(&everything()).expect("executions") {
        let history = store.history(execution.key).expect("a history");
        let events: Vec<String> = history.iter().map(|event| format!("{event:?}")).collect();
        now.insert(execution.identity.execution_arn.to_string(), events);
    }
    for (arn, before) in acknowledged.iter() {
        let after = now.get(arn).unwrap_or_else(|| panic!("{arn} is lost"));
        assert!(after.starts_with(before), "the history of {arn} has changed");
    }
    *acknowledged = now;
}

fn check_every_history(workspace: &Workspace) {
    let store = SqliteStore::open_read_only(workspace.data().join("engine.db")).expect("the log");
    let executions = store.executions(&everything()).expect("executions");
    assert_eq!(executions.len(), PHOTOS, "a photo was started twice, or never");
    for execution in executions {
        assert_eq!(execution.status.as_str(), "SUCCEEDED");
        let history = store.history(execution.key).expect("a history");
        for (event, expected) in history.iter().zip(1..) {
            assert_eq!(event.id.0, expected, "a gap in {}", execution.identity.execution_name);
        }
        assert_eq!(history.iter().filter(|event| event.kind.is_terminal()).count(), 1);
        let succeeded =
            history.iter().filter(|event| matches!(event.kind, EventKind::TaskSucceeded { .. })).count();
        assert_eq!(succeeded, 3, "a task's end was taken twice");
    }
}

fn everything() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

/// A number that differs from run to run: where kills fall is not to be chosen.
fn random_below(bound: u32) -> u32 {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").subsec_nanos();
    (nanos / 1_000) % bound
}
