//! AWS JSON 1.0 and 1.1: `X-Amz-Target` names the action, the body is its input.

use axum::body::Body;
use http::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wire::Fault;

/// Content types of the two versions, which differ in nothing else.
pub(crate) const V1_0: &str = "application/x-amz-json-1.0";
pub(crate) const V1_1: &str = "application/x-amz-json-1.1";

/// The input; no body is an empty one.
pub(crate) fn input(body: &[u8]) -> Result<Value, Fault> {
    let text = if body.is_empty() { b"{}" } else { body };
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| Fault::sender(400, "SerializationException", error.to_string()))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Fault::sender(400, "SerializationException", "Start of structure or map found where not expected"))
}

/// The input's members.
pub(crate) fn members<T: DeserializeOwned>(input: Value) -> Result<T, Fault> {
    serde_json::from_value(input)
        .map_err(|error| Fault::sender(400, "SerializationException", error.to_string()))
}

/// An answer.
pub(crate) fn answer(content_type: &'static str, output: &Value) -> Response<Body> {
    let body = if output.is_null() { String::new() } else { output.to_string() };
    super::response(200, content_type, body)
}
