//! Pages over a real engine, with what is large, hostile or not there.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use bytes::Bytes;
use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventId, EventKind, HistoryEvent, StateType};
use darkroom_asl::interpreter::{Identity, Limits, Qualifiers, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_console::{
    Changes, Console, DeadLetter, Deliveries, Durations, FunctionActivity, Photo, PhotoStatus, Platform,
    PlatformError,
};
use darkroom_engine::store::{Append, Batch, End, EndStatus, ExecutionKey, MemoryStore, NewExecution, Store};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Observer, OsRandom, Parked, SystemClock, TaskExecutor, definition_key,
};
use futures::future::BoxFuture;
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// Bytes of any page, whatever is shown.
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
const MACHINE: &str = r#"{"StartAt": "A<b>", "States": {"A<b>": {"Type": "Pass", "Next": "End \"it\""},
    "End \"it\"": {"Type": "Succeed"}}}"#;
const ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:m:e";

struct Nobody;

impl TaskExecutor for Nobody {
    fn start(&self, _: Invocation, answer: Answer) {
        answer.withhold();
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

struct Teller(Arc<Changes>);

impl Observer for Teller {
    fn committed(&self, appends: &[Append]) {
        self.0.committed(appends);
    }

    fn parked(&self, _: &Parked) {}
}

/// One photo, X-Ray with one trace, and services that answer nothing.
struct Around;

impl Platform for Around {
    fn call<'a>(
        &'a self,
        service: &'a str,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, PlatformError>> {
        Box::pin(async move {
            if service == "xray" {
                return Ok(Response::new(x_ray(request.uri().path(), request.body()).to_string().into()));
            }
            Err(PlatformError(format!("{service} <is> not here")))
        })
    }

    fn photos(&self, _: usize) -> Result<(Vec<Photo>, bool), PlatformError> {
        let photo = Photo {
            image_id: "img_1".into(),
            user_id: "local".into(),
            file_name: Some("\"><img src=x onerror=alert(1)>.jpg".into()),
            status: PhotoStatus::Failed { step: "validation".into(), reason: "<i>broken</i>".into() },
            original: Some("uploads/local/a b&c.jpg".into()),
            outputs: Vec::new(),
            facts: Vec::new(),
            updated_at: "2026-01-01T00:00:00Z".into(),
            execution: None,
        };
        Ok((vec![photo], false))
    }

    fn upload(&self, _: String, _: Bytes) -> BoxFuture<'_, Result<Text, PlatformError>> {
        Box::pin(async { Ok(ARN.into()) })
    }

    fn picture<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(Bytes, &'static str), PlatformError>> {
        Box::pin(async { Ok((Bytes::from_static(b"<script>"), "application/octet-stream")) })
    }

    fn function(&self, _: &str, _: usize) -> Option<FunctionActivity> {
        None
    }

    fn durations(&self, _: Range<i64>) -> Durations {
        Durations::default()
    }

    fn deliveries(&self, _: usize) -> BoxFuture<'_, Result<Deliveries, PlatformError>> {
        Box::pin(async { Ok(Deliveries::default()) })
    }

    fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, PlatformError> {
        let letter = DeadLetter {
            arn: ARN.into(),
            name: "<b>e</b>".into(),
            status: "FAILED".into(),
            ended_at: None,
            redrive_count: 0,
            error: Some("<script>".into()),
            cause: Some("x".repeat(1_000_000)),
        };
        Ok(vec![letter; 200])
    }

    fn redrive_dead_letters(&self, _: &[String]) -> Result<Vec<String>, PlatformError> {
        Ok(vec!["<b>no</b>".to_owned()])
    }

    fn purge_dead_letters(&self, _: &[String]) -> Result<(), PlatformError> {
        Ok(())
    }

    fn endpoint_url(&self) -> &'static str {
        "http://127.0.0.1:4566"
    }

    fn region(&self) -> &'static str {
        "us-east-1"
    }
}

const TRACE: &str = "1-581cf771-a006649127e371903a2de979";

