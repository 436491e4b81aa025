//! `darkroom validate` from outside.

mod support;

use support::{Workspace, text};

fn repository(path: &str) -> String {
    format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_workflow_is_valid_to_the_last_warning() {
    let workspace = Workspace::new();
    let file = repository("workflows/image-processing.asl.json");
    let output = workspace.darkroom(&["validate", "--strict", &file]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn all_faults_are_shown_with_their_line_and_a_caret() {
    let workspace = Workspace::new();
    let definition = "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": {\"Type\": \"Pass\", \"Next\": \"Nowhere\"},\n    \"B\": {\"Type\": \"Wait\", \"Seconds\": 1, \"SecondsPath\": \"$.s\", \"End\": true}\n  }\n}\n";
    std::fs::write(workspace.path().join("m.json"), definition).expect("a file");
    let output = workspace.darkroom(&["validate", "m.json"]).output().expect("the binary runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for expected in ["MISSING_TRANSITION_TARGET", "Missing 'Next' target: Nowhere", "m.json:4:", "m.json:5:"]
    {
        assert!(shown.contains(expected), "no `{expected}` in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "colours without a terminal");

    let output = workspace.darkroom(&["validate", "--json", "m.json"]).output().expect("the binary runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["files"][0]["result"], "FAIL");
    let diagnostics = report["files"][0]["diagnostics"].as_array().expect("diagnostics");
    assert!(diagnostics.len() >= 2, "{report:#}");
    assert!(
        diagnostics.iter().any(|one| one["location"] == "/States/A/Next" && one["line"] == 4),
        "{report:#}"
    );
}

#[test]
fn a_file_that_cannot_be_read_ends_with_2() {
    let workspace = Workspace::new();
    let output = workspace.darkroom(&["validate", "nowhere.json"]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn a_machine_is_drawn_or_its_faults_are_shown() {
    let workspace = Workspace::new();
    let file = repository("workflows/image-processing.asl.json");
    let output = workspace.darkroom(&["graph", &file, "-o", "graph.svg"]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let drawn = std::fs::read_to_string(workspace.path().join("graph.svg")).expect("a picture");
    assert!(drawn.starts_with("<svg ") && drawn.contains("data-state=\"ResizeImage\""), "{drawn}");
    let output = workspace.darkroom(&["graph", "--mermaid", &file]).output().expect("the binary runs");
    assert!(output.stdout.starts_with(b"flowchart TD"), "{}", text(&output));

    std::fs::write(workspace.path().join("m.json"), "{\"StartAt\": \"A\", \"States\": {}}").expect("a file");
    let output = workspace.darkroom(&["graph", "m.json"]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("m.json:1:"), "{}", text(&output));
}
