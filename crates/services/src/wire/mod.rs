//! What AWS's services say on the wire: who calls, what failed, and four of the protocols.

mod caller;
pub(crate) mod cbor;
mod fault;
mod ids;
pub(crate) mod json;
pub(crate) mod query;
pub(crate) mod xml;

pub use caller::{Caller, Home};
pub(crate) use darkroom_port::random_uuid;
pub use fault::Fault;
pub use ids::encoded;
pub(crate) use ids::{MESSAGE_ID_MAX, hex, is_message_id, sequence_number};

use axum::body::Body;
use bytes::Bytes;
use darkroom_port::{Refusal, request_id};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};

/// A response of these parts, with a request id as every AWS answer has one.
pub(crate) fn response(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    set(response.headers_mut(), "x-amzn-requestid", &request_id());
    response
}

/// Sets a header; a value that no header can hold is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A header's text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A body that must fit into memory.
pub(crate) async fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let read = Limited::new(body, bytes_max).collect().await;
    read.map(Collected::to_bytes).map_err(|error| match Refusal::of_body(&*error) {
        _ if error.is::<LengthLimitError>() => Refusal::TooLarge.into(),
        refusal => refusal.into(),
    })
}