/// A trace of an SDK's segment, an execution's below a call in it, and a document that is none.
fn x_ray(path: &str, input: &[u8]) -> Value {
    if path == "/TraceSummaries" {
        let services = [json!({ "Name": "<i>up</i>" })];
        let summary = json!({ "Id": TRACE, "StartTime": 10, "Duration": 1.5, "HasFault": true, "ServiceIds": services });
        return json!({ "TraceSummaries": [summary], "NextToken": "a&b" });
    }
    if !String::from_utf8_lossy(input).contains(TRACE) {
        return json!({ "Traces": [] });
    }
    let cause = json!({ "exceptions": [{ "type": "E", "message": "<script>alert(3)</script>" }] });
    let sent = json!({
        "name": "<i>up</i>", "id": "70de5b6f19ff9a0a", "trace_id": TRACE, "start_time": 10, "end_time": 11.5,
        "subsegments": [{ "id": "53995c3f42cd8ad8", "name": "call", "namespace": "aws", "start_time": 10.1,
            "end_time": 10.2, "fault": true, "cause": cause }],
    });
    let execution = json!({
        "name": "machine", "id": "0000000000000001", "trace_id": TRACE, "parent_id": "53995c3f42cd8ad8",
        "start_time": 10.1, "in_progress": true, "origin": "AWS::StepFunctions::StateMachine",
        "aws": { "execution_arn": ARN },
        "subsegments": [{ "id": "0000000000000002", "name": "A<b>", "start_time": 10.1, "end_time": 10.2 }],
    });
    let documents = [sent.to_string(), execution.to_string(), "{}".to_owned()];
    let segments: Vec<Value> = documents.iter().map(|document| json!({ "Document": document })).collect();
    json!({ "Traces": [{ "Id": TRACE, "Segments": segments, "LimitExceeded": false }] })
}

fn console(store: MemoryStore) -> Console {
    let changes = Arc::new(Changes::of(&store).expect("it can be read"));
    let engine = Engine::start(Config {
        store: Arc::new(store),
        executor: Arc::new(Nobody),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Teller(changes.clone())),
        limits: Limits::default(),
        shards: 1,
        audit: true,
    });
    Console::new(Arc::new(engine.expect("it starts")), changes, Arc::new(Around))
}

fn identity(name: &str) -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: ARN.into(),
        execution_name: name.into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "role".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}

fn event(id: u32, kind: EventKind) -> HistoryEvent {
    HistoryEvent {
        id: EventId(id),
        previous_event_id: EventId(id - 1),
        timestamp: Timestamp::from_millis(i64::from(id)),
        branch: BranchId::ROOT,
        retry: None,
        kind,
    }
}

/// A store with one execution that ended, and entered and left a state so often with this payload.
fn store(name: &str, visits: u32, payload: &str) -> MemoryStore {
    let store = MemoryStore::default();
    let key = definition_key(MACHINE);
    store.put_definition(&key, MACHINE).expect("memory");
    let payload = Payload::parse(payload).expect("it is JSON");
    let started = EventKind::ExecutionStarted {
        input: payload.clone(),
        role_arn: "role".into(),
        qualifiers: Qualifiers::default(),
    };
    let mut events = vec![event(1, started)];
    for visit in 0..visits {
        let (state, next): (Text, Text) = ("A<b>".into(), "A<b>".into());
        let (state_type, input, output) = (StateType::Pass, payload.clone(), payload.clone());
        let entered = EventKind::StateEntered { state_type, name: state.clone(), input, wake_at: None };
        let exited =
            EventKind::StateExited { state_type, name: state, output, assigned: vec![], next: Some(next) };
        events.push(event(2 + 2 * visit, entered));
        events.push(event(3 + 2 * visit, exited));
    }
    events.push(event(2 + 2 * visits, EventKind::ExecutionSucceeded { output: payload.clone() }));
    let ended_at = Timestamp::from_millis(i64::from(2 * visits) + 10);
    let append = Append {
        key: ExecutionKey(1),
        identity: identity(name),
        start: Some(NewExecution {
            definition: key,
            input: payload.clone(),
            started_at: Timestamp::from_millis(0),
            parent: None,
        }),
        redrive: None,
        events,
        end: Some(End { status: EndStatus::Succeeded(payload), ended_at }),
        sleep: None,
    };
    store.commit(&Batch { appends: vec![append] }).expect("memory");
    store
}

async fn ask(
    console: &Console,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(format!("/console/{path}"));
    let mut request = request.header("host", "127.0.0.1:4566");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = console.answer(request.body(Body::from(body.to_owned())).expect("a request")).await;
    let policy = response.headers().get("content-security-policy").cloned();
    assert!(policy.is_some_and(|it| !it.to_str().expect("text").contains("unsafe")), "{path}");
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024 * 1024).await.expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn get(console: &Console, path: &str) -> String {
    let (status, page) = ask(console, "GET", path, &[], "").await;
    assert_eq!(status, StatusCode::OK, "{path}: {page}");
    assert!(page.len() < PAGE_BYTES_MAX, "{path}: {} bytes", page.len());
    page
}

