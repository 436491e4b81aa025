//! CloudWatch: metrics by the minute, and alarms on them.
//!
//! The core is without I/O: [`Metrics`] holds what was measured, a query or an alarm's rule is a function of it and of a
//! time. Around it lie the API, in the three protocols that clients speak, and the file, which is written every few
//! seconds and at a stop. Metrics are no log: a crash loses the last seconds of them. Alarms and their states lose
//! nothing, and whom a change is told to is in the outbox with it.
//!
//! There is one space of metrics and alarms, whatever account and region a caller names.
//!
//! API: CloudWatch 2010-08-01, in Smithy RPC v2 (CBOR), AWS JSON 1.0 and the query protocol.

mod actions;
mod alarm;
mod alarms;
mod bucket;
mod distribution;
mod fault;
mod file;
mod input;
mod math;
mod metric;
mod output;
mod query;
mod shapes;
mod statistic;
mod store;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Response};
use serde_json::Value;
use tokio::sync::OnceCell;

use self::alarms::Alarms;
use self::output::Structure;
use crate::clock::Clock;
use crate::database::Database;
use crate::error::ServicesError;
use crate::outbox::Outbox;
use crate::router::{Protocol, Route, Service};
use crate::wire::{self, Caller, Fault, cbor, json, query as form};

pub use alarm::StateValue;
pub use bucket::Bucket;
pub use metric::{Metric, Series, Unit};
pub use statistic::{NoStatistic, Statistic};
pub use store::{Bounds, Full, MINUTE_MS, Metrics, Minute};

pub(crate) use file::SCHEMA;

/// What `X-Amz-Target` begins with.
const TARGET: &str = "GraniteServiceVersion20100801.";
/// What the path of RPC v2 begins with.
const PATH: &str = "/service/GraniteServiceVersion20100801/operation/";
/// What stands before an error's name in `__type`.
const ERROR_NAMESPACE: &str = "com.amazonaws.cloudwatch#";
const FORM_NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

/// Bytes of a request. AWS's own bound is 1 MB, before it is a form.
const REQUEST_BYTES_MAX: usize = 3 * 1024 * 1024;
/// How often metrics are written, and alarms looked at.
const TICK: Duration = Duration::from_secs(5);
/// How long a minute that is over may still get values before alarms are held to it.
const SETTLE_MS: i64 = 5_000;

/// The embedded service. Clones share it.
#[derive(Clone)]
pub struct CloudWatch(Arc<Inner>);

struct Inner {
    metrics: Mutex<Metrics>,
    alarms: tokio::sync::Mutex<Alarms>,
    database: Database,
    clock: Clock,
    outbox: Outbox,
    restored: OnceCell<()>,
    /// One writes at a time, so that what is older does not overwrite what is newer.
    writing: tokio::sync::Mutex<()>,
}

/// What an action is handed.
struct Call {
    caller: Caller,
    now_ms: i64,
    input: Value,
}

/// What an action gives back; some have nothing to say.
type Done = Result<Option<Structure>, Fault>;

impl CloudWatch {
    /// Metrics and alarms in this file, whose actions go through this outbox.
    pub fn new(bounds: Bounds, database: Database, clock: Clock, outbox: Outbox) -> Self {
        Self(Arc::new(Inner {
            metrics: Mutex::new(Metrics::new(bounds)),
            alarms: tokio::sync::Mutex::default(),
            database,
            clock,
            outbox,
            restored: OnceCell::new(),
            writing: tokio::sync::Mutex::default(),
        }))
    }

