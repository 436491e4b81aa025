//! `darkroom bench` as a program: it measures a server that it starts itself, and leaves nothing behind.

mod support;

use serde_json::Value;
use support::{Workspace, text};

#[test]
fn every_workload_succeeds_with_and_without_syncs() {
    let workspace = Workspace::new();
    let mut command = workspace.darkroom(&["bench", "--json", "--seconds", "0.05", "--concurrency", "1,2"]);
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{}", text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let measurements = report["measurements"].as_array().expect("measurements");
    assert_eq!(measurements.len(), 7 * 2 * 2);
    for measurement in measurements {
        assert_eq!(measurement["failed"], 0, "{measurement}");
        assert!(measurement["executions"].as_u64() > Some(0), "{measurement}");
        assert!(measurement["executionsPerSecond"].as_f64() > Some(0.0), "{measurement}");
        assert!(measurement["p50Ms"].as_f64() <= measurement["p99Ms"].as_f64(), "{measurement}");
        assert_eq!(
            measurement["executionsPerFsync"].is_null(),
            measurement["durable"] == false,
            "{measurement}"
        );
    }
    assert!(report["fsync"]["perSecond"].as_f64() > Some(0.0), "{report}");
    let left = std::fs::read_dir(workspace.path()).expect("the folder").count();
    assert_eq!(left, 0, "the data folders are removed");
}

#[test]
fn only_what_is_asked_for_is_measured() {
    let workspace = Workspace::new();
    let arguments = ["bench", "--seconds", "0.05", "--concurrency", "1", "--durable-only", "--only", "pass1"];
    let output = workspace.darkroom(&arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{}", text(&output));
    let table = String::from_utf8(output.stdout).expect("text");
    let rows: Vec<&str> = table.lines().filter(|line| line.contains("synced")).collect();
    assert_eq!(rows.len(), 1, "{table}");
    assert!(rows[0].starts_with("pass1"), "{table}");
}

#[test]
fn what_a_part_costs_is_measured_round_by_round() {
    for part in ["metrics", "log", "execution-log", "traces"] {
        let workspace = Workspace::new();
        let arguments = [
            "bench",
            "--json",
            "--cost-of",
            part,
            "--rounds",
            "2",
            "--seconds",
            "0.05",
            "--concurrency",
            "2",
        ];
        let output =
            workspace.darkroom(&arguments).args(["--only", "pass1"]).output().expect("the binary runs");
        assert!(output.status.success(), "{part}: {}", text(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!((&report["costOf"], &report["costs"][0]["workload"]), (&part.into(), &"pass1".into()));
        let rounds = report["costs"][0]["rounds"].as_array().expect("rounds");
        assert_eq!(rounds.len(), 2, "{report}");
        for side in rounds.iter().flat_map(|round| [&round["without"], &round["with"]]) {
            assert_eq!(side["failed"], 0, "{report}");
            assert!(side["executions"].as_u64() > Some(0), "{report}");
        }
        let left = std::fs::read_dir(workspace.path()).expect("the folder").count();
        assert_eq!(left, 0, "the data folders are removed");
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let workspace = Workspace::new();
    for arguments in [
        &["bench", "--only", "pass2"][..],
        &["bench", "--concurrency", "0"],
        &["bench", "--seconds", "0"],
        &["bench", "--pid", "1"],
        &["bench", "--rounds", "3"],
        &["bench", "--cost-of", "nothing"],
        &["bench", "--cost-of", "metrics", "--rounds", "0"],
        &["bench", "--cost-of", "metrics", "--durable-only"],
        &["bench", "--folder", "absent"],
        &["bench", "--endpoint", "127.0.0.1:1"],
    ] {
        let output = workspace.darkroom(arguments).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
    }
}
