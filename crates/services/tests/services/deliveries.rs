//! From a publish, an event or an upload to whoever is to hear of it.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use crate::port::{ACCOUNT, Port};

async fn accepted(port: &Port, form: &str) {
    let (status, answer) = port.form(form).await;
    assert_eq!(status, 200, "{answer}");
}

async fn next_body(port: &Port, url: &Value) -> Value {
    let messages = port.receive(url, 20).await;
    serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn an_upload_becomes_an_event_that_a_queue_gets() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, arn) = port.queue("q", json!({})).await;
    let pattern =
        json!({ "source": ["aws.s3"], "detail": { "object": { "key": [{ "prefix": "uploads/" }] } } });
    port.ok("AWSEvents.PutRule", json!({ "Name": "r", "EventPattern": pattern.to_string() })).await;
    let target = json!({ "Id": "1", "Arn": arn, "InputPath": "$.detail.object.key" });
    port.ok("AWSEvents.PutTargets", json!({ "Rule": "r", "Targets": [target] })).await;
    for (method, path) in
        [("PUT", "/photos"), ("PUT", "/photos/other/x.jpg"), ("PUT", "/photos/uploads/u/p%201.jpg")]
    {
        let request = Request::builder().method(method).uri(path).body(Body::from("x")).unwrap();
        assert_eq!(port.send(request).await.0, 200, "{path}");
    }
    assert_eq!(next_body(&port, &url).await, json!("uploads/u/p 1.jpg"));
    assert_eq!(std::fs::read(folder.path().join("buckets/photos/uploads/u/p 1.jpg")).unwrap(), b"x");
}

#[tokio::test]
async fn a_topic_tells_files_functions_and_other_queues() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, arn) = port.queue("q", json!({})).await;
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t");

    accepted(&port, "Action=CreateTopic&Version=2010-03-31&Name=t").await;
    for (protocol, endpoint) in [("file", "told.jsonl"), ("sqs", &*arn)] {
        accepted(
            &port,
            &format!(
                "Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol={protocol}&Endpoint={endpoint}"
            ),
        )
        .await;
    }
    accepted(&port, &format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message=hello&Subject=S"))
        .await;
    let notification = next_body(&port, &url).await;
    assert_eq!((&notification["Message"], &notification["Subject"]), (&json!("hello"), &json!("S")));
    let (status, refused) = port
        .form(&format!("Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=file&Endpoint=..%2Fx"))
        .await;
    assert_eq!(status, 400, "{refused}");
}

/// The body of the next request, which is answered with success.
async fn one_request(listener: &tokio::net::TcpListener) -> Value {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(body) = body.and_then(|body| serde_json::from_str(body).ok()) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            return body;
        }
        assert_ne!(length, 0, "the request has no JSON: {text}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_for_a_minute_hears_of_what_was_published_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t");
    accepted(&port, "Action=CreateTopic&Version=2010-03-31&Name=t").await;
    let subscribe = format!(
        "Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=http&Endpoint=http%3A%2F%2F{}%2Fhook",
        address.to_string().replace(':', "%3A")
    );
    accepted(&port, &subscribe).await;
    let token = one_request(&listener).await["Token"].as_str().unwrap().to_owned();
    accepted(&port, &format!("Action=ConfirmSubscription&Version=2010-03-31&TopicArn={topic}&Token={token}"))
        .await;

    drop(listener);
    accepted(&port, &format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message=meanwhile")).await;
    while port.services.insight.deliveries.failures().is_empty() {
        tokio::task::yield_now().await;
    }
    let (waiting, count) = port.services.insight.deliveries.waiting(10).await.unwrap();
    assert_eq!((waiting.len(), count, waiting[0].to.0), (1, 1, "http"), "{waiting:?}");
    let failed = &port.services.insight.deliveries.failures()[0];
    assert_eq!((failed.attempt, failed.is_last), (1, false), "{failed:?}");
    for _ in 0..6 {
        port.wait(10_000);
        tokio::task::yield_now().await;
    }
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    port.wait(600_000);
    assert_eq!(one_request(&listener).await["Message"], "meanwhile");
    while port.services.insight.deliveries.waiting(10).await.unwrap().1 > 0 {
        tokio::task::yield_now().await;
    }
}
