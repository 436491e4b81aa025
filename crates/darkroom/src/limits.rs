//! `--limit`: the bounds on executions, each under a name.

use std::fmt::Write as _;
use std::time::Duration;

use darkroom_asl::interpreter::Limits;

/// A bound that can be set.
struct Limit {
    name: &'static str,
    what: &'static str,
    default: usize,
    /// Less than this stops executions from running at all.
    min: u32,
    set: fn(&mut Limits, u32),
}

/// Every bound. AWS's own are its quotas, of which some can be raised there and some cannot.
const LIMITS: [Limit; 8] = [
    Limit {
        name: "payload-bytes",
        what: "input or output of a state, a task or an execution",
        default: Limits::PAYLOAD_BYTES_MAX,
        min: 2,
        set: |limits, value| limits.payload_bytes_max = value as usize,
    },
    Limit {
        name: "variable-bytes",
        what: "one variable, and all that one Assign sets",
        default: Limits::VARIABLE_BYTES_MAX,
        min: 2,
        set: |limits, value| limits.variable_bytes_max = value as usize,
    },
    Limit {
        name: "variables-bytes",
        what: "all variables of an execution",
        default: Limits::VARIABLES_BYTES_MAX,
        min: 2,
        set: |limits, value| limits.variables_bytes_max = value as usize,
    },
    Limit {
        name: "history-events",
        what: "events of an execution; the last one says that they are used up",
        default: Limits::HISTORY_EVENTS_MAX as usize,
        min: 2,
        set: |limits, value| limits.history_events_max = value,
    },
    Limit {
        name: "inline-map-concurrency",
        what: "iterations of an inline Map that run at once",
        default: Limits::INLINE_MAP_CONCURRENCY_MAX as usize,
        min: 1,
        set: |limits, value| limits.inline_map_concurrency_max = value,
    },
    Limit {
        name: "jsonata-milliseconds",
        what: "the time that one JSONata expression may take (not AWS's)",
        default: Limits::JSONATA_MILLISECONDS_MAX as usize,
        min: 1,
        set: |limits, value| limits.jsonata.time = Duration::from_millis(value.into()),
    },
    Limit {
        name: "jsonata-bytes",
        what: "the memory that one JSONata expression may take (not AWS's)",
        default: Limits::JSONATA_BYTES_MAX,
        min: 1_048_576,
        set: |limits, value| limits.jsonata.memory_bytes = value as usize,
    },
    Limit {
        name: "turn-events",
        what: "events of an execution before another's turn (not AWS's)",
        default: Limits::TURN_EVENTS_MAX,
        min: 1,
        set: |limits, value| limits.turn_events_max = value as usize,
    },
];

/// A bound that a caller set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    set: fn(&mut Limits, u32),
    value: u32,
}

/// The bounds, with those that were set.
pub fn limits(settings: &[Setting]) -> Limits {
    let mut limits = Limits::default();
    for Setting { set, value } in settings {
        set(&mut limits, *value);
    }
    limits
}

/// Reads `NAME=VALUE`.
pub fn parse(text: &str) -> Result<Setting, String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; write NAME=VALUE"))?;
    let limit = LIMITS.iter().find(|limit| limit.name == name).ok_or_else(|| {
        let names: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
        format!("there is no limit `{name}`; there are {}", names.join(", "))
    })?;
    match value.parse() {
        Ok(value) if value >= limit.min => Ok(Setting { set: limit.set, value }),
        _ => Err(format!("`{value}` is no value for {name}; expected {} to {}", limit.min, u32::MAX)),
    }
}

/// The names with their defaults, for `--help`.
pub fn help() -> String {
    let mut text = "Limits, with their defaults:\n".to_owned();
    for Limit { name, what, default, .. } in &LIMITS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<32} {what}", format!("{name}={default}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_and_its_own_default() {
        let settings: Vec<Setting> =
            LIMITS.iter().zip(7..).map(|(limit, value)| Setting { set: limit.set, value }).collect();
        // A new limit does not compile here until it is named.
        let Limits {
            payload_bytes_max,
            variable_bytes_max,
            variables_bytes_max,
            history_events_max,
            inline_map_concurrency_max,
            jsonata,
            turn_events_max,
        } = limits(&settings);
        assert_eq!((payload_bytes_max, variable_bytes_max, variables_bytes_max), (7, 8, 9));
        assert_eq!((history_events_max, inline_map_concurrency_max, turn_events_max), (10, 11, 14));
        assert_eq!((jsonata.time, jsonata.memory_bytes), (Duration::from_millis(12), 13));

        let defaults: Vec<String> =
            LIMITS.iter().map(|limit| format!("{}={}", limit.name, limit.default)).collect();
        let settings: Result<Vec<Setting>, String> = defaults.iter().map(|text| parse(text)).collect();
        let same = limits(&settings.unwrap_or_default());
        assert_eq!(format!("{same:?}"), format!("{:?}", Limits::default()));
    }

    #[test]
    fn what_cannot_be_set_says_what_can() {
        for (text, words) in [
            ("payload-bytes", "write NAME=VALUE"),
            ("speed=9", "there is no limit `speed`; there are payload-bytes, variable-bytes"),
            ("history-events=1", "`1` is no value for history-events; expected 2 to"),
            ("history-events=many", "`many` is no value"),
            ("payload-bytes=99999999999", "`99999999999` is no value"),
        ] {
            let refused = parse(text).map(|_| ()).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
