//! X-Ray over the wire: what is sent, what is made, and what a function is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use darkroom_services::endpoint::Endpoints;
use darkroom_services::lambda::{Function, Invocation, Outcome};
use darkroom_services::wire::Fault;
use darkroom_services::xray::{Daemon, Source, SourceError};
use darkroom_trace::{Segment, SpanId, TraceHeader, TraceId};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::port::{ACCOUNT, Port};

const TRACE: &str = "1-581cf771-a006649127e371903a2de979";

fn document(id: &str, name: &str, start: f64, change: &Value) -> String {
    let mut document = json!({
        "name": name, "id": id, "trace_id": TRACE, "start_time": start, "end_time": start + 1.0,
    });
    for (member, value) in change.as_object().unwrap() {
        document[member] = value.clone();
    }
    document.to_string()
}

async fn call(port: &Port, path: &str, input: &Value) -> (u16, Value) {
    let request = Request::post(path).body(Body::from(input.to_string())).unwrap();
    let (status, _, body) = port.send(request).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn ok(port: &Port, path: &str, input: Value) -> Value {
    let (status, output) = call(port, path, &input).await;
    assert_eq!(status, 200, "{output}");
    output
}

async fn documents(port: &Port) -> Vec<Value> {
    let output = ok(port, "/Traces", json!({ "TraceIds": [TRACE] })).await;
    let segments = output["Traces"][0]["Segments"].as_array().cloned().unwrap_or_default();
    segments.iter().map(|it| serde_json::from_str(it["Document"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn what_is_put_is_found_summed_up_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let shop = document(
        "1000000000000001",
        "shop",
        1000.0,
        &json!({
            "http": { "request": { "url": "http://x/", "method": "GET" }, "response": { "status": 500 } },
            "annotations": { "size": 3 }, "user": "u", "origin": "AWS::EC2::Instance",
            "subsegments": [{ "id": "1000000000000002", "name": "call", "start_time": 1000.1, "end_time": 1000.9,
                "namespace": "remote", "fault": true }],
        }),
    );
    let stock = document("1000000000000003", "stock", 1000.2, &json!({ "parent_id": "1000000000000002" }));
    let put = json!({ "TraceSegmentDocuments": [shop, "{", stock, "{\"id\": \"x\"}"] });
    let unprocessed = ok(&port, "/TraceSegments", put).await["UnprocessedTraceSegments"].clone();
    assert_eq!(unprocessed[0]["ErrorCode"], "ParseError");
    assert_eq!((unprocessed.as_array().unwrap().len(), &unprocessed[1]["Id"]), (2, &json!("x")));

    let names: Vec<Value> = documents(&port).await.iter().map(|document| document["name"].clone()).collect();
    assert_eq!(names, ["shop", "stock"]);
    let unknown = json!({ "TraceIds": ["1-00000000-000000000000000000000000", "none"] });
    let nothing = ok(&port, "/Traces", unknown).await;
    assert_eq!(nothing, json!({ "Traces": [], "UnprocessedTraceIds": ["none"] }));

    let find = |input: Value| {
        let port = &port;
        async move { ok(port, "/TraceSummaries", input).await["TraceSummaries"].as_array().unwrap().clone() }
    };
    let found = find(json!({ "StartTime": 999, "EndTime": 1001 })).await;
    let summary = &found[0];
    assert_eq!((found.len(), &summary["Id"], &summary["StartTime"]), (1, &json!(TRACE), &json!(1000.0)));
    assert_eq!(
        (&summary["HasFault"], &summary["HasError"], &summary["IsPartial"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(summary["Http"], json!({ "HttpURL": "http://x/", "HttpMethod": "GET", "HttpStatus": 500 }));
    assert_eq!(summary["Annotations"]["size"][0]["AnnotationValue"], json!({ "NumberValue": 3 }));
    assert_eq!((&summary["Duration"], &summary["EntryPoint"]["Name"]), (&json!(1.2), &json!("shop")));
    assert_eq!(summary["ServiceIds"].as_array().unwrap().len(), 2);
    for (input, expected) in [
        (json!({ "StartTime": 1001, "EndTime": 2000 }), 0),
        (
            json!({ "StartTime": 999, "EndTime": 1001, "FilterExpression": "service(\"stock\") AND annotation.size = 3" }),
            1,
        ),
        (json!({ "StartTime": 999, "EndTime": 1001, "FilterExpression": "ok" }), 0),
    ] {
        assert_eq!(find(input.clone()).await.len(), expected, "{input}");
    }

    let graph = ok(&port, "/TraceGraph", json!({ "TraceIds": [TRACE] })).await;
    let services = graph["Services"].as_array().unwrap();
    let shop = services.iter().find(|service| service["Name"] == "shop").unwrap();
    let stock = services.iter().find(|service| service["Name"] == "stock").unwrap();
    assert_eq!((&shop["Root"], &stock["Root"]), (&json!(true), &json!(false)));
    assert_eq!(shop["Edges"][0]["ReferenceId"], stock["ReferenceId"]);
    assert_eq!(shop["Edges"][0]["SummaryStatistics"]["OkCount"], 1);
    let of_time = ok(&port, "/ServiceGraph", json!({ "StartTime": 0, "EndTime": 2000 })).await;
    assert_eq!(of_time["Services"], graph["Services"]);

    // What was there is there after a restart.
    drop(port);
    assert_eq!(documents(&Port::open(folder.path())).await.len(), 2);
}

#[tokio::test]
async fn wrong_input_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    for (path, input, expected) in [
        ("/TraceSegments", json!({}), "TraceSegmentDocuments"),
        ("/TraceSegments", json!({ "TraceSegmentDocuments": [1] }), "TraceSegmentDocuments"),
        ("/TraceSegments", json!({ "TraceSegmentDocuments": vec!["{}"; 51] }), "51 items"),
        ("/Traces", json!({ "TraceIds": [] }), "0 items"),
        ("/Traces", json!({ "TraceIds": [7] }), "texts"),
        ("/TraceSummaries", json!({ "StartTime": 1 }), "EndTime"),
        ("/TraceSummaries", json!({ "StartTime": 2, "EndTime": 1 }), "before"),
        (
            "/TraceSummaries",
            json!({ "StartTime": 1, "EndTime": 2, "FilterExpression": "group.name" }),
            "group.name",
        ),
        ("/TraceSummaries", json!({ "StartTime": 1, "EndTime": 2, "NextToken": "x" }), "NextToken"),
        ("/TelemetryRecords", json!({ "TelemetryRecords": [{}] }), "Timestamp"),
        ("/SamplingTargets", json!({ "SamplingStatisticsDocuments": [{}] }), "RuleName"),
    ] {
        let (status, output) = call(&port, path, &input).await;
        assert_eq!(status, 400, "{path} {input}");
        assert!(output["Message"].as_str().unwrap().contains(expected), "{path} {input}: {output}");
    }
    let rules = ok(&port, "/GetSamplingRules", json!({})).await;
    assert_eq!(rules["SamplingRuleRecords"][0]["SamplingRule"]["RuleName"], "Default");
    let statistics =
        json!({ "SamplingStatisticsDocuments": [{ "RuleName": "Default" }, { "RuleName": "other" }] });
    let targets = ok(&port, "/SamplingTargets", statistics).await;
    assert_eq!(targets["SamplingTargetDocuments"][0]["FixedRate"], 1.0);
    assert_eq!(targets["UnprocessedStatistics"][0]["RuleName"], "other");
}

/// Ten thousand traces of one segment each, which are nowhere until somebody asks.
struct Many;

impl Source for Many {
    fn of_trace(&self, trace: TraceId, _: usize) -> Result<Vec<Segment>, SourceError> {
        let mut segment = Segment::begun(trace, SpanId(1), "made", i64::from(trace.epoch) * 1_000_000);
        segment.ended_us = Some(segment.started_us);
        Ok(vec![segment])
    }

    fn begun(&self, from_ms: i64, before_ms: i64, limit: usize) -> Result<Vec<(TraceId, i64)>, SourceError> {
        let all =
            (0_u32..250).rev().map(|epoch| (TraceId { epoch, random: [0; 12] }, i64::from(epoch) * 1000));
        Ok(all.filter(|(_, at)| (from_ms..before_ms).contains(at)).take(limit).collect())
    }
}

#[tokio::test]
async fn traces_that_are_made_when_asked_for_are_paged() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::with_segments(folder.path(), BTreeMap::new(), Some(Arc::new(Many)));
    let mut found = Vec::new();
    let mut input = json!({ "StartTime": 0, "EndTime": 1000 });
    loop {
        let page = ok(&port, "/TraceSummaries", input.clone()).await;
        found.extend(
            page["TraceSummaries"].as_array().unwrap().iter().map(|it| it["StartTime"].as_f64().unwrap()),
        );
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    let expected: Vec<f64> = (0..250).rev().map(f64::from).collect();
    assert_eq!(found, expected);
}

/// Keeps what it is told of its calls.
#[derive(Default)]
struct Told(Mutex<Vec<TraceHeader>>);

struct Tells(Arc<Told>);

impl Function for Tells {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>> {
        self.0.0.lock().unwrap().push(invocation.trace_header);
        Box::pin(async move { Ok(Outcome { payload: invocation.payload, ..Outcome::default() }) })
    }

    fn describe(&self) -> Value {
        json!({})
    }

    fn concurrency(&self) -> Option<usize> {
        None
    }
}

#[tokio::test]
async fn a_function_is_told_of_its_own_segment() {
    let folder = tempfile::tempdir().unwrap();
    let told = Arc::new(Told::default());
    let function: Arc<dyn Function> = Arc::new(Tells(told.clone()));
    let port = Port::with(folder.path(), BTreeMap::from([("f".to_owned(), function)]));
    let header = format!("Root={TRACE};Parent=1000000000000009;Sampled=1");
    let invoke = |header: Option<String>| {
        let mut request = Request::post("/2015-03-31/functions/f/invocations");
        if let Some(header) = header {
            request = request.header("x-amzn-trace-id", header);
        }
        port.send(request.body(Body::from("{}")).unwrap())
    };
    assert_eq!(invoke(None).await.0, 200);
    assert_eq!(invoke(Some(header)).await.0, 200);
    let [quiet, traced] = told.0.lock().unwrap().clone().try_into().unwrap();
    assert_eq!((quiet.sampled, traced.sampled), (Some(false), Some(true)));
    let documents = documents(&port).await;
    assert_eq!(documents.len(), 1, "the other is not kept");
    assert_eq!(documents[0]["origin"], "AWS::Lambda::Function");
    assert_eq!(documents[0]["parent_id"], "1000000000000009");
    assert_eq!(documents[0]["id"], traced.parent.unwrap().to_string());
}

#[tokio::test]
async fn the_daemon_hands_on_segments_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let endpoints = Arc::new(Endpoints::default());
    endpoints.embed(&port.services.router);
    let daemon = Daemon::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = daemon.address();
    assert!(Daemon::bind(address).await.is_err(), "a port is taken once");
    let running = tokio::spawn(daemon.run(endpoints, "us-east-1".to_owned(), ACCOUNT.to_owned()));
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let header = "{\"format\":\"json\",\"version\":1}\n";
    let long = vec![b'x'; 60_000];
    let hostile: [&[u8]; 5] = [b"", b"\xff\xfe", b"{\"format\":\"json\",\"version\":1}", b"{}\n{}", &long];
    for datagram in hostile {
        socket.send_to(datagram, address).await.unwrap();
    }
    socket.send_to(format!("{header}{{}}").as_bytes(), address).await.unwrap();
    let segment = document("1000000000000001", "sent", 1000.0, &json!({}));
    socket.send_to(format!("{header}{segment}").as_bytes(), address).await.unwrap();
    while documents(&port).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(documents(&port).await[0]["name"], "sent");

    for (path, expected) in [("/GetSamplingRules", "200 OK"), ("/Traces", "400 Bad Request")] {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{answer}");
    }
    running.abort();
}
