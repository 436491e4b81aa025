//! FIFO topics: messages in groups, each group in order, no message twice within five minutes.
//!
//! What such a topic accepts is written down, with its number, in the transaction that hands it out: one that comes again
//! gets the answer of the first and goes to nobody. The order is the outbox's to keep: a group's messages to a subscriber
//! are a lane of it.
//!
//! Documentation: SNS, "Message ordering and deduplication (FIFO topics)".

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::invalid;
use super::subscription::Protocol;
use super::topic::Topic;
use crate::wire::{Fault, MESSAGE_ID_MAX, hex, is_message_id, sequence_number};

/// How long a message is known again. AWS's own.
const DEDUPLICATION_MS: i64 = 5 * 60 * 1000;

/// Attributes of FIFO topics alone, and what they may be. A topic that is made without one has the first.
const ATTRIBUTES: [(&str, [&str; 2]); 2] =
    [("ContentBasedDeduplication", ["false", "true"]), ("FifoThroughputScope", ["Topic", "MessageGroup"])];

/// Whether an attribute is one that only FIFO topics have.
pub(super) fn is_attribute(name: &str) -> bool {
    ATTRIBUTES.iter().any(|(known, _)| *known == name)
}

/// Checks the value of such an attribute.
pub(super) fn check_attribute(name: &str, value: &str) -> Result<(), Fault> {
    let choices = ATTRIBUTES.iter().find(|(known, _)| *known == name).map(|(_, choices)| choices);
    if choices.is_some_and(|choices| choices.contains(&value)) {
        return Ok(());
    }
    Err(invalid(&format!("Attributes Reason: {name}: {value} is no value of it")))
}

/// The attributes of a new topic with those that it was made without.
pub(super) fn completed(mut attributes: Map<String, Value>) -> Map<String, Value> {
    attributes.insert("FifoTopic".to_owned(), Value::from("true"));
    for (name, [default, _]) in ATTRIBUTES {
        attributes.entry(name).or_insert_with(|| Value::from(default));
    }
    attributes
}

/// Whether an ARN is a FIFO queue's or topic's.
pub(super) fn is_fifo_arn(arn: &str) -> bool {
    arn.strip_suffix(".fifo").is_some()
}

/// Checks that a topic of its kind can have this subscriber.
pub(super) fn check_subscriber(topic: &Topic, protocol: Protocol, endpoint: &str) -> Result<(), Fault> {
    match protocol {
        Protocol::Sqs if topic.is_fifo() || !is_fifo_arn(endpoint) => Ok(()),
        // AWS: the words stand there twice.
        Protocol::Sqs => Err(invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        )),
        Protocol::Http
        | Protocol::Https
        | Protocol::Email
        | Protocol::EmailJson
        | Protocol::Lambda
        | Protocol::File => {
            if topic.is_fifo() {
                return Err(invalid(&format!("Invalid protocol type: {}", protocol.name())));
            }
            Ok(())
        }
    }
}

/// By what a message is put in order, and known again.
pub(super) enum Ids {
    /// On a standard topic, by nothing. The group is for queues that are fair to groups.
    Standard { group_id: Option<String> },
    /// On a FIFO topic.
    Fifo { group_id: String, deduplication_id: String },
}

impl Ids {
    /// Reads them from the members of Publish, or of an entry of its batch.
    pub(super) fn read(topic: &Topic, input: &Value) -> Result<Self, Fault> {
        let group_id = id(input, "MessageGroupId")?;
        let deduplication_id = id(input, "MessageDeduplicationId")?;
        if !topic.is_fifo() {
            if deduplication_id.is_some() {
                return Err(invalid(
                    "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
                ));
            }
            return Ok(Self::Standard { group_id });
        }
        let group_id =
            group_id.ok_or_else(|| invalid("The MessageGroupId parameter is required for FIFO topics"))?;
        let of_content = || {
            let message = input["Message"].as_str().unwrap_or_default();
            topic.is("ContentBasedDeduplication", "true").then(|| hex(&Sha256::digest(message)))
        };
        let deduplication_id = deduplication_id.or_else(of_content).ok_or_else(|| {
            invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            )
        })?;
        Ok(Self::Fifo { group_id, deduplication_id })
    }
}

/// AWS: an empty one is none.
fn id(input: &Value, member: &str) -> Result<Option<String>, Fault> {
    let Some(id) = input[member].as_str().filter(|id| !id.is_empty()) else { return Ok(None) };
    if !is_message_id(id) {
        return Err(invalid(&format!(
            "{member} Reason: it is up to {MESSAGE_ID_MAX} letters, digits and punctuation marks"
        )));
    }
    Ok(Some(id.to_owned()))
}

/// What a publisher is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) message_id: String,
    /// On a FIFO topic.
    pub(super) sequence_number: Option<String>,
    /// Whether the topic has the message already, and nobody is to get it.
    pub(super) is_repeat: bool,
}

