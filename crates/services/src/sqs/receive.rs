//! ReceiveMessage: takes messages for a while, or waits for one.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::attributes::{self, Redrive};
use super::queue::{Queue, invalid};
use super::{Sqs, message};
use crate::base64;
use crate::database::object;
use crate::wire::{Caller, Fault, json, random_uuid, sequence_number};

/// Messages that are received and not yet deleted. AWS's own bounds.
const IN_FLIGHT_MAX: i64 = 120_000;
/// Dead letters that one call moves.
const MOVED_MAX: usize = 100;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
    queue_url: Option<String>,
    #[serde(default, deserialize_with = "super::form::number")]
    max_number_of_messages: Option<i64>,
    #[serde(default, deserialize_with = "super::form::number")]
    visibility_timeout: Option<i64>,
    #[serde(default, deserialize_with = "super::form::number")]
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

/// What a look into a queue found.
struct Looked {
    queue: i64,
    messages: Vec<Value>,
    wait_seconds: i64,
    /// When the next message can be received that is hidden now.
    next_visible_ms: Option<i64>,
    /// A queue that dead letters came into.
    moved_to: Option<i64>,
}

pub(super) async fn receive_message(sqs: &Sqs, input: Value, caller: Caller) -> Result<Value, Fault> {
    let receive: Receive = json::members(input)?;
    check(&receive)?;
    let asked = Instant::now();
    loop {
        let looked = look(sqs, &receive, &caller).await?;
        let wait = Duration::from_secs(looked.wait_seconds.unsigned_abs());
        let left = wait.saturating_sub(asked.elapsed());
        if !looked.messages.is_empty() || left.is_zero() {
            return Ok(if looked.messages.is_empty() {
                json!({})
            } else {
                json!({ "Messages": looked.messages })
            });
        }
        let notify = sqs.waiters.of(looked.queue);
        let woken = notify.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        // A message may have come after the look and before the wait began.
        let again = look(sqs, &receive, &caller).await?;
        if !again.messages.is_empty() {
            return Ok(json!({ "Messages": again.messages }));
        }
        let hidden_ms = again.next_visible_ms.map(|at| (at - sqs.clock.now_ms()).max(1).unsigned_abs());
        let pause = hidden_ms.map_or(left, |ms| left.min(Duration::from_millis(ms)));
        // Woken or not, the queue is looked into again.
        tokio::select! {
            _ = tokio::time::timeout(pause, woken) => {}
            () = caller.stop.asked() => return Ok(json!({})),
        }
    }
}

async fn look(sqs: &Sqs, receive: &Receive, caller: &Caller) -> Result<Looked, Fault> {
    let (receive, caller, now_ms) = (receive.clone(), caller.clone(), sqs.clock.now_ms());
    let looked = sqs.database.run(move |connection| take(connection, &receive, &caller, now_ms)).await?;
    if let Some(queue) = looked.moved_to {
        sqs.waiters.wake(queue);
    }
    Ok(looked)
}

fn check(receive: &Receive) -> Result<(), Fault> {
    for (name, value, max, reason) in [
        (
            "MaxNumberOfMessages",
            receive.max_number_of_messages.map(|n| n - 1),
            9,
            "Must be between 1 and 10, if provided.",
        ),
        (
            "VisibilityTimeout",
            receive.visibility_timeout,
            43_200,
            "Must be between 0 and 43200, if provided.",
        ),
        ("WaitTimeSeconds", receive.wait_time_seconds, 20, "Must be >= 0 and <= 20, if provided."),
    ] {
        if value.is_some_and(|value| !(0..=max).contains(&value)) {
            let shown = match name {
                "MaxNumberOfMessages" => receive.max_number_of_messages,
                _ => value,
            };
            let shown = shown.unwrap_or_default();
            return Err(invalid(format!("Value {shown} for parameter {name} is invalid. Reason: {reason}")));
        }
    }
    Ok(())
}

