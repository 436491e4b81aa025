//! The console, wired: what it asks of photos and services, and its place on the port.

mod photos;

use std::sync::{Arc, OnceLock, Weak};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use darkroom_asl::json::Text;
use darkroom_console::{Changes, Console, Photo, Platform, PlatformError};
use darkroom_engine::store::Append;
use darkroom_engine::{Observer, Parked};
use darkroom_functions::SqliteRecords;
use darkroom_services::router::{Route, Router, Service};
use darkroom_services::wire::{Caller, Home};
use futures::future::BoxFuture;

/// Bytes of an answer that is shown: a photo.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The console among the services of the port.
pub struct Pages(pub Console);

impl Service for Pages {
    fn route(&self) -> Route {
        Route { name: "console", paths: &["/console/"], is_for_browsers: true, ..Route::default() }
    }

    fn answer(&self, request: Request, _: Caller) -> BoxFuture<'_, Response> {
        Box::pin(self.0.answer(request))
    }
}

/// Several who are told of what has become durable.
pub struct Observers(pub Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn committed(&self, append: &Append) {
        for observer in &self.0 {
            observer.committed(append);
        }
    }

    fn parked(&self, parked: &Parked) {
        for observer in &self.0 {
            observer.parked(parked);
        }
    }
}

/// Tells the console of what has become durable.
pub struct ToConsole(pub Arc<Changes>);

impl Observer for ToConsole {
    fn committed(&self, append: &Append) {
        self.0.committed(append);
    }

    fn parked(&self, parked: &Parked) {
        self.0.tell(&parked.arn);
    }
}

/// What is around the engine of a server.
pub struct Surroundings {
    home: Home,
    records: Arc<SqliteRecords>,
    /// The router holds the console, which holds this.
    router: OnceLock<Weak<Router>>,
}

impl Surroundings {
    /// A server that is reached at `home`, and keeps what it knows of photos in `records`.
    pub fn new(home: Home, records: Arc<SqliteRecords>) -> Self {
        Self { home, records, router: OnceLock::new() }
    }

    /// Says where the services are, once there are any. A second telling changes nothing.
    pub fn open(&self, router: &Arc<Router>) {
        let _ = self.router.set(Arc::downgrade(router));
    }

    /// Asks a service of the port, without a socket.
    async fn ask(
        &self,
        service: &str,
        mut request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, PlatformError> {
        let router = self.router.get().and_then(Weak::upgrade);
        let router = router.ok_or_else(|| PlatformError("the services are not running".to_owned()))?;
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={}/-/{}/{service}/aws4_request",
            self.home.account, self.home.region
        );
        let scope =
            scope.parse().map_err(|_| PlatformError("the region or account is no text".to_owned()))?;
        request.headers_mut().insert(http::header::AUTHORIZATION, scope);
        let (parts, body) = router.answer(request.map(Body::from)).await.into_parts();
        let body = to_bytes(body, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| PlatformError(format!("the answer of {service}: {error}")))?;
        Ok(http::Response::from_parts(parts, body))
    }
}

impl Platform for Surroundings {
    fn call<'a>(
        &'a self,
        service: &'a str,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, PlatformError>> {
        Box::pin(self.ask(service, request))
    }

    fn photos(&self, limit: usize) -> Result<(Vec<Photo>, usize), PlatformError> {
        self.newest_photos(limit)
    }

    fn upload(&self, file_name: String, bytes: Bytes) -> BoxFuture<'_, Result<Text, PlatformError>> {
        Box::pin(self.take_in(file_name, bytes))
    }

    fn picture<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(Bytes, &'static str), PlatformError>> {
        Box::pin(self.object(key))
    }

    fn endpoint_url(&self) -> &str {
        &self.home.url
    }

    fn region(&self) -> &str {
        &self.home.region
    }
}
