//! FIFO topics: what they accept, in what order queues get it, and what they know again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use darkroom_services::endpoint::{Endpoints, RemoteSettings};
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::port::{ACCOUNT, Port};

fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}")
}

/// The text of an answer's first element of this name.
fn element<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = answer.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text)
}

async fn sns(port: &Port, form: &str) -> String {
    let (status, answer) = port.form(&format!("Version=2010-03-31&{form}")).await;
    assert_eq!(status, 200, "{form}: {answer}");
    answer
}

/// Attributes in a form.
fn entries(attributes: &[(&str, &str)]) -> String {
    let entry = |(number, (name, value)): (usize, &(&str, &str))| {
        format!("&Attributes.entry.{number}.key={name}&Attributes.entry.{number}.value={value}")
    };
    (1..).zip(attributes).map(entry).collect()
}

/// A FIFO topic with these attributes besides.
async fn topic(port: &Port, name: &str, attributes: &[(&str, &str)]) -> String {
    let attributes = [&[("FifoTopic", "true")], attributes].concat();
    let form = format!("Action=CreateTopic&Name={name}{}", entries(&attributes));
    element(&sns(port, &form).await, "TopicArn").unwrap().to_owned()
}

async fn subscribe(port: &Port, topic: &str, queue: &str, attributes: &[(&str, &str)]) {
    let form =
        format!("Action=Subscribe&TopicArn={topic}&Protocol=sqs&Endpoint={queue}{}", entries(attributes));
    sns(port, &form).await;
}

/// Publishes a message that is its own deduplication id, and answers its id and number.
async fn publish(port: &Port, topic: &str, group: &str, message: &str) -> (String, String) {
    publish_as(port, topic, group, message, message).await
}

async fn publish_as(port: &Port, topic: &str, group: &str, id: &str, message: &str) -> (String, String) {
    let form = format!(
        "Action=Publish&TopicArn={topic}&Message={message}&MessageGroupId={group}&MessageDeduplicationId={id}\
         &MessageAttributes.entry.1.Name=first&MessageAttributes.entry.1.Value.DataType=String\
         &MessageAttributes.entry.1.Value.StringValue={}",
        &message[..1]
    );
    let answer = sns(port, &form).await;
    let text = |name: &str| element(&answer, name).unwrap().to_owned();
    (text("MessageId"), text("SequenceNumber"))
}

async fn fifo_queue(port: &Port, name: &str) -> (Value, String) {
    port.queue(name, json!({ "FifoQueue": "true" })).await
}

/// So many messages of a queue, in the order in which it gives them.
async fn received(port: &Port, url: &Value, count: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    while messages.len() < count {
        for message in port.receive(url, 20).await {
            let receipt = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            port.ok("AmazonSQS.DeleteMessage", receipt).await;
            messages.push(message);
        }
    }
    messages
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn queues_get_groups_in_order_with_ids_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let topic = topic(&port, "t.fifo", &[]).await;
    let (raw, raw_arn) = fifo_queue(&port, "raw.fifo").await;
    let (enveloped, enveloped_arn) = fifo_queue(&port, "enveloped.fifo").await;
    let (filtered, filtered_arn) = fifo_queue(&port, "filtered.fifo").await;
    let (standard, standard_arn) = port.queue("standard", json!({})).await;
    subscribe(&port, &topic, &raw_arn, &[("RawMessageDelivery", "true")]).await;
    subscribe(&port, &topic, &enveloped_arn, &[]).await;
    let policy = "%7B%22first%22%3A%5B%22b%22%5D%7D";
    let only_b = [("FilterPolicy", policy), ("RawMessageDelivery", "true")];
    subscribe(&port, &topic, &filtered_arn, &only_b).await;
    subscribe(&port, &topic, &standard_arn, &[("RawMessageDelivery", "true")]).await;

    let sent = ["a1", "b1", "a2", "b2", "a3", "b3"];
    let mut receipts = Vec::new();
    for message in sent {
        receipts.push(publish(&port, &topic, "g", message).await);
    }
    assert!(receipts.is_sorted_by(|one, next| one.1 < next.1 && one.1.len() == 20), "{receipts:?}");

    let messages = received(&port, &raw, 6).await;
    assert_eq!(bodies(&messages), sent);
    let attributes = &messages[2]["Attributes"];
    let ids = (&attributes["MessageGroupId"], &attributes["MessageDeduplicationId"]);
    assert_eq!(ids, (&json!("g"), &json!("a2")));
    assert_eq!(messages[2]["MessageAttributes"]["first"]["StringValue"], "a");

    for ((message, sent), (id, number)) in
        received(&port, &enveloped, 6).await.iter().zip(sent).zip(&receipts)
    {
        let envelope: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        assert_eq!(envelope["Message"], sent);
        assert_eq!((&envelope["MessageId"], &envelope["SequenceNumber"]), (&json!(id), &json!(number)));
        let members: Vec<&String> = envelope.as_object().unwrap().keys().collect();
        let expected = [
            "Type",
            "MessageId",
            "SequenceNumber",
            "TopicArn",
            "Message",
            "Timestamp",
            "UnsubscribeURL",
            "MessageAttributes",
        ];
        assert_eq!(members, expected);
    }
    assert_eq!(bodies(&received(&port, &filtered, 3).await), ["b1", "b2", "b3"]);
    let plain = received(&port, &standard, 6).await;
    assert_eq!(bodies(&plain), sent);
    assert_eq!(plain[0]["Attributes"]["MessageGroupId"], Value::Null);
}

