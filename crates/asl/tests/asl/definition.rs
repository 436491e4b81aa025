//! Definitions and what is said about them, case by case: `tests/corpus/definition/*.json`.
//!
//! A case is `{definition, type?, executed?, diagnostics: [{severity, code, location?, message, help?}]}`. The definition
//! is an object, or a string where the text itself matters, or `{"file": name}` for one beside the case, whose
//! placeholders are filled. A `help` is a part of the help's text. Everything else must agree exactly.

use std::path::{Path, PathBuf};

use darkroom_asl::definition::{Diagnostic, MachineType, Options, parse, parse_state, validate};
use serde_json::Value;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/definition");
const WORKFLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workflows/image-processing.asl.json");

#[test]
fn every_case_gets_its_diagnostics() {
    let mut failures = Vec::new();
    let cases = cases();
    for path in &cases {
        let case: Value = serde_json::from_str(&read(path)).expect("a case is JSON");
        let text = definition(&case["definition"]);
        let machine_type = match case["type"].as_str() {
            Some("EXPRESS") => MachineType::Express,
            Some("STANDARD") | None => MachineType::Standard,
            Some(other) => panic!("{}: {other}", path.display()),
        };
        let read = if case["executed"] == false { validate } else { parse };
        let parsed = read(&text, Options { machine_type });
        let expected = case["diagnostics"].as_array().expect("a case has diagnostics");
        let agree = expected.len() == parsed.diagnostics.len()
            && expected.iter().zip(&parsed.diagnostics).all(|(expected, found)| agrees(expected, found));
        let refused = expected.iter().any(|diagnostic| diagnostic["severity"] == "ERROR");
        if !agree || refused == parsed.machine.is_some() {
            let found: Vec<Value> = parsed.diagnostics.iter().map(shown).collect();
            let found = serde_json::to_string_pretty(&found).expect("it is JSON");
            failures.push(format!("{}: found {found}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases.len() > 50, "the corpus is there: {}", cases.len());
}

#[test]
fn the_workflow_is_accepted_without_a_word() {
    for machine_type in [MachineType::Standard, MachineType::Express] {
        let parsed = parse(&filled(&read(Path::new(WORKFLOW))), Options { machine_type });
        assert_eq!(parsed.diagnostics, []);
        let machine = parsed.machine.expect("no diagnostics, so there is a machine");
        assert_eq!(machine.states().count(), 16);
        assert_eq!(&*machine.state(machine.start_at).name, "ValidateImage");
    }
}

#[test]
fn spans_point_at_what_is_meant() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}}"#;
    let parsed = parse(text, Options::default());
    let meant: Vec<&str> =
        parsed.diagnostics.iter().filter_map(|it| it.span).map(|span| &text[span.start..span.end]).collect();
    assert_eq!(meant, [r#""Nowhere""#]);
}

/// `TestState` takes a state without the machine around it.
#[test]
fn a_state_on_its_own() {
    let text = r#"{"Type": "Choice", "Default": "Other", "Choices": [
        {"Variable": "$.a", "IsPresent": true, "Next": "Next"}, {"Variable": "$.b", "IsNull": true, "Next": "Next"}]}"#;
    let machine = parse_state(text, Options::default()).machine.expect("what it leads to need not be there");
    let names: Vec<&str> = machine.states().map(|(_, state)| &*state.name).collect();
    assert_eq!(names, ["StateName", "Next", "Other"]);

    for (text, expected) in [
        (
            r#"{"Type": "Parallel", "Branches": [], "End": true}"#,
            "Value cannot be empty at /States/StateName/Branches",
        ),
        (
            r#"{"Type": "Map", "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, "End": true}"#,
            "Missing 'Next' target: B at /States/StateName/ItemProcessor/States/A/Next",
        ),
        (r#"{"Type": "Succeed", "Catch": []}"#, "Field 'Catch' is not supported at /States/StateName"),
        ("[]", "Definition must be a valid JSON object"),
    ] {
        let parsed = parse_state(text, Options::default());
        let errors: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        assert!(errors.iter().any(|error| error.ends_with(expected)), "{errors:?}");
        assert!(parsed.machine.is_none());
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(CORPUS)
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .filter(|path| !path.to_string_lossy().ends_with(".asl.json"))
        .collect();
    cases.sort();
    cases
}

fn definition(given: &Value) -> String {
    match (given.as_str(), given["file"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(name)) => filled(&read(&Path::new(CORPUS).join(name))),
        (None, None) => given.to_string(),
    }
}

fn filled(text: &str) -> String {
    [
        ("${region}", "eu-west-1"),
        ("${account}", "111122223333"),
        ("${project_name}", "darkroom"),
        ("${sns_topic_name}", "darkroom-notifications"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
}

#[expect(clippy::disallowed_methods, reason = "a test reads its cases")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn agrees(expected: &Value, found: &Diagnostic) -> bool {
    expected["severity"] == found.severity.as_str()
        && expected["code"] == found.code.as_str()
        && expected["message"] == found.message.as_str()
        && expected["location"].as_str() == found.location.as_deref()
        && expected["help"].as_str().is_none_or(|part| found.help.as_deref().unwrap_or("").contains(part))
}

fn shown(diagnostic: &Diagnostic) -> Value {
    let mut shown = serde_json::Map::new();
    shown.insert("severity".into(), diagnostic.severity.as_str().into());
    shown.insert("code".into(), diagnostic.code.as_str().into());
    if let Some(location) = &diagnostic.location {
        shown.insert("location".into(), location.as_str().into());
    }
    shown.insert("message".into(), diagnostic.message.as_str().into());
    if let Some(help) = &diagnostic.help {
        shown.insert("help".into(), help.as_str().into());
    }
    Value::Object(shown)
}
