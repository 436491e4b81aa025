//! A request's id: made where the request comes in, said in its answer, and on every line of the log that concerns it.

use std::future::Future;
use std::sync::Arc;

use crate::ids::random_uuid;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// The id of the request that is being answered; where none is, one of its own. A UUID of version 4.
pub fn request_id() -> String {
    current_request_id().map_or_else(random_uuid, |id| id.to_string())
}

/// The id of the request that is being answered, for whoever writes the log: a line knows it without a span, which would
/// cost every request what few lines need.
pub fn current_request_id() -> Option<Arc<str>> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Work that is a part of this request, on whatever thread it is done.
pub fn within_request<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let id = current_request_id();
    move || match id {
        Some(id) => CURRENT.sync_scope(id, work),
        None => work(),
    }
}

/// Answers a request under an id of its own.
pub(crate) async fn with_id<T>(answer: impl Future<Output = T>) -> T {
    CURRENT.scope(random_uuid().into(), answer).await
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
        let (here, there) = with_id(async {
            let work = tokio::task::spawn_blocking(within_request(current_request_id));
            (current_request_id(), work.await.expect("it does not panic"))
        })
        .await;
        assert!(here.is_some());
        assert_eq!(here, there);
    }
}
