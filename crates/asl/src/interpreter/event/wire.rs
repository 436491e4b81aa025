//! The two written forms of a history event: AWS's, for the API, and the stored record.
//!
//! Both are one JSON object in AWS's member names. The stored record leaves out what is always the same
//! (`inputDetails`) and adds one member, `replay`, with what AWS's form does not say. [`Record`] is that
//! object as a Rust type: events are converted to it in `write` and from it in `read`, by hand, in two exhaustive
//! matches.
//!
//! Spec: Step Functions API, `HistoryEvent` and its `…EventDetails`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use self::details::Details;
use crate::data::Timestamp;
use crate::json::{Payload, Text};

mod details;
mod names;
mod read;
mod write;

pub use names::type_name;
pub use write::{to_api, to_record};

/// A stored record that no event of this version can be read from.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A type that is not known, or is not written by this version.
    #[error("event {id} has the type `{event_type}`, which this version does not know")]
    UnknownType {
        /// The event's id.
        id: u32,
        /// Its `type`.
        event_type: String,
    },
    /// A member that the type needs.
    #[error("event {id} of type `{event_type}` lacks `{member}`")]
    MissingMember {
        /// The event's id.
        id: u32,
        /// Its `type`.
        event_type: String,
        /// The member's name.
        member: &'static str,
    },
}

/// A history event as one JSON object.
///
/// Written with its details under the member name of their type; read by `RecordVisitor`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    timestamp: f64,
    #[serde(rename = "type")]
    event_type: Cow<'static, str>,
    id: u32,
    previous_event_id: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Replay>,
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

/// Reads a record member by member. A flattened `Option<Details>` would take details that cannot be read for
/// details that are not there; here the error says what is wrong with which member.
struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a history event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let (mut timestamp, mut event_type, mut id, mut previous_event_id) = (None, None, None, None);
        let mut record = Record::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "timestamp" => timestamp = Some(map.next_value()?),
                "type" => event_type = Some(Cow::Owned(map.next_value::<String>()?)),
                "id" => id = Some(map.next_value()?),
                "previousEventId" => previous_event_id = Some(map.next_value()?),
                "replay" => record.replay = map.next_value()?,
                _ => match Details::read(&name, &mut map) {
                    Some(details) => {
                        let named = |error| de::Error::custom(format_args!("{name}: {error}"));
                        record.details = Some(details.map_err(named)?);
                    }
                    // A later version may say more.
                    None => drop(map.next_value::<de::IgnoredAny>()?),
                },
            }
        }
        record.timestamp = timestamp.ok_or_else(|| de::Error::missing_field("timestamp"))?;
        record.event_type = event_type.ok_or_else(|| de::Error::missing_field("type"))?;
        record.id = id.ok_or_else(|| de::Error::missing_field("id"))?;
        record.previous_event_id =
            previous_event_id.ok_or_else(|| de::Error::missing_field("previousEventId"))?;
        Ok(record)
    }
}

/// What a replay needs beside AWS's members. Absent members are the ordinary case.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Replay {
    #[serde(skip_serializing_if = "is_zero")]
    branch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<ReplayRetry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wake_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Payload>,
    #[serde(skip_serializing_if = "is_zero")]
    max_concurrency: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    /// The function or activity of a `…Succeeded`, `…Failed` or `…TimedOut`, whose details do not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Text>,
    /// A Lambda function's heartbeat, which its details do not name.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<u32>,
    /// What the request of a redrive was named by.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<Text>,
    /// The order in which variables were assigned, which the API's map does not keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned: Option<Vec<Text>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ReplayRetry {
    branch: u32,
    retrier: u32,
    at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 need 41 bits of a double's 53")]
fn seconds(timestamp: Timestamp) -> f64 {
    timestamp.as_millis() as f64 / 1000.0
}

#[expect(clippy::cast_possible_truncation, reason = "a timestamp that we wrote; saturates otherwise")]
fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0).round() as i64)
}
