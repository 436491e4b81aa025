//! `darkroom process` from outside: real photos, broken ones, and the same ones again.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use darkroom_functions::{ImageKey, ImageRecords, Notifications, SqliteRecords, Status};
use support::{Workspace, examples, photo_with_comment, text};

fn photos(report: &serde_json::Value) -> Vec<&serde_json::Value> {
    report["photos"].as_array().expect("photos").iter().collect()
}

/// The sides of a JPEG, from its frame header.
fn jpeg_size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).expect("an output");
    assert_eq!(&bytes[..2], [0xff, 0xd8], "{} is no JPEG", path.display());
    let mut at = 2;
    loop {
        let (marker, length) = (bytes[at + 1], usize::from(bytes[at + 2]) << 8 | usize::from(bytes[at + 3]));
        if (0xc0..=0xc2).contains(&marker) {
            let side = |at: usize| u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1]);
            return (side(at + 7), side(at + 5));
        }
        at += 2 + length;
    }
}

#[test]
fn real_photos_are_done_and_a_second_run_has_nothing_to_do() {
    let workspace = Workspace::new();
    let (code, report) = workspace.process(&[&examples("photos")], &[]);
    assert_eq!(code, 0, "{report:#}");
    assert!(photos(&report).len() >= 6);
    for photo in photos(&report) {
        assert_eq!(photo["status"], "SUCCEEDED", "{photo:#}");
        assert_eq!(photo["fromEarlierRun"], false);
        let outputs = photo["outputs"].as_array().expect("outputs");
        assert_eq!(outputs.len(), 4, "{photo:#}");
        for output in outputs {
            let key = output.as_str().expect("a key");
            let image = photo["imageId"].as_str().expect("an id");
            assert!(key.starts_with(&format!("processed/local/{image}-")), "{key}");
            let (width, height) = jpeg_size(&workspace.out().join(key));
            let (widest, highest) = if key.contains("-small") { (800, 600) } else { (1200, 900) };
            assert!(width <= widest && height <= highest, "{key} is {width}x{height}");
        }
    }
    let page = std::fs::read_to_string(workspace.out().join("index.html")).expect("the contact sheet");
    assert!(page.contains("china.jpg"), "{page}");

    let before: BTreeMap<String, std::time::SystemTime> = modified(&workspace);
    let (code, report) = workspace.process(&[&examples("photos")], &[]);
    assert_eq!(code, 0);
    assert!(photos(&report).iter().all(|photo| photo["fromEarlierRun"] == true), "{report:#}");
    assert_eq!(modified(&workspace), before, "the second run wrote something again");
}

fn modified(workspace: &Workspace) -> BTreeMap<String, std::time::SystemTime> {
    let modified = |key: &String| {
        std::fs::metadata(workspace.out().join(key)).and_then(|metadata| metadata.modified()).expect("a time")
    };
    workspace.processed_files().into_iter().map(|key| (key.clone(), modified(&key))).collect()
}

#[test]
fn an_output_that_is_gone_is_made_again() {
    let workspace = Workspace::new();
    let photo = examples("photos").join("china.jpg");
    workspace.process(&[&photo], &[]);
    let files = workspace.processed_files();
    std::fs::remove_file(workspace.out().join(&files[0])).expect("an output");
    let (code, report) = workspace.process(&[&photo], &[]);
    assert_eq!(code, 0);
    assert_eq!(report["photos"][0]["fromEarlierRun"], false, "{report:#}");
    assert_eq!(workspace.processed_files(), files);
}

