//! What a subscriber is sent: the message alone, or in SNS's envelope, or in Lambda's event.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fifo::Ids;
use super::publish::Published;
use super::subscription::{Protocol, Subscription};
use crate::clock::iso_ms;
use crate::outbox::{Delivery, Destination, Retry};
use crate::wire::{Caller, encoded, random_uuid};

/// What this subscription gets of a message.
pub(super) fn notification(subscription: &Subscription, published: &Published<'_>) -> Delivery {
    let message = published.message;
    let text = message.text_for(subscription.protocol.name());
    let subject = message.subject.as_deref();
    let is_raw = subscription.attributes.get("RawMessageDelivery").is_some_and(|raw| raw == "true");
    let enveloped = || envelope(subscription, published, text);
    let title = || subject.unwrap_or("AWS Notification Message").to_owned();
    let (destination, body) = match subscription.protocol {
        Protocol::Sqs => {
            let attributes = if is_raw { message.attributes.clone() } else { Map::new() };
            let queue = queue(&subscription.endpoint, attributes, published);
            (queue, if is_raw { text.to_owned() } else { enveloped().to_string() })
        }
        Protocol::Http | Protocol::Https => {
            let mut headers = http_headers(subscription, "Notification", &message.id);
            if is_raw {
                headers.insert("x-amz-sns-rawdelivery".to_owned(), "true".to_owned());
            }
            let destination = Destination::Http { url: subscription.endpoint.clone(), headers };
            (destination, if is_raw { text.to_owned() } else { enveloped().to_string() })
        }
        Protocol::Lambda => {
            let event = lambda_event(subscription, &enveloped());
            (Destination::function(&subscription.endpoint), event.to_string())
        }
        Protocol::Email => {
            let link = unsubscribe_url(subscription, published.caller);
            let body = format!("{text}\n\n--\nTo hear no more of this topic, open {link}\n");
            (Destination::Mail { address: subscription.endpoint.clone(), subject: title() }, body)
        }
        Protocol::EmailJson => {
            let mail = Destination::Mail { address: subscription.endpoint.clone(), subject: title() };
            (mail, enveloped().to_string())
        }
        Protocol::File => {
            (Destination::File { name: subscription.endpoint.clone() }, enveloped().to_string())
        }
    };
    let lane = match &message.ids {
        Ids::Standard { .. } => None,
        Ids::Fifo { group_id, .. } => Some(format!("{} {group_id}", subscription.arn)),
    };
    let dead_letters = &policy(subscription, "RedrivePolicy")["deadLetterTargetArn"];
    let dead_letter_arn = dead_letters.as_str().map(str::to_owned);
    Delivery {
        dead_letter_arn,
        lane,
        trace_header: published.caller.trace_header,
        ..Delivery::new(destination, body, retry(subscription))
    }
}

/// A queue, with what it puts the message in order by.
fn queue(arn: &str, attributes: Map<String, Value>, published: &Published<'_>) -> Destination {
    let message = published.message;
    let (group_id, is_group_for_fifo, deduplication_id) = match &message.ids {
        Ids::Standard { group_id } => (group_id.clone(), false, &message.id),
        // AWS: a FIFO topic tells a standard queue of no group.
        Ids::Fifo { group_id, deduplication_id } => (Some(group_id.clone()), true, deduplication_id),
    };
    let (arn, deduplication_id) = (arn.to_owned(), deduplication_id.clone());
    Destination::Queue { arn, attributes, group_id, is_group_for_fifo, deduplication_id }
}

/// The question whether an endpoint wants to hear.
pub(super) fn confirmation(
    subscription: &Subscription,
    token: &str,
    caller: &Caller,
    now_ms: i64,
) -> Delivery {
    let id = random_uuid();
    let link = format!(
        "{}/?Action=ConfirmSubscription&Version=2010-03-31&TopicArn={}&Token={token}",
        caller.url,
        encoded(&subscription.topic, ":")
    );
    let question = format!(
        "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
        subscription.topic
    );
    let body = json!({
        "Type": "SubscriptionConfirmation", "MessageId": id, "Token": token,
        "TopicArn": subscription.topic, "Message": question, "SubscribeURL": link,
        "Timestamp": iso_ms(now_ms), "SignatureVersion": "1", "Signature": "", "SigningCertURL": "",
    });
    let (destination, body) = match subscription.protocol {
        Protocol::Email | Protocol::EmailJson => {
            let subject = "AWS Notification - Subscription Confirmation".to_owned();
            let text = format!("{question}\n\n{link}\n");
            (Destination::Mail { address: subscription.endpoint.clone(), subject }, text)
        }
        Protocol::Http | Protocol::Https | Protocol::Sqs | Protocol::Lambda | Protocol::File => {
            let headers = http_headers(subscription, "SubscriptionConfirmation", &id);
            (Destination::Http { url: subscription.endpoint.clone(), headers }, body.to_string())
        }
    };
    Delivery::new(destination, body, retry(subscription))
}

