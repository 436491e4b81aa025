//! A trace goes on through messages, events and calls that nobody waits for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use darkroom_services::endpoint::{Endpoints, RemoteSettings};
use darkroom_services::lambda::{Function, Invocation, Outcome};
use darkroom_services::wire::Fault;
use darkroom_trace::TraceHeader;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::port::{ACCOUNT, Port};

const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const OTHER: &str = "Root=1-5759e988-000000000000000000000001;Parent=0000000000000001;Sampled=1";

/// A call in AWS JSON within [`TRACE`].
async fn traced(port: &Port, target: &str, input: Value) -> Value {
    let request = Request::post("/").header("x-amz-target", target).header("x-amzn-trace-id", TRACE);
    let (status, _, body) = port.send(request.body(Body::from(input.to_string())).unwrap()).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// A call of SNS, within [`TRACE`] or without.
async fn sns(port: &Port, form: &str, is_traced: bool) {
    let mut request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    if is_traced {
        request = request.header("x-amzn-trace-id", TRACE);
    }
    let body = Body::from(format!("Version=2010-03-31&{form}"));
    let (status, _, answer) = port.send(request.body(body).unwrap()).await;
    assert_eq!(status, 200, "{form}: {answer}");
}

/// A topic of this name with a subscriber, and its ARN.
async fn topic(port: &Port, name: &str, protocol: &str, endpoint: &str) -> String {
    let fifo = "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true";
    let fifo = if name.strip_suffix(".fifo").is_some() { fifo } else { "" };
    sns(port, &format!("Action=CreateTopic&Name={name}{fifo}"), false).await;
    let arn = format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}");
    let endpoint = endpoint.replace(':', "%3A");
    sns(port, &format!("Action=Subscribe&TopicArn={arn}&Protocol={protocol}&Endpoint={endpoint}"), false)
        .await;
    arn
}

/// The trace of the next message.
async fn next_trace(port: &Port, url: &Value) -> Value {
    let messages = port.receive(url, 20).await;
    messages[0]["Attributes"]["AWSTraceHeader"].clone()
}

/// A function that keeps what it is told of its trace.
#[derive(Clone, Default)]
struct Tells(Arc<Mutex<Vec<TraceHeader>>>);

impl Tells {
    fn open(folder: &Path) -> (Port, Self) {
        let tells = Self::default();
        let function: Arc<dyn Function> = Arc::new(tells.clone());
        (Port::with(folder, BTreeMap::from([("f".to_owned(), function)])), tells)
    }

