//! JSON as DynamoDB has it, each value with its type, and back.

use serde_json::{Map, Number, Value, json};

use super::{ImageRecord, StoreError};

/// A value with its type.
pub(super) fn to_attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(truth) => json!({ "BOOL": truth }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(items) => json!({ "L": items.iter().map(to_attribute).collect::<Vec<_>>() }),
        Value::Object(members) => {
            let members: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect();
            json!({ "M": members })
        }
    }
}

/// A value without its type. Sets and bytes are none that a record has.
fn from_attribute(attribute: &Value) -> Result<Value, StoreError> {
    let unreadable = || StoreError::Unreadable(format!("the attribute {attribute}"));
    let typed = attribute.as_object().and_then(|typed| typed.iter().next());
    let (kind, value) = typed.ok_or_else(unreadable)?;
    match (&**kind, value) {
        ("NULL", _) => Ok(Value::Null),
        ("BOOL", Value::Bool(truth)) => Ok(Value::Bool(*truth)),
        ("N", Value::String(text)) => text.parse::<Number>().map(Value::Number).map_err(|_| unreadable()),
        ("S", Value::String(text)) => Ok(Value::String(text.clone())),
        ("L", Value::Array(items)) => items.iter().map(from_attribute).collect(),
        ("M", Value::Object(members)) => plain(members).map(Value::Object),
        _ => Err(unreadable()),
    }
}

fn plain(members: &Map<String, Value>) -> Result<Map<String, Value>, StoreError> {
    let value = |(name, attribute): (&String, &Value)| Ok((name.clone(), from_attribute(attribute)?));
    members.iter().map(value).collect()
}

/// The record that an item is.
pub(super) fn from_item(item: &Value) -> Result<ImageRecord, StoreError> {
    let members = item.as_object().ok_or_else(|| StoreError::Unreadable(format!("the item {item}")))?;
    serde_json::from_value(Value::Object(plain(members)?))
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_back_as_it_was() {
        for value in [
            json!(null),
            json!(true),
            json!(7),
            json!(-1.5),
            json!("größe"),
            json!([]),
            json!([1, "a", [null]]),
            json!({ "a": { "b": [{ "c": false }] }, "S": "x" }),
        ] {
            assert_eq!(from_attribute(&to_attribute(&value)).unwrap(), value);
        }
        for wrong in [json!({}), json!("x"), json!({ "N": "x" }), json!({ "SS": ["a"] }), json!({ "S": 1 })] {
            assert!(from_attribute(&wrong).is_err(), "{wrong}");
        }
    }
}
