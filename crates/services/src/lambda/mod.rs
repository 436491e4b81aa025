//! Lambda: functions in this process, in child processes, behind URLs, or on AWS; one Invoke for all.
//!
//! What functions there are is settings, not API: the calls that make and change them are refused by name.
//! An asynchronous call goes through the outbox, so that a crash loses none, and is tried three times.
//!
//! API: Lambda 2015-03-31, REST-JSON.

mod activity;
mod in_process;
mod metrics;
mod process;
mod runtime;
mod traced;
mod url;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use darkroom_trace::TraceHeader;
use futures::future::BoxFuture;
use http::{Method, Response};
use serde_json::{Value, json};

use crate::base64;
use crate::clock::Clock;
use crate::database::Database;
use crate::outbox::{Delivery, Destination, Outbox, Retry};
use crate::router::{Protocol, Route, Service};
use crate::wire::query::decoded;
use crate::wire::{self, Caller, Fault, random_uuid};

pub(crate) use self::metrics::Measures;

pub use activity::{Activities, Activity, Counts, LastCall, Line, Seen};
pub use in_process::{Code, InProcess, Workers};
pub use process::{Process, ProcessSettings};
pub use url::Url;

use self::traced::{Called, Traced};

/// Bytes of a payload, each way. AWS's own bound.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 6_291_556;
/// Bytes of an asynchronous call's payload. AWS's own bound, 1 MB.
const EVENT_BYTES_MAX: usize = 1_048_576;
/// Bytes of a log's end that a caller may ask for. AWS's own bound.
pub(crate) const LOG_TAIL_BYTES: usize = 4096;
/// The log's target for what functions write. It is theirs, and may hold anything.
pub const OUTPUT_TARGET: &str = "functions";
const PREFIX: &str = "/2015-03-31/functions";

/// AWS: an asynchronous call is repeated after one minute and again after two.
const EVENT_RETRY: Retry =
    Retry { attempts_max: 3, delay_ms_min: 60_000, delay_ms_max: 120_000, age_ms_max: 6 * 3_600_000 };

/// A call of a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The call's id.
    pub request_id: String,
    /// The function's ARN.
    pub arn: String,
    /// A JSON text.
    pub payload: Bytes,
    /// As the caller sent it, in Base64.
    pub client_context: Option<String>,
    /// Takes what the function writes.
    pub activity: Arc<Activity>,
    /// The trace that it belongs to, under the function's own segment where the trace is kept.
    pub trace_header: TraceHeader,
}

/// What a function gave back, its own errors among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A JSON text: the result, or the error's description.
    pub payload: Bytes,
    /// `Handled` or `Unhandled`, where it failed.
    pub error: Option<&'static str>,
    /// The end of what it wrote to its log.
    pub log: Vec<u8>,
}

impl Outcome {
    /// An error as Lambda itself describes it.
    pub(crate) fn failed(error_type: &str, message: &str) -> Self {
        let description = json!({ "errorType": error_type, "errorMessage": message });
        Self { payload: description.to_string().into(), error: Some("Unhandled"), log: Vec::new() }
    }
}

/// A function, wherever it runs.
pub trait Function: Send + Sync + 'static {
    /// Runs it to its end. A fault is Lambda's, not the function's.
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>>;

    /// What is told of it: `Runtime`, `Handler`, `Timeout`, `MemorySize`.
    fn describe(&self) -> Value;

    /// How many calls run at once, where that is bounded here.
    fn concurrency(&self) -> Option<usize>;
}

/// The embedded service.
pub struct Lambda {
    functions: BTreeMap<String, Arc<dyn Function>>,
    database: Database,
    clock: Clock,
    outbox: Outbox,
    measures: Measures,
    activities: Arc<Activities>,
}

/// A function's name, taken from whatever a caller may call it by.
struct Named {
    name: String,
    qualifier: Option<String>,
}

impl Named {
    /// AWS: a name, a partial ARN (`<account>:function:<name>`) or an ARN, each perhaps with a qualifier.
    fn parse(text: &str, query: &str) -> Self {
        let rest = text.rsplit_once("function:").map_or(text, |(_, rest)| rest);
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
            None => (rest, None),
        };
        let pairs = wire::query::pairs(query.as_bytes());
        let in_query = pairs.into_iter().find(|(name, _)| name == "Qualifier").map(|(_, value)| value);
        Self { name: name.to_owned(), qualifier: in_query.or(qualifier) }
    }
}

