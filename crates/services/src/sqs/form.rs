//! SQS in the query protocol: the form's names to the JSON members', and an answer's members to XML.

use axum::body::Body;
use http::{Response, Uri};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::wire::xml::Xml;
use crate::wire::{Caller, Fault, query};

/// What a form's numbered member becomes.
#[derive(Clone, Copy)]
enum Shape {
    List,
    Map,
}

/// A form's name, the member's name, and its shape.
const RENAMED: &[(&str, &str, Shape)] = &[
    ("Attribute", "Attributes", Shape::Map),
    ("Tag", "Tags", Shape::Map),
    ("MessageAttribute", "MessageAttributes", Shape::Map),
    ("MessageSystemAttribute", "MessageSystemAttributes", Shape::Map),
    ("AttributeName", "AttributeNames", Shape::List),
    ("MessageAttributeName", "MessageAttributeNames", Shape::List),
    ("MessageSystemAttributeName", "MessageSystemAttributeNames", Shape::List),
    ("TagKey", "TagKeys", Shape::List),
    ("SendMessageBatchRequestEntry", "Entries", Shape::List),
    ("DeleteMessageBatchRequestEntry", "Entries", Shape::List),
    ("ChangeMessageVisibilityBatchRequestEntry", "Entries", Shape::List),
];

/// An answer's list or map, and the element that each of its items is in.
const ITEMS: &[(&str, &str)] = &[
    ("Messages", "Message"),
    ("QueueUrls", "QueueUrl"),
    ("queueUrls", "QueueUrl"),
    ("Attributes", "Attribute"),
    ("MessageAttributes", "MessageAttribute"),
    ("Tags", "Tag"),
    ("Failed", "BatchResultErrorEntry"),
];

/// A form's input as AWS JSON would have it. The queue may be the request's path instead of a member.
pub(super) fn input(form: Value, uri: &Uri, caller: &Caller) -> Result<Value, Fault> {
    let Value::Object(form) = form else {
        return Err(Fault::sender(400, "MalformedInput", "The form is empty"));
    };
    let mut input = renamed(form);
    if !input.contains_key("QueueUrl") && uri.path().len() > 1 {
        input.insert("QueueUrl".to_owned(), Value::String(format!("{}{}", caller.url, uri.path())));
    }
    Ok(Value::Object(input))
}

fn renamed(members: Map<String, Value>) -> Map<String, Value> {
    let rename = |(name, value): (String, Value)| {
        let found = RENAMED.iter().find(|(form, ..)| *form == name);
        match (found, value) {
            (Some((_, member, Shape::List)), value) => ((*member).to_owned(), each(value)),
            (Some((_, member, Shape::Map)), value) => ((*member).to_owned(), query::as_map(value)),
            (None, value) => (name, value),
        }
    };
    members.into_iter().map(rename).collect()
}

fn each(list: Value) -> Value {
    let Value::Array(items) = list else { return list };
    let inside = |item| match item {
        Value::Object(members) => Value::Object(renamed(members)),
        other => other,
    };
    Value::Array(items.into_iter().map(inside).collect())
}

/// An answer in XML.
pub(super) fn answer(action: &str, namespace: &str, output: &Value) -> Response<Body> {
    let entry = format!("{action}ResultEntry");
    query::answer(action, namespace, |xml| {
        for (name, value) in output.as_object().into_iter().flatten() {
            write(xml, name, value, &entry);
        }
    })
}

fn write(xml: &mut Xml, name: &str, value: &Value, entry: &str) {
    let item = ITEMS.iter().find(|(list, _)| *list == name).map_or(entry, |(_, item)| item);
    match value {
        Value::Array(items) => {
            for value in items {
                write(xml, item, value, entry);
            }
        }
        Value::Object(members) if ITEMS.iter().any(|(list, _)| *list == name) => {
            let key = if name == "Tags" { "Key" } else { "Name" };
            for (member, value) in members {
                xml.within(item, |xml| {
                    xml.leaf(key, member);
                    write(xml, "Value", value, entry);
                });
            }
        }
        Value::Object(members) => xml.within(name, |xml| {
            for (name, value) in members {
                write(xml, name, value, entry);
            }
        }),
        Value::String(text) => xml.leaf(name, text),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => xml.leaf(name, &value.to_string()),
    }
}

/// A number, which a form has as text.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => {
            text.parse().map(Some).map_err(|_| serde::de::Error::custom(format!("{text} is no integer")))
        }
        other => {
            other.as_i64().map(Some).ok_or_else(|| serde::de::Error::custom(format!("{other} is no integer")))
        }
    }
}
