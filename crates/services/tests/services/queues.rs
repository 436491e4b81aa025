//! Queues whose clock the test sets: visibility, delay, retention, dead letters, deduplication.

use serde_json::{Value, json};

use crate::port::Port;

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_hidden_for_its_time_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, _) = port.queue("q", json!({ "VisibilityTimeout": "30" })).await;
    port.ok("AmazonSQS.SendMessage", json!({ "QueueUrl": url, "MessageBody": "m" })).await;
    port.ok("AmazonSQS.SendMessage", json!({ "QueueUrl": url, "MessageBody": "later", "DelaySeconds": 40 }))
        .await;
    let first = port.receive(&url, 0).await;
    assert_eq!(bodies(&first), ["m"]);
    port.wait(29_999);
    assert!(port.receive(&url, 0).await.is_empty());
    port.wait(1);
    let second = port.receive(&url, 0).await;
    assert_eq!(second[0]["Attributes"]["ApproximateReceiveCount"], "2");
    // The first receipt is worth nothing any more, and that is no fault.
    let old = json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"] });
    port.ok("AmazonSQS.DeleteMessage", old).await;
    port.wait(30_000);
    assert_eq!(bodies(&port.receive(&url, 0).await), ["later", "m"]);
    port.wait(4 * 86_400_000);
    assert!(port.receive(&url, 0).await.is_empty(), "what is too old is gone");
}

#[tokio::test]
async fn what_nobody_works_off_is_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (dead_url, dead_arn) = port.queue("dead", json!({})).await;
    let policy = json!({ "deadLetterTargetArn": dead_arn, "maxReceiveCount": 2 }).to_string();
    let (url, arn) = port.queue("q", json!({ "RedrivePolicy": policy, "VisibilityTimeout": "0" })).await;
    port.ok("AmazonSQS.SendMessage", json!({ "QueueUrl": url, "MessageBody": "poison" })).await;
    let counts = [
        port.receive(&url, 0).await.len(),
        port.receive(&url, 0).await.len(),
        port.receive(&url, 0).await.len(),
    ];
    assert_eq!(counts, [1, 1, 0]);
    let dead = port.receive(&dead_url, 0).await;
    assert_eq!(bodies(&dead), ["poison"]);
    assert_eq!(dead[0]["Attributes"]["DeadLetterQueueSourceArn"], arn);
}

#[tokio::test]
async fn a_fifo_queue_knows_a_message_for_five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, _) =
        port.queue("q.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" })).await;
    let send = json!({ "QueueUrl": url, "MessageBody": "m", "MessageGroupId": "g" });
    let first = port.ok("AmazonSQS.SendMessage", send.clone()).await;
    assert_eq!(port.ok("AmazonSQS.SendMessage", send.clone()).await, first);
    port.wait(300_000);
    let later = port.ok("AmazonSQS.SendMessage", send).await;
    assert!(later["SequenceNumber"].as_str() > first["SequenceNumber"].as_str());
    assert_eq!(port.receive(&url, 0).await.len(), 2);
}

#[tokio::test]
async fn faults_have_both_protocols_names() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (status, output) = port.json("AmazonSQS.GetQueueUrl", json!({ "QueueName": "missing" })).await;
    assert_eq!((status, &output["__type"]), (400, &json!("com.amazonaws.sqs#QueueDoesNotExist")));
    let (status, xml) = port.form("Action=GetQueueUrl&Version=2012-11-05&QueueName=missing").await;
    assert_eq!(status, 400);
    assert!(xml.contains("<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"), "{xml}");
    let (_, output) = port.json("AmazonSQS.StartMessageMoveTask", json!({})).await;
    assert!(output["message"].as_str().unwrap().contains("StartMessageMoveTask"), "{output}");
}
