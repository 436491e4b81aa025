//! PutEvents and TestEventPattern: events against the rules.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::listeners::Listeners;
use super::{Call, bus, input, once, validation};
use crate::outbox::{Delivery, Outbox};
use crate::pattern::Pattern;
use crate::wire::{Caller, Fault, random_uuid};

/// Entries of a call. AWS's own bound.
const ENTRIES_MAX: usize = 10;
/// Bytes of all entries together. AWS's own bound, 1 MiB.
const BYTES_MAX: usize = 1_048_576;

/// An event, before it has an id and a time.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose it is, and where.
    pub caller: Caller,
    /// A bus's name or ARN; none is the default bus.
    pub bus: Option<String>,
    /// Such as `aws.s3`.
    pub source: String,
    /// Such as `Object Created`.
    pub detail_type: String,
    /// A JSON object.
    pub detail: Value,
    /// ARNs.
    pub resources: Vec<String>,
    /// When it was, where the sender says so.
    pub time_ms: Option<i64>,
    /// Its id, where the sender tells it twice under the same one: it is handed out once.
    pub id: Option<String>,
}

/// An event that was put.
pub(super) struct HandedOut {
    pub(super) id: String,
    /// Whether anybody gets it.
    pub(super) is_heard: bool,
}

/// Writes down what the event's targets get.
pub(super) fn hand_out(
    connection: &Connection,
    listeners: &Listeners,
    event: &Event,
    now_ms: i64,
) -> Result<HandedOut, Fault> {
    let bus = bus::find(connection, &event.caller, event.bus.as_deref())?;
    let id = event.id.clone().unwrap_or_else(random_uuid);
    let enveloped = event.enveloped(&id, now_ms);
    let mut deliveries = Vec::new();
    for listener in listeners.of(&bus, &enveloped) {
        for target in &listener.targets {
            let destination = target.destination(&event.source, &event.detail_type);
            let body = input::of(target, &listener.rule, &enveloped, now_ms);
            let delivery = Delivery::new(destination, body, target.retry());
            let dead_letter_arn = target.dead_letter_arn();
            let trace_header = event.caller.trace_header;
            deliveries.push(Delivery { dead_letter_arn, trace_header, ..delivery });
        }
    }
    let is_heard = !deliveries.is_empty() && (event.id.is_none() || once::is_new(connection, &id, now_ms)?);
    if is_heard {
        for delivery in &deliveries {
            Outbox::add(connection, delivery, now_ms)?;
        }
    }
    Ok(HandedOut { id, is_heard })
}

pub(super) fn put_events(
    connection: &Connection,
    listeners: &Listeners,
    call: &Call,
) -> Result<Value, Fault> {
    let no_entries = Vec::new();
    let entries = call.input["Entries"].as_array().unwrap_or(&no_entries);
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        let bound =
            if entries.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
        return Err(validation(&format!(
            "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy constraint: Member must have length {bound}"
        )));
    }
    let bytes: usize = entries.iter().map(|entry| entry.to_string().len()).sum();
    if bytes > BYTES_MAX {
        return Err(validation("Total size of the entries in the request is over the limit."));
    }
    let mut failed = 0;
    let mut answers = Vec::new();
    for entry in entries {
        let outcome = event_of(entry, &call.caller)
            .and_then(|event| hand_out(connection, listeners, &event, call.now_ms));
        answers.push(match outcome {
            Ok(HandedOut { id, .. }) => json!({ "EventId": id }),
            Err(fault) if fault.status < 500 => {
                failed += 1;
                json!({ "ErrorCode": fault.code, "ErrorMessage": fault.message })
            }
            Err(fault) => return Err(fault),
        });
    }
    Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
}

fn event_of(entry: &Value, caller: &Caller) -> Result<Event, Fault> {
    let required = |member: &str| {
        entry[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| {
            Fault::sender(
                400,
                "InvalidArgument",
                format!("Parameter {member} is not valid. Reason: {member} is a required argument."),
            )
        })
    };
    let (source, detail_type) = (required("Source")?, required("DetailType")?);
    if source.starts_with("aws.") {
        let reason = "Not authorized for the source.";
        return Err(Fault::sender(400, "NotAuthorizedForSourceException", reason));
    }
    let detail: Option<Value> = serde_json::from_str(&required("Detail")?).ok();
    let detail = detail
        .filter(Value::is_object)
        .ok_or_else(|| Fault::sender(400, "MalformedDetail", "Detail is malformed."))?;
    let resources = entry["Resources"].as_array().into_iter().flatten();
    let named = entry["TraceHeader"].as_str().and_then(|header| header.parse().ok());
    Ok(Event {
        caller: Caller { trace_header: named.or(caller.trace_header), ..caller.clone() },
        bus: entry["EventBusName"].as_str().map(str::to_owned),
        source,
        detail_type,
        detail,
        resources: resources.filter_map(|arn| Some(arn.as_str()?.to_owned())).collect(),
        time_ms: time_of(&entry["Time"]),
        id: None,
    })
}

/// AWS JSON has times as seconds since 1970; some clients send texts.
#[expect(clippy::cast_possible_truncation, reason = "a time that is too large is the largest")]
fn time_of(time: &Value) -> Option<i64> {
    match time {
        Value::Number(seconds) => Some((seconds.as_f64()? * 1000.0) as i64),
        Value::String(text) => text.parse().ok().map(|time: jiff::Timestamp| time.as_millisecond()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn test_event_pattern(_: &Connection, call: &Call) -> Result<Value, Fault> {
    let pattern = Pattern::parse(call.required("EventPattern")?).map_err(|error| {
        let message = format!("Event pattern is not valid. Reason: {error}");
        Fault::sender(400, "InvalidEventPatternException", message)
    })?;
    let event: Option<Value> = serde_json::from_str(call.required("Event")?).ok();
    let event = event.filter(Value::is_object).ok_or_else(|| validation("Parameter Event is not valid."))?;
    for member in ["id", "account", "source", "time", "region", "resources", "detail-type"] {
        if event.get(member).is_none() {
            return Err(validation(&format!(
                "Parameter Event is not valid. Reason: {member} is a required argument."
            )));
        }
    }
    Ok(json!({ "Result": pattern.matches(&event) }))
}