#[tokio::test]
async fn what_somebody_named_or_sent_is_text() {
    let console =
        console(store("<script>alert(1)</script>", 2, r#"{"a": "</pre><script>alert(2)</script>"}"#));
    let execution = format!("execution?arn={ARN}&state=A%3Cb%3E");
    let trace = format!("traces?id={TRACE}");
    let hostile = [
        "executions?name=%3Cscript",
        "execution?arn=%3Cscript%3E",
        "alarm?name=%3Cscript%3E",
        "traces?id=%3Cscript%3E",
    ];
    let all = ["", "executions", "photos", "dead-letters", &execution, "traces", &trace];
    for path in all.into_iter().chain(hostile) {
        let (_, page) = ask(&console, "GET", path, &[], "").await;
        for raw in ["<script>alert", "<img src=x", "<b>", "<i>broken", "<script>\""] {
            assert!(!page.contains(raw), "{path} has {raw}");
        }
        assert!(
            !page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"),
            "{path}"
        );
    }
    assert!(get(&console, &execution).await.contains("data-state=\"A&lt;b&gt;\""));
}

#[tokio::test]
async fn the_longest_history_and_the_largest_payload_are_cut_with_a_word() {
    let long = console(store("long", 12_499, "{}"));
    let page = get(&long, &format!("execution?arn={ARN}")).await;
    assert!(page.contains("This execution has 25000 events") && page.contains("is-succeeded"));
    let page = get(&long, &format!("execution?arn={ARN}&from=24990")).await;
    assert!(page.contains("Events 24990 to 25000 of 25000"), "{page}");

    let large = console(store("large", 2, &format!("[\"{}\"]", "x".repeat(262_000))));
    let page = get(&large, &format!("execution?arn={ARN}&state=A%3Cb%3E")).await;
    assert!(page.contains("This is the beginning of 262004 bytes"));
    assert!(get(&large, &format!("event?arn={ARN}&id=1")).await.len() > 262_000, "the event has all of it");
}

#[tokio::test]
async fn a_trace_is_drawn_with_the_execution_where_it_was_started() {
    let console = console(MemoryStore::default());
    let page = get(&console, &format!("traces?id={TRACE}")).await;
    let places: Vec<_> =
        ["&lt;i&gt;up", ">call<", ">machine<", "A&lt;b&gt;"].iter().map(|it| page.find(it)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{page}");
    assert!(
        page.contains("state=A%3Cb%3E") && page.contains("alert(3)") && page.contains("is-running"),
        "{page}"
    );
    let list = get(&console, "traces").await;
    assert!(list.contains(&format!("traces?id={TRACE}")) && list.contains("after=a%26b"), "{list}");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let console = console(MemoryStore::default());
    for (path, expected) in [
        ("execution?arn=no", StatusCode::NOT_FOUND),
        ("machine?arn=no", StatusCode::NOT_FOUND),
        ("no/such/page", StatusCode::NOT_FOUND),
        ("queues", StatusCode::BAD_GATEWAY),
        ("topics", StatusCode::BAD_GATEWAY),
        ("functions", StatusCode::BAD_GATEWAY),
        ("alarms", StatusCode::BAD_GATEWAY),
        ("function", StatusCode::NOT_FOUND),
        ("traces?id=no", StatusCode::NOT_FOUND),
        ("traces?id=1-00000000-000000000000000000000000", StatusCode::NOT_FOUND),
    ] {
        let (status, page) = ask(&console, "GET", path, &[], "").await;
        assert_eq!(status, expected, "{path}");
        assert!(page.contains("role=\"alert\"") && !page.contains("<is>"), "{page}");
    }
    for asset in ["console.css", "console.js", "graph.css", "icon.svg"] {
        get(&console, asset).await;
    }
    let overview = get(&console, "").await;
    assert!(overview.contains("None.") && overview.contains("The alarms are not known"), "{overview}");
    assert!(get(&console, "dead-letters").await.contains("The first 200 are shown"));
    let mark = [("x-darkroom-console", "1")];
    let (status, page) = ask(&console, "POST", "do/redrive-letters", &mark, "").await;
    assert!(status == StatusCode::BAD_REQUEST && page.contains("&lt;b&gt;no"), "{page}");
    assert_eq!(ask(&console, "POST", "do/purge-letters", &mark, "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_execution_is_started_again_from_a_state() {
    let console = console(store("before", 1, r#"{"n": 1.0}"#));
    let form = format!("arn={ARN}&state=End%20%22it%22&input=%7B%22n%22%3A2.0%7D");
    let (status, _) = ask(&console, "POST", "do/start-from", &[], &form).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "without the mark");
    let mark = [("x-darkroom-console", "1")];
    let (status, answered) = ask(&console, "POST", "do/start-from", &mark, &form).await;
    assert_eq!(status, StatusCode::OK, "{answered}");
    let location = answered.split('"').nth(3).expect("where to go").to_owned();
    let path = location.strip_prefix("/console/").expect("a page").to_owned();
    let ended = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let page = get(&console, &path).await;
            if page.contains("SUCCEEDED") {
                return page;
            }
            tokio::task::yield_now().await;
        }
    });
    let page = ended.await.expect("it ends");
    assert!(page.contains("before-from-") && page.contains("2.0"), "{page}");
    assert!(!page.contains("data-state=\"A&lt;b&gt;\""), "it has what can be reached, and no more");

    let (status, why) = ask(&console, "POST", "do/start-from", &mark, &form.replace("%7D", "")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(why.contains("the input is not JSON: line 1"), "{why}");
}
