//! X-Ray: the segments that services and SDKs send, and traces put together of them.
//!
//! Documents are checked and kept as they came, for as long and as many as the bounds say. What somebody else keeps, as
//! executions are kept, is made into segments by a [`Source`] when a trace is asked for, and is in no file here. A
//! service of this process records its segments in memory; they are written before anybody reads.
//!
//! There is one space of traces, whatever account and region a caller names.
//!
//! API: X-Ray 2016-04-12, REST-JSON.

mod daemon;
mod documents;
mod filter;
mod graph;
mod put;
mod read;
mod sampling;
mod summary;

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use darkroom_trace::{Segment, TraceId};
use futures::future::BoxFuture;
use http::{Method, Response};
use serde_json::Value;

use self::documents::Received;
use crate::clock::Clock;
use crate::database::Database;
use crate::error::ServicesError;
use crate::router::{Protocol, Route, Service};
use crate::wire::{self, Caller, Fault, json};

pub use daemon::Daemon;

pub(crate) use documents::SCHEMA;

/// Bytes of a request: 50 documents, each of which may be twice as long where it stands in a text.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Segments that wait in memory to be written. What finds it full is left out.
const RECORDED_MAX: usize = 4_096;

/// Where segments come from that are not kept here. Calls may wait for a disk.
pub trait Source: Send + Sync + 'static {
    /// The segments of a trace, at most so many.
    fn of_trace(&self, trace: TraceId, limit: usize) -> Result<Vec<Segment>, SourceError>;

    /// The traces of segments that began in this time, its end not included, and when they did; at most so many, the
    /// newest first. Milliseconds since 1970.
    fn begun(&self, from_ms: i64, before_ms: i64, limit: usize) -> Result<Vec<(TraceId, i64)>, SourceError>;
}

/// A source could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// The embedded service. Clones share it.
#[derive(Clone)]
pub struct XRay(Arc<Inner>);

struct Inner {
    database: Database,
    clock: Clock,
    source: Option<Arc<dyn Source>>,
    recorded: Mutex<Vec<Received>>,
}

/// What an action is handed.
struct Call {
    now_ms: i64,
    input: Value,
}

/// An action on its way.
type Running = BoxFuture<'static, Result<Value, Fault>>;

type Action = fn(XRay, Call) -> Running;

/// The actions, by their paths.
const ACTIONS: &[(&str, Action)] = &[
    ("/GetSamplingRules", |_, _| Box::pin(async { Ok(sampling::get_sampling_rules()) })),
    ("/SamplingTargets", |_, call| Box::pin(async move { sampling::get_sampling_targets(&call) })),
    ("/ServiceGraph", |xray, call| Box::pin(graph::get_service_graph(xray, call))),
    ("/TelemetryRecords", |_, call| Box::pin(async move { put::put_telemetry_records(&call) })),
    ("/TraceGraph", |xray, call| Box::pin(graph::get_trace_graph(xray, call))),
    ("/TraceSegments", |xray, call| Box::pin(put::put_trace_segments(xray, call))),
    ("/TraceSummaries", |xray, call| Box::pin(read::get_trace_summaries(xray, call))),
    ("/Traces", |xray, call| Box::pin(read::batch_get_traces(xray, call))),
];

/// The same paths, as the router is told of them.
const PATHS: &[&str] = &[
    "/GetSamplingRules",
    "/SamplingTargets",
    "/ServiceGraph",
    "/TelemetryRecords",
    "/TraceGraph",
    "/TraceSegments",
    "/TraceSummaries",
    "/Traces",
];

impl XRay {
    /// Segments in this file, and those of the source.
    pub fn new(database: Database, clock: Clock, source: Option<Arc<dyn Source>>) -> Self {
        Self(Arc::new(Inner { database, clock, source, recorded: Mutex::default() }))
    }

    /// Takes a segment of a service of this process. It is written soon; a crash may lose it.
    pub fn record(&self, segment: &Segment) {
        let mut recorded = self.0.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.len() < RECORDED_MAX {
            recorded.push(Received::of(segment));
        }
    }

