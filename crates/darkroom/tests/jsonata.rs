//! `darkroom jsonata` from outside.

mod support;

use std::io::Write as _;
use std::process::{Output, Stdio};

use support::Workspace;

fn evaluate(workspace: &Workspace, arguments: &[&str]) -> Output {
    let all: Vec<&str> = std::iter::once("jsonata").chain(arguments.iter().copied()).collect();
    workspace.darkroom(&all).output().expect("the binary runs")
}

/// Arguments, the exit code, standard output, and a part of standard error.
fn check(arguments: &[&str], code: i32, out: &str, errors: &[&str]) {
    let workspace = Workspace::new();
    std::fs::write(workspace.path().join("in.json"), r#"{"b":[1,2.50,null],"a":"x"}"#).expect("a file");
    std::fs::write(workspace.path().join("broken.json"), "{").expect("a file");
    let output = evaluate(&workspace, arguments);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {shown}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), out, "{arguments:?}");
    for part in errors {
        assert!(shown.contains(part), "{arguments:?}: no `{part}` in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "colours without a terminal");
}

#[test]
fn values_are_printed_on_one_line() {
    check(&["$sum([1..10])"], 0, "55\n", &[]);
    check(&["$", "in.json"], 0, "{\"b\":[1,2.5,null],\"a\":\"x\"}\n", &[]);
    check(&["$states.input.b[0] + $n", "in.json", "--bind", "n=2"], 0, "3\n", &[]);
    check(&["$hash(a, 'MD5')", "in.json", "--json"], 0, "\"9dd4e461268c8034f5c8564e155c67a6\"\n", &[]);
}

#[test]
fn undefined_is_told_apart_from_null() {
    check(&["c", "in.json"], 0, "", &["undefined"]);
    check(&["b[2]", "in.json"], 0, "null\n", &[]);
    check(&["$"], 0, "", &["undefined"]);
}

#[test]
fn an_error_has_its_code_and_a_caret() {
    check(&["1 + "], 1, "", &["S0207", "expression:1:"]);
    check(&["(\n  $x := 1;\n  $x + 'a'\n)"], 1, "", &["T2002", "expression:3:6", "`+`"]);
    check(&["$pad('x', 1e9)"], 1, "", &["memory limit exceeded"]);
    check(&["function($x) { $x }"], 1, "", &["function"]);
}

#[test]
fn what_cannot_be_read_ends_with_2() {
    check(&["1", "nowhere.json"], 2, "", &["nowhere.json cannot be read"]);
    check(&["1", "broken.json"], 2, "", &["broken.json is not JSON"]);
    check(&["$x", "--bind", "x={"], 2, "", &["`$x` is not JSON"]);
}

#[test]
fn standard_input_is_read() {
    let workspace = Workspace::new();
    let mut child = workspace
        .darkroom(&["jsonata", "$count($)", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("it has one").write_all(b"[1,2]").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2\n");
}