    /// Takes values in, each series' of a minute. Answers how many were left out since there are too many series.
    pub fn record<'a>(&self, values: impl IntoIterator<Item = (&'a Series, Minute, &'a Bucket)>) -> usize {
        let mut metrics = self.0.metrics();
        values
            .into_iter()
            .filter(|(series, minute, bucket)| metrics.add(series, *minute, bucket).is_err())
            .count()
    }

    /// What was recorded of a metric in each of these minutes, in whatever unit.
    pub fn minutes(&self, metric: &Metric, range: Range<Minute>) -> BTreeMap<Minute, Bucket> {
        self.0.metrics().minutes(metric, range)
    }

    /// Reads what earlier processes wrote. Calls wait for it; what is recorded meanwhile is added to it.
    pub async fn restore(&self) -> Result<(), ServicesError> {
        self.0.restored().await
    }

    /// Writes metrics and evaluates alarms every few seconds, until it is dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.evaluate().await {
                tracing::error!(reason = error.message, "alarms could not be evaluated");
            }
            if let Err(error) = self.write().await {
                tracing::error!(%error, "metrics could not be written; they are kept in memory");
            }
        }
    }

    /// Holds each alarm to the last minute that is over, once. Whoever is to be told of a change is told by the outbox.
    pub async fn evaluate(&self) -> Result<(), Fault> {
        self.0.restored().await?;
        alarms::evaluate(&self.0).await
    }

    /// Lets go of what is too old, and writes what has changed.
    pub async fn write(&self) -> Result<(), ServicesError> {
        let inner = &self.0;
        inner.restored().await?;
        let _one = inner.writing.lock().await;
        let changes = {
            let mut metrics = inner.metrics();
            metrics.expire(inner.clock.now_ms().div_euclid(MINUTE_MS));
            Arc::new(metrics.take_changes())
        };
        let written = file::write(&inner.database, changes.clone()).await;
        if written.is_err() {
            inner.metrics().keep(&changes);
        }
        written
    }

    async fn call(&self, action: &str, input: Value, caller: Caller) -> Done {
        let run = actions::find(action).ok_or_else(|| Fault::unknown_operation("CloudWatch", action))?;
        self.0.restored().await?;
        run(&self.0, Call { caller, now_ms: self.0.clock.now_ms(), input }).await
    }

    /// Calls an action whose input is the request's whole body, in the protocol that `read` knows.
    async fn asked(
        &self,
        action: &str,
        request: Request,
        caller: Caller,
        read: impl FnOnce(&[u8]) -> Result<Value, Fault>,
    ) -> Done {
        let (parts, body) = request.into_parts();
        let body = whole(&parts.headers, body).await?;
        self.call(action, read(&body)?, caller).await
    }

    async fn answer_cbor(&self, action: &str, request: Request, caller: Caller) -> Response<Body> {
        match self.asked(action, request, caller, cbor::input).await {
            Ok(output) => cbor::answer(200, output.map(|output| output.cbor()).as_ref()),
            Err(fault) => fault.in_cbor(ERROR_NAMESPACE),
        }
    }

    async fn answer_json(&self, action: &str, request: Request, caller: Caller) -> Response<Body> {
        match self.asked(action, request, caller, json::input).await {
            Ok(output) => json::answer(json::V1_0, &output.map_or(Value::Null, |output| output.json())),
            Err(fault) => fault.in_json(ERROR_NAMESPACE, json::V1_0),
        }
    }

    async fn answer_form(&self, request: Request, caller: Caller) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let outcome = async {
            let body = whole(&parts.headers, body).await?;
            let text = if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
            let (action, input) = form::call(text)?;
            let output = self.call(&action, input, caller).await?;
            Ok::<_, Fault>((action, output))
        };
        match outcome.await {
            Ok((action, output)) => {
                form::answer(&action, FORM_NAMESPACE, |xml| output.unwrap_or_default().xml(xml))
            }
            Err(fault) => fault.in_query_xml(FORM_NAMESPACE),
        }
    }
}

impl Service for CloudWatch {
    fn route(&self) -> Route {
        Route {
            name: "monitoring",
            targets: &[TARGET],
            paths: &[PATH],
            version: Some("2010-08-01"),
            protocol: Protocol::Query,
            ..Route::default()
        }
    }

    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let target = wire::text(request.headers(), "x-amz-target");
            if let Some(action) = target.and_then(|target| target.strip_prefix(TARGET)).map(str::to_owned) {
                return self.answer_json(&action, request, caller).await;
            }
            if let Some(action) = request.uri().path().strip_prefix(PATH).map(str::to_owned) {
                return self.answer_cbor(&action, request, caller).await;
            }
            self.answer_form(request, caller).await
        })
    }
}

impl Inner {
    /// A poisoned lock guards metrics of which the last change may be half: a sum, not a structure.
    fn metrics(&self) -> MutexGuard<'_, Metrics> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn restored(&self) -> Result<(), ServicesError> {
        let restore = || async {
            let stored = file::read(&self.database).await?;
            self.metrics().restore(stored.series, stored.points);
            *self.alarms.lock().await = Alarms::of(stored.alarms);
            Ok(())
        };
        self.restored.get_or_try_init(restore).await.copied()
    }
}

/// A body, unpacked where it is packed: clients do that with a large `PutMetricData`.
async fn whole(headers: &HeaderMap, body: Body) -> Result<Bytes, Fault> {
    let body = wire::whole(body, REQUEST_BYTES_MAX).await?;
    match wire::text(headers, "content-encoding") {
        Some("gzip") => {}
        _ => return Ok(body),
    }
    let mut unpacked = Vec::new();
    let bound = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    let read = flate2::read::GzDecoder::new(&*body).take(bound + 1).read_to_end(&mut unpacked);
    if read.is_err() || unpacked.len() > REQUEST_BYTES_MAX {
        return Err(fault::invalid_value("The body is not gzip, or holds more than 3 MB"));
    }
    Ok(unpacked.into())
}
