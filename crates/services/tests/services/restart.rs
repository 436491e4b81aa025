//! What was answered is there after the process has gone.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use serde_json::json;

use crate::port::{ACCOUNT, Port};

#[tokio::test]
async fn messages_objects_items_and_deliveries_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str| {
        Request::builder()
            .method("PUT")
            .uri(path)
            .header("content-type", "image/png")
            .body(Body::from("x"))
            .unwrap()
    };
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t");
    {
        let port = Port::open(folder.path());
        let (url, _) = port.queue("q", json!({})).await;
        port.ok("AmazonSQS.SendMessage", json!({ "QueueUrl": url, "MessageBody": "kept" })).await;
        for path in ["/bucket", "/bucket/a/b.png"] {
            assert_eq!(port.send(put(path)).await.0, 200);
        }
        let table = json!({
            "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        });
        port.ok("DynamoDB_20120810.CreateTable", table).await;
        port.ok("DynamoDB_20120810.PutItem", json!({ "TableName": "table", "Item": { "id": { "S": "1" } } }))
            .await;
        // A queue that is made only after the crash: until then the delivery fails.
        let arn = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:later");
        for form in [
            "Action=CreateTopic&Version=2010-03-31&Name=t".to_owned(),
            format!("Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=file&Endpoint=f.jsonl"),
            format!("Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=lambda&Endpoint={arn}"),
            format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message=told"),
        ] {
            assert_eq!(port.form(&form).await.0, 200);
        }
    }
    let port = Port::with(folder.path(), BTreeMap::new());
    let (url, _) = port.queue("q", json!({})).await;
    assert_eq!(port.receive(&url, 0).await[0]["Body"], "kept");
    let (status, headers, body) =
        port.send(Request::get("/bucket/a/b.png").body(Body::empty()).unwrap()).await;
    assert_eq!((status, &*body), (200, "x"));
    assert_eq!(headers["content-type"], "image/png");
    let item = port
        .ok("DynamoDB_20120810.GetItem", json!({ "TableName": "table", "Key": { "id": { "S": "1" } } }))
        .await;
    assert_eq!(item["Item"]["id"]["S"], "1");
    let told = folder.path().join("notifications/f.jsonl");
    // The line was written before the end, or is written now; the outbox says when it is not owed any more.
    for _ in 0..1000 {
        if std::fs::read_to_string(&told).is_ok_and(|lines| lines.contains("\"Message\":\"told\"")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the file was not told");
}
