//! Publish's batch: up to ten messages in one call, each of which succeeds or fails by itself.

use rusqlite::Connection;
use serde_json::Value;

use super::Call;
use super::fifo::Ids;
use super::publish::{MESSAGE_BYTES_MAX, Message, hand_out};
use super::topic::Topic;
use crate::wire::Fault;
use crate::wire::xml::Xml;

/// Entries of a batch. AWS's own bound.
const ENTRIES_MAX: usize = 10;
/// Characters of an entry's id. AWS's own bound.
const ID_MAX: usize = 80;

pub(super) fn publish_batch(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let topic = Topic::of(connection, call, "TopicArn")?;
    let no_entries = Vec::new();
    let entries = call.input["PublishBatchRequestEntries"].as_array().unwrap_or(&no_entries);
    check(entries)?;
    // AWS: a message without the ids that its topic demands is refused with all of its batch.
    let ids = entries.iter().map(|entry| Ids::read(&topic, entry)).collect::<Result<Vec<_>, _>>()?;
    let (mut successful, mut failed) = (Xml::default(), Xml::default());
    for (entry, ids) in entries.iter().zip(ids) {
        let outcome =
            Message::read(entry, ids).and_then(|message| hand_out(connection, &topic, &message, call));
        match outcome {
            Ok(receipt) => successful.within("member", |xml| {
                xml.leaf("Id", id(entry));
                receipt.write(xml);
            }),
            Err(fault) if fault.status < 500 => failed.within("member", |xml| {
                xml.leaf("Id", id(entry));
                xml.leaf("Code", &fault.code);
                xml.leaf("Message", &fault.message);
                xml.leaf("SenderFault", "true");
            }),
            // What was half written down goes, and with it all that would be taken for a repeat.
            Err(fault) => return Err(fault),
        }
    }
    xml.within("Successful", |xml| xml.append(&successful));
    xml.within("Failed", |xml| xml.append(&failed));
    Ok(())
}

fn id(entry: &Value) -> &str {
    entry["Id"].as_str().unwrap_or_default()
}

/// Checks what a batch must be as a whole.
fn check(entries: &[Value]) -> Result<(), Fault> {
    let refused = |code: &'static str, message: &str| Err(Fault::sender(400, code, message));
    if entries.is_empty() {
        return refused("EmptyBatchRequest", "The batch request doesn't contain any entries.");
    }
    if entries.len() > ENTRIES_MAX {
        return refused(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        );
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_id = |id: &str| !id.is_empty() && id.len() <= ID_MAX && id.bytes().all(is_word);
    let ids: Vec<&str> = entries.iter().map(id).collect();
    if !ids.iter().all(|id| is_id(id)) {
        return refused(
            "InvalidBatchEntryId",
            "The Id of a batch entry in a batch request doesn't abide by the specification.",
        );
    }
    if ids.iter().enumerate().any(|(at, id)| ids[..at].contains(id)) {
        return refused(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        );
    }
    let bytes: usize = entries.iter().filter_map(|entry| Some(entry["Message"].as_str()?.len())).sum();
    if bytes > MESSAGE_BYTES_MAX {
        return refused(
            "BatchRequestTooLong",
            "The length of all the batch messages put together is more than the limit.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_keeps_to_its_bounds() {
        let batch = |ids: &[&str], bytes: usize| -> Vec<Value> {
            let message = "x".repeat(bytes / ids.len().max(1));
            ids.iter().map(|id| json!({ "Id": id, "Message": message })).collect()
        };
        let ten = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let long = "x".repeat(ID_MAX + 1);
        for (entries, expected) in [
            (batch(&ten, 100), "ok"),
            (batch(&[&long[1..], "a-_"], MESSAGE_BYTES_MAX), "ok"),
            (batch(&[], 0), "EmptyBatchRequest"),
            (batch(&[&ten[..], &["10"]].concat(), 100), "TooManyEntriesInBatchRequest"),
            (batch(&["a", ""], 10), "InvalidBatchEntryId"),
            (batch(&["a b"], 10), "InvalidBatchEntryId"),
            (batch(&[&long], 10), "InvalidBatchEntryId"),
            (batch(&["a", "b", "a"], 10), "BatchEntryIdsNotDistinct"),
            (batch(&["a", "b"], MESSAGE_BYTES_MAX + 2), "BatchRequestTooLong"),
        ] {
            let found = check(&entries).err().map_or("ok".into(), |fault| fault.code);
            assert_eq!(found, expected, "{} entries", entries.len());
        }
    }
}
