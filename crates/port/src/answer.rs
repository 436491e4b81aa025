//! What stands behind a port.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{Request, Response};

use crate::refusal::Refusal;

/// Answers the requests that come through a port.
pub trait Answer: Send + Sync + 'static {
    /// The service that a request is for, such as `states`, where that shows without its signature. A signature must
    /// then be for that service.
    fn service(&self, parts: &Parts) -> Option<&'static str>;

    /// Whether anybody may send this request, such as a link in an e-mail, which brings its own secret.
    fn is_open(&self, parts: &Parts) -> bool;

    /// Answers a request, its faults among the answers. A [`Stop`](crate::Stop) is among its extensions.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;

    /// Says that a request is refused, as the protocol that it came in has it.
    fn refuse(&self, parts: &Parts, refusal: &Refusal) -> Response<Body>;
}

impl<T: Answer> Answer for Arc<T> {
    fn service(&self, parts: &Parts) -> Option<&'static str> {
        T::service(self, parts)
    }

    fn is_open(&self, parts: &Parts) -> bool {
        T::is_open(self, parts)
    }

    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        T::answer(self, request)
    }

    fn refuse(&self, parts: &Parts, refusal: &Refusal) -> Response<Body> {
        T::refuse(self, parts, refusal)
    }
}
