//! `GET /metrics`: what Prometheus is shown.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use darkroom_services::router::{Route, Service};
use darkroom_services::wire::Caller;
use futures::future::BoxFuture;

use super::Prometheus;
use super::health::Watched;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`.
pub struct Page {
    /// What is shown.
    pub prometheus: Arc<Prometheus>,
    /// What is looked at meanwhile.
    pub watched: Watched,
}

impl Page {
    async fn response(&self) -> Response {
        self.prometheus.health().look(&self.watched).await;
        let (status, text) = match self.prometheus.text() {
            Ok(text) => (http::StatusCode::OK, text),
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written as text");
                (http::StatusCode::INTERNAL_SERVER_ERROR, String::new())
            }
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let kind = http::HeaderValue::from_static(CONTENT_TYPE);
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        response
    }
}

impl Service for Page {
    fn route(&self) -> Route {
        Route { name: "metrics", pages: &["/metrics"], ..Route::default() }
    }

    fn answer(&self, _: Request, _: Caller) -> BoxFuture<'_, Response> {
        Box::pin(self.response())
    }
}