    async fn next(&self) -> TraceHeader {
        loop {
            if let Some(header) = self.0.lock().unwrap().pop() {
                return header;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Function for Tells {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>> {
        self.0.lock().unwrap().push(invocation.trace_header);
        Box::pin(async { Ok(Outcome { payload: "null".into(), ..Outcome::default() }) })
    }

    fn describe(&self) -> Value {
        json!({})
    }

    fn concurrency(&self) -> Option<usize> {
        None
    }
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// The function was called in [`TRACE`], and its segment is the caller's child.
async fn was_called_in_the_trace(port: &Port, tells: &Tells) {
    let (told, trace): (_, TraceHeader) = (tells.next().await, TRACE.parse().unwrap());
    assert_eq!((told.root, told.sampled), (trace.root, Some(true)));
    let ids = json!({ "TraceIds": [trace.root.to_string()] });
    loop {
        let request = Request::post("/Traces").header("content-type", "application/json");
        let (_, _, answer) = port.send(request.body(Body::from(ids.to_string())).unwrap()).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        if let Some(document) = answer["Traces"][0]["Segments"][0]["Document"].as_str() {
            let document: Value = serde_json::from_str(document).unwrap();
            assert_eq!(document["parent_id"], "53995c3f42cd8ad8");
            assert_eq!(document["id"], told.parent.unwrap().to_string());
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_message_has_the_trace_of_its_sender_or_the_one_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, _) = port.queue("q", json!({})).await;
    let named = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": OTHER } });
    let message = json!({ "QueueUrl": url, "MessageBody": "m" });
    let naming = json!({ "QueueUrl": url, "MessageBody": "m", "MessageSystemAttributes": named });
    let batch = json!({ "QueueUrl": url, "Entries": [{ "Id": "1", "MessageBody": "m" }] });
    let naming_batch = json!({
        "QueueUrl": url, "Entries": [{ "Id": "1", "MessageBody": "m", "MessageSystemAttributes": named }],
    });
    for (action, input, expected) in [
        ("SendMessage", &message, TRACE),
        ("SendMessage", &naming, OTHER),
        ("SendMessageBatch", &batch, TRACE),
        ("SendMessageBatch", &naming_batch, OTHER),
    ] {
        traced(&port, &format!("AmazonSQS.{action}"), input.clone()).await;
        assert_eq!(next_trace(&port, &url).await, expected, "{input}");
    }
    port.ok("AmazonSQS.SendMessage", message).await;
    assert_eq!(next_trace(&port, &url).await, Value::Null);
    port.ok("AmazonSQS.SendMessage", naming).await;
    let older = json!({ "QueueUrl": url, "AttributeNames": ["AWSTraceHeader"] });
    let received = port.ok("AmazonSQS.ReceiveMessage", older).await;
    assert_eq!(received["Messages"][0]["Attributes"], json!({ "AWSTraceHeader": OTHER }));
}

#[tokio::test]
async fn tasks_send_their_trace_along() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, arn) = port.queue("q", json!({})).await;
    let topic = topic(&port, "t", "sqs", &arn).await;
    let message = json!({ "QueueUrl": url, "MessageBody": "m" });
    let entry = json!({ "Source": "s", "DetailType": "t", "Detail": {} });
    port.ok("AWSEvents.PutRule", json!({ "Name": "r", "EventPattern": "{\"source\":[\"s\"]}" })).await;
    port.ok("AWSEvents.PutTargets", json!({ "Rule": "r", "Targets": [{ "Id": "1", "Arn": arn }] })).await;
    for (resource, parameters) in [
        ("sqs:sendMessage", message.clone()),
        ("aws-sdk:sqs:sendMessage", message),
        ("sns:publish", json!({ "TopicArn": topic, "Message": "m" })),
        ("aws-sdk:sns:publish", json!({ "TopicArn": topic, "Message": "m" })),
        ("events:putEvents", json!({ "Entries": [entry] })),
    ] {
        port.task_in(Some(TRACE.parse().unwrap()), resource, parameters).await.unwrap();
        assert_eq!(next_trace(&port, &url).await, TRACE, "{resource}");
    }
}

#[tokio::test]
async fn a_topic_hands_the_trace_to_every_kind_of_subscriber() {
    let folder = tempfile::tempdir().unwrap();
    let (port, tells) = Tells::open(folder.path());
    let (url, arn) = port.queue("q", json!({})).await;
    let (fifo_url, fifo_arn) = port.queue("q.fifo", json!({ "FifoQueue": "true" })).await;
    let elsewhere = Elsewhere::start(|_| false).await;
    let queues = topic(&port, "queues", "sqs", &arn).await;
    let fifo = topic(&port, "queues.fifo", "sqs", &fifo_arn).await;
    let functions = topic(&port, "functions", "lambda", FUNCTION).await;
    let endpoints = topic(&port, "endpoints", "http", &elsewhere.url).await;

    sns(&port, &format!("Action=Publish&TopicArn={queues}&Message=m"), true).await;
    assert_eq!(next_trace(&port, &url).await, TRACE);
    let ids = "MessageGroupId=g&MessageDeduplicationId=d";
    sns(&port, &format!("Action=Publish&TopicArn={fifo}&Message=m&{ids}"), true).await;
    assert_eq!(next_trace(&port, &fifo_url).await, TRACE);
    sns(&port, &format!("Action=Publish&TopicArn={functions}&Message=m"), true).await;
    was_called_in_the_trace(&port, &tells).await;

    while elsewhere.count() < 1 {
        tokio::task::yield_now().await;
    }
    let question = &elsewhere.heard()[0];
    assert_eq!(question.headers.get("x-amzn-trace-id"), None);
    let token = question.body["Token"].as_str().unwrap();
    sns(&port, &format!("Action=ConfirmSubscription&TopicArn={endpoints}&Token={token}"), false).await;
    sns(&port, &format!("Action=Publish&TopicArn={endpoints}&Message=m"), true).await;
    while elsewhere.count() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(elsewhere.heard()[1].headers["x-amzn-trace-id"], TRACE);
}

#[tokio::test]
async fn an_event_hands_its_trace_to_queues_and_functions() {
    let folder = tempfile::tempdir().unwrap();
    let (port, tells) = Tells::open(folder.path());
    let (url, arn) = port.queue("q", json!({})).await;
    let pattern = json!({ "source": ["s", "aws.s3"] }).to_string();
    port.ok("AWSEvents.PutRule", json!({ "Name": "r", "EventPattern": pattern })).await;
    port.ok("AWSEvents.PutTargets", json!({ "Rule": "r", "Targets": [{ "Id": "q", "Arn": arn }] })).await;
    let entry = |more: Value| {
        let mut entry = json!({ "Source": "s", "DetailType": "t", "Detail": "{}" });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "Entries": [entry] })
    };
    for (more, expected) in [(json!({}), TRACE), (json!({ "TraceHeader": OTHER }), OTHER)] {
        traced(&port, "AWSEvents.PutEvents", entry(more)).await;
        assert_eq!(next_trace(&port, &url).await, expected);
    }
    for path in ["/bucket", "/bucket/key"] {
        let request = Request::put(path).header("x-amzn-trace-id", TRACE).body(Body::from("x")).unwrap();
        assert_eq!(port.send(request).await.0, 200);
    }
    assert_eq!(next_trace(&port, &url).await, TRACE);
    let target = json!({ "Id": "f", "Arn": FUNCTION });
    port.ok("AWSEvents.PutTargets", json!({ "Rule": "r", "Targets": [target] })).await;
    traced(&port, "AWSEvents.PutEvents", entry(json!({}))).await;
    was_called_in_the_trace(&port, &tells).await;
}

#[tokio::test]
async fn an_asynchronous_call_is_made_in_the_trace_of_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let (port, tells) = Tells::open(folder.path());
    let request = Request::post("/2015-03-31/functions/f/invocations")
        .header("x-amz-invocation-type", "Event")
        .header("x-amzn-trace-id", TRACE);
    assert_eq!(port.send(request.body(Body::from("{}")).unwrap()).await.0, 202);
    was_called_in_the_trace(&port, &tells).await;
}

#[tokio::test]
async fn a_delivery_keeps_its_trace_over_failures_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    {
        let elsewhere = Elsewhere::start(|_| true).await;
        let remote = RemoteSettings { url: Some(elsewhere.url.clone()), key: None };
        let endpoints = Endpoints::new(&BTreeMap::from([("sqs".to_owned(), remote)])).unwrap();
        let port = Port::with_settings(folder.path(), |settings| settings.endpoints = Arc::new(endpoints));
        let topic = topic(&port, "t", "sqs", &format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q")).await;
        sns(&port, &format!("Action=Publish&TopicArn={topic}&Message=m"), true).await;
        while port.services.insight.deliveries.failures().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(elsewhere.heard()[0].headers["x-amzn-trace-id"], TRACE);
    }
    let port = Port::open(folder.path());
    let (url, _) = port.queue("q", json!({})).await;
    port.wait(60_000);
    sns(&port, "Action=ListTopics", false).await;
    assert_eq!(next_trace(&port, &url).await, TRACE);
}
