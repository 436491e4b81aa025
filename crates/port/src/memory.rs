//! Bodies that must fit into memory, and the memory of all of them.

use std::sync::Arc;

use axum::body::Body;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;

/// The memory that bodies may take together. What finds none left is to be sent again.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Semaphore>);

/// A body in memory. Its memory is given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    /// The body.
    pub bytes: Vec<u8>,
    permit: OwnedSemaphorePermit,
}

impl Memory {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Sets memory aside for a body of so many bytes that is still to be made.
    pub fn hold(&self, bytes: usize) -> Result<Held, Refusal> {
        Ok(Held { bytes: Vec::new(), permit: self.take(bytes)? })
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let permits = u32::try_from(bytes).map_err(|_| Refusal::TooLarge)?;
        self.0.clone().try_acquire_many_owned(permits).map_err(|_| Refusal::Throttling)
    }

    /// Reads a body of at most so many bytes to its end.
    pub async fn read(&self, mut body: Body, bytes_max: usize) -> Result<Held, Refusal> {
        // Refused before a client that asks whether it should go on is told so.
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(Refusal::TooLarge);
        }
        let mut held = self.hold(0)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal::of_body(&error))?;
            // Trailers say nothing here.
            let Ok(data) = frame.into_data() else { continue };
            if held.bytes.len() + data.len() > bytes_max {
                return Err(Refusal::TooLarge);
            }
            held.permit.merge(self.take(data.len())?);
            held.bytes.extend_from_slice(&data);
        }
        Ok(held)
    }
}
