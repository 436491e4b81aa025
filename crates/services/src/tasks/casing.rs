//! Members' names: a state machine writes all of them with a capital, some services with a small letter.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Objects within objects.
const DEPTH_MAX: usize = 100;

/// What has to be known of a service's members.
pub(super) struct Members {
    /// Whether the service begins them with a small letter.
    pub(super) is_lower: bool,
    /// Those whose own members are the user's and stay as they are.
    pub(super) maps: HashSet<&'static str>,
    /// Those that are seconds since 1970 on the wire and a text in a state machine.
    pub(super) times: HashSet<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToService,
    ToStateMachine,
}

impl Members {
    /// Parameters as the service wants them.
    pub(super) fn input(&self, parameters: Map<String, Value>) -> Value {
        self.object(parameters, Way::ToService, DEPTH_MAX)
    }

    /// An answer as a state machine wants it.
    pub(super) fn output(&self, answer: Map<String, Value>) -> Value {
        self.object(answer, Way::ToStateMachine, DEPTH_MAX)
    }

    fn object(&self, mut members: Map<String, Value>, way: Way, depth: usize) -> Value {
        // AWS: to the SDK a member that is null is one that is not there. In lists and in the user's maps it stays.
        if way == Way::ToStateMachine {
            members.retain(|_, value| !value.is_null());
        }
        let convert = |(name, value): (String, Value)| {
            let service_name =
                if self.is_lower { with_first(&name, char::to_ascii_lowercase) } else { name.clone() };
            let is_map = self.maps.contains(&*service_name);
            let is_time = self.times.contains(&*service_name);
            let value = match value {
                value if is_map => self.map(value, way, depth),
                value if is_time => time(value, way),
                value => self.value(value, way, depth),
            };
            match way {
                Way::ToService => (service_name, value),
                Way::ToStateMachine if self.is_lower => (with_first(&name, char::to_ascii_uppercase), value),
                Way::ToStateMachine => (name, value),
            }
        };
        Value::Object(members.into_iter().map(convert).collect())
    }

    /// A map's keys are the user's own, and so are those of the maps in a list.
    fn map(&self, value: Value, way: Way, depth: usize) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members.into_iter().map(|(key, value)| (key, self.value(value, way, depth))).collect(),
            ),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.map(item, way, depth)).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }

    fn value(&self, value: Value, way: Way, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return value };
        match value {
            Value::Object(members) => self.object(members, way, depth),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.value(item, way, depth)).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }
}

fn with_first(name: &str, change: impl Fn(&char) -> char) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| change(&first)).into_iter().chain(characters).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a time that is too large is no time")]
fn time(value: Value, way: Way) -> Value {
    match (way, &value) {
        (Way::ToStateMachine, Value::Number(seconds)) => {
            let ms = seconds.as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
            match ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
                Some(time) => Value::String(time.to_string()),
                None => value,
            }
        }
        (Way::ToService, Value::String(text)) => match text.parse::<Timestamp>() {
            Ok(time) => Value::from(time.as_second()),
            Err(_) => value,
        },
        (Way::ToStateMachine | Way::ToService, _) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_change_and_the_users_own_do_not() {
        let members = Members {
            is_lower: true,
            maps: HashSet::from(["tags", "items"]),
            times: HashSet::from(["startDate"]),
        };
        let input = json!({"ExecutionArn": "a", "Tags": {"Key": "V"}, "Items": [{"id": {"InnerName": 1}}], "List": [{"InnerName": 1}], "StartDate": "1970-01-01T00:00:10Z"});
        let wire = json!({"executionArn": "a", "tags": {"Key": "V"}, "items": [{"id": {"innerName": 1}}], "list": [{"innerName": 1}], "startDate": 10});
        assert_eq!(members.input(input.as_object().unwrap().clone()), wire);
        let output = json!({"ExecutionArn": "a", "Tags": {"Key": "V"}, "Items": [{"id": {"InnerName": 1}}], "List": [{"InnerName": 1}], "StartDate": "1970-01-01T00:00:10Z"});
        assert_eq!(members.output(wire.as_object().unwrap().clone()), output);
        let answer = json!({"gone": null, "list": [null, {"gone": null, "kept": 0}], "tags": {"k": null}});
        let output = json!({"List": [null, {"Kept": 0}], "Tags": {"k": null}});
        assert_eq!(members.output(answer.as_object().unwrap().clone()), output);
        let members = Members { is_lower: false, maps: HashSet::new(), times: HashSet::new() };
        let same = json!({"Items": [{"id": {"S": "1"}}]});
        assert_eq!(members.output(same.as_object().unwrap().clone()), same);
    }
}
