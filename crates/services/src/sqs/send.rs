//! SendMessage and its batch.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::attributes::{self, MESSAGE_BYTES_MAX};
use super::queue::{Queue, invalid, missing};
use super::{Call, Done, message};
use crate::wire::{Caller, Fault, MESSAGE_ID_MAX, hex, is_message_id, json, random_uuid, sequence_number};

/// Entries of a batch.
pub(super) const BATCH_MAX: usize = 10;
/// How long a deduplication id is remembered. AWS's own.
const DEDUPLICATION_MS: i64 = 5 * 60 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Message {
    message_body: Option<String>,
    #[serde(default, deserialize_with = "super::form::number")]
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
    #[serde(default)]
    message_system_attributes: Map<String, Value>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Send {
    queue_url: Option<String>,
    #[serde(flatten)]
    message: Message,
}

pub(super) fn send_message(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let send: Send = json::members(call.input)?;
    let queue = Queue::at(connection, &call.caller, send.queue_url.as_deref())?;
    let output = put(connection, &queue, send.message, &call.caller, call.now_ms)?;
    Ok(Done { output: Value::Object(output), woken: Some(queue.id) })
}

pub(super) fn send_message_batch(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let batch: Batch = json::members(call.input)?;
    let queue = Queue::at(connection, &call.caller, batch.queue_url.as_deref())?;
    let bytes: usize =
        batch.entries.iter().filter_map(|entry| Some(entry["MessageBody"].as_str()?.len())).sum();
    if i64::try_from(bytes).is_ok_and(|bytes| bytes > MESSAGE_BYTES_MAX) {
        let message = format!(
            "Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {bytes} bytes."
        );
        return Err(Fault::sender(400, "BatchRequestTooLong", message)
            .in_query("AWS.SimpleQueueService.BatchRequestTooLong"));
    }
    let output =
        batch.each(|entry| put(connection, &queue, json::members(entry)?, &call.caller, call.now_ms))?;
    Ok(Done { output, woken: Some(queue.id) })
}

/// A batch: each entry goes its own way.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch {
    pub(super) queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<Value>,
}

impl Batch {
    pub(super) fn each(
        self,
        mut run: impl FnMut(Value) -> Result<Map<String, Value>, Fault>,
    ) -> Result<Value, Fault> {
        let ids: Vec<String> =
            self.entries.iter().map(|entry| entry["Id"].as_str().unwrap_or_default().to_owned()).collect();
        check_ids(&ids)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (id, entry) in ids.into_iter().zip(self.entries) {
            match run(entry) {
                Ok(mut output) => {
                    output.shift_insert(0, "Id".to_owned(), Value::String(id));
                    successful.push(Value::Object(output));
                }
                Err(fault) if fault.status < 500 => failed.push(json!({
                    "Id": id, "SenderFault": true,
                    "Code": fault.query_code.unwrap_or(&fault.code), "Message": fault.message,
                })),
                // What was half written down goes with the rest of the batch.
                Err(fault) => return Err(fault),
            }
        }
        let mut output = Map::from_iter([("Successful".to_owned(), Value::Array(successful))]);
        if !failed.is_empty() {
            output.insert("Failed".to_owned(), Value::Array(failed));
        }
        Ok(Value::Object(output))
    }
}

fn check_ids(ids: &[String]) -> Result<(), Fault> {
    let refused = |code: &'static str, query_code, message: &str| {
        Err(Fault::sender(400, code, message).in_query(query_code))
    };
    if ids.is_empty() {
        return refused(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry in the request.",
        );
    }
    if ids.len() > BATCH_MAX {
        let message =
            format!("Maximum number of entries per request are {BATCH_MAX}. You have sent {}.", ids.len());
        return refused(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            &message,
        );
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if ids.iter().any(|id| id.is_empty() || id.len() > 80 || !id.bytes().all(is_word)) {
        return refused(
            "InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        );
    }
    if let Some((_, id)) = ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
        return refused(
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            &format!("Id {id} repeated."),
        );
    }
    Ok(())
}

/// Puts one message into a queue, and answers what SendMessage answers.
fn put(
    connection: &Connection,
    queue: &Queue,
    message: Message,
    sender: &Caller,
    now_ms: i64,
) -> Result<Map<String, Value>, Fault> {
    let body = message.message_body.as_deref().filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| missing("MessageBody"))?.to_owned();
    check_size(queue, &body, &message)?;
    message::check_system_attributes(&message.message_system_attributes)?;
    if !message::is_sendable(&body) {
        let text = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
        return Err(Fault::sender(400, "InvalidMessageContents", text).in_query("InvalidMessageContents"));
    }
    let delay = message.delay_seconds;
    if let Some(delay) = delay.filter(|delay| !(0..=900).contains(delay)) {
        let reason = "DelaySeconds must be >= 0 and <= 900.";
        return Err(invalid(format!(
            "Value {delay} for parameter DelaySeconds is invalid. Reason: {reason}"
        )));
    }
    let deduplication_id = order_of(queue, &message, &body)?;
    let known_by = deduplication_id.as_deref().map(|id| known_by(queue, &message, id));
    let mut output = Map::from_iter([("MD5OfMessageBody".to_owned(), json!(message::md5(&body)))]);
    let digests = [
        ("MD5OfMessageAttributes", message::md5_of_attributes(&message.message_attributes)),
        ("MD5OfMessageSystemAttributes", message::md5_of_attributes(&message.message_system_attributes)),
    ];
    output.extend(digests.into_iter().filter_map(|(name, digest)| Some((name.to_owned(), json!(digest?)))));
    let earlier = match &known_by {
        Some(known_by) => earlier(connection, queue, known_by, now_ms)?,
        None => None,
    };
    let (id, sequence) = if let Some(earlier) = earlier {
        earlier
    } else {
        let delay = delay.unwrap_or_else(|| attributes::number(&queue.attributes, "DelaySeconds"));
        let row = Row { queue, body, message, deduplication_id, known_by, sender, now_ms, delay };
        row.insert(connection)?
    };
    output.insert("MessageId".to_owned(), Value::String(id));
    if queue.is_fifo() {
        output.insert("SequenceNumber".to_owned(), Value::String(sequence_number(sequence)));
    }
    Ok(output)
}