#[test]
fn every_broken_file_fails_with_a_reason_and_leaves_nothing_behind() {
    let workspace = Workspace::new();
    let broken = examples("broken");
    let files: Vec<_> = std::fs::read_dir(&broken)
        .expect("examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "md"))
        .collect();
    assert!(files.len() >= 7, "{files:?}");
    let inputs: Vec<&Path> = files.iter().map(std::path::PathBuf::as_path).collect();
    let (code, report) = workspace.process(&inputs, &[]);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(report["summary"]["failed"], files.len());
    assert!(workspace.processed_files().is_empty(), "{:?}", workspace.processed_files());

    let records = SqliteRecords::open(workspace.data().join("platform.db")).expect("the records");
    let notifications = Notifications::list(&records).expect("the outbox");
    for photo in photos(&report) {
        assert_eq!(photo["status"], "FAILED");
        assert_eq!(photo["error"]["error"], "ImageProcessing.ValidationFailed", "{photo:#}");
        assert_eq!(photo["error"]["step"], "validation");
        let reason = photo["error"]["reason"].as_str().expect("a reason");
        assert!(!reason.is_empty() && !reason.contains('{'), "not for people: {reason}");

        let image = photo["imageId"].as_str().expect("an id");
        let key = ImageKey::new(image, "local").expect("a key");
        let record = records.get(&key).expect("the records").expect("a record");
        assert_eq!(record.status, Status::Failed);
        let error = record.error_info.expect("the record says why");
        assert_eq!(error.step, "validation");
        assert_eq!(error.reason, reason);

        let told = notifications.iter().filter(|notification| notification.message.contains(image)).count();
        assert_eq!(told, 1, "{image} has {told} notifications");
        assert!(std::fs::exists(workspace.data().join("input/uploads/local")).expect("the originals"));
    }

    let (code, again) = workspace.process(&inputs, &[]);
    assert_eq!(code, 1);
    assert!(photos(&again).iter().all(|photo| photo["fromEarlierRun"] == true), "{again:#}");
}

#[test]
fn failed_photos_are_tried_again_when_asked() {
    let workspace = Workspace::new();
    let photo = workspace.path().join("empty.jpg");
    std::fs::write(&photo, b"").expect("a file");
    let (_, first) = workspace.process(&[&photo], &[]);
    let (code, second) = workspace.process(&[&photo], &["--retry-failed"]);
    assert_eq!(code, 1);
    assert_ne!(first["photos"][0]["executionArn"], second["photos"][0]["executionArn"]);
}

#[test]
fn the_same_photo_under_two_names_is_one_image() {
    let workspace = Workspace::new();
    let bytes = photo_with_comment("china.jpg", "twice");
    for name in ["a.jpg", "b.jpg"] {
        std::fs::write(workspace.path().join(name), &bytes).expect("a file");
    }
    let (code, report) = workspace.process(&[workspace.path()], &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(photos(&report).len(), 2);
    assert_eq!(report["photos"][0]["executionArn"], report["photos"][1]["executionArn"]);
    assert_eq!(workspace.processed_files().len(), 4);
}

#[test]
fn one_users_photos_are_not_anothers() {
    let workspace = Workspace::new();
    let photo = examples("photos").join("china.jpg");
    workspace.process(&[&photo], &["--user", "anna"]);
    workspace.process(&[&photo], &["--user", "ben"]);
    let files = workspace.processed_files();
    assert_eq!(files.iter().filter(|key| key.starts_with("processed/anna/")).count(), 4);
    assert_eq!(files.iter().filter(|key| key.starts_with("processed/ben/")).count(), 4);
}

#[test]
fn a_command_that_cannot_begin_says_why_and_ends_with_2() {
    let workspace = Workspace::new();
    for (arguments, expected) in [
        (&["process", "no-such-file.jpg"][..], "no-such-file.jpg"),
        (&["process", ".", "--user", "../evil"], "not an id"),
        (&["process", "."], "no photos there"),
        (&["process"], "required"),
        (&["process", ".", "--jobs", "0"], "0 is not in"),
        (&["history", "x"], "no executions in out/.darkroom"),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let output = workspace.darkroom(arguments).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", text(&output));
    }
}

#[test]
fn history_and_list_show_what_happened() {
    let workspace = Workspace::new();
    let (_, report) = workspace.process(&[&examples("photos").join("china.jpg")], &[]);
    let image = report["photos"][0]["imageId"].as_str().expect("an id");

    let output = workspace.darkroom(&["list", "--json"]).output().expect("the binary runs");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed["executions"][0]["status"], "SUCCEEDED");
    assert!(listed["executions"][0]["startDate"].is_f64());

    let output = workspace.darkroom(&["history", image, "--json"]).output().expect("the binary runs");
    let history: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let events = history["events"].as_array().expect("events");
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    assert_eq!(types.first(), Some(&"ExecutionStarted"));
    assert_eq!(types.last(), Some(&"ExecutionSucceeded"));
    assert_eq!(types.iter().filter(|name| **name == "LambdaFunctionSucceeded").count(), 3);
    assert!(events.iter().all(|event| event.get("replay").is_none()), "what is ours stays ours");
    assert_eq!(events[1]["stateEnteredEventDetails"]["name"], "ValidateImage");
    assert_eq!(events[1]["stateEnteredEventDetails"]["inputDetails"]["truncated"], false);

    let output = workspace.darkroom(&["history", &image[..12]]).output().expect("the binary runs");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("LambdaFunctionScheduled") && table.contains("ApplyWatermark"), "{table}");
    assert!(!table.contains('\u{1b}'), "colours without a terminal");
}

#[test]
#[cfg(target_os = "linux")]
fn a_picture_bomb_takes_little_memory() {
    let workspace = Workspace::new();
    let bomb = examples("broken").join("huge-header.png");
    let mut child = workspace
        .darkroom(&["process", "--json"])
        .arg(bomb)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    // The kernel keeps the highest mark, so that the last look before the end is the one that counts.
    let mut peak_kib = 0;
    while child.try_wait().expect("a child").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0));
    }
    assert!(peak_kib > 0, "the child was never seen");
    assert!(peak_kib < 200 * 1024, "{peak_kib} KiB");
}
