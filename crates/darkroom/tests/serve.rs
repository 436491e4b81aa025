//! `darkroom serve` as a program: what it prints, what it survives, and what AWS's own client makes of it.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Workspace;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";
/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server, killed at the end of its test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(workspace: &Workspace, more: &[&str]) -> Self {
        let mut child = workspace
            .darkroom(&["serve", "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://").expect("the address").to_owned();
        Self { child, address }
    }

    fn call(&self, action: &str, input: &Value) -> Option<(u16, Value)> {
        let body = input.to_string();
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
             X-Amz-Target: AWSStepFunctions.{action}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
    }

    fn ok(&self, action: &str, input: &Value) -> Value {
        let (status, output) = self.call(action, input).expect("an answer");
        assert_eq!(status, 200, "{action}: {output}");
        output
    }

    fn create(&self, name: &str, definition: &Value) -> Value {
        let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE });
        self.ok("CreateStateMachine", &input)["stateMachineArn"].clone()
    }

    /// The execution, once it has ended.
    fn ended(&self, arn: &Value) -> Value {
        let began = Instant::now();
        loop {
            let execution = self.ok("DescribeExecution", &json!({ "executionArn": arn }));
            if execution["status"] != "RUNNING" {
                return execution;
            }
            assert!(began.elapsed() < PATIENCE, "{arn} does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn terminate(&mut self) -> Option<i32> {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(killed.success());
        self.child.wait().expect("a child").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_goes_on() {
    let workspace = Workspace::new();
    let mut server = Server::start(&workspace, &[]);
    let definition = json!({ "StartAt": "W", "States": {
        "W": { "Type": "Wait", "Seconds": 1, "Next": "P" },
        "P": { "Type": "Pass", "Result": "done", "End": true },
    } });
    let machine = server.create("waits", &definition);
    let acknowledged: Vec<Value> = (0..40)
        .map(|number| {
            let input = json!({ "stateMachineArn": machine, "name": format!("e{number}") });
            server.ok("StartExecution", &input)["executionArn"].clone()
        })
        .collect();
    server.child.kill().expect("SIGKILL");
    server.child.wait().expect("a child");

    let server = Server::start(&workspace, &[]);
    assert_eq!(server.ok("DescribeStateMachine", &json!({ "stateMachineArn": machine }))["status"], "ACTIVE");
    for arn in &acknowledged {
        let execution = server.ended(arn);
        assert_eq!((&execution["status"], &execution["output"]), (&json!("SUCCEEDED"), &json!("\"done\"")));
        let history = server.ok("GetExecutionHistory", &json!({ "executionArn": arn }));
        assert_eq!(history["events"].as_array().expect("events").len(), 6);
    }
}

#[test]
fn it_stops_when_it_is_asked_to_and_a_task_that_was_out_is_asked_for_again() {
    let workspace = Workspace::new();
    let functions = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", functions.local_addr().expect("an address"));
    let arguments = ["--lambda-endpoint", endpoint.as_str()];
    let mut server = Server::start(&workspace, &arguments);
    let definition = json!({ "StartAt": "T", "States": { "T": { "Type": "Task", "End": true,
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f:live" } } });
    let machine = server.create("calls", &definition);
    let started = server.ok("StartExecution", &json!({ "stateMachineArn": machine, "input": "{\"n\":1}" }));
    // The function is called, and gives no answer before the server stops.
    let (_unanswered, _) = functions.accept().expect("a call");
    assert_eq!(server.terminate(), Some(0));

    let server = Server::start(&workspace, &arguments);
    let (mut call, _) = functions.accept().expect("a call");
    let mut request = Vec::new();
    while !request.ends_with(b"{\"n\":1}") {
        let mut byte = [0];
        call.read_exact(&mut byte).expect("the call");
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).expect("text");
    let path = "POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/\
                invocations?Qualifier=live HTTP/1.1\r\n";
    assert!(request.starts_with(path), "{request}");
    call.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\"ok\"").expect("an answer");
    let execution = server.ended(&started["executionArn"]);
    assert_eq!((&execution["status"], &execution["output"]), (&json!("SUCCEEDED"), &json!("\"ok\"")));
    let history = server.ok("GetExecutionHistory", &json!({ "executionArn": started["executionArn"] }));
    assert_eq!(history["events"].as_array().expect("events").len(), 7, "the stop left a trace: {history}");
}

#[test]
fn a_function_that_cannot_be_reached_fails_its_task() {
    let workspace = Workspace::new();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let server = Server::start(&workspace, &["--lambda-endpoint", &format!("http://{nobody}")]);
    let definition = json!({ "StartAt": "T", "States": { "T": { "Type": "Task", "End": true,
        "Resource": "arn:aws:states:::lambda:invoke", "Parameters": { "FunctionName": "f" } } } });
    let machine = server.create("calls", &definition);
    let started = server.ok("StartExecution", &json!({ "stateMachineArn": machine }));
    let execution = server.ended(&started["executionArn"]);
    assert_eq!(
        (&execution["status"], &execution["error"]),
        (&json!("FAILED"), &json!("Lambda.SdkClientException"))
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let workspace = Workspace::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = workspace.darkroom(&["serve", "--listen", &address]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains(&format!("{address} cannot be listened on")), "{message}");
    assert!(!workspace.path().join("darkroom-data").exists());
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let workspace = Workspace::new();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = workspace.darkroom(&["serve", "--listen", address]).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains("can be reached from other machines"), "{message}");
    }
}

#[test]
fn a_data_folder_has_one_server() {
    let workspace = Workspace::new();
    let mut first = Server::start(&workspace, &[]);
    let second = || {
        workspace.darkroom(&["serve", "--listen", "127.0.0.1:0"]).output().expect("the binary runs").stderr
    };
    let message = String::from_utf8_lossy(&second()).into_owned();
    for words in ["the data folder darkroom-data cannot be used", "in use by another process"] {
        assert!(message.contains(words), "{message}");
    }
    assert!(message.contains(&format!("({})", first.child.id())), "{message}");
    assert_eq!(first.terminate(), Some(0));
    Server::start(&workspace, &[]);
}

#[test]
fn a_limit_that_is_set_holds() {
    let workspace = Workspace::new();
    let limits = ["--limit", "history-events=4", "--limit", "payload-bytes=9"];
    let server = Server::start(&workspace, &limits);
    let pass = |end: Value| json!({ "StartAt": "P", "States": { "P": end, "Q": { "Type": "Succeed" } } });
    let short = server.create("short", &pass(json!({ "Type": "Pass", "Next": "Q" })));
    let large = server.create("large", &pass(json!({ "Type": "Pass", "Result": "0123456789", "Next": "Q" })));
    for (machine, cause) in
        [(short, "maximum number of history events (4)"), (large, "exceeding the maximum")]
    {
        let started = server.ok("StartExecution", &json!({ "stateMachineArn": machine }));
        let ended = server.ended(&started["executionArn"]);
        let found = ended["cause"].as_str().unwrap_or_default();
        assert!(ended["status"] == "FAILED" && found.contains(cause), "{ended}");
    }
}

#[test]
fn beyond_this_machine_keys_are_demanded() {
    let workspace = Workspace::new();
    let keys = workspace.path().join("keys");
    std::fs::write(&keys, "[a]\naws_access_key_id = A\n").expect("a file");
    let keys = keys.to_str().expect("text");
    for (arguments, message) in [
        (&["--listen", "0.0.0.0:0"][..], "name a file of access keys with --credentials"),
        (&["--listen", "[::]:0"], "or listen on 127.0.0.1"),
        (&["--credentials", keys], "section [a] has no `aws_secret_access_key`"),
        (&["--credentials", "nowhere"], "the access keys in nowhere cannot be read"),
    ] {
        let output = workspace.darkroom(&["serve"]).args(arguments).output().expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(message), "{text}");
    }
    std::fs::write(keys, "[a]\naws_access_key_id = A\naws_secret_access_key = s\n").expect("a file");
    let server = Server::start(&workspace, &["--credentials", keys]);
    let answer = server.call("ListStateMachines", &json!({})).expect("an answer");
    assert_eq!((answer.0, &answer.1["__type"]), (400, &json!("MissingAuthenticationTokenException")));
}

/// A machine's log group, and its file below the logs' folder.
const LOG_GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/l:*";
const LOG_FILE: &str = "darkroom-data/logs/000000000000/us-east-1/aws/vendedlogs/states/l.jsonl";

#[test]
fn executions_are_logged_as_their_state_machines_want_it() {
    let failing = json!({ "StartAt": "P", "States": {
        "P": { "Type": "Pass", "Next": "F" },
        "F": { "Type": "Fail", "Error": "E", "Cause": "why" },
    } });
    let all =
        ["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"];
    for (machine_type, level, includes, types) in [
        ("STANDARD", "ALL", true, &all[..]),
        ("STANDARD", "ALL", false, &all),
        ("STANDARD", "ERROR", true, &all[3..]),
        ("STANDARD", "FATAL", false, &all[4..]),
        ("STANDARD", "OFF", false, &[]),
        ("EXPRESS", "ALL", true, &all),
        ("EXPRESS", "FATAL", false, &all[4..]),
    ] {
        let workspace = Workspace::new();
        let mut server = Server::start(&workspace, &[]);
        let logging = json!({ "level": level, "includeExecutionData": includes,
            "destinations": [{ "cloudWatchLogsLogGroup": { "logGroupArn": LOG_GROUP } }] });
        let input = json!({ "name": "m", "definition": failing.to_string(), "roleArn": ROLE, "type": machine_type,
            "loggingConfiguration": logging });
        let machine = server.ok("CreateStateMachine", &input)["stateMachineArn"].clone();
        let start = json!({ "stateMachineArn": machine, "name": "e", "input": "{\"a\":1}" });
        let arn = if machine_type == "STANDARD" {
            let arn = server.ok("StartExecution", &start)["executionArn"].clone();
            server.ended(&arn);
            arn
        } else {
            server.ok("StartSyncExecution", &start)["executionArn"].clone()
        };
        // What is waiting is written before it ends.
        assert_eq!(server.terminate(), Some(0));
        let text = std::fs::read_to_string(workspace.path().join(LOG_FILE)).unwrap_or_default();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        let what = format!("{machine_type} {level} {includes}: {text}");
        let found: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
        assert_eq!(found, types, "{what}");
        for line in &lines {
            assert!(
                line["event_timestamp"].as_str().is_some_and(|text| text.parse::<u64>().is_ok()),
                "{what}"
            );
            assert_eq!((&line["execution_arn"], &line["redrive_count"]), (&arn, &json!("0")), "{what}");
        }
        let details = |event_type: &str| {
            lines.iter().find(|line| line["type"] == event_type).map(|line| line["details"].clone())
        };
        let truncated = json!({ "truncated": false });
        if level == "ALL" {
            let expected = if includes {
                json!({ "input": "{\"a\":1}", "inputDetails": truncated, "roleArn": ROLE })
            } else {
                json!({ "roleArn": ROLE })
            };
            assert_eq!(details("ExecutionStarted"), Some(expected), "{what}");
            let expected = if includes {
                json!({ "name": "P", "output": "{\"a\":1}", "outputDetails": truncated })
            } else {
                json!({ "name": "P" })
            };
            assert_eq!(details("PassStateExited"), Some(expected), "{what}");
            assert_eq!(
                (&lines[3]["id"], &lines[3]["previous_event_id"]),
                (&json!("4"), &json!("3")),
                "{what}"
            );
        }
        if level != "OFF" {
            assert_eq!(details("ExecutionFailed"), Some(json!({ "error": "E", "cause": "why" })), "{what}");
        }
    }
}

#[test]
fn a_redrive_is_counted_in_the_log_after_a_restart_too() {
    let workspace = Workspace::new();
    let mut server = Server::start(&workspace, &[]);
    let definition = json!({ "StartAt": "W", "States": {
        "W": { "Type": "Wait", "Seconds": 2, "Next": "F" },
        "F": { "Type": "Fail", "Error": "E" },
    } });
    let logging = json!({ "level": "FATAL",
        "destinations": [{ "cloudWatchLogsLogGroup": { "logGroupArn": LOG_GROUP } }] });
    let input = json!({ "name": "m", "definition": definition.to_string(), "roleArn": ROLE,
        "loggingConfiguration": logging });
    let machine = server.ok("CreateStateMachine", &input)["stateMachineArn"].clone();
    let arn = server.ok("StartExecution", &json!({ "stateMachineArn": machine }))["executionArn"].clone();
    server.ok("StopExecution", &json!({ "executionArn": arn }));
    server.ok("RedriveExecution", &json!({ "executionArn": arn }));
    assert_eq!(server.terminate(), Some(0));
    let mut server = Server::start(&workspace, &[]);
    server.ended(&arn);
    assert_eq!(server.terminate(), Some(0));
    let text = std::fs::read_to_string(workspace.path().join(LOG_FILE)).expect("a log");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let found: Vec<_> = lines.iter().map(|line| (&line["type"], &line["redrive_count"])).collect();
    assert_eq!(found, [(&json!("ExecutionAborted"), &json!("0")), (&json!("ExecutionFailed"), &json!("1"))]);
}

/// AWS's own client, where this machine's Python has it.
const BOTO3: &str = r#"
import json, sys, time, boto3
from botocore.config import Config
client = boto3.client("stepfunctions", endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="123456789012",
                      aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}))
definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
machine = client.create_state_machine(name="m", definition=definition, roleArn="arn:aws:iam::123456789012:role/r")["stateMachineArn"]
assert machine == "arn:aws:states:eu-west-1:123456789012:stateMachine:m", machine
execution = client.start_execution(stateMachineArn=machine, name="e", input='{"a": 1}')["executionArn"]
description = client.describe_execution(executionArn=execution)
assert description["status"] == "SUCCEEDED" and description["output"] == '{"a": 1}', description
pages = client.get_paginator("get_execution_history").paginate(executionArn=execution, PaginationConfig={"PageSize": 1})
assert [event["id"] for page in pages for event in page["events"]] == [1, 2, 3, 4]
assert [item["name"] for item in client.list_executions(stateMachineArn=machine)["executions"]] == ["e"]
assert client.validate_state_machine_definition(definition="{}")["result"] == "FAIL"
try:
    client.start_execution(stateMachineArn=machine, name="e")
    raise SystemExit("a name was given twice")
except client.exceptions.ExecutionAlreadyExists as error:
    assert error.response["Error"]["Message"] == f"Execution Already Exists: '{execution}'", error
assert client.stop_execution(executionArn=execution)["stopDate"] == description["stopDate"]
client.delete_state_machine(stateMachineArn=machine)
try:
    client.describe_state_machine(stateMachineArn=machine)
    raise SystemExit("it is still there")
except client.exceptions.StateMachineDoesNotExist:
    pass
"#;

#[test]
fn boto3_is_content() {
    let has_boto3 = Command::new("python3").args(["-c", "import boto3"]).output();
    if !has_boto3.is_ok_and(|output| output.status.success()) {
        eprintln!("!! SKIPPED: python3 with boto3 is not there, so AWS's own client was not tried");
        return;
    }
    let workspace = Workspace::new();
    let server = Server::start(&workspace, &[]);
    let url = format!("http://{}", server.address);
    let output = Command::new("python3").args(["-c", BOTO3, &url]).output().expect("python3 runs");
    assert!(output.status.success(), "{}", support::text(&output));

    // The same, with a signature that is checked.
    let workspace = Workspace::new();
    let keys = workspace.path().join("keys");
    std::fs::write(&keys, "[a]\naws_access_key_id = 123456789012\naws_secret_access_key = x\n")
        .expect("a file");
    let server = Server::start(&workspace, &["--credentials", keys.to_str().expect("text")]);
    let url = format!("http://{}", server.address);
    let output = Command::new("python3").args(["-c", BOTO3, &url]).output().expect("python3 runs");
    assert!(output.status.success(), "{}", support::text(&output));
}
