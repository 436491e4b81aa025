//! A request's id: made where the request comes in, said in its answer, and on every line of the log that concerns it.

use std::future::Future;

use tracing::Instrument as _;

use crate::ids::random_uuid;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered; where none is, one of its own. A UUID of version 4.
pub fn request_id() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| random_uuid())
}

/// Answers a request under an id of its own.
pub(crate) async fn with_id<T>(answer: impl Future<Output = T>) -> T {
    let id = random_uuid();
    // Of the highest level, so that it is on the lines of every level.
    let span = tracing::error_span!("request", request_id = id);
    CURRENT.scope(id, answer).instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_has_one_id_and_no_other_request_has_it() {
        let ask = || with_id(async { (request_id(), request_id()) });
        let ((one, again), (other, _)) = (ask().await, ask().await);
        assert_eq!((one.len(), &one), (36, &again));
        assert_ne!(one, other);
        assert_ne!(request_id(), request_id(), "outside of requests there is none");
    }
}
