//! Functions: in this process, and in child processes that die, hang, and answer too much.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use darkroom_services::lambda::{Function, Process, ProcessSettings};
use serde_json::{Value, json};

use crate::port::{ACCOUNT, Port};

/// A program that speaks the Runtime API with what every machine that builds this has: Python's standard library.
const PROGRAM: &str = r#"
import json, os, sys, time, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
count = 0
while True:
    with urllib.request.urlopen(base + "invocation/next") as answer:
        id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    count += 1
    print("working on", event, flush=True)
    if event.get("die"): sys.exit(3)
    if event.get("hang"): time.sleep(60)
    if event.get("eat"): eaten = b"x" * 200_000_000; time.sleep(60)
    result, way = {"count": count, "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}, "response"
    if event.get("raise"): result, way = {"errorType": "ValueError", "errorMessage": "no"}, "error"
    body = json.dumps(result).encode() if not event.get("large") else b'"' + b"x" * 7_000_000 + b'"'
    if event.get("rubbish"): body = b"\xff<html>no JSON"
    try:
        urllib.request.urlopen(base + f"invocation/{id}/{way}", body).read()
    except urllib.error.HTTPError as refused:
        print("refused with", refused.code, flush=True)
    if event.get("leave"): time.sleep(event["leave"]); sys.exit(1)
"#;

fn process(timeout: Duration, memory_mb: u64) -> Arc<dyn Function> {
    Arc::new(Process::new(ProcessSettings {
        name: "child".to_owned(),
        command: ["python3", "-c", PROGRAM].map(str::to_owned).into(),
        directory: None,
        handler: "app.handler".to_owned(),
        environment: BTreeMap::new(),
        timeout,
        memory_mb,
        concurrency: 2,
        region: "us-east-1".to_owned(),
        endpoint_url: "http://localhost:4566".to_owned(),
        access_key: None,
    }))
}

async fn invoke(port: &Port, name: &str, event: &Value) -> (Option<String>, Value, String) {
    let request = Request::post(format!("/2015-03-31/functions/{name}/invocations"))
        .header("x-amz-log-type", "Tail")
        .body(Body::from(event.to_string()))
        .unwrap();
    let (status, headers, body) = port.send(request).await;
    assert_eq!(status, 200, "{body}");
    let error = headers.get("x-amz-function-error").map(|error| error.to_str().unwrap().to_owned());
    let log = headers["x-amz-log-result"].to_str().unwrap().to_owned();
    (error, serde_json::from_str(&body).unwrap(), log)
}

#[tokio::test]
async fn a_function_of_this_process_answers_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    assert_eq!(invoke(&port, "echo", &json!({ "a": 1 })).await.1, json!({ "a": 1 }));
    let (error, described, _) = invoke(&port, "echo", &json!({ "fail": "Custom" })).await;
    assert_eq!(error.as_deref(), Some("Handled"));
    assert_eq!(described["errorType"], "Custom");
}

#[tokio::test]
async fn a_process_is_kept_warm_and_replaced_when_it_dies() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: python3 is not there, so no function process was tried");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let functions = BTreeMap::from([
        ("child".to_owned(), process(Duration::from_secs(30), 512)),
        ("hasty".to_owned(), process(Duration::from_millis(1500), 512)),
        ("small".to_owned(), process(Duration::from_secs(30), 100)),
    ]);
    let port = Port::with(folder.path(), functions);
    let (_, first, log) = invoke(&port, "child", &json!({})).await;
    assert_eq!(first, json!({ "count": 1, "name": "child" }));
    assert!(!log.is_empty());
    assert_eq!(invoke(&port, "child", &json!({})).await.1["count"], 2, "the same process");
    let (error, raised, _) = invoke(&port, "child", &json!({ "raise": true })).await;
    assert_eq!((error.as_deref(), &raised["errorType"]), (Some("Unhandled"), &json!("ValueError")));
    let (_, large, _) = invoke(&port, "child", &json!({ "large": true })).await;
    assert_eq!(large["errorType"], "Function.ResponseSizeTooLarge");
    let (error, died, _) = invoke(&port, "child", &json!({ "die": true })).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(died["errorType"], "Runtime.ExitError");
    assert!(died["errorMessage"].as_str().unwrap().ends_with("exit status 3"), "{died}");
    assert_eq!(invoke(&port, "child", &json!({})).await.1["count"], 1, "another process");
    let (_, hung, _) = invoke(&port, "hasty", &json!({ "hang": true })).await;
    assert_eq!(hung["errorType"], "Sandbox.Timedout");

    let (_, eaten, _) = invoke(&port, "small", &json!({ "eat": true })).await;
    assert_eq!(eaten["errorType"], "Runtime.OutOfMemory", "{eaten}");
    assert_eq!(invoke(&port, "small", &json!({})).await.1["count"], 1, "another process");

    // And what each of them is to a state machine's Task.
    for (event, error) in [
        (json!({ "rubbish": true }), "Lambda.Unknown"),
        (json!({ "large": true }), "Function.ResponseSizeTooLarge"),
        (json!({ "die": true }), "Runtime.ExitError"),
    ] {
        let fault = port
            .task(&format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:child"), event)
            .await
            .unwrap_err();
        assert_eq!(fault.error, error, "{fault}");
    }
    assert_eq!(invoke(&port, "child", &json!({})).await.0, None, "it goes on");

    // One that ends by itself between two calls, long before the second one or while it waits for it.
    for seconds in [0.001, 0.3] {
        assert_eq!(invoke(&port, "child", &json!({ "leave": seconds })).await.1["count"], 2, "a warm one");
        assert_eq!(invoke(&port, "child", &json!({})).await.1["count"], 1, "a new process takes the call");
    }

    let seen = port.services.insight.functions.seen("child", 1000).unwrap();
    assert_eq!((seen.counts.under_way, seen.counts.invocations, seen.counts.errors), (0, 14, 5), "{seen:?}");
    let line = |text: &str| seen.lines.iter().any(|line| line.text.contains(text));
    for text in
        ["working on {'raise': True}", "refused with 413", "exit status 3", "ValueError", "END RequestId: "]
    {
        assert!(line(text), "{text} is not in {:?}", seen.lines);
    }
}
