//! What becomes of a received message: deleted, or visible again earlier or later.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::queue::{Queue, invalid, missing};
use super::send::Batch;
use super::{Call, Done};
use crate::base64;
use crate::wire::{Fault, json};

/// The longest that a message may be hidden. AWS's own bound, 12 hours.
const VISIBILITY_SECONDS_MAX: i64 = 43_200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    #[serde(default, deserialize_with = "super::form::number")]
    visibility_timeout: Option<i64>,
}

pub(super) fn delete_message(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let change: Change = json::members(call.input)?;
    let queue = Queue::at(connection, &call.caller, change.queue_url.as_deref())?;
    delete(connection, &queue, &change)?;
    // The next of a FIFO queue's group may be received now.
    Ok(Done { woken: queue.is_fifo().then_some(queue.id), ..Done::nothing() })
}

pub(super) fn delete_message_batch(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let batch: Batch = json::members(call.input)?;
    let queue = Queue::at(connection, &call.caller, batch.queue_url.as_deref())?;
    let output = batch.each(|entry| {
        delete(connection, &queue, &json::members(entry)?)?;
        Ok(Map::new())
    })?;
    Ok(Done { output, woken: queue.is_fifo().then_some(queue.id) })
}

pub(super) fn change_message_visibility(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let change: Change = json::members(call.input)?;
    let queue = Queue::at(connection, &call.caller, change.queue_url.as_deref())?;
    hide(connection, &queue, &change, call.now_ms)?;
    Ok(Done { woken: Some(queue.id), ..Done::nothing() })
}

pub(super) fn change_message_visibility_batch(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let batch: Batch = json::members(call.input)?;
    let queue = Queue::at(connection, &call.caller, batch.queue_url.as_deref())?;
    let output = batch.each(|entry| {
        hide(connection, &queue, &json::members(entry)?, call.now_ms)?;
        Ok(Map::new())
    })?;
    Ok(Done { output, woken: Some(queue.id) })
}

/// The message that a receipt handle is for, and the receipt.
fn receipt(change: &Change) -> Result<(i64, String), Fault> {
    let handle = change.receipt_handle.as_deref().ok_or_else(|| missing("ReceiptHandle"))?;
    let refused = || {
        let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
        Fault::sender(400, "ReceiptHandleIsInvalid", message).in_query("ReceiptHandleIsInvalid")
    };
    let text = base64::decode(handle).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    let (sequence, receipt) = text.split_once(' ').ok_or_else(refused)?;
    Ok((sequence.parse().map_err(|_| refused())?, receipt.to_owned()))
}

/// AWS: a receipt that a later one has replaced deletes nothing, and that is no fault.
fn delete(connection: &Connection, queue: &Queue, change: &Change) -> Result<(), Fault> {
    let (sequence, receipt) = receipt(change)?;
    connection
        .prepare_cached("DELETE FROM sqs_messages WHERE sequence = ?1 AND queue = ?2 AND receipt = ?3")?
        .execute(params![sequence, queue.id, receipt])?;
    Ok(())
}

fn hide(connection: &Connection, queue: &Queue, change: &Change, now_ms: i64) -> Result<(), Fault> {
    let seconds = change.visibility_timeout.ok_or_else(|| missing("VisibilityTimeout"))?;
    if !(0..=VISIBILITY_SECONDS_MAX).contains(&seconds) {
        return Err(invalid(format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an \
             integer between 0 and {VISIBILITY_SECONDS_MAX}."
        )));
    }
    let (sequence, receipt) = receipt(change)?;
    let visible_ms: Option<i64> = connection
        .prepare_cached(
            "SELECT visible_ms FROM sqs_messages WHERE sequence = ?1 AND queue = ?2 AND receipt = ?3",
        )?
        .query_row(params![sequence, queue.id, receipt], |row| row.get(0))
        .optional()?;
    if visible_ms.is_none_or(|visible_ms| visible_ms <= now_ms) {
        let handle = Value::from(change.receipt_handle.as_deref());
        let message = format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
        );
        return Err(Fault::sender(400, "MessageNotInflight", message)
            .in_query("AWS.SimpleQueueService.MessageNotInflight"));
    }
    connection
        .prepare_cached("UPDATE sqs_messages SET visible_ms = ?2 WHERE sequence = ?1")?
        .execute(params![sequence, now_ms + seconds * 1000])?;
    Ok(())
}