fn take(connection: &Connection, receive: &Receive, caller: &Caller, now_ms: i64) -> Result<Looked, Fault> {
    let queue = Queue::at(connection, caller, receive.queue_url.as_deref())?;
    expire(connection, &queue, now_ms)?;
    let max = usize::try_from(receive.max_number_of_messages.unwrap_or(1)).unwrap_or(1);
    let timeout = receive
        .visibility_timeout
        .unwrap_or_else(|| attributes::number(&queue.attributes, "VisibilityTimeout"));
    let redrive = dead_letters(connection, &queue)?;
    let mut looked = Looked {
        queue: queue.id,
        messages: Vec::new(),
        wait_seconds: receive
            .wait_time_seconds
            .unwrap_or_else(|| attributes::number(&queue.attributes, "ReceiveMessageWaitTimeSeconds")),
        next_visible_ms: None,
        moved_to: None,
    };
    if in_flight(connection, &queue, now_ms)? >= IN_FLIGHT_MAX {
        return Err(Fault::sender(403, "OverLimit", "Too many messages are in flight.").in_query("OverLimit"));
    }
    let mut moved = 0;
    while looked.messages.len() < max && moved < MOVED_MAX {
        let found = visible(connection, &queue, now_ms, max - looked.messages.len())?;
        if found.is_empty() {
            break;
        }
        for message in found {
            match &redrive {
                Some((target, redrive)) if message.received >= redrive.receives_max => {
                    move_to(connection, &message, *target, &queue.arn, now_ms)?;
                    looked.moved_to = Some(*target);
                    moved += 1;
                }
                _ => {
                    let receipt = hide(connection, &message, now_ms, timeout)?;
                    looked.messages.push(message.shown(receive, &queue, &receipt, now_ms));
                }
            }
        }
        // A time-out of nothing leaves a message visible: it must not be taken twice in one call.
        if redrive.is_none() || timeout == 0 {
            break;
        }
    }
    looked.next_visible_ms = connection
        .prepare_cached("SELECT min(visible_ms) FROM sqs_messages WHERE queue = ?1 AND visible_ms > ?2")?
        .query_row(params![queue.id, now_ms], |row| row.get(0))?;
    Ok(looked)
}

/// Messages that are older than the queue keeps them go.
fn expire(connection: &Connection, queue: &Queue, now_ms: i64) -> Result<(), Fault> {
    let kept_ms = attributes::number(&queue.attributes, "MessageRetentionPeriod") * 1000;
    connection
        .prepare_cached("DELETE FROM sqs_messages WHERE queue = ?1 AND sent_ms <= ?2")?
        .execute(params![queue.id, now_ms - kept_ms])?;
    Ok(())
}

fn in_flight(connection: &Connection, queue: &Queue, now_ms: i64) -> Result<i64, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM sqs_messages WHERE queue = ?1 AND visible_ms > ?2 LIMIT ?3)",
        )?
        .query_row(params![queue.id, now_ms, IN_FLIGHT_MAX], |row| row.get(0))?)
}

/// The queue that takes the dead letters, where there is one.
fn dead_letters(connection: &Connection, queue: &Queue) -> Result<Option<(i64, Redrive)>, Fault> {
    let Some(redrive) = attributes::redrive(&queue.attributes) else { return Ok(None) };
    let target: Option<i64> = connection
        .prepare_cached("SELECT id FROM sqs_queues WHERE arn = ?1")?
        .query_row([&redrive.target_arn], |row| row.get(0))
        .optional()?;
    Ok(target.map(|target| (target, redrive)))
}

fn move_to(
    connection: &Connection,
    message: &Stored,
    target: i64,
    source_arn: &str,
    now_ms: i64,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE sqs_messages SET queue = ?2, source_arn = ?3, visible_ms = ?4, received = 0,
                 first_received_ms = NULL, receipt = NULL
             WHERE sequence = ?1",
        )?
        .execute(params![message.sequence, target, source_arn, now_ms])?;
    Ok(())
}

/// A message as it stands in the file.
struct Stored {
    sequence: i64,
    message_id: String,
    body: String,
    attributes: Map<String, Value>,
    trace_header: Option<String>,
    sender: String,
    sent_ms: i64,
    received: i64,
    first_received_ms: Option<i64>,
    source_arn: Option<String>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
}

const COLUMNS: &str = "sequence, message_id, body, attributes, trace_header, sender, sent_ms, received,
    first_received_ms, source_arn, group_id, deduplication_id";

