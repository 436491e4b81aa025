//! The API over HTTP: shapes, errors, pages. The engine is real, the store is in memory, no task is run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use darkroom_asl::interpreter::Limits;
use darkroom_engine::store::MemoryStore;
use darkroom_engine::{Config, Engine, OsRandom, SystemClock};
use darkroom_gateway::{Gateway, Usage, Used};
use serde_json::{Value, json};

use crate::port::Nobody;

/// A server of a test's own, which ends with it.
struct Server {
    address: SocketAddr,
    usage: Arc<Usage>,
    _runtime: tokio::runtime::Runtime,
}

const PASS: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
const TASK: &str = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
const ROLE: &str = "arn:aws:iam::000000000000:role/r";

impl Server {
    fn start() -> Self {
        let engine = Engine::start(Config {
            store: Arc::new(MemoryStore::default()),
            executor: Arc::new(Nobody),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(OsRandom),
            observer: Arc::new(Nobody),
            limits: Limits::default(),
            shards: 1,
            audit: true,
        })
        .unwrap();
        let usage = Arc::<Usage>::default();
        let gateway = Gateway::new(Arc::new(engine), "us-east-1", "000000000000").counted_by(usage.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(darkroom_port::Server::new(gateway).serve(listener, std::future::pending()));
        Self { address, usage, _runtime: runtime }
    }

    /// A request with these header lines: the status, the header and the body of the answer.
    fn post(&self, headers: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        write!(stream, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn call(&self, action: &str, input: &Value) -> (u16, Value) {
        let headers = format!("X-Amz-Target: AWSStepFunctions.{action}\r\n");
        let (status, head, body) = self.post(&headers, &input.to_string());
        assert!(head.contains("x-amzn-requestid: "), "{head}");
        assert!(head.contains("content-type: application/x-amz-json-1.0"), "{head}");
        (status, serde_json::from_str(&body).unwrap())
    }

    #[track_caller]
    fn ok(&self, action: &str, input: &Value) -> Value {
        let (status, output) = self.call(action, input);
        assert_eq!(status, 200, "{output}");
        output
    }

    #[track_caller]
    fn error(&self, action: &str, input: &Value, code: &str, message: &str) {
        let (status, output) = self.call(action, input);
        assert_eq!((status, &output), (400, &json!({ "__type": code, "message": message })));
    }

    fn create(&self, name: &str, definition: &str) -> Value {
        let output = self
            .ok("CreateStateMachine", &json!({ "name": name, "definition": definition, "roleArn": ROLE }));
        output["stateMachineArn"].clone()
    }

    fn start_execution(&self, machine: &Value, name: &str) -> Value {
        self.ok("StartExecution", &json!({ "stateMachineArn": machine, "name": name }))["executionArn"]
            .clone()
    }
}

fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}")
}

#[test]
fn calls_are_counted_by_their_action_whatever_comes_of_them() {
    let server = Server::start();
    let machine = server.create("m", PASS);
    server.start_execution(&machine, "e");
    server.call("StartExecution", &json!({ "stateMachineArn": "none" }));
    server.call("NoAction", &json!({}));
    let used = |action, calls| Used { action, calls, throttled: 0 };
    assert_eq!(server.usage.take(), [used("CreateStateMachine", 1), used("StartExecution", 2)]);
    assert_eq!(server.usage.take(), [], "since it was last asked");
}

#[test]
fn an_execution_goes_from_start_to_end() {
    let server = Server::start();
    let machine = server.create("m", PASS);
    assert_eq!(machine, machine_arn("m"));
    let input = "{ \"n\": 1.50 }";
    let started =
        server.ok("StartExecution", &json!({ "stateMachineArn": machine, "name": "e", "input": input }));
    let arn = "arn:aws:states:us-east-1:000000000000:execution:m:e";
    assert_eq!(started["executionArn"], arn);
    let described = server.ok("DescribeExecution", &json!({ "executionArn": arn }));
    assert_eq!(described["startDate"], started["startDate"]);
    assert!(described["stopDate"].is_f64(), "{described}");
    let mut rest = described.as_object().unwrap().clone();
    rest.retain(|name, _| !name.ends_with("Date"));
    assert_eq!(
        Value::Object(rest),
        json!({
            "executionArn": arn, "stateMachineArn": machine, "name": "e", "status": "SUCCEEDED",
            "input": input, "inputDetails": { "included": true },
            "output": input, "outputDetails": { "included": true },
            "redriveCount": 0, "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        })
    );
    let hidden =
        server.ok("DescribeExecution", &json!({ "executionArn": arn, "includedData": "METADATA_ONLY" }));
    assert_eq!((&hidden["input"], &hidden["inputDetails"]), (&Value::Null, &json!({ "included": false })));
}

#[test]
fn the_header_of_a_request_wins_and_a_state_machine_that_traces_makes_one_where_there_is_none() {
    let server = Server::start();
    let root = |digit: &str| format!("Root=1-5759e988-{}", digit.repeat(24));
    let create = |name: &str, traces: bool| {
        let input = json!({
            "name": name, "definition": PASS, "roleArn": ROLE, "tracingConfiguration": { "enabled": traces },
        });
        server.ok("CreateStateMachine", &input)["stateMachineArn"].clone()
    };
    let (quiet, traced) = (create("quiet", false), create("traced", true));
    let made = Some(String::new());
    let parent = "Parent=53995c3f42cd8ad8";
    for (machine, header, member, expected) in [
        (&quiet, None, None, None),
        (&quiet, None, Some("no header"), Some("no header".to_owned())),
        (&quiet, Some(root("a")), Some("no header"), Some(root("a"))),
        (&quiet, Some("x".repeat(257)), Some("no header"), Some("no header".to_owned())),
        (&quiet, Some("größe".to_owned()), None, None),
        (&traced, None, None, made.clone()),
        (&traced, None, Some("no header"), made),
        (
            &traced,
            Some(format!("{};{parent}", root("b"))),
            None,
            Some(format!("{};{parent};Sampled=1", root("b"))),
        ),
        (&traced, Some(format!("{};Sampled=0", root("b"))), None, Some(format!("{};Sampled=0", root("b")))),
    ] {
        let mut input = json!({ "stateMachineArn": machine });
        if let Some(member) = member {
            input["traceHeader"] = json!(member);
        }
        let header = header.map_or_else(String::new, |header| format!("X-Amzn-Trace-Id: {header}\r\n"));
        let headers = format!("X-Amz-Target: AWSStepFunctions.StartExecution\r\n{header}");
        let (status, _, body) = server.post(&headers, &input.to_string());
        assert_eq!(status, 200, "{body}");
        let started: Value = serde_json::from_str(&body).unwrap();
        let described = server.ok("DescribeExecution", &json!({ "executionArn": started["executionArn"] }));
        let found = described.get("traceHeader").and_then(Value::as_str).map(str::to_owned);
        if expected.as_deref() == Some("") {
            let found = found.unwrap_or_default();
            assert!(found.starts_with("Root=1-") && found.ends_with(";Sampled=1"), "{found}");
        } else {
            assert_eq!(found, expected, "{headers}{input}");
        }
    }
}

#[test]
fn a_state_machine_is_created_once() {
    let server = Server::start();
    let input = json!({ "name": "m", "definition": PASS, "roleArn": ROLE });
    let created = server.ok("CreateStateMachine", &input);
    let mut other_role = input.clone();
    other_role["roleArn"] = json!("arn:aws:iam::000000000000:role/other");
    assert_eq!(server.ok("CreateStateMachine", &other_role), created);
    let described = server.ok("DescribeStateMachine", &json!({ "stateMachineArn": machine_arn("m") }));
    assert_eq!(described["roleArn"], ROLE);
    assert_eq!(described["loggingConfiguration"], json!({ "level": "OFF", "includeExecutionData": false }));

    let taken = format!("State Machine Already Exists: '{}'", machine_arn("m"));
    for (member, value) in [
        ("definition", json!(TASK)),
        ("type", json!("EXPRESS")),
        ("tracingConfiguration", json!({ "enabled": true })),
    ] {
        let mut other = input.clone();
        other[member] = value;
        server.error("CreateStateMachine", &other, "StateMachineAlreadyExists", &taken);
    }
}

#[test]
fn members_are_checked_as_aws_checks_them() {
    let server = Server::start();
    let create = |name: &str, definition: &str, role: &str| json!({ "name": name, "definition": definition, "roleArn": role });
    server.error("CreateStateMachine", &create("a b", PASS, ROLE), "InvalidName", "Invalid Name: 'a b'");
    server.error(
        "CreateStateMachine",
        &create("m", PASS, "nobody"),
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: nobody'",
    );
    server.error(
        "CreateStateMachine",
        &json!({ "name": "", "definition": PASS }),
        "ValidationException",
        "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must have \
         length greater than or equal to 1; Value null at 'roleArn' failed to satisfy constraint: Member \
         must not be null",
    );
    server.error(
        "CreateStateMachine",
        &create("m", r#"{"StartAt": "P"}"#, ROLE),
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
    );
    server.error(
        "DescribeStateMachine",
        &json!({ "stateMachineArn": machine_arn("none") }),
        "StateMachineDoesNotExist",
        &format!("State Machine Does Not Exist: '{}'", machine_arn("none")),
    );
    let express = "arn:aws:states:us-east-1:000000000000:express:m:e:u";
    for action in ["DescribeExecution", "GetExecutionHistory", "StopExecution"] {
        let message = "Invalid Arn: 'Resource type not valid in this context: express'";
        server.error(action, &json!({ "executionArn": express }), "InvalidArn", message);
        let none = "arn:aws:states:us-east-1:000000000000:execution:m:none";
        let message = format!("Execution Does Not Exist: '{none}'");
        server.error(action, &json!({ "executionArn": none }), "ExecutionDoesNotExist", &message);
    }
}

#[test]
fn a_name_is_given_once_and_a_repeat_is_the_same_answer_while_it_runs() {
    let server = Server::start();
    let machine = server.create("m", TASK);
    let input = json!({ "stateMachineArn": machine, "name": "e", "input": "{\"a\":1}" });
    let first = server.ok("StartExecution", &input);
    assert_eq!(server.ok("StartExecution", &input), first);
    let taken = "Execution Already Exists: 'arn:aws:states:us-east-1:000000000000:execution:m:e'";
    let other = json!({ "stateMachineArn": machine, "name": "e", "input": "{\"a\":2}" });
    server.error("StartExecution", &other, "ExecutionAlreadyExists", taken);
    server.ok("StopExecution", &json!({ "executionArn": first["executionArn"] }));
    server.error("StartExecution", &input, "ExecutionAlreadyExists", taken);
    let (status, refused) =
        server.call("StartExecution", &json!({ "stateMachineArn": machine, "input": "not json" }));
    assert_eq!((status, &refused["__type"]), (400, &json!("InvalidExecutionInput")));
}

#[test]
fn a_stopped_execution_says_why_and_stays_stopped() {
    let server = Server::start();
    let machine = server.create("m", TASK);
    let arn = server.start_execution(&machine, "e");
    let stop = json!({ "executionArn": arn, "error": "Why", "cause": "because" });
    let stopped = server.ok("StopExecution", &stop);
    assert_eq!(server.ok("StopExecution", &json!({ "executionArn": arn })), stopped);
    let described = server.ok("DescribeExecution", &json!({ "executionArn": arn }));
    assert_eq!(described["status"], "ABORTED");
    assert_eq!((&described["error"], &described["cause"]), (&json!("Why"), &json!("because")));
    assert_eq!(described["stopDate"], stopped["stopDate"]);
}

#[test]
fn a_history_is_the_same_in_pages_of_any_length_and_either_order() {
    let server = Server::start();
    let machine = server.create("m", PASS);
    let arn = server.start_execution(&machine, "e");
    let whole = server.ok("GetExecutionHistory", &json!({ "executionArn": arn }));
    assert_eq!(whole.as_object().unwrap().len(), 1, "one page has no token");
    let forwards = whole["events"].as_array().unwrap().clone();
    assert_eq!(forwards.len(), 4);
    for reverse in [false, true] {
        for length in 1..=5 {
            let mut input = json!({ "executionArn": arn, "maxResults": length, "reverseOrder": reverse });
            let mut events = Vec::new();
            loop {
                let page = server.ok("GetExecutionHistory", &input);
                let page_events = page["events"].as_array().unwrap();
                assert!(page_events.len() <= length && !page_events.is_empty());
                events.extend(page_events.iter().cloned());
                let Some(token) = page.get("nextToken") else { break };
                input["nextToken"] = token.clone();
            }
            if reverse {
                events.reverse();
            }
            assert_eq!(events, forwards, "{length} {reverse}");
        }
    }
    let hidden =
        server.ok("GetExecutionHistory", &json!({ "executionArn": arn, "includeExecutionData": false }));
    assert!(!hidden.to_string().contains("\"input\""), "{hidden}");
    let bad = json!({ "executionArn": arn, "nextToken": "nonsense" });
    server.error("GetExecutionHistory", &bad, "InvalidToken", "Invalid Token: 'Invalid token'");
}

#[test]
fn lists_are_paged() {
    let server = Server::start();
    for name in ["a", "b", "c"] {
        server.create(name, PASS);
    }
    let first = server.ok("ListStateMachines", &json!({ "maxResults": 2 }));
    let rest = server.ok("ListStateMachines", &json!({ "nextToken": first["nextToken"] }));
    let names = |page: &Value| -> Vec<String> {
        let machines = page["stateMachines"].as_array().unwrap();
        machines.iter().map(|machine| machine["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names(&first), names(&rest)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
    assert!(rest.get("nextToken").is_none());

    let machine = json!(machine_arn("a"));
    for name in ["1", "2", "3"] {
        server.start_execution(&machine, name);
    }
    let list = |input: Value| server.ok("ListExecutions", &input);
    let first = list(json!({ "stateMachineArn": machine, "maxResults": 2 }));
    assert_eq!(first["executions"][0]["name"], "3");
    let rest = list(json!({ "stateMachineArn": machine, "nextToken": first["nextToken"] }));
    assert_eq!(rest["executions"].as_array().unwrap().len(), 1);
    let running = list(json!({ "stateMachineArn": machine, "statusFilter": "RUNNING" }));
    assert_eq!(running, json!({ "executions": [] }));
}

/// A state that waits for nobody, and one after it.
const WAIT: &str = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"},
    "P": {"Type": "Pass", "End": true}}}"#;

#[test]
fn a_deleted_state_machine_starts_nothing_and_is_gone_when_its_executions_are() {
    let server = Server::start();
    let machine = server.create("m", TASK);
    let arn = server.start_execution(&machine, "e");
    let by_arn = json!({ "stateMachineArn": machine });
    assert_eq!(server.ok("DeleteStateMachine", &by_arn), json!({}));
    assert_eq!(server.ok("DescribeStateMachine", &by_arn)["status"], "DELETING");
    let (_, refused) = server.call("StartExecution", &by_arn);
    assert_eq!(refused["__type"], "StateMachineDeleting");
    let (_, refused) =
        server.call("UpdateStateMachine", &json!({ "stateMachineArn": machine, "roleArn": ROLE }));
    assert_eq!(refused["__type"], "StateMachineDeleting");
    server.ok("StopExecution", &json!({ "executionArn": arn }));
    let (_, gone) = server.call("DescribeStateMachine", &by_arn);
    assert_eq!(gone["__type"], "StateMachineDoesNotExist");
    assert_eq!(server.ok("DeleteStateMachine", &by_arn), json!({}));
    server.ok("DescribeStateMachineForExecution", &json!({ "executionArn": arn }));
    assert_eq!(server.create("m", PASS), machine);
    server.start_execution(&machine, "another");
}

#[test]
fn an_execution_of_a_deleted_state_machine_ends_at_its_next_transition() {
    let server = Server::start();
    let machine = server.create("m", WAIT);
    let arn = server.start_execution(&machine, "e");
    server.ok("DeleteStateMachine", &json!({ "stateMachineArn": machine }));
    let ended = loop {
        let execution = server.ok("DescribeExecution", &json!({ "executionArn": arn }));
        if execution["status"] != "RUNNING" {
            break execution;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(ended["status"], "ABORTED");
    let history = server.ok("GetExecutionHistory", &json!({ "executionArn": arn }));
    let types: Vec<&Value> =
        history["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "ExecutionAborted"]);
    // The name is free, and what is started under it runs to its end.
    assert_eq!(server.create("m", PASS), machine);
    let again = server.start_execution(&machine, "again");
    assert_eq!(server.ok("DescribeExecution", &json!({ "executionArn": again }))["status"], "SUCCEEDED");
}

#[test]
fn a_definition_is_validated_without_an_error() {
    let server = Server::start();
    let validate =
        |definition: &str| server.ok("ValidateStateMachineDefinition", &json!({ "definition": definition }));
    assert_eq!(validate(PASS), json!({ "result": "OK", "diagnostics": [], "truncated": false }));
    let failed = validate(r#"{"StartAt": "P"}"#);
    assert_eq!(
        failed,
        json!({
            "result": "FAIL", "truncated": false,
            "diagnostics": [{ "severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED",
                "message": "These fields are required: [States]", "location": "/" }],
        })
    );
}

#[test]
fn region_and_account_come_from_the_signature() {
    let server = Server::start();
    let body = json!({ "name": "m", "definition": PASS, "roleArn": ROLE }).to_string();
    let signed = |key: &str| {
        let headers = format!(
            "X-Amz-Target: AWSStepFunctions.CreateStateMachine\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={key}/20260101/eu-central-1/states/aws4_request, SignedHeaders=host, Signature=0\r\n"
        );
        let (_, _, body) = server.post(&headers, &body);
        serde_json::from_str::<Value>(&body).unwrap()["stateMachineArn"].clone()
    };
    assert_eq!(signed("123456789012"), "arn:aws:states:eu-central-1:123456789012:stateMachine:m");
    assert_eq!(signed("AKIAEXAMPLE"), "arn:aws:states:eu-central-1:000000000000:stateMachine:m");
}

#[test]
fn what_is_no_call_is_refused() {
    let server = Server::start();
    let code = |headers: &str, body: &str| {
        let (status, _, body) = server.post(headers, body);
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, body["__type"].as_str().unwrap().to_owned())
    };
    let unknown = (400, "UnknownOperationException".to_owned());
    assert_eq!(code("", "{}"), unknown);
    assert_eq!(code("X-Amz-Target: AWSStepFunctions.Nonsense\r\n", "{}"), unknown);
    assert_eq!(code("X-Amz-Target: DynamoDB_20120810.ListTables\r\n", "{}"), unknown);
    let broken = (400, "SerializationException".to_owned());
    let list = "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n";
    assert_eq!(code(list, "{"), broken);
    assert_eq!(code(list, "{\"maxResults\": \"many\"}"), broken);
}

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:a";

/// A server with an activity, and an execution that waits for it.
fn with_an_activity() -> (Server, Value) {
    let server = Server::start();
    server.ok("CreateActivity", &json!({ "name": "a" }));
    let definition = json!({ "StartAt": "T", "States": { "T": {
        "Type": "Task", "Resource": ACTIVITY, "HeartbeatSeconds": 600, "End": true } } });
    let machine = server.create("m", &definition.to_string());
    let execution = server.start_execution(&machine, "e");
    (server, execution)
}

#[test]
fn a_worker_takes_a_task_and_reports_on_it() {
    let (server, execution) = with_an_activity();
    let task = server.ok("GetActivityTask", &json!({ "activityArn": ACTIVITY, "workerName": "w" }));
    assert_eq!(task["input"], "{}");
    let token = &task["taskToken"];
    assert!(token.as_str().unwrap().len() <= 2048);
    assert_eq!(server.ok("SendTaskHeartbeat", &json!({ "taskToken": token })), json!({}));
    server.error(
        "SendTaskSuccess",
        &json!({ "taskToken": token, "output": "not" }),
        "InvalidOutput",
        "Invalid Output: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token \
         'null', 'true' or 'false')\n at [Source: (String)\"not\"; line: 1, column: 4]'",
    );
    let success = json!({ "taskToken": token, "output": "{ \"n\": 1.50 }" });
    assert_eq!(server.ok("SendTaskSuccess", &success), json!({}));
    let described = server.ok("DescribeExecution", &json!({ "executionArn": execution }));
    assert_eq!((&described["status"], &described["output"]), (&json!("SUCCEEDED"), &success["output"]));
    let closed = "Task Timed Out: 'Provided task does not exist anymore'";
    server.error("SendTaskSuccess", &success, "TaskTimedOut", closed);
    server.error("SendTaskFailure", &json!({ "taskToken": token }), "TaskTimedOut", closed);
    server.error("SendTaskHeartbeat", &json!({ "taskToken": token }), "TaskTimedOut", closed);
}

#[test]
fn a_token_that_is_none_is_told_first() {
    let server = Server::start();
    let message = "Invalid Token: 'Invalid token'";
    for (action, input) in [
        ("SendTaskSuccess", json!({ "taskToken": "NoSuchTaskToken", "output": "not" })),
        ("SendTaskFailure", json!({ "taskToken": "NoSuchTaskToken" })),
        ("SendTaskHeartbeat", json!({ "taskToken": "NoSuchTaskToken" })),
    ] {
        server.error(action, &input, "InvalidToken", message);
    }
}

#[test]
fn an_activity_that_is_not_there_has_no_tasks() {
    let server = Server::start();
    let message = format!("Activity Does Not Exist: '{ACTIVITY}'");
    server.error("GetActivityTask", &json!({ "activityArn": ACTIVITY }), "ActivityDoesNotExist", &message);
}

#[test]
fn a_worker_that_hangs_up_takes_nothing() {
    let server = Server::start();
    server.ok("CreateActivity", &json!({ "name": "a" }));
    let body = json!({ "activityArn": ACTIVITY, "workerName": "gone" }).to_string();
    let mut stream = TcpStream::connect(server.address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.GetActivityTask\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    drop(stream);
    let machine = server.create(
        "m",
        &json!({ "StartAt": "T", "States": { "T": { "Type": "Task", "Resource": ACTIVITY, "End": true } } })
            .to_string(),
    );
    for name in ["e1", "e2"] {
        server.start_execution(&machine, name);
        let task = server.ok("GetActivityTask", &json!({ "activityArn": ACTIVITY, "workerName": name }));
        assert!(task["taskToken"].is_string(), "{task}");
    }
}

#[test]
fn what_ended_badly_is_redriven() {
    let (server, execution) = with_an_activity();
    let redrive = json!({ "executionArn": execution, "clientToken": "request-1" });
    let not = |reason: &str| format!("Execution Not Redrivable: '{reason}'");
    let running = not("Execution is RUNNING and cannot be redriven");
    server.error("RedriveExecution", &redrive, "ExecutionNotRedrivable", &running);
    server.ok("StopExecution", &json!({ "executionArn": execution }));
    let describe = json!({ "executionArn": execution });
    let described = server.ok("DescribeExecution", &describe);
    assert_eq!((&described["redriveStatus"], &described["redriveCount"]), (&json!("REDRIVABLE"), &json!(0)));

    let redriven = server.ok("RedriveExecution", &redrive);
    assert_eq!(server.ok("RedriveExecution", &redrive), redriven, "the same request once more");
    let described = server.ok("DescribeExecution", &describe);
    assert_eq!((&described["status"], &described["redriveCount"]), (&json!("RUNNING"), &json!(1)));
    assert_eq!((&described["redriveDate"], &described["stopDate"]), (&redriven["redriveDate"], &Value::Null));
    let history = server.ok("GetExecutionHistory", &describe);
    let event = history["events"].as_array().unwrap().iter().find(|event| event["id"] == 5).unwrap();
    assert_eq!(event["type"], "ExecutionRedriven");
    assert_eq!(event["executionRedrivenEventDetails"], json!({ "redriveCount": 1 }));
    for (filter, count) in [("REDRIVEN", 1), ("NOT_REDRIVEN", 0)] {
        let input = json!({ "stateMachineArn": machine_arn("m"), "redriveFilter": filter });
        assert_eq!(server.ok("ListExecutions", &input)["executions"].as_array().unwrap().len(), count);
    }
    let unknown = "arn:aws:states:us-east-1:000000000000:execution:m:none";
    let message = format!("Execution Does Not Exist: '{unknown}'");
    server.error("RedriveExecution", &json!({ "executionArn": unknown }), "ExecutionDoesNotExist", &message);
}

#[test]
fn an_express_execution_is_answered_with_its_end() {
    let server = Server::start();
    let create = |name: &str, definition: &str| {
        let input = json!({ "name": name, "definition": definition, "roleArn": ROLE, "type": "EXPRESS" });
        server.ok("CreateStateMachine", &input)["stateMachineArn"].clone()
    };
    let machine = create("x", PASS);
    let input =
        json!({ "stateMachineArn": machine, "name": "e", "input": "{\"n\": 1.50}", "traceHeader": "t" });
    let ended = server.ok("StartSyncExecution", &input);
    let arn = ended["executionArn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:states:us-east-1:000000000000:express:x:e:"), "{arn}");
    let mut rest = ended.as_object().unwrap().clone();
    rest.retain(|name, _| !name.ends_with("Date") && name != "executionArn");
    assert_eq!(
        Value::Object(rest),
        json!({
            "stateMachineArn": machine, "name": "e", "status": "SUCCEEDED", "traceHeader": "t",
            "input": "{\"n\": 1.50}", "inputDetails": { "included": true },
            "output": "{\"n\": 1.50}", "outputDetails": { "included": true },
            "billingDetails": { "billedDurationInMilliseconds": 100, "billedMemoryUsedInMB": 64 },
        })
    );
    let hidden = json!({ "stateMachineArn": machine, "includedData": "METADATA_ONLY" });
    let hidden = server.ok("StartSyncExecution", &hidden);
    assert_eq!((&hidden["output"], &hidden["outputDetails"]), (&Value::Null, &json!({ "included": false })));

    let fail =
        create("f", r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}}"#);
    let failed = server.ok("StartSyncExecution", &json!({ "stateMachineArn": fail }));
    assert_eq!(
        (&failed["status"], &failed["error"], &failed["cause"], &failed["output"]),
        (&json!("FAILED"), &json!("E"), &json!("C"), &Value::Null)
    );
    // Started and left alone, it has an ARN of its own each time.
    let start = || server.ok("StartExecution", &json!({ "stateMachineArn": machine, "name": "e" }));
    assert_ne!(start()["executionArn"], start()["executionArn"]);
    let message = "Invalid Arn: 'Resource type not valid in this context: express'";
    for action in ["DescribeExecution", "GetExecutionHistory", "StopExecution", "RedriveExecution"] {
        server.error(action, &json!({ "executionArn": arn }), "InvalidArn", message);
    }
    let standard = json!({ "stateMachineArn": server.create("m", PASS) });
    let message = "This operation is not supported by this type of state machine";
    server.error("StartSyncExecution", &standard, "StateMachineTypeNotSupported", message);
}
