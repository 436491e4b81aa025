//! `TestState` over HTTP: members, mocks, calls. The executor answers by what it is sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Limits, TaskId};
use darkroom_asl::json::Payload;
use darkroom_engine::store::{ExecutionKey, MemoryStore};
use darkroom_engine::{Answer, Config, Engine, Invocation, OsRandom, SystemClock, TaskExecutor};
use darkroom_gateway::Gateway;
use serde_json::{Value, json};

use crate::port::Nobody;

/// Answers with what it was sent, fails, or leaves the task open, as the task's input says.
#[derive(Default)]
struct Echo {
    cancelled: AtomicUsize,
    open: Mutex<Vec<Answer>>,
}

impl TaskExecutor for Echo {
    fn start(&self, invocation: Invocation, answer: Answer) {
        let input = invocation.request.scheduled.input;
        match &**input.text() {
            "\"fail\"" => {
                answer.give(Err(Reason { error: Some("Mine".into()), cause: Some("why".into()) }));
            }
            "\"hang\"" => self.open.lock().unwrap().push(answer),
            _ => answer.give(Ok(Payload::parse(format!("{{\"sent\": {}}}", input.text())).unwrap())),
        }
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {
        self.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

struct Server {
    address: SocketAddr,
    executor: Arc<Echo>,
    _runtime: tokio::runtime::Runtime,
}

const ROLE: &str = "arn:aws:iam::000000000000:role/r";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

impl Server {
    fn start() -> Self {
        let executor = Arc::new(Echo::default());
        let engine = Engine::start(Config {
            store: Arc::new(MemoryStore::default()),
            executor: executor.clone(),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(OsRandom),
            observer: Arc::new(Nobody),
            limits: Limits::default(),
            shards: 1,
            audit: true,
        })
        .unwrap();
        let gateway = Gateway::new(Arc::new(engine), "us-east-1", "000000000000");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(darkroom_port::Server::new(gateway).serve(listener, std::future::pending()));
        Self { address, executor, _runtime: runtime }
    }

    fn test(&self, input: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let body = input.to_string();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: sync-x\r\nConnection: close\r\nContent-Length: {}\r\n\
             X-Amz-Target: AWSStepFunctions.TestState\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

fn task(more: &Value) -> String {
    let mut state = json!({ "Type": "Task", "Resource": FUNCTION, "End": true });
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    state.to_string()
}

#[test]
fn answers_have_the_members_that_apply() {
    let server = Server::start();
    let pass = json!({ "Type": "Pass", "Next": "Then" }).to_string();
    let retry = json!({ "Retry": [{ "ErrorEquals": ["Mine"], "IntervalSeconds": 4 }], "End": true });
    let caught = json!({ "Catch": [{ "ErrorEquals": ["Mine"], "Next": "Caught" }] });
    let machine = json!({ "StartAt": "A", "States": { "A": { "Type": "Pass", "Next": "B" }, "B": { "Type": "Fail" } } });
    for (input, expected) in [
        (
            json!({ "definition": pass, "input": "{ \"a\": 1 }" }),
            json!({ "status": "SUCCEEDED", "output": "{ \"a\": 1 }", "nextState": "Then" }),
        ),
        (
            json!({ "definition": pass, "variables": "{\"v\": 1}", "inspectionLevel": "DEBUG" }),
            json!({ "status": "SUCCEEDED", "output": "{}", "nextState": "Then", "inspectionData": {
                "input": "{}", "afterInputPath": "{}", "afterParameters": "{}", "afterResultSelector": "{}",
                "afterResultPath": "{}", "variables": "{\"v\":1}" } }),
        ),
        (
            json!({ "definition": machine.to_string(), "stateName": "B", "inspectionLevel": "TRACE" }),
            json!({ "status": "FAILED", "inspectionData": { "input": "{}" } }),
        ),
        (
            json!({ "definition": task(&json!({})), "roleArn": ROLE, "input": "7" }),
            json!({ "status": "SUCCEEDED", "output": "{\"sent\": 7}" }),
        ),
        (
            json!({ "definition": task(&retry), "roleArn": ROLE, "input": "\"fail\"", "inspectionLevel": "DEBUG" }),
            json!({ "status": "RETRIABLE", "error": "Mine", "cause": "why", "inspectionData": {
                "input": "\"fail\"", "afterInputPath": "\"fail\"", "afterParameters": "\"fail\"",
                "errorDetails": { "retryIndex": 0, "retryBackoffIntervalSeconds": 4 } } }),
        ),
        (
            json!({ "definition": task(&caught), "mock": { "errorOutput": { "error": "Mine" } } }),
            json!({ "status": "CAUGHT_ERROR", "error": "Mine", "nextState": "Caught",
                "output": "{\"Error\":\"Mine\",\"Cause\":\"\"}" }),
        ),
        (
            json!({ "definition": task(&json!({ "TimeoutSeconds": 1 })), "roleArn": ROLE, "input": "\"hang\"" }),
            json!({ "status": "FAILED", "error": "States.Timeout" }),
        ),
    ] {
        assert_eq!(server.test(&input), (200, expected), "{input}");
    }
}

#[test]
fn a_call_that_is_no_longer_waited_for_is_given_up() {
    let server = Server::start();
    let input =
        json!({ "definition": task(&json!({ "TimeoutSeconds": 1 })), "roleArn": ROLE, "input": "\"hang\"" });
    server.test(&input);
    assert_eq!(server.executor.cancelled.load(Ordering::SeqCst), 1);
}

#[test]
fn requests_that_cannot_be_are_refused_in_awss_words() {
    let server = Server::start();
    let pass = json!({ "Type": "Pass", "End": true }).to_string();
    let task = task(&json!({}));
    let start = json!({ "Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": true,
        "Parameters": { "StateMachineArn": "m" } })
    .to_string();
    let map = json!({ "Type": "Map", "End": true,
        "ItemProcessor": { "StartAt": "A", "States": { "A": { "Type": "Succeed" } } } })
    .to_string();
    let result = |text: &str| json!({ "result": text });
    for (input, code, message) in [
        (
            json!({ "definition": task }),
            "ValidationException",
            "RoleArn must be specified when testing a Task state",
        ),
        (
            json!({ "definition": task, "roleArn": "nobody" }),
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: nobody'",
        ),
        (
            json!({ "definition": map }),
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: \
             [Task, Wait, Pass, Succeed, Fail, Choice]",
        ),
        (
            json!({ "definition": pass, "mock": result("{}") }),
            "ValidationException",
            "State type 'Pass' is not supported when a mock is specified",
        ),
        (
            json!({ "definition": pass, "stateName": "A" }),
            "InvalidDefinition",
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: \
             [States, StartAt] at /, SCHEMA_VALIDATION_FAILED: Field 'Type' is not supported at /, \
             SCHEMA_VALIDATION_FAILED: Field 'End' is not supported at /'",
        ),
        (
            json!({ "definition": "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Succeed\"}}}",
                "stateName": "B" }),
            "ValidationException",
            "State not found in definition",
        ),
        (
            json!({ "definition": pass, "input": "not" }),
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, \
             Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"not\"; line: 1, \
             column: 4]'",
        ),
        (
            json!({ "definition": task, "mock": { "result": "1", "errorOutput": { "error": "E" } } }),
            "ValidationException",
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (
            json!({ "definition": task, "mock": {} }),
            "ValidationException",
            "A test mock should have one of the following fields: [result, errorOutput].",
        ),
        (
            json!({ "definition": task, "mock": result("no JSON") }),
            "ValidationException",
            "Mocked result must be valid JSON",
        ),
        (
            json!({ "definition": task, "mock": result("1"), "revealSecrets": true }),
            "ValidationException",
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (
            json!({ "definition": start, "mock": result("{}") }),
            "ValidationException",
            "Mock result schema validation error: Required field 'ExecutionArn' is missing",
        ),
        (
            json!({ "definition": start, "mock": result("{\"StartDate\": 1}"), "fieldValidationMode": "PRESENT" }),
            "ValidationException",
            "Mock result schema validation error: Required field 'ExecutionArn' is missing",
        ),
        (
            json!({ "definition": start, "mock": { "result": "{\"StartDate\": 1}", "fieldValidationMode": "PRESENT" } }),
            "ValidationException",
            "Mock result schema validation error: Field 'StartDate' must be a string",
        ),
        (
            json!({ "definition": task, "mock": result("1"), "context": "{\"x\": 1}" }),
            "ValidationException",
            "Invalid Context object provided: Field 'x' is not allowed",
        ),
        (
            json!({ "definition": pass, "variables": "[]" }),
            "ValidationException",
            "Variables must be a JSON object",
        ),
        (
            json!({ "inspectionLevel": "ALL", "definition": pass }),
            "ValidationException",
            "1 validation error detected: Value 'ALL' at 'inspectionLevel' failed to satisfy constraint: Member \
             must satisfy enum value set: [INFO, DEBUG, TRACE]",
        ),
    ] {
        let (status, output) = server.test(&input);
        assert_eq!((status, &output), (400, &json!({ "__type": code, "message": message })), "{input}");
    }
}
