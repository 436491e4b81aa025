//! A request's body: read within bounds of size, time and memory, and decoded.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Bytes of a body, as it is sent and as it is decoded. AWS takes requests of 1 MB, and definitions of 1 MB in them; as a
/// string in JSON such a definition is longer, and is better told what is wrong with it.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of all bodies that are under way. Our choice: as JSON values they may take sixteen times as much.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The memory that bodies may take. What finds none left is to be sent again.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

/// A body in memory.
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    permit: OwnedSemaphorePermit,
}

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX)))
    }
}

impl Memory {
    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let permits = u32::try_from(bytes).map_err(|_| ApiError::RequestTooLarge)?;
        self.0.clone().try_acquire_many_owned(permits).map_err(|_| ApiError::Throttling)
    }

    /// Reads a body to its end, which must come within `time_max`.
    pub(crate) async fn read<B>(&self, body: B, time_max: Duration) -> Result<Held, ApiError>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        tokio::time::timeout(time_max, self.collect(body)).await.map_err(|_| ApiError::RequestTimeout)?
    }

    async fn collect<B>(&self, mut body: B) -> Result<Held, ApiError>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        // Refused before a client that asks whether it should go on is told so.
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(ApiError::RequestTooLarge);
        }
        let mut held = Held { bytes: Vec::new(), permit: self.take(0)? };
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| ApiError::Serialization(format!("the body cannot be read: {error}")))?;
            // Trailers say nothing here.
            let Ok(data) = frame.into_data() else { continue };
            if held.bytes.len() + data.len() > BODY_BYTES_MAX {
                return Err(ApiError::RequestTooLarge);
            }
            held.permit.merge(self.take(data.len())?);
            held.bytes.extend_from_slice(&data);
        }
        Ok(held)
    }

    /// Undoes the body's `Content-Encoding`.
    pub(crate) fn decode(&self, held: Held, encoding: Encoding) -> Result<Held, ApiError> {
        match encoding {
            Encoding::Identity => Ok(held),
            Encoding::Gzip => {
                let permit = self.take(BODY_BYTES_MAX)?;
                let mut bytes = Vec::new();
                let read = MultiGzDecoder::new(held.bytes.as_slice())
                    .take(BODY_BYTES_MAX as u64 + 1)
                    .read_to_end(&mut bytes);
                read.map_err(|error| ApiError::Serialization(format!("the body is not gzip: {error}")))?;
                if bytes.len() > BODY_BYTES_MAX {
                    return Err(ApiError::RequestTooLarge);
                }
                Ok(Held { bytes, permit })
            }
        }
    }
}

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

/// Whether the body is said to be JSON. One that is not said to be anything is taken to be.
pub(crate) fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    match essence.trim_ascii().to_ascii_lowercase().as_slice() {
        b"application/x-amz-json-1.0" | b"application/x-amz-json-1.1" | b"application/json" => Ok(()),
        _ => Err(ApiError::UnsupportedMediaType("Content-Type")),
    }
}