/// Accepts a message. After the commit a FIFO topic knows it again for five minutes.
pub(super) fn accept(
    connection: &Connection,
    topic: &Topic,
    ids: &Ids,
    message_id: &str,
    now_ms: i64,
) -> Result<Receipt, Fault> {
    let (group_id, deduplication_id) = match ids {
        Ids::Fifo { group_id, deduplication_id } => (group_id, deduplication_id),
        Ids::Standard { .. } => {
            let message_id = message_id.to_owned();
            return Ok(Receipt { message_id, sequence_number: None, is_repeat: false });
        }
    };
    connection
        .prepare_cached("DELETE FROM sns_published WHERE published_ms <= ?1")?
        .execute([now_ms - DEDUPLICATION_MS])?;
    let scope = topic.is("FifoThroughputScope", "MessageGroup").then_some(group_id);
    let earlier: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT sequence, message_id FROM sns_published
             WHERE topic = ?1 AND deduplication_id = ?2 AND (?3 IS NULL OR group_id = ?3)",
        )?
        .query_row(params![topic.arn, deduplication_id, scope], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((sequence, message_id)) = earlier {
        return Ok(Receipt { message_id, sequence_number: Some(sequence_number(sequence)), is_repeat: true });
    }
    connection
        .prepare_cached(
            "INSERT INTO sns_published (topic, group_id, deduplication_id, message_id, published_ms)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![topic.arn, group_id, deduplication_id, message_id, now_ms])?;
    let sequence_number = Some(sequence_number(connection.last_insert_rowid()));
    Ok(Receipt { message_id: message_id.to_owned(), sequence_number, is_repeat: false })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn topic(attributes: &Value) -> Topic {
        Topic::with(attributes.as_object().unwrap().clone())
    }

    fn fifo(content_based: &str, scope: &str) -> Topic {
        let attributes = json!({ "ContentBasedDeduplication": content_based, "FifoThroughputScope": scope });
        topic(&Value::Object(completed(attributes.as_object().unwrap().clone())))
    }

    #[test]
    fn a_message_has_the_ids_that_its_topic_demands() {
        let standard = topic(&json!({}));
        let (by_id, by_content) = (fifo("false", "Topic"), fifo("true", "Topic"));
        // What `printf m | sha256sum` says.
        let hash = "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a";
        let long = "g".repeat(MESSAGE_ID_MAX + 1);
        for (topic, group, id, expected) in [
            (&standard, None, None, Ok((None, None))),
            (&standard, Some("g"), None, Ok((Some("g"), None))),
            (&standard, None, Some("d"), Err("MessageDeduplicationId Reason")),
            (&standard, Some("a b"), None, Err("MessageGroupId Reason")),
            (&by_id, Some("g"), Some("d"), Ok((Some("g"), Some("d")))),
            (&by_id, None, Some("d"), Err("The MessageGroupId parameter is required for FIFO topics")),
            (&by_id, Some(""), Some("d"), Err("The MessageGroupId parameter is required for FIFO topics")),
            (&by_id, Some("g"), None, Err("The topic should either have ContentBasedDeduplication enabled")),
            (&by_id, Some("g"), Some("ü"), Err("MessageDeduplicationId Reason")),
            (&by_id, Some(&long), Some("d"), Err("MessageGroupId Reason")),
            (&by_id, Some(&long[1..]), Some("!~"), Ok((Some(&long[1..]), Some("!~")))),
            (&by_content, Some("g"), None, Ok((Some("g"), Some(hash)))),
            (&by_content, Some("g"), Some("d"), Ok((Some("g"), Some("d")))),
        ] {
            let input = json!({ "Message": "m", "MessageGroupId": group, "MessageDeduplicationId": id });
            let found = Ids::read(topic, &input);
            match (&found, expected) {
                (Ok(Ids::Standard { group_id }), Ok((group, None))) => assert_eq!(group_id.as_deref(), group),
                (Ok(Ids::Fifo { group_id, deduplication_id }), Ok((Some(group), Some(id)))) => {
                    assert_eq!((&**group_id, &**deduplication_id), (group, id));
                }
                (Err(fault), Err(reason)) => assert!(fault.message.contains(reason), "{fault:?}"),
                _ => panic!("{input}: {expected:?}, found {:?}", found.map(|_| "ids")),
            }
        }
    }

    #[test]
    fn a_message_is_known_again_in_its_scope_for_five_minutes() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(super::super::SCHEMA).unwrap();
        for (scope, is_known_in_another_group) in [("Topic", true), ("MessageGroup", false)] {
            let mut topic = fifo("false", scope);
            topic.arn = format!("arn:{scope}");
            topic.save(&connection).unwrap();
            let accept = |group: &str, id: &str, message_id: &str, now_ms: i64| {
                let ids = Ids::Fifo { group_id: group.to_owned(), deduplication_id: id.to_owned() };
                accept(&connection, &topic, &ids, message_id, now_ms).unwrap()
            };
            let first = accept("g", "d", "m1", 0);
            assert!(!first.is_repeat);
            let again = accept("g", "d", "m2", DEDUPLICATION_MS - 1);
            assert_eq!(again, Receipt { is_repeat: true, ..first });
            assert_eq!(accept("other", "d", "m3", 1).is_repeat, is_known_in_another_group);
            assert!(!accept("g", "e", "m4", 1).is_repeat);
            let later = accept("g", "d", "m5", DEDUPLICATION_MS);
            assert_eq!((&*later.message_id, later.is_repeat), ("m5", false));
            assert!(later.sequence_number > again.sequence_number, "{later:?}");
            assert_eq!(later.sequence_number.map(|number| number.len()), Some(20));
        }
    }
}
