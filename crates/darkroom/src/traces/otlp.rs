//! A collector of OpenTelemetry's, to which ended executions are sent: OTLP over HTTP, in JSON.
//!
//! Written by hand over the HTTP client that is there: the protocol's JSON form is one object, and the crates for it cost
//! more to build than the engine.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use darkroom_services::endpoint::{Endpoint as _, Remote, Scope};
use darkroom_trace::{Resource, Segment, SpanId, export};
use http::Request;
use http::header::{HeaderName, HeaderValue};

/// Executions in one request.
const BATCH_MAX: usize = 64;
/// How long a collector may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How often a request is sent that a collector cannot take just now, and what is waited for in between, at first.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// What every span says of its sender.
const RESOURCE: Resource<'_> =
    Resource { service_name: "darkroom", service_version: env!("CARGO_PKG_VERSION") };
/// Where a collector takes traces. Spec: OTLP/HTTP.
const PATH: &str = "/v1/traces";

/// The collector, and what is to be sent to it.
pub struct Collector {
    remote: Remote,
    headers: Vec<(HeaderName, HeaderValue)>,
    batch: Vec<Segment>,
    executions: usize,
    /// Executions that it did not take.
    lost: u64,
}

impl Collector {
    /// The collector that the user named, or OpenTelemetry's own variables did; `None` where nobody did.
    pub fn of(endpoint: Option<&str>) -> anyhow::Result<Option<Self>> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = endpoint.map(str::to_owned).or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let Some(endpoint) = endpoint else { return Ok(None) };
        anyhow::ensure!(
            endpoint.starts_with("http://") || endpoint.starts_with("https://"),
            "the collector's address {endpoint} does not begin with http:// or https://"
        );
        let headers = variable("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
        let headers = headers.split(',').filter(|pair| !pair.trim().is_empty()).map(header);
        let headers = headers.collect::<Result<_, _>>().context("OTEL_EXPORTER_OTLP_HEADERS is wrong")?;
        let remote = Remote::new(Some(&endpoint), None);
        Ok(Some(Self { remote, headers, batch: Vec::new(), executions: 0, lost: 0 }))
    }

    /// Takes an execution in. Of what else was recorded in its trace, what lies below it goes along.
    pub(super) async fn add(&mut self, execution: Segment, recorded: Vec<Segment>) {
        let mut below: BTreeSet<SpanId> = execution.all().into_iter().map(|part| part.id).collect();
        self.batch.push(execution);
        let mut rest = recorded;
        loop {
            let (found, others): (Vec<Segment>, Vec<Segment>) = rest
                .into_iter()
                .partition(|segment| segment.parent.is_some_and(|parent| below.contains(&parent)));
            if found.is_empty() {
                break;
            }
            below.extend(found.iter().flat_map(Segment::all).map(|part| part.id));
            self.batch.extend(found);
            rest = others;
        }
        self.executions += 1;
        if self.executions >= BATCH_MAX {
            self.send().await;
        }
    }

    /// Sends what is there.
    pub(super) async fn send(&mut self) {
        if self.executions == 0 {
            return;
        }
        let body = Bytes::from(export(RESOURCE, &self.batch).to_string());
        self.batch.clear();
        let executions = std::mem::take(&mut self.executions);
        if let Err(reason) = self.try_to_send(body).await {
            self.lost = self.lost.saturating_add(u64::try_from(executions).unwrap_or(u64::MAX));
            tracing::warn!(
                reason,
                lost = self.lost,
                "the collector did not take executions; they are not sent again"
            );
        }
    }

    async fn try_to_send(&self, body: Bytes) -> Result<(), String> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let (reason, helps) = match self.post(body.clone()).await {
                Ok(status) if status.is_success() => return Ok(()),
                // Spec: OTLP/HTTP, "Failures": only these may be tried again.
                Ok(status) => {
                    (format!("it answered {status}"), [429, 502, 503, 504].contains(&status.as_u16()))
                }
                Err(reason) => (reason, true),
            };
            if !helps || attempt >= TRIES {
                return Err(reason);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }

    async fn post(&self, body: Bytes) -> Result<http::StatusCode, String> {
        let mut request = Request::post(PATH).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|error| error.to_string())?;
        let scope = Scope { service: "otlp", host_prefix: "otlp", region: "", account: "" };
        match tokio::time::timeout(ANSWER_MAX, self.remote.send(scope, request)).await {
            Ok(answered) => answered.map(|answer| answer.status()).map_err(|error| error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        }
    }
}

/// A header of OpenTelemetry's variable: `name=value`.
fn header(pair: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=').with_context(|| format!("`{}` has no `=`", pair.trim()))?;
    Ok((name.trim().parse()?, value.trim().parse()?))
}
