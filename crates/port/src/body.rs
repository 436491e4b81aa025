//! A body on its way in: it must keep up a pace, and be the one that was signed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, Sleep};

use crate::refusal::Refusal;

/// Bytes a second that a body must come at, once its patience is used up. Our choice: slower than any line in use,
/// and fast enough that nobody can hold a connection with a byte now and then.
const PACE_MIN: u64 = 16 * 1024;

/// A body that fails where it comes too slowly, or is not the one whose hash was signed.
pub(crate) struct Watched {
    body: Body,
    patience: Duration,
    received: u64,
    /// How long the body was waited for in all. While nobody reads, nobody waits.
    waited: Duration,
    waiting_since: Option<Instant>,
    /// Made when the body has to be waited for.
    deadline: Option<Pin<Box<Sleep>>>,
    hash: Option<(Sha256, [u8; 32])>,
}

impl Watched {
    /// A body that may pause for so long, and is not hashed.
    pub(crate) fn new(body: Body, patience: Duration) -> Self {
        let (received, waited) = (0, Duration::ZERO);
        Self { body, patience, received, waited, waiting_since: None, deadline: None, hash: None }
    }

    /// The same, which must have this SHA-256.
    pub(crate) fn hashing_to(mut self, expected: [u8; 32]) -> Self {
        self.hash = Some((Sha256::new(), expected));
        self
    }

    /// When the next byte must be there.
    fn due(&mut self) -> Instant {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let earned = Duration::from_secs(self.received / PACE_MIN);
        since + (self.patience + earned).saturating_sub(self.waited)
    }

    fn end(&mut self) -> Option<Refusal> {
        let (hash, expected) = self.hash.take()?;
        (hash.finalize().as_slice() != expected.as_slice()).then_some(Refusal::ContentMismatch)
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Poll::Ready(next) = Pin::new(&mut this.body).poll_frame(context) else {
            let due = this.due();
            let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if deadline.deadline() != due {
                deadline.as_mut().reset(due);
            }
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err(axum::Error::new(Refusal::Timeout))));
        };
        if let Some(since) = this.waiting_since.take() {
            this.waited += since.elapsed();
        }
        if let Some(Ok(frame)) = &next
            && let Some(data) = frame.data_ref()
        {
            this.received += data.len() as u64;
            if let Some((hash, _)) = &mut this.hash {
                hash.update(data);
            }
        }
        let refused = if next.is_none() { this.end() } else { None };
        Poll::Ready(refused.map_or(next, |refusal| Some(Err(axum::Error::new(refusal)))))
    }

    fn is_end_stream(&self) -> bool {
        // One that is hashed is polled to its end, where it is judged.
        self.hash.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
