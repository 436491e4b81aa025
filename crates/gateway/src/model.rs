//! What the API's model says of an action's input, and the checks that AWS makes before it looks at meanings.
//!
//! An input is JSON of the right types, or refused as it is; then its members keep to their bounds, or all that
//! break them are told in one message. Members that the model does not know are passed over. The table itself
//! is in `model/inputs.rs`.

mod inputs;

use serde_json::{Map, Value};

pub(crate) use self::inputs::of_action;
use crate::error::ApiError;

/// A member of a structure.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// What a member may hold.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A string.
    Text(Text),
    /// One of these words, in the order in which AWS names them.
    Word(&'static [&'static str]),
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number from the first to the second.
    Decimal(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// From the first to the second number of items.
    List(&'static Shape, usize, usize),
    /// An object.
    Structure(&'static [Member]),
}

/// Bounds of a string. AWS counts UTF-16 units, as the service's own language does.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    min: usize,
    max: usize,
    pattern: Option<Pattern>,
    /// AWS: the model calls it sensitive, and no message repeats it.
    sensitive: bool,
}

/// The regular expressions of the model.
#[derive(Clone, Copy)]
pub(crate) enum Pattern {
    AliasName,
    Ascii,
    Visible,
}

impl Pattern {
    fn source(self) -> &'static str {
        match self {
            Self::AliasName => r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
            Self::Ascii => r"\p{ASCII}*",
            Self::Visible => "[!-~]+",
        }
    }

    fn admits(self, text: &str) -> bool {
        match self {
            Self::AliasName => {
                let is_mark = |byte: u8| matches!(byte, b'_' | b'-' | b'.');
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
                    && text.bytes().any(|byte| byte.is_ascii_alphabetic() || is_mark(byte))
            }
            Self::Ascii => text.is_ascii(),
            Self::Visible => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
        }
    }
}

/// Checks an input.
pub(crate) fn check(members: &'static [Member], input: &Value) -> Result<(), ApiError> {
    check_type(&Shape::Structure(members), input)?;
    let mut broken = Vec::new();
    if let Value::Object(object) = input {
        check_members(members, object, "", &mut broken);
    }
    match broken.as_slice() {
        [] => Ok(()),
        [one] => Err(ApiError::Validation(format!("1 validation error detected: {one}"))),
        all => {
            let (count, all) = (all.len(), all.join("; "));
            Err(ApiError::Validation(format!("{count} validation errors detected: {all}")))
        }
    }
}

/// Whether everything is of its type. `null` is of every type: it is as if the member were not there.
fn check_type(shape: &Shape, value: &Value) -> Result<(), ApiError> {
    let refused = |type_name: &str| Err(ApiError::Serialization(wrong_type(value, type_name)));
    match (shape, value) {
        (Shape::Structure(members), Value::Object(object)) => members.iter().try_for_each(|member| {
            object.get(member.name).map_or(Ok(()), |value| check_type(&member.shape, value))
        }),
        (Shape::List(of, ..), Value::Array(items)) => items.iter().try_for_each(|item| check_type(of, item)),
        (_, Value::Null)
        | (Shape::Text(_) | Shape::Word(_), Value::String(_))
        | (Shape::Decimal(..), Value::Number(_))
        | (Shape::Boolean, Value::Bool(_)) => Ok(()),
        (Shape::Integer(..), Value::Number(number)) if number.is_i64() => Ok(()),
        (Shape::Text(_) | Shape::Word(_), _) => refused("a String"),
        (Shape::Integer(..), _) => refused("an Integer"),
        (Shape::Decimal(..), _) => refused("a Float"),
        (Shape::Boolean, _) => refused("a Boolean"),
        (Shape::List(..), _) => refused("a List"),
        (Shape::Structure(_), _) => refused("a Structure"),
    }
}

fn wrong_type(value: &Value, type_name: &str) -> String {
    let found = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => return "Start of list found where not expected".to_owned(),
        Value::Object(_) => return "Start of structure or map found where not expected.".to_owned(),
    };
    format!("{found} can not be converted to {type_name}")
}

/// Adds what is wrong with a structure's members. `prefix` is the structure's own path, with a dot.
fn check_members(
    members: &'static [Member],
    object: &Map<String, Value>,
    prefix: &str,
    broken: &mut Vec<String>,
) {
    for Member { name, shape, required } in members {
        let path = format!("{prefix}{name}");
        match object.get(*name).filter(|value| !value.is_null()) {
            Some(value) => check_value(shape, value, &path, broken),
            None if *required => broken.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            )),
            None => {}
        }
    }
}

fn check_value(shape: &Shape, value: &Value, path: &str, broken: &mut Vec<String>) {
    let mut fail = |shown: &str, rule: &str| {
        broken.push(format!("Value {shown}at '{path}' failed to satisfy constraint: {rule}"));
    };
    match (shape, value) {
        (Shape::Text(text), Value::String(found)) => {
            let shown = if text.sensitive { String::new() } else { format!("'{found}' ") };
            let length = found.encode_utf16().count();
            if let Some(rule) = length_rule(length, text.min, text.max) {
                fail(&shown, &rule);
            }
            if let Some(pattern) = text.pattern.filter(|pattern| !pattern.admits(found)) {
                let rule = format!("Member must satisfy regular expression pattern: {}", pattern.source());
                fail(&shown, &rule);
            }
        }
        (Shape::Word(words), Value::String(found)) if !words.contains(&found.as_str()) => {
            let rule = format!("Member must satisfy enum value set: [{}]", words.join(", "));
            fail(&format!("'{found}' "), &rule);
        }
        (Shape::Integer(min, max) | Shape::Decimal(min, max), Value::Number(found)) => {
            let number = found.as_f64().unwrap_or(f64::NAN);
            if let Some(rule) = range_rule(number, *min, *max) {
                fail(&format!("'{found}' "), &rule);
            }
        }
        (Shape::List(of, min, max), Value::Array(items)) => {
            if let Some(rule) = length_rule(items.len(), *min, *max) {
                fail(&format!("'{value}' "), &rule);
            }
            for (item, number) in items.iter().zip(1..) {
                check_value(of, item, &format!("{path}.{number}.member"), broken);
            }
        }
        (Shape::Structure(members), Value::Object(object)) => {
            check_members(members, object, &format!("{path}."), broken);
        }
        // What is of another type was refused before.
        (
            Shape::Text(_)
            | Shape::Word(_)
            | Shape::Integer(..)
            | Shape::Decimal(..)
            | Shape::Boolean
            | Shape::List(..)
            | Shape::Structure(_),
            _,
        ) => {}
    }
}