/// The messages of a FIFO queue whose group has none in flight, oldest first.
const IN_ORDER: &str = "queue = ?1 AND visible_ms <= ?2 AND group_id NOT IN
    (SELECT group_id FROM sqs_messages WHERE queue = ?1 AND visible_ms > ?2 AND received > 0)
    ORDER BY sequence LIMIT ?3";
const AS_THEY_COME: &str = "queue = ?1 AND visible_ms <= ?2 ORDER BY visible_ms, sequence LIMIT ?3";

fn visible(connection: &Connection, queue: &Queue, now_ms: i64, max: usize) -> Result<Vec<Stored>, Fault> {
    let condition = if queue.is_fifo() { IN_ORDER } else { AS_THEY_COME };
    let found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM sqs_messages WHERE {condition}"))?
        .query_map(params![queue.id, now_ms, max], Stored::read)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// Hides a message from others, and answers the receipt handle of the one who got it.
fn hide(connection: &Connection, message: &Stored, now_ms: i64, timeout: i64) -> Result<String, Fault> {
    let receipt = random_uuid();
    connection
        .prepare_cached(
            "UPDATE sqs_messages SET visible_ms = ?2, received = received + 1, receipt = ?3,
                 first_received_ms = coalesce(first_received_ms, ?4)
             WHERE sequence = ?1",
        )?
        .execute(params![message.sequence, now_ms + timeout * 1000, receipt, now_ms])?;
    Ok(base64::encode(format!("{} {receipt}", message.sequence).as_bytes()))
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            message_id: row.get(1)?,
            body: row.get(2)?,
            attributes: object(row, 3)?,
            trace_header: row.get(4)?,
            sender: row.get(5)?,
            sent_ms: row.get(6)?,
            received: row.get(7)?,
            first_received_ms: row.get(8)?,
            source_arn: row.get(9)?,
            group_id: row.get(10)?,
            deduplication_id: row.get(11)?,
        })
    }

    fn shown(self, receive: &Receive, queue: &Queue, receipt: &str, now_ms: i64) -> Value {
        let mut shown = Map::new();
        shown.insert("MessageId".to_owned(), json!(self.message_id));
        shown.insert("ReceiptHandle".to_owned(), json!(receipt));
        shown.insert("MD5OfBody".to_owned(), json!(message::md5(&self.body)));
        shown.insert("Body".to_owned(), json!(self.body));
        let system = self.system_attributes(receive, queue, now_ms);
        if !system.is_empty() {
            shown.insert("Attributes".to_owned(), Value::Object(system));
        }
        let wanted: Map<String, Value> = self
            .attributes
            .into_iter()
            .filter(|(name, _)| receive.message_attribute_names.iter().any(|wanted| covers(wanted, name)))
            .collect();
        if let Some(digest) = message::md5_of_attributes(&wanted) {
            shown.insert("MD5OfMessageAttributes".to_owned(), json!(digest));
            shown.insert("MessageAttributes".to_owned(), Value::Object(wanted));
        }
        Value::Object(shown)
    }

    fn system_attributes(&self, receive: &Receive, queue: &Queue, now_ms: i64) -> Map<String, Value> {
        let is_fifo = queue.is_fifo();
        let all = [
            ("SenderId", Some(self.sender.clone())),
            ("SentTimestamp", Some(self.sent_ms.to_string())),
            ("ApproximateReceiveCount", Some((self.received + 1).to_string())),
            ("ApproximateFirstReceiveTimestamp", Some(self.first_received_ms.unwrap_or(now_ms).to_string())),
            ("DeadLetterQueueSourceArn", self.source_arn.clone()),
            ("AWSTraceHeader", self.trace_header.clone()),
            ("MessageGroupId", self.group_id.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            ("SequenceNumber", is_fifo.then(|| sequence_number(self.sequence))),
        ];
        let asked = || receive.attribute_names.iter().chain(&receive.message_system_attribute_names);
        let is_wanted = |name: &str| asked().any(|wanted| wanted == "All" || wanted == name);
        all.into_iter()
            .filter(|(name, _)| is_wanted(name))
            .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
            .collect()
    }
}

/// AWS: `All`, `.*`, a name, or a prefix before `.*`.
fn covers(wanted: &str, name: &str) -> bool {
    wanted == "All"
        || wanted == name
        || wanted.strip_suffix(".*").is_some_and(|prefix| prefix.is_empty() || name.starts_with(prefix))
}