fn http_headers(subscription: &Subscription, kind: &str, id: &str) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<_, _> = [
        ("x-amz-sns-message-type", kind),
        ("x-amz-sns-message-id", id),
        ("x-amz-sns-topic-arn", &subscription.topic),
        ("user-agent", "Amazon Simple Notification Service Agent"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if kind == "Notification" {
        headers.insert("x-amz-sns-subscription-arn".to_owned(), subscription.arn.clone());
    }
    headers
}

fn envelope(subscription: &Subscription, published: &Published<'_>, text: &str) -> Value {
    let message = published.message;
    let mut envelope = json!({ "Type": "Notification", "MessageId": message.id });
    if let Some(sequence_number) = published.sequence_number {
        envelope["SequenceNumber"] = json!(sequence_number);
    }
    envelope["TopicArn"] = json!(subscription.topic);
    if let Some(subject) = &message.subject {
        envelope["Subject"] = json!(subject);
    }
    envelope["Message"] = json!(text);
    envelope["Timestamp"] = json!(iso_ms(published.now_ms));
    // AWS: a FIFO topic's messages have no members for a signature.
    if published.sequence_number.is_none() {
        envelope["SignatureVersion"] = json!("1");
        envelope["Signature"] = json!("");
        envelope["SigningCertURL"] = json!("");
    }
    envelope["UnsubscribeURL"] = json!(unsubscribe_url(subscription, published.caller));
    if !message.attributes.is_empty() {
        let attribute = |value: &Value| {
            let content = value.get("StringValue").or_else(|| value.get("BinaryValue"));
            json!({ "Type": value["DataType"], "Value": content })
        };
        let attributes: Map<_, _> =
            message.attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        envelope["MessageAttributes"] = Value::Object(attributes);
    }
    envelope
}

/// AWS: a function's members differ a little from everybody else's.
fn lambda_event(subscription: &Subscription, envelope: &Value) -> Value {
    let mut sns = Map::new();
    for (name, value) in envelope.as_object().into_iter().flatten() {
        let name = match &**name {
            "SigningCertURL" => "SigningCertUrl",
            "UnsubscribeURL" => "UnsubscribeUrl",
            other => other,
        };
        sns.insert(name.to_owned(), value.clone());
    }
    sns.entry("Subject").or_insert(Value::Null);
    sns.entry("MessageAttributes").or_insert_with(|| json!({}));
    json!({ "Records": [{
        "EventSource": "aws:sns", "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn, "Sns": sns,
    }] })
}

fn unsubscribe_url(subscription: &Subscription, caller: &Caller) -> String {
    let arn = encoded(&subscription.arn, ":");
    format!("{}/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn={arn}", caller.url)
}

fn policy(subscription: &Subscription, name: &str) -> Value {
    let text = subscription.attributes.get(name).and_then(Value::as_str).unwrap_or("null");
    serde_json::from_str(text).unwrap_or_default()
}

/// The subscription's own retries, where it has a policy, or those of its kind.
fn retry(subscription: &Subscription) -> Retry {
    let default = match subscription.protocol {
        Protocol::Sqs | Protocol::Lambda | Protocol::File => return Retry::SERVICE,
        Protocol::Http | Protocol::Https | Protocol::Email | Protocol::EmailJson => Retry::CUSTOMER,
    };
    let policy = policy(subscription, "DeliveryPolicy");
    let healthy = &policy["healthyRetryPolicy"];
    let seconds = |name: &str| healthy[name].as_u64().map(|seconds| seconds.min(3600) * 1000);
    Retry {
        attempts_max: healthy["numRetries"]
            .as_u64()
            .and_then(|retries| u32::try_from(retries.min(100) + 1).ok())
            .unwrap_or(default.attempts_max),
        delay_ms_min: seconds("minDelayTarget").unwrap_or(default.delay_ms_min),
        delay_ms_max: seconds("maxDelayTarget").unwrap_or(default.delay_ms_max),
        age_ms_max: default.age_ms_max,
    }
}