    /// Writes what was recorded.
    pub async fn flush(&self) -> Result<(), ServicesError> {
        let recorded = std::mem::take(&mut *self.0.recorded.lock().unwrap_or_else(PoisonError::into_inner));
        if recorded.is_empty() {
            return Ok(());
        }
        let now_ms = self.0.clock.now_ms();
        self.0.database.run(move |connection| documents::write(connection, &recorded, now_ms)).await
    }

    /// Writes what is recorded, now and then, until it is dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(std::time::Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.flush().await {
                tracing::error!(%error, "segments could not be written, and are lost");
            }
        }
    }

    /// Asks the source, on a thread that may wait.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Source) -> Result<Vec<T>, SourceError> + Send + 'static,
    ) -> Result<Vec<T>, Fault> {
        let Some(source) = self.0.source.clone() else { return Ok(Vec::new()) };
        let asked = tokio::task::spawn_blocking(move || ask(source.as_ref())).await;
        asked.map_err(|error| Fault::internal(&error))?.map_err(|error| Fault::internal(&error))
    }

    async fn call(&self, request: Request) -> Result<Value, Fault> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let action = ACTIONS.iter().find(|(known, _)| *known == path && parts.method == Method::POST);
        let Some((_, run)) = action else {
            return Err(Fault::unknown_operation("X-Ray", &format!("{} {path}", parts.method)));
        };
        let body = wire::whole(body, REQUEST_BYTES_MAX).await?;
        let input = json::input(&body)?;
        run(self.clone(), Call { now_ms: self.0.clock.now_ms(), input }).await
    }
}

impl Service for XRay {
    fn route(&self) -> Route {
        Route { name: "xray", pages: PATHS, protocol: Protocol::RestJson, ..Route::default() }
    }

    fn answer(&self, request: Request, _: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            match self.call(request).await {
                Ok(output) => wire::response(200, "application/json", output.to_string()),
                Err(fault) => fault.in_rest_json(),
            }
        })
    }
}

impl Call {
    /// A list that must be there, of one to so many items.
    fn list(&self, member: &str, items_max: usize) -> Result<&[Value], Fault> {
        let list =
            self.input[member].as_array().ok_or_else(|| invalid(&format!("{member} must be a list")))?;
        if list.is_empty() || list.len() > items_max {
            let found = list.len();
            return Err(invalid(&format!("{member} has {found} items; expected 1 to {items_max}")));
        }
        Ok(list)
    }

    /// A time that must be there: seconds since 1970 in the input, milliseconds here.
    #[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest")]
    fn time_ms(&self, member: &str) -> Result<i64, Fault> {
        let seconds = self.input[member].as_f64().filter(|seconds| seconds.is_finite());
        let seconds =
            seconds.ok_or_else(|| invalid(&format!("{member} must be a time, in seconds since 1970")))?;
        Ok((seconds * 1000.0) as i64)
    }

    /// A time and a later one.
    fn period_ms(&self) -> Result<(i64, i64), Fault> {
        let (from_ms, before_ms) = (self.time_ms("StartTime")?, self.time_ms("EndTime")?);
        if from_ms >= before_ms {
            return Err(invalid("StartTime must be before EndTime"));
        }
        Ok((from_ms, before_ms))
    }

    /// The ids of traces: those that are none are given back apart.
    fn trace_ids(&self, ids_max: usize) -> Result<(Vec<TraceId>, Vec<Value>), Fault> {
        let (mut ids, mut others) = (Vec::new(), Vec::new());
        for id in self.list("TraceIds", ids_max)? {
            match id.as_str().and_then(|id| id.parse().ok()) {
                Some(id) => ids.push(id),
                None if id.is_string() => others.push(id.clone()),
                None => return Err(invalid("TraceIds must be texts")),
            }
        }
        Ok((ids, others))
    }
}

fn invalid(message: &str) -> Fault {
    Fault::sender(400, "InvalidRequestException", message)
}

/// Milliseconds as the API has times.
#[expect(clippy::cast_precision_loss, reason = "a double holds milliseconds for longer than there are any")]
fn seconds(ms: i64) -> Value {
    Value::from(ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_knows_every_action() {
        let paths: Vec<&str> = ACTIONS.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths, PATHS);
    }
}
