//! A queue's attributes: which there are, what they may be, and their defaults.

use serde_json::{Map, Value};

use crate::wire::Fault;

/// Bytes of a message. AWS's own bound since 2025, 1 MiB.
pub(super) const MESSAGE_BYTES_MAX: i64 = 1_048_576;

/// What a queue's attribute may hold.
#[derive(Clone, Copy)]
enum Kind {
    Number {
        min: i64,
        max: i64,
    },
    Flag,
    OneOf(&'static [&'static str]),
    /// Kept as it was given: a policy, a key.
    Text,
    /// JSON with `deadLetterTargetArn` and `maxReceiveCount`.
    Redrive,
}

/// Name, kind, and the value of a queue that sets none.
const SETTABLE: &[(&str, Kind, Option<&str>)] = &[
    ("DelaySeconds", Kind::Number { min: 0, max: 900 }, Some("0")),
    ("MaximumMessageSize", Kind::Number { min: 1024, max: MESSAGE_BYTES_MAX }, Some("1048576")),
    ("MessageRetentionPeriod", Kind::Number { min: 60, max: 1_209_600 }, Some("345600")),
    ("ReceiveMessageWaitTimeSeconds", Kind::Number { min: 0, max: 20 }, Some("0")),
    ("VisibilityTimeout", Kind::Number { min: 0, max: 43_200 }, Some("30")),
    ("FifoQueue", Kind::Flag, None),
    ("ContentBasedDeduplication", Kind::Flag, None),
    ("DeduplicationScope", Kind::OneOf(&["queue", "messageGroup"]), None),
    ("FifoThroughputLimit", Kind::OneOf(&["perQueue", "perMessageGroupId"]), None),
    ("KmsMasterKeyId", Kind::Text, None),
    ("KmsDataKeyReusePeriodSeconds", Kind::Number { min: 60, max: 86_400 }, None),
    ("SqsManagedSseEnabled", Kind::Flag, Some("true")),
    ("Policy", Kind::Text, None),
    ("RedrivePolicy", Kind::Redrive, None),
    ("RedriveAllowPolicy", Kind::Text, None),
];

/// Attributes that the queue works out when it is asked.
pub(super) const COUNTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// Where messages go that nobody manages to work off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redrive {
    pub(super) target_arn: String,
    pub(super) receives_max: i64,
}

/// Whether a queue can be asked for this attribute.
pub(super) fn is_known(name: &str) -> bool {
    name == "All" || COUNTED.contains(&name) || SETTABLE.iter().any(|(known, ..)| *known == name)
}

/// Checks attributes that a caller sets. An empty text takes one away.
pub(super) fn check(attributes: &Map<String, Value>) -> Result<(), Fault> {
    for (name, value) in attributes {
        let (_, kind, _) = SETTABLE.iter().find(|(known, ..)| known == name).ok_or_else(|| {
            Fault::sender(400, "InvalidAttributeName", format!("Unknown Attribute {name}."))
        })?;
        let text = value.as_str().unwrap_or_default();
        let holds = match kind {
            Kind::Number { min, max } => {
                text.parse().is_ok_and(|number: i64| (*min..=*max).contains(&number))
            }
            Kind::Flag => matches!(text, "true" | "false"),
            Kind::OneOf(values) => values.contains(&text),
            Kind::Text => true,
            Kind::Redrive => text.is_empty() || redrive_of(text).is_some(),
        };
        if !holds || !value.is_string() {
            return Err(Fault::sender(
                400,
                "InvalidAttributeValue",
                format!("Invalid value for the parameter {name}."),
            ));
        }
    }
    Ok(())
}

/// An attribute's value: what was set, or the default.
pub(super) fn get<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let default = SETTABLE.iter().find(|(known, ..)| *known == name).and_then(|(.., default)| *default);
    attributes.get(name).and_then(Value::as_str).or(default)
}

/// A number among the attributes, all of which have defaults.
pub(super) fn number(attributes: &Map<String, Value>, name: &str) -> i64 {
    get(attributes, name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Whether a flag is set.
pub(super) fn flag(attributes: &Map<String, Value>, name: &str) -> bool {
    get(attributes, name) == Some("true")
}

/// The queue's dead letters, where it has any.
pub(super) fn redrive(attributes: &Map<String, Value>) -> Option<Redrive> {
    redrive_of(get(attributes, "RedrivePolicy")?)
}

/// AWS: the count may be a number or a text.
fn redrive_of(text: &str) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(text).ok()?;
    let count = &policy["maxReceiveCount"];
    let receives_max = count.as_i64().or_else(|| count.as_str()?.parse().ok())?;
    let target_arn = policy["deadLetterTargetArn"].as_str()?.to_owned();
    (1..=1000).contains(&receives_max).then_some(Redrive { target_arn, receives_max })
}

/// All that a queue without a choice of names shows, but what is counted.
pub(super) fn shown(attributes: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &str)> {
    SETTABLE.iter().filter_map(|(name, ..)| Some((*name, get(attributes, name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_are_checked_by_their_kind() {
        for (name, value, expected) in [
            ("DelaySeconds", json!("900"), "ok"),
            ("DelaySeconds", json!("901"), "InvalidAttributeValue"),
            ("DelaySeconds", json!("soon"), "InvalidAttributeValue"),
            ("VisibilityTimeout", json!("-1"), "InvalidAttributeValue"),
            ("FifoQueue", json!("yes"), "InvalidAttributeValue"),
            ("DeduplicationScope", json!("messageGroup"), "ok"),
            ("DeduplicationScope", json!("MessageGroup"), "InvalidAttributeValue"),
            ("Colour", json!("red"), "InvalidAttributeName"),
            ("RedrivePolicy", json!("{\"deadLetterTargetArn\":\"a\",\"maxReceiveCount\":\"3\"}"), "ok"),
            (
                "RedrivePolicy",
                json!("{\"deadLetterTargetArn\":\"a\",\"maxReceiveCount\":0}"),
                "InvalidAttributeValue",
            ),
            ("RedrivePolicy", json!(""), "ok"),
        ] {
            let attributes = Map::from_iter([(name.to_owned(), value)]);
            let found = check(&attributes).err().map_or("ok".into(), |fault| fault.code);
            assert_eq!(found, expected, "{attributes:?}");
        }
    }
}