fn length_rule(length: usize, min: usize, max: usize) -> Option<String> {
    if length < min {
        Some(format!("Member must have length greater than or equal to {min}"))
    } else if length > max {
        Some(format!("Member must have length less than or equal to {max}"))
    } else {
        None
    }
}

#[expect(clippy::cast_precision_loss, reason = "the model's bounds that are there to be broken are small")]
fn range_rule(number: f64, min: i64, max: i64) -> Option<String> {
    if number < min as f64 {
        Some(format!("Member must have value greater than or equal to {min}"))
    } else if number > max as f64 {
        Some(format!("Member must have value less than or equal to {max}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(action: &str, input: &Value) -> String {
        match check(of_action(action).unwrap_or_default(), input) {
            Ok(()) => "well".to_owned(),
            Err(ApiError::Validation(message) | ApiError::Serialization(message)) => message,
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn bounds_are_told_in_awss_words() {
        let one = "1 validation error detected: Value ";
        let failed = "failed to satisfy constraint: Member must";
        let route = |weight| json!({ "stateMachineVersionArn": "a", "weight": weight });
        let long = "x".repeat(81);
        for (action, input, expected) in [
            (
                "ListActivities",
                json!({ "maxResults": 0, "nextToken": null, "unknown": {} }),
                "well".to_owned(),
            ),
            (
                "ListActivities",
                json!({ "maxResults": 1001 }),
                format!("{one}'1001' at 'maxResults' {failed} have value less than or equal to 1000"),
            ),
            (
                "ListActivities",
                json!({ "maxResults": -1 }),
                format!("{one}'-1' at 'maxResults' {failed} have value greater than or equal to 0"),
            ),
            (
                "CreateActivity",
                json!({ "name": long }),
                format!("{one}'{long}' at 'name' {failed} have length less than or equal to 80"),
            ),
            ("CreateActivity", json!({ "name": "\u{1f600}".repeat(40) }), "well".to_owned()),
            ("CreateActivity", json!({ "name": null }), format!("{one}null at 'name' {failed} not be null")),
            (
                "CreateStateMachine",
                json!({ "name": "", "definition": "{}", "roleArn": "r", "type": "standard" }),
                format!(
                    "2 validation errors detected: Value '' at 'name' {failed} have length greater than or \
                     equal to 1; Value 'standard' at 'type' {failed} satisfy enum value set: [STANDARD, EXPRESS]"
                ),
            ),
            (
                "CreateStateMachineAlias",
                json!({ "name": "123", "routingConfiguration": [route(1), route(101)] }),
                format!(
                    "2 validation errors detected: Value '123' at 'name' {failed} satisfy regular expression \
                     pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$; Value '101' at \
                     'routingConfiguration.2.member.weight' {failed} have value less than or equal to 100"
                ),
            ),
            (
                "StartExecution",
                json!({ "stateMachineArn": "a", "input": "x".repeat(262_145) }),
                format!("{one}at 'input' {failed} have length less than or equal to 262144"),
            ),
            (
                "UpdateMapRun",
                json!({ "mapRunArn": "a", "toleratedFailurePercentage": 100.5 }),
                format!(
                    "{one}'100.5' at 'toleratedFailurePercentage' {failed} have value less than or equal to 100"
                ),
            ),
        ] {
            assert_eq!(message(action, &input), expected, "{action} {input}");
        }
    }

    #[test]
    fn a_wrong_type_is_refused_before_any_bound() {
        for (input, expected) in [
            (json!({ "maxResults": "7" }), "STRING_VALUE can not be converted to an Integer"),
            (json!({ "maxResults": 1.5 }), "NUMBER_VALUE can not be converted to an Integer"),
            (json!({ "maxResults": [] }), "Start of list found where not expected"),
            (json!({ "maxResults": 5000, "nextToken": 7 }), "NUMBER_VALUE can not be converted to a String"),
            (json!({ "nextToken": true }), "TRUE_VALUE can not be converted to a String"),
            (json!({ "nextToken": {} }), "Start of structure or map found where not expected."),
            (json!([]), "Start of list found where not expected"),
            (json!("text"), "STRING_VALUE can not be converted to a Structure"),
        ] {
            assert_eq!(message("ListActivities", &input), expected, "{input}");
        }
    }

    #[test]
    fn patterns_admit_what_the_model_s_do() {
        for (name, admitted) in [
            ("a", true),
            ("1a", true),
            ("1.2", true),
            ("_", true),
            ("123", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(Pattern::AliasName.admits(name), admitted, "{name}");
        }
        assert!(Pattern::Ascii.admits("a b\n") && !Pattern::Ascii.admits("ä"));
        assert!(
            Pattern::Visible.admits("a!~") && !Pattern::Visible.admits("a b") && !Pattern::Visible.admits("")
        );
    }
}