fn check_size(queue: &Queue, body: &str, message: &Message) -> Result<(), Fault> {
    let bytes = body.len() + message::check_attributes(&message.message_attributes)?;
    let max = attributes::number(&queue.attributes, "MaximumMessageSize");
    if i64::try_from(bytes).is_ok_and(|bytes| bytes <= max) {
        return Ok(());
    }
    Err(invalid(format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
    )))
}

/// A FIFO queue's deduplication id. A message for it needs a group, and an id or content that makes one.
fn order_of(queue: &Queue, message: &Message, body: &str) -> Result<Option<String>, Fault> {
    check_id("MessageGroupId", message.message_group_id.as_deref())?;
    check_id("MessageDeduplicationId", message.message_deduplication_id.as_deref())?;
    if !queue.is_fifo() {
        return Ok(None);
    }
    if message.message_group_id.as_deref().is_none_or(str::is_empty) {
        return Err(missing("MessageGroupId"));
    }
    if message.delay_seconds.is_some_and(|delay| delay != 0) {
        return Err(invalid(format!(
            "Value {} for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
            message.delay_seconds.unwrap_or_default()
        )));
    }
    match &message.message_deduplication_id {
        Some(id) => Ok(Some(id.clone())),
        None if attributes::flag(&queue.attributes, "ContentBasedDeduplication") => {
            Ok(Some(hex(&Sha256::digest(body.as_bytes()))))
        }
        None => Err(invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        )),
    }
}

fn check_id(name: &str, id: Option<&str>) -> Result<(), Fault> {
    let Some(id) = id else { return Ok(()) };
    if is_message_id(id) {
        return Ok(());
    }
    Err(invalid(format!(
        "Value {id} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and punctuation characters. 1 to {MESSAGE_ID_MAX} in length."
    )))
}

/// What the queue knows a message by: its deduplication id, which may count within its group alone.
fn known_by(queue: &Queue, message: &Message, deduplication_id: &str) -> String {
    match (attributes::get(&queue.attributes, "DeduplicationScope"), &message.message_group_id) {
        // Neither of the two has a blank.
        (Some("messageGroup"), Some(group_id)) => format!("{group_id} {deduplication_id}"),
        _ => deduplication_id.to_owned(),
    }
}

/// The message that was known by this in the last five minutes.
fn earlier(
    connection: &Connection,
    queue: &Queue,
    known_by: &str,
    now_ms: i64,
) -> Result<Option<(String, i64)>, Fault> {
    connection
        .prepare_cached("DELETE FROM sqs_deduplication WHERE queue = ?1 AND sent_ms <= ?2")?
        .execute(params![queue.id, now_ms - DEDUPLICATION_MS])?;
    let found = connection
        .prepare_cached(
            "SELECT message_id, sequence FROM sqs_deduplication WHERE queue = ?1 AND deduplication_id = ?2",
        )?
        .query_row(params![queue.id, known_by], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

struct Row<'a> {
    queue: &'a Queue,
    body: String,
    message: Message,
    deduplication_id: Option<String>,
    known_by: Option<String>,
    sender: &'a Caller,
    now_ms: i64,
    delay: i64,
}

impl Row<'_> {
    fn insert(self, connection: &Connection) -> Result<(String, i64), Fault> {
        let id = random_uuid();
        // AWS: a trace that the message names goes before the one that it is sent in.
        let named = self.message.message_system_attributes.get("AWSTraceHeader");
        let named = named.and_then(|trace| trace["StringValue"].as_str()).map(str::to_owned);
        let trace_header = named.or_else(|| Some(self.sender.trace_header?.to_string()));
        connection
            .prepare_cached(
                "INSERT INTO sqs_messages (queue, message_id, body, attributes, trace_header, sender, sent_ms,
                     visible_ms, group_id, deduplication_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                self.queue.id,
                id,
                self.body,
                Value::Object(self.message.message_attributes).to_string(),
                trace_header,
                self.sender.account,
                self.now_ms,
                self.now_ms + self.delay * 1000,
                self.message.message_group_id,
                self.deduplication_id,
            ])?;
        let sequence = connection.last_insert_rowid();
        if let Some(known_by) = self.known_by {
            connection
                .prepare_cached("INSERT INTO sqs_deduplication VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![self.queue.id, known_by, id, sequence, self.now_ms])?;
        }
        Ok((id, sequence))
    }
}
