//! The console, wired: what it asks of photos and services, and its place on the port.

mod beside;
mod dead_letters;
mod photos;

use std::ops::Range;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use darkroom_asl::json::Text;
use darkroom_console::{
    Changes, Console, DeadLetter, Deliveries, Durations, FunctionActivity, Photo, Platform, PlatformError,
};
use darkroom_engine::store::Append;
use darkroom_engine::{Engine, Observer, Parked};
use darkroom_lambda::Reach;
use darkroom_services::Insight;
use darkroom_services::endpoint::Scope;
use darkroom_services::router::{Route, Service};
use darkroom_services::wire::Caller;
use futures::future::BoxFuture;

use crate::serve::settings::Names;

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

/// Tells the console of what has become durable.
pub struct ToConsole(pub Arc<Changes>);

impl Observer for ToConsole {
    fn committed(&self, appends: &[Append]) {
        self.0.committed(appends);
    }

    fn parked(&self, parked: &Parked) {
        self.0.tell(&parked.arn);
    }
}

/// What is around the engine of a server.
pub struct Surroundings {
    /// Whose executions are the photos'.
    pub engine: Arc<Engine>,
    /// Reaches the services, wherever they are.
    pub reach: Reach,
    /// What the platform's own resources are called.
    pub names: Names,
    /// Where the server is reached.
    pub url: String,
    /// What goes on in the embedded services.
    pub insight: Insight,
}

impl Surroundings {
    /// Asks a service.
    async fn ask(
        &self,
        service: &str,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, PlatformError> {
        let Reach { endpoint, region, account, .. } = &self.reach;
        let scope = Scope { service, host_prefix: service, region, account };
        endpoint.send(scope, request).await.map_err(|error| PlatformError(error.to_string()))
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

    fn photos(&self, limit: usize) -> Result<(Vec<Photo>, bool), PlatformError> {
        self.newest_photos(limit)
    }

    fn upload(&self, file_name: String, bytes: Bytes) -> BoxFuture<'_, Result<Text, PlatformError>> {
        Box::pin(self.take_in(file_name, bytes))
    }

    fn picture<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(Bytes, &'static str), PlatformError>> {
        Box::pin(self.object(key))
    }

    fn function(&self, name: &str, lines_max: usize) -> Option<FunctionActivity> {
        beside::function(&self.insight, name, lines_max)
    }

    fn durations(&self, minutes: Range<i64>) -> Durations {
        beside::durations(&self.insight, minutes)
    }

    fn deliveries(&self, waiting_max: usize) -> BoxFuture<'_, Result<Deliveries, PlatformError>> {
        Box::pin(beside::deliveries(&self.insight, waiting_max))
    }

    fn dead_letters(&self, max: usize) -> Result<Vec<DeadLetter>, PlatformError> {
        self.letters(max)
    }

    fn redrive_dead_letters(&self, arns: &[String]) -> Result<Vec<String>, PlatformError> {
        self.redrive_letters(arns)
    }

    fn purge_dead_letters(&self, arns: &[String]) -> Result<(), PlatformError> {
        self.purge_letters(arns)
    }

    fn endpoint_url(&self) -> &str {
        &self.url
    }

    fn region(&self) -> &str {
        &self.reach.region
    }
}
