//! A log event as a line: a history event in AWS's shape for CloudWatch Logs.

use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::HistoryEvent;
use darkroom_asl::interpreter::event::wire::{to_api, type_name};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// AWS: bytes of an input or output, as it is written in JSON, that a log event holds.
const DATA_BYTES_MAX: usize = 248 * 1024;

/// Which events are logged.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Level {
    All,
    Error,
    Fatal,
    Off,
}

impl Level {
    /// Whether an event of this type is logged. Spec: AWS, "Log levels for Step Functions execution events".
    pub(super) fn takes(self, event: &HistoryEvent) -> bool {
        let name = type_name(event);
        let ends_badly = ["Failed", "TimedOut", "Aborted"].iter().any(|end| name.ends_with(end));
        match self {
            Self::All => true,
            Self::Error => ends_badly || name == "FailStateEntered",
            Self::Fatal => ends_badly && name.starts_with("Execution"),
            Self::Off => false,
        }
    }
}

/// AWS: every value is a text but the details.
#[derive(Serialize)]
struct LogEvent<'a> {
    id: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    details: Map<String, Value>,
    previous_event_id: String,
    event_timestamp: String,
    execution_arn: &'a str,
    redrive_count: String,
}

/// Adds the line of this event.
pub(super) fn write_line(
    lines: &mut Vec<u8>,
    event: &HistoryEvent,
    identity: &Identity,
    redrive_count: u32,
    include_execution_data: bool,
) {
    let line = LogEvent {
        id: event.id.0.to_string(),
        event_type: &type_name(event),
        details: details(event, include_execution_data),
        previous_event_id: event.previous_event_id.0.to_string(),
        event_timestamp: event.timestamp.as_millis().to_string(),
        execution_arn: &identity.execution_arn,
        redrive_count: redrive_count.to_string(),
    };
    serde_json::to_writer(&mut *lines, &line).expect("texts and JSON values, written to memory");
    lines.push(b'\n');
}

/// The details of the event in the API's answer, without the member that names them there.
fn details(event: &HistoryEvent, include_execution_data: bool) -> Map<String, Value> {
    let event =
        serde_json::to_value(to_api(event, include_execution_data)).expect("it is what the API answers");
    let Value::Object(members) = event else { return Map::new() };
    let found = members.into_iter().find_map(|(name, value)| match value {
        Value::Object(details) if name.ends_with("EventDetails") => Some(details),
        _ => None,
    });
    let mut details = found.unwrap_or_default();
    for (data, about) in [
        ("input", "inputDetails"),
        ("output", "outputDetails"),
        ("assignedVariables", "assignedVariablesDetails"),
    ] {
        if !include_execution_data {
            details.remove(data);
            details.remove(about);
        } else if let Some(Value::String(text)) = details.get_mut(data)
            && let Some(end) = too_long(text)
        {
            text.truncate(end);
            details.insert(about.to_owned(), json!({ "truncated": true }));
        }
    }
    details
}

/// Where a text is cut that is too long when it is written in JSON.
fn too_long(text: &str) -> Option<usize> {
    let mut bytes = 0;
    text.char_indices().find_map(|(place, letter)| {
        bytes += match letter {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => letter.len_utf8(),
        };
        (bytes > DATA_BYTES_MAX).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_its_json_is_too_long() {
        for (text, expected) in [
            (String::new(), None),
            ("a".repeat(DATA_BYTES_MAX), None),
            ("a".repeat(DATA_BYTES_MAX + 1), Some(DATA_BYTES_MAX)),
            ("\"".repeat(DATA_BYTES_MAX), Some(DATA_BYTES_MAX / 2)),
            (format!("a{}", "\u{e9}".repeat(DATA_BYTES_MAX)), Some(DATA_BYTES_MAX - 1)),
        ] {
            assert_eq!(too_long(&text), expected);
            if let Some(end) = expected {
                let written = serde_json::to_string(&text[..end]).expect("a text");
                assert!(written.len() - 2 <= DATA_BYTES_MAX);
            }
        }
    }
}
