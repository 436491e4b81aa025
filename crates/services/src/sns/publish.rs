//! Publish: a message is checked, and what each subscription gets of it goes into the outbox.

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::fifo::{self, Ids, Receipt};
use super::subscription::Subscription;
use super::topic::Topic;
use super::{Call, envelope, filter, invalid};
use crate::outbox::Outbox;
use crate::wire::xml::Xml;
use crate::wire::{Caller, Fault, random_uuid};

/// Bytes of a message with its attributes. AWS's own bound, 256 KiB.
pub(super) const MESSAGE_BYTES_MAX: usize = 262_144;
/// Characters of a subject. AWS's own bound.
const SUBJECT_MAX: usize = 100;

/// A message, checked.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) subject: Option<String>,
    /// For those who have no text of their own.
    pub(super) message: String,
    /// Texts of their own, by protocol, where `MessageStructure` is `json`.
    pub(super) by_protocol: Map<String, Value>,
    pub(super) attributes: Map<String, Value>,
    pub(super) ids: Ids,
}

/// A message that its topic has accepted.
pub(super) struct Published<'a> {
    pub(super) message: &'a Message,
    /// On a FIFO topic.
    pub(super) sequence_number: Option<&'a str>,
    pub(super) caller: &'a Caller,
    pub(super) now_ms: i64,
}

impl Message {
    /// Reads the members that Publish and an entry of its batch have in common, but for the ids.
    pub(super) fn read(input: &Value, ids: Ids) -> Result<Self, Fault> {
        let text = |member: &str| input[member].as_str().map(str::to_owned);
        let message = text("Message").filter(|message| !message.is_empty());
        let message = message.ok_or_else(|| invalid("Empty message"))?;
        let subject = text("Subject");
        if let Some(subject) = &subject {
            check_subject(subject)?;
        }
        let attributes = input["MessageAttributes"].as_object().cloned().unwrap_or_default();
        let bytes = message.len() + check_attributes(&attributes)?;
        if bytes > MESSAGE_BYTES_MAX {
            return Err(invalid("Message too long"));
        }
        let (message, by_protocol) = match text("MessageStructure").as_deref() {
            Some("json") => structured(&message)?,
            Some(other) => return Err(invalid(&format!("MessageStructure Reason: {other} is not json"))),
            None => (message, Map::new()),
        };
        Ok(Self { id: random_uuid(), subject, message, by_protocol, attributes, ids })
    }

    /// The text for subscribers of this protocol.
    pub(super) fn text_for(&self, protocol: &str) -> &str {
        self.by_protocol.get(protocol).and_then(Value::as_str).unwrap_or(&self.message)
    }
}

/// AWS: ASCII, up to 100 characters, no line breaks, not beginning with a blank.
fn check_subject(subject: &str) -> Result<(), Fault> {
    let is_text = subject.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_text && !subject.is_empty() && subject.len() <= SUBJECT_MAX && !subject.starts_with(' ') {
        return Ok(());
    }
    Err(invalid("Subject"))
}

fn structured(message: &str) -> Result<(String, Map<String, Value>), Fault> {
    let parsed: Result<Map<String, Value>, _> = serde_json::from_str(message);
    let parsed = parsed.map_err(|_| invalid("Message Structure - JSON message body failed to parse"))?;
    let default = parsed.get("default").and_then(Value::as_str);
    let default =
        default.ok_or_else(|| invalid("Message Structure - No default entry in JSON message body"))?;
    Ok((default.to_owned(), parsed))
}

fn check_attributes(attributes: &Map<String, Value>) -> Result<usize, Fault> {
    let mut bytes = 0;
    for (name, value) in attributes {
        let kind = value["DataType"].as_str().unwrap_or_default();
        let member = match kind.split('.').next().unwrap_or_default() {
            "String" | "Number" => "StringValue",
            "Binary" => "BinaryValue",
            _ => {
                let message = format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
                );
                return Err(Fault::sender(400, "ParameterValueInvalid", message));
            }
        };
        let Some(text) = value[member].as_str().filter(|text| !text.is_empty()) else {
            let message = format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
            );
            return Err(Fault::sender(400, "ParameterValueInvalid", message));
        };
        bytes += name.len() + kind.len() + text.len();
    }
    Ok(bytes)
}

pub(super) fn publish(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    if call.text("PhoneNumber").is_some() {
        return Err(invalid("PhoneNumber Reason: text messages are not supported here"));
    }
    let member = if call.text("TopicArn").is_some() { "TopicArn" } else { "TargetArn" };
    let topic = Topic::of(connection, call, member)?;
    let message = Message::read(&call.input, Ids::read(&topic, &call.input)?)?;
    hand_out(connection, &topic, &message, call)?.write(xml);
    Ok(())
}

/// Writes down what each subscription gets of a message, unless the topic has it already.
pub(super) fn hand_out(
    connection: &Connection,
    topic: &Topic,
    message: &Message,
    call: &Call,
) -> Result<Receipt, Fault> {
    let receipt = fifo::accept(connection, topic, &message.ids, &message.id, call.now_ms)?;
    if receipt.is_repeat {
        return Ok(receipt);
    }
    let sequence_number = receipt.sequence_number.as_deref();
    let published = Published { message, sequence_number, caller: &call.caller, now_ms: call.now_ms };
    for subscription in Subscription::of_topic(connection, &topic.arn)? {
        if filter::is_for(&subscription, message) {
            Outbox::add(connection, &envelope::notification(&subscription, &published), call.now_ms)?;
        }
    }
    Ok(receipt)
}

impl Receipt {
    pub(super) fn write(&self, xml: &mut Xml) {
        xml.leaf("MessageId", &self.message_id);
        xml.leaf_if("SequenceNumber", self.sequence_number.as_deref());
    }
}