impl Lambda {
    /// A Lambda of these functions, whose calls are measured.
    pub(crate) fn new(
        functions: BTreeMap<String, Arc<dyn Function>>,
        database: Database,
        clock: Clock,
        outbox: Outbox,
        measures: Measures,
    ) -> Self {
        Self { functions, database, clock, outbox, measures, activities: Arc::default() }
    }

    /// What goes on in the functions.
    pub fn activities(&self) -> Arc<Activities> {
        self.activities.clone()
    }

    fn find(&self, named: &Named, caller: &Caller) -> Result<&Arc<dyn Function>, Fault> {
        let qualifier = named.qualifier.as_deref();
        let found = self.functions.get(&named.name).filter(|_| matches!(qualifier, None | Some("$LATEST")));
        found.ok_or_else(|| {
            let arn = caller.arn("lambda", &format!("function:{}", named.name));
            let arn = qualifier.map_or_else(|| arn.clone(), |qualifier| format!("{arn}:{qualifier}"));
            Fault::sender(404, "ResourceNotFoundException", format!("Function not found: {arn}"))
        })
    }

    async fn call(&self, request: Request, caller: Caller) -> Result<Response<Body>, Fault> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let rest = path.strip_prefix(PREFIX).unwrap_or_default().trim_matches('/');
        let (name, action) = rest.split_once('/').unwrap_or((rest, ""));
        let name = decoded(name.as_bytes(), false);
        let named = Named::parse(&name, parts.uri.query().unwrap_or_default());
        match (&parts.method, &*name, action) {
            (&Method::POST, _, "invocations") => {
                let function = self.find(&named, &caller)?.clone();
                let payload =
                    wire::whole(body, PAYLOAD_BYTES_MAX).await.map_err(|_| too_large(PAYLOAD_BYTES_MAX))?;
                self.invoke(function, &named, payload, &parts.headers, &caller).await
            }
            (&Method::GET, "", "") => {
                let shown: Vec<Value> = self
                    .functions
                    .iter()
                    .map(|(name, function)| configuration(name, function, &caller))
                    .collect();
                Ok(answer(200, &json!({ "Functions": shown })))
            }
            (&Method::GET, _, "") => {
                let function = self.find(&named, &caller)?;
                let configuration = configuration(&named.name, function, &caller);
                let mut output = json!({ "Configuration": configuration, "Tags": {} });
                if let Some(concurrency) = function.concurrency() {
                    output["Concurrency"] = json!({ "ReservedConcurrentExecutions": concurrency });
                }
                Ok(answer(200, &output))
            }
            (&Method::GET, _, "configuration") => {
                Ok(answer(200, &configuration(&named.name, self.find(&named, &caller)?, &caller)))
            }
            (method, _, _) => {
                let call = format!("{method} {path}");
                Err(Fault::unknown_operation("Lambda (functions are made in the settings)", &call))
            }
        }
    }

    async fn invoke(
        &self,
        function: Arc<dyn Function>,
        named: &Named,
        payload: Bytes,
        headers: &http::HeaderMap,
        caller: &Caller,
    ) -> Result<Response<Body>, Fault> {
        let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
        if let Err(error) = serde_json::from_slice::<&serde_json::value::RawValue>(&payload) {
            let message = format!("Could not parse request body into json: {error}");
            return Err(Fault::sender(400, "InvalidRequestContentException", message));
        }
        let arn = caller.arn("lambda", &format!("function:{}", named.name));
        match wire::text(headers, "x-amz-invocation-type") {
            None | Some("RequestResponse") => {}
            Some("DryRun") => return Ok(wire::response(204, "", Body::empty())),
            Some("Event") => {
                self.put_off(arn, &payload, caller.trace_header).await?;
                return Ok(wire::response(202, "", Body::empty()));
            }
            Some(other) => {
                let message = format!(
                    "1 validation error detected: Value '{other}' at 'invocationType' failed to satisfy constraint: \
                     Member must satisfy enum value set: [Event, DryRun, RequestResponse]"
                );
                return Err(Fault::sender(400, "InvalidParameterValueException", message));
            }
        }
        let request_id = random_uuid();
        let client_context = wire::text(headers, "x-amz-client-context").map(str::to_owned);
        let now_ms = self.clock.now_ms();
        let traced = Traced::begin(caller.trace_header, now_ms);
        let activity = self.activities.of(&named.name, &self.clock);
        let (call, under_way) = (self.measures.begin(), activity.begin(&request_id));
        let invocation = Invocation {
            request_id: request_id.clone(),
            arn: arn.clone(),
            payload,
            client_context,
            activity,
            trace_header: traced.header(),
        };
        let outcome = function.invoke(invocation).await;
        under_way.end(&request_id, outcome.as_ref());
        let function = Called { function: &named.name, arn: &arn, request_id: &request_id };
        call.end(&function, traced, outcome.as_ref(), self.clock.now_ms());
        let outcome = outcome?;
        let mut response = wire::response(200, "application/json", outcome.payload);
        let answer = response.headers_mut();
        wire::set(answer, "x-amzn-requestid", &request_id);
        wire::set(answer, "x-amz-executed-version", "$LATEST");
        if let Some(error) = outcome.error {
            wire::set(answer, "x-amz-function-error", error);
        }
        if wire::text(headers, "x-amz-log-type") == Some("Tail") {
            let log = framed(&request_id, &outcome.log);
            let start = log.len().saturating_sub(LOG_TAIL_BYTES);
            wire::set(answer, "x-amz-log-result", &base64::encode(&log[start..]));
        }
        Ok(response)
    }

    /// Writes an asynchronous call down, with the trace that it is made in. It is durable when this returns.
    async fn put_off(
        &self,
        arn: String,
        payload: &Bytes,
        trace_header: Option<TraceHeader>,
    ) -> Result<(), Fault> {
        let body = std::str::from_utf8(payload).ok().filter(|body| body.len() <= EVENT_BYTES_MAX);
        let body = body.ok_or_else(|| too_large(EVENT_BYTES_MAX))?.to_owned();
        let invocation = Destination::Invocation { arn };
        let delivery = Delivery { trace_header, ..Delivery::new(invocation, body, EVENT_RETRY) };
        let now_ms = self.clock.now_ms();
        self.database
            .run(move |connection| Ok::<_, Fault>(Outbox::add(connection, &delivery, now_ms)?))
            .await?;
        self.outbox.wake();
        Ok(())
    }
}

