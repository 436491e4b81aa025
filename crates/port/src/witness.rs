//! What an HTTP call of a Task says and hears, for whoever wants to see more of it than its outcome.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static CURRENT: Witness;
}

/// Sees the call that is made within it.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<Option<Exchange>>>);

/// A request, and its response if there was one.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was sent.
    pub request: SentRequest,
    /// What came back.
    pub response: Option<ReceivedResponse>,
}

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct SentRequest {
    /// `https` or `http`.
    pub protocol: String,
    /// Such as `GET`.
    pub method: String,
    /// With its query.
    pub url: String,
    /// In the order in which they were sent.
    pub headers: Vec<Header>,
    /// Empty where there is none.
    pub body: String,
}

/// A response as it was received.
#[derive(Clone, Debug)]
pub struct ReceivedResponse {
    /// `https` or `http`.
    pub protocol: String,
    /// Such as 200.
    pub status_code: u16,
    /// Such as `OK`.
    pub status_message: String,
    /// In the order in which they were received.
    pub headers: Vec<Header>,
    /// Empty where there is none.
    pub body: String,
}

/// A header's line.
#[derive(Clone, Debug)]
pub struct Header {
    /// In small letters.
    pub name: String,
    /// What it says.
    pub value: String,
    /// Whether it is nobody's to see who may not see secrets.
    pub is_secret: bool,
}

impl Witness {
    /// The witness of what is going on.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Work that it sees.
    pub fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// Work that it sees, on whatever thread it is done.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Tells it of a call. The last one is kept.
    pub fn tell(&self, exchange: Exchange) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }

    /// What it has seen.
    pub fn seen(&self) -> Option<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