#[tokio::test]
async fn a_batch_is_published_in_order_and_without_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let topic = topic(&port, "t.fifo", &[("ContentBasedDeduplication", "true")]).await;
    let (url, arn) = fifo_queue(&port, "q.fifo").await;
    subscribe(&port, &topic, &arn, &[("RawMessageDelivery", "true")]).await;
    let entry = |number: usize, message: &str, group: Option<&str>| {
        let entry = format!("&PublishBatchRequestEntries.member.{number}");
        let group = group.map(|group| format!("{entry}.MessageGroupId={group}")).unwrap_or_default();
        format!("{entry}.Id=i{number}{entry}.Message={message}{group}")
    };
    let batch = format!("Version=2010-03-31&Action=PublishBatch&TopicArn={topic}");
    let whole = ["one", "two", "one"].into_iter().zip(1..).map(|(message, n)| entry(n, message, Some("g")));
    let answer = sns(&port, &format!("{batch}{}", whole.collect::<String>())).await;
    let receipts: Vec<_> = answer.split("<member>").skip(1).collect();
    let of = |at: usize| (element(receipts[at], "MessageId"), element(receipts[at], "SequenceNumber"));
    assert_eq!((receipts.len(), of(0)), (3, of(2)), "{answer}");
    assert!(of(0).1 < of(1).1);

    let torn = format!("{batch}{}{}", entry(1, "three", Some("g")), entry(2, "four", None));
    let (status, refused) = port.form(&torn).await;
    assert_eq!(status, 400);
    assert!(refused.contains("The MessageGroupId parameter is required for FIFO topics"), "{refused}");
    publish(&port, &topic, "g", "last").await;
    assert_eq!(bodies(&received(&port, &url, 3).await), ["one", "two", "last"]);
}