fn framed(request_id: &str, log: &[u8]) -> Vec<u8> {
    let mut framed = format!("START RequestId: {request_id} Version: $LATEST\n").into_bytes();
    framed.extend_from_slice(log);
    framed.extend_from_slice(format!("END RequestId: {request_id}\n").as_bytes());
    framed
}

fn too_large(bytes_max: usize) -> Fault {
    let message = format!("Request must be smaller than {bytes_max} bytes for the InvokeFunction operation");
    Fault::sender(413, "RequestTooLargeException", message)
}

fn configuration(name: &str, function: &Arc<dyn Function>, caller: &Caller) -> Value {
    let mut shown = json!({
        "FunctionName": name, "FunctionArn": caller.arn("lambda", &format!("function:{name}")),
        "Version": "$LATEST", "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
    });
    for (member, value) in function.describe().as_object().into_iter().flatten() {
        shown[member] = value.clone();
    }
    shown
}

fn answer(status: u16, output: &Value) -> Response<Body> {
    wire::response(status, "application/json", output.to_string())
}

impl Service for Lambda {
    fn route(&self) -> Route {
        Route { name: "lambda", paths: &[PREFIX], protocol: Protocol::RestJson, ..Route::default() }
    }

    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            match self.call(request, caller).await {
                Ok(response) => response,
                Err(fault) => fault.in_rest_json(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_many_names() {
        for (text, query, name, qualifier) in [
            ("f", "", "f", None),
            ("f:2", "", "f", Some("2")),
            ("000000000000:function:f", "", "f", None),
            ("arn:aws:lambda:us-east-1:000000000000:function:f:live", "", "f", Some("live")),
            ("f", "Qualifier=%24LATEST", "f", Some("$LATEST")),
        ] {
            let named = Named::parse(text, query);
            assert_eq!((&*named.name, named.qualifier.as_deref()), (name, qualifier), "{text}");
        }
    }
}
