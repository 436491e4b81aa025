//! The query protocol: a form in, XML out. SNS speaks it, and SQS to older clients.
//!
//! A form's names are paths: `Attributes.entry.1.key`. [`tree`] makes JSON of them, in the shape that AWS JSON
//! has for the same call.

use axum::body::Body;
use http::Response;
use serde_json::{Map, Value};

use crate::wire::Fault;
use crate::wire::xml::Xml;

/// Fields of a form.
const FIELDS_MAX: usize = 4096;
/// Names within a field's name.
const DEPTH_MAX: usize = 12;

/// The pairs of a form or of a URL's query, decoded.
pub(crate) fn pairs(form: &[u8]) -> Vec<(String, String)> {
    form.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decoded(&pair[..at], true), decoded(pair.get(at + 1..).unwrap_or_default(), true))
        })
        .collect()
}

/// A text without its `%xx`, and without `+` for a blank where that is meant.
pub(crate) fn decoded(text: &[u8], plus_is_blank: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = (*byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(escaped) = escaped {
            bytes.push(escaped);
            at += 3;
        } else {
            bytes.push(if *byte == b'+' && plus_is_blank { b' ' } else { *byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A call: its action and its input.
pub(crate) fn call(form: &[u8]) -> Result<(String, Value), Fault> {
    let pairs = pairs(form);
    if pairs.len() > FIELDS_MAX {
        return Err(Fault::sender(400, "MalformedInput", format!("a form has at most {FIELDS_MAX} fields")));
    }
    let action = pairs.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone());
    let action = action.ok_or_else(|| Fault::sender(400, "MissingAction", "The request has no Action"))?;
    Ok((action, tree(pairs)?))
}

/// The form as one JSON object.
fn tree(pairs: Vec<(String, String)>) -> Result<Value, Fault> {
    let mut root = Map::new();
    for (name, value) in pairs {
        let steps: Vec<&str> = name.split('.').collect();
        if steps.len() > DEPTH_MAX {
            return Err(Fault::sender(400, "MalformedInput", format!("{name} is too deep")));
        }
        let (last, folders) = steps.split_last().expect("splitting gives one part at least");
        let mut at = &mut root;
        for folder in folders {
            let next = at.entry(*folder).or_insert_with(|| Value::Object(Map::new()));
            at = next.as_object_mut().ok_or_else(|| {
                Fault::sender(400, "MalformedInput", format!("{name} is both a value and a structure"))
            })?;
        }
        at.insert((*last).to_owned(), Value::String(value));
    }
    Ok(Value::Object(root.into_iter().map(|(name, value)| (name, unfold(value))).collect()))
}

/// Numbered members become a list; `member` and `entry` around a list go.
fn unfold(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let numbers: Option<Vec<u32>> = members.keys().map(|name| name.parse().ok()).collect();
    if let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) {
        let mut items: Vec<(u32, Value)> =
            numbers.into_iter().zip(members.into_iter().map(|(_, value)| unfold(value))).collect();
        items.sort_by_key(|(number, _)| *number);
        return Value::Array(items.into_iter().map(|(_, value)| value).collect());
    }
    let mut members: Map<String, Value> =
        members.into_iter().map(|(name, value)| (name, unfold(value))).collect();
    let only = if members.len() == 1 { members.keys().next().cloned() } else { None };
    match only.as_deref() {
        Some("member") if members["member"].is_array() => members.remove("member").unwrap_or_default(),
        Some("entry") if members["entry"].is_array() => as_map(members.remove("entry").unwrap_or_default()),
        _ => Value::Object(members),
    }
}

/// A list of keys and values as an object: `key` and `value`, `Name` and `Value`, `Key` and `Value`.
pub(crate) fn as_map(list: Value) -> Value {
    let Value::Array(items) = list else { return list };
    let pair = |item: Value| {
        let Value::Object(mut item) = item else { return None };
        let mut take = |names: [&str; 3]| names.into_iter().find_map(|name| item.remove(name));
        let key = take(["key", "Name", "Key"])?.as_str()?.to_owned();
        Some((key, take(["value", "Value", "value"]).unwrap_or_default()))
    };
    Value::Object(items.into_iter().filter_map(pair).collect())
}

/// An answer: what `inside` writes stands in the action's result.
pub(crate) fn answer(action: &str, namespace: &str, inside: impl FnOnce(&mut Xml)) -> Response<Body> {
    let mut xml = Xml::document();
    let (outer, result) = (format!("{action}Response"), format!("{action}Result"));
    xml.open_with(&outer, &[("xmlns", namespace)]);
    xml.within(&result, inside);
    let response_id = darkroom_port::request_id();
    xml.within("ResponseMetadata", |xml| xml.leaf("RequestId", &response_id));
    xml.close(&outer);
    let mut response = super::response(200, "text/xml", xml.text());
    super::set(response.headers_mut(), "x-amzn-requestid", &response_id);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_form_becomes_what_json_would_have_been() {
        for (form, expected) in [
            ("Action=A&Name=a%20b+c%2B", json!({"Action": "A", "Name": "a b c+"})),
            (
                "Attributes.entry.2.key=b&Attributes.entry.2.value=2&Attributes.entry.1.key=a&Attributes.entry.1.value=1",
                json!({"Attributes": {"a": "1", "b": "2"}}),
            ),
            ("Tags.member.1.Key=k&Tags.member.1.Value=v", json!({"Tags": [{"Key": "k", "Value": "v"}]})),
            ("AttributeName.1=All", json!({"AttributeName": ["All"]})),
            (
                "M.entry.1.Name=n&M.entry.1.Value.DataType=String&M.entry.1.Value.StringValue=s",
                json!({"M": {"n": {"DataType": "String", "StringValue": "s"}}}),
            ),
            ("A=%zz%4", json!({"A": "%zz%4"})),
        ] {
            assert_eq!(tree(pairs(form.as_bytes())), Ok(expected), "{form}");
        }
        assert!(tree(pairs(b"A=1&A.B=2")).is_err());
    }

    proptest! {
        #[test]
        fn no_form_panics(form in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _: Result<_, _> = call(&form);
        }
    }
}