#[tokio::test]
async fn no_message_overtakes_another_of_its_group_that_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    // The first message is delivered at the fourth attempt, the third at the second.
    let mut failures = HashMap::from([("1", 3), ("3", 1)]);
    let elsewhere = Elsewhere::start(move |input| {
        let left = failures.get_mut(input["MessageBody"].as_str().unwrap());
        left.is_some_and(|left| {
            let fails = *left > 0;
            *left -= i32::from(fails);
            fails
        })
    })
    .await;
    let remote = RemoteSettings { url: Some(elsewhere.url.clone()), key: None };
    let endpoints = Endpoints::new(&BTreeMap::from([("sqs".to_owned(), remote)])).unwrap();
    let port = Port::with_settings(folder.path(), |settings| settings.endpoints = Arc::new(endpoints));
    let topic = topic(&port, "t.fifo", &[]).await;
    let queue = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo");
    subscribe(&port, &topic, &queue, &[("RawMessageDelivery", "true")]).await;
    for (group, message) in [("g", "1"), ("g", "2"), ("other", "x"), ("g", "3"), ("other", "y"), ("g", "4")] {
        publish(&port, &topic, group, message).await;
    }
    let deliveries = &port.services.insight.deliveries;
    let waiting = loop {
        let (waiting, _) = deliveries.waiting(10).await.unwrap();
        if waiting.len() == 4 && !deliveries.failures().is_empty() {
            break waiting;
        }
        tokio::task::yield_now().await;
    };
    let is_due: Vec<bool> = waiting.iter().map(|one| one.due_ms.is_some()).collect();
    assert_eq!(is_due, [true, false, false, false], "those behind it wait for it");
    // Each further attempt comes with the time, of which the outbox hears with the next call.
    while elsewhere.count() < 10 {
        port.wait(60_000);
        sns(&port, "Action=ListTopics").await;
    }
    let heard = elsewhere.heard();
    let order = |group: &str| -> Vec<(String, bool)> {
        let own = heard.iter().filter(|heard| heard.body["MessageGroupId"] == group);
        own.map(|heard| (heard.body["MessageBody"].as_str().unwrap().to_owned(), heard.is_ok)).collect()
    };
    let expected = [
        ("1", false),
        ("1", false),
        ("1", false),
        ("1", true),
        ("2", true),
        ("3", false),
        ("3", true),
        ("4", true),
    ];
    assert_eq!(order("g"), expected.map(|(message, is_ok)| (message.to_owned(), is_ok)));
    assert_eq!(order("other"), [("x".to_owned(), true), ("y".to_owned(), true)]);
    assert!(heard.iter().all(|heard| heard.body["MessageDeduplicationId"] == heard.body["MessageBody"]));
}

#[tokio::test]
async fn a_message_is_known_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = {
        let port = Port::open(folder.path());
        let topic = topic(&port, "t.fifo", &[]).await;
        let (_, arn) = fifo_queue(&port, "q.fifo").await;
        subscribe(&port, &topic, &arn, &[("RawMessageDelivery", "true")]).await;
        publish_as(&port, &topic, "g", "once", "m").await
    };
    let (port, topic) = (Port::open(folder.path()), topic_arn("t.fifo"));
    assert_eq!(publish_as(&port, &topic, "g", "once", "m").await, first);
    let second = publish(&port, &topic, "g", "n").await;
    let (url, _) = fifo_queue(&port, "q.fifo").await;
    assert_eq!(bodies(&received(&port, &url, 2).await), ["m", "n"]);
    port.wait(300_000);
    let later = publish_as(&port, &topic, "g", "once", "m").await;
    assert!(later.1 > second.1 && second.1 > first.1, "{first:?} {second:?} {later:?}");
    assert_eq!(bodies(&received(&port, &url, 1).await), ["m"]);
}

#[tokio::test]
async fn a_group_may_be_the_scope_of_deduplication_for_topics_and_queues() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let topic = topic(&port, "t.fifo", &[("FifoThroughputScope", "MessageGroup")]).await;
    let attributes = json!({
        "FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId",
    });
    let (url, arn) = port.queue("q.fifo", attributes).await;
    subscribe(&port, &topic, &arn, &[("RawMessageDelivery", "true")]).await;
    for group in ["g", "h", "g"] {
        publish_as(&port, &topic, group, "once", group).await;
    }
    publish(&port, &topic, "g", "last").await;
    let messages = received(&port, &url, 3).await;
    let mut found = bodies(&messages);
    found.sort_unstable();
    assert_eq!(found, ["g", "h", "last"]);
}

