//! A request's body: how it is packed, and that it is JSON.

use std::io::Read as _;

use darkroom_port::{Held, Memory, Refusal};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, header};

use crate::error::ApiError;

/// Bytes of a body, as it is sent and as it is decoded. AWS takes requests of 1 MB, and definitions of 1 MB in them; as a
/// string in JSON such a definition is longer, and is better told what is wrong with it.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let named = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
        match named.map(<[u8]>::to_ascii_lowercase).as_deref() {
            None | Some(b"" | b"identity") => Ok(Self::Identity),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(_) => Err(ApiError::UnsupportedMediaType("Content-Encoding")),
        }
    }
}

/// Undoes the body's `Content-Encoding`.
pub(crate) fn decode(memory: &Memory, sent: Held, encoding: Encoding) -> Result<Held, ApiError> {
    match encoding {
        Encoding::Identity => Ok(sent),
        Encoding::Gzip => {
            let mut held = memory.hold(BODY_BYTES_MAX)?;
            let read = MultiGzDecoder::new(sent.bytes.as_slice())
                .take(BODY_BYTES_MAX as u64 + 1)
                .read_to_end(&mut held.bytes);
            read.map_err(|error| ApiError::Serialization(format!("the body is not gzip: {error}")))?;
            if held.bytes.len() > BODY_BYTES_MAX {
                return Err(Refusal::TooLarge.into());
            }
            Ok(held)
        }
    }
}

/// Whether the body is said to be JSON. One that is not said to be anything is taken to be.
pub(crate) fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    match essence.trim_ascii().to_ascii_lowercase().as_slice() {
        b"application/x-amz-json-1.0" | b"application/x-amz-json-1.1" | b"application/json" => Ok(()),
        _ => Err(ApiError::UnsupportedMediaType("Content-Type")),
    }
}
