//! Smithy RPC v2 in CBOR: the path names the action, the body is its input. CloudWatch's newer clients speak it.

use axum::body::Body;
use ciborium::Value as Cbor;
use http::{HeaderMap, Response};
use serde_json::{Map, Number, Value};

use crate::wire::Fault;

/// What the header `Smithy-Protocol` says of such a request and its answer.
pub(crate) const PROTOCOL: &str = "rpc-v2-cbor";
const CONTENT_TYPE: &str = "application/cbor";
/// Values within values.
const DEPTH_MAX: usize = 32;

/// Whether a request is one.
pub(crate) fn is_spoken(headers: &HeaderMap) -> bool {
    super::text(headers, "smithy-protocol") == Some(PROTOCOL)
}

/// The input, as AWS JSON would have it: times are seconds.
pub(crate) fn input(body: &[u8]) -> Result<Value, Fault> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let wrong = |message: String| Fault::sender(400, "SerializationException", message);
    let read = ciborium::de::from_reader_with_recursion_limit(body, DEPTH_MAX);
    let cbor: Cbor = read.map_err(|error| wrong(format!("the body is no CBOR: {error}")))?;
    match json(cbor) {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err(wrong("the body is no map".to_owned())),
        Err(found) => Err(wrong(format!("the body holds {found}"))),
    }
}

/// An answer; no output is no body.
pub(crate) fn answer(status: u16, output: Option<&Cbor>) -> Response<Body> {
    let mut bytes = Vec::new();
    if let Some(output) = output
        && let Err(error) = ciborium::into_writer(output, &mut bytes)
    {
        tracing::error!(%error, "an answer could not be written in CBOR");
    }
    let content_type = if output.is_some() { CONTENT_TYPE } else { "" };
    let mut response = super::response(status, content_type, bytes);
    super::set(response.headers_mut(), "smithy-protocol", PROTOCOL);
    response
}

fn json(cbor: Cbor) -> Result<Value, &'static str> {
    match cbor {
        Cbor::Null => Ok(Value::Null),
        Cbor::Bool(is) => Ok(Value::Bool(is)),
        Cbor::Text(text) => Ok(Value::String(text)),
        Cbor::Integer(integer) => {
            i64::try_from(integer).map(Value::from).map_err(|_| "an integer that is too large")
        }
        Cbor::Float(number) => {
            Number::from_f64(number).map(Value::Number).ok_or("a number that is not finite")
        }
        // Of the tags, times alone are in use; what else is tagged is what it is without.
        Cbor::Tag(_, inside) => json(*inside),
        Cbor::Array(items) => items.into_iter().map(json).collect::<Result<_, _>>().map(Value::Array),
        Cbor::Map(entries) => {
            let entry = |(name, value)| match name {
                Cbor::Text(name) => Ok((name, json(value)?)),
                _ => Err("a name that is no text"),
            };
            entries.into_iter().map(entry).collect::<Result<_, _>>().map(Value::Object)
        }
        _ => Err("bytes, where none are expected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_input_is_what_json_would_have_been() {
        let mut bytes = Vec::new();
        let time = Cbor::Tag(1, Box::new(Cbor::from(1_800_000_000_i64)));
        let body = Cbor::Map(vec![
            ("Name".into(), "n".into()),
            ("At".into(), time),
            ("Values".into(), Cbor::Array(vec![1.5.into(), 2.into()])),
        ]);
        ciborium::into_writer(&body, &mut bytes).unwrap();
        let expected = json!({ "Name": "n", "At": 1_800_000_000, "Values": [1.5, 2] });
        assert_eq!(input(&bytes).unwrap(), expected);
        assert_eq!(input(b"").unwrap(), json!({}));
        for body in [&b"\x01"[..], b"\xbf", b"\xa1\x01\x01", b"\xa1\x61a\xf9\x7e\x00", &[0x81; 100]] {
            assert_eq!(input(body).unwrap_err().code, "SerializationException", "{body:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = input(&body);
        }
    }
}