#[tokio::test]
async fn what_a_kind_of_topic_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let fifo = topic(&port, "t.fifo", &[]).await;
    let standard = topic_arn("t");
    sns(&port, "Action=CreateTopic&Name=t").await;
    let (_, queue) = fifo_queue(&port, "q.fifo").await;
    let (_, plain) = port.queue("q", json!({})).await;
    let attribute = |name: &str, value: &str| entries(&[(name, value)]);
    let redrive =
        |arn: &str| attribute("RedrivePolicy", &format!("%7B%22deadLetterTargetArn%22%3A%22{arn}%22%7D"));
    for (form, expected) in [
        ("Action=CreateTopic&Name=u.fifo".to_owned(), "Topic Name"),
        (format!("Action=CreateTopic&Name=u{}", attribute("FifoTopic", "true")), "Topic Name"),
        (format!("Action=CreateTopic&Name=.fifo{}", attribute("FifoTopic", "true")), "Topic Name"),
        (format!("Action=CreateTopic&Name=u.fifo{}", attribute("FifoTopic", "yes")), "FifoTopic"),
        (
            format!("Action=CreateTopic&Name=u{}", attribute("ContentBasedDeduplication", "true")),
            "AttributeName",
        ),
        (
            format!(
                "Action=SetTopicAttributes&TopicArn={fifo}&AttributeName=FifoThroughputScope&AttributeValue=Queue"
            ),
            "FifoThroughputScope",
        ),
        (
            format!("Action=SetTopicAttributes&TopicArn={fifo}&AttributeName=FifoTopic&AttributeValue=false"),
            "AttributeName",
        ),
        (
            format!("Action=Subscribe&TopicArn={fifo}&Protocol=email&Endpoint=a%40example.org"),
            "Invalid protocol type: email",
        ),
        (
            format!(
                "Action=Subscribe&TopicArn={fifo}&Protocol=lambda&Endpoint=arn:aws:lambda:r:a:function:f"
            ),
            "Invalid protocol type: lambda",
        ),
        (
            format!("Action=Subscribe&TopicArn={standard}&Protocol=sqs&Endpoint={queue}"),
            "FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        (
            format!("Action=Subscribe&TopicArn={fifo}&Protocol=sqs&Endpoint={queue}{}", redrive(&plain)),
            "must use a FIFO queue as DLQ for a FIFO topic",
        ),
        (
            format!("Action=Subscribe&TopicArn={standard}&Protocol=sqs&Endpoint={plain}{}", redrive(&queue)),
            "RedrivePolicy",
        ),
        (
            format!("Action=Publish&TopicArn={fifo}&Message=m"),
            "The MessageGroupId parameter is required for FIFO topics",
        ),
        (
            format!("Action=Publish&TopicArn={standard}&Message=m&MessageDeduplicationId=d"),
            "MessageDeduplicationId Reason",
        ),
    ] {
        let (status, answer) = port.form(&format!("Version=2010-03-31&{form}")).await;
        let found = (status, element(&answer, "Code"));
        assert_eq!(found, (400, Some("InvalidParameter")), "{form}: {answer}");
        assert!(element(&answer, "Message").unwrap().contains(expected), "{form}: {answer}");
    }
    // Made again as it is, and with another attribute.
    assert_eq!(topic(&port, "t.fifo", &[("ContentBasedDeduplication", "false")]).await, fifo);
    let other = entries(&[("FifoTopic", "true"), ("FifoThroughputScope", "MessageGroup")]);
    let other = format!("Version=2010-03-31&Action=CreateTopic&Name=t.fifo{other}");
    assert_eq!(port.form(&other).await.0, 400);
    let shown = sns(&port, &format!("Action=GetTopicAttributes&TopicArn={fifo}")).await;
    for (name, value) in
        [("FifoTopic", "true"), ("ContentBasedDeduplication", "false"), ("FifoThroughputScope", "Topic")]
    {
        assert!(shown.contains(&format!("<key>{name}</key><value>{value}</value>")), "{shown}");
    }
}

#[tokio::test]
async fn a_standard_topic_tells_standard_queues_of_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    sns(&port, "Action=CreateTopic&Name=t").await;
    let topic = topic_arn("t");
    let (url, arn) = port.queue("q", json!({})).await;
    subscribe(&port, &topic, &arn, &[]).await;
    let answer = sns(&port, &format!("Action=Publish&TopicArn={topic}&Message=m&MessageGroupId=g")).await;
    assert_eq!(element(&answer, "SequenceNumber"), None, "{answer}");
    assert_eq!(port.receive(&url, 20).await[0]["Attributes"]["MessageGroupId"], "g");
}
