//! AWS JSON 1.0: from an HTTP request to a call of an action, and from its outcome to an HTTP response.

use std::sync::Arc;

use axum::body::Body;
use darkroom_engine::Engine;
use darkroom_engine::store::{Store, StoreError};
use darkroom_port::{Answer, CredentialScope, Memory, Refusal, Stop, request_id, within_request};
use darkroom_trace::HEADER_BYTES_MAX;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::actions;
use crate::body::{self, BODY_BYTES_MAX, Encoding};
use crate::error::ApiError;
use crate::model;
use crate::usage::Usage;

/// What `X-Amz-Target` begins with.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

/// What Step Functions is called in a signature's scope.
const SERVICE: &str = "states";

/// Bytes of all bodies that are under way. Our choice: as JSON values they may take sixteen times as much.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The API in front of an engine.
pub struct Gateway {
    pub(crate) engine: Arc<Engine>,
    pub(crate) region: String,
    pub(crate) account: String,
    memory: Memory,
    usage: Arc<Usage>,
}

/// Who calls, and whom it reaches: what every action is handed.
pub(crate) struct Context {
    pub(crate) engine: Arc<Engine>,
    pub(crate) region: String,
    pub(crate) account: String,
    /// `X-Amzn-Trace-Id`, as the caller sent it.
    pub(crate) trace_header: Option<String>,
    /// Asked by what may wait for long.
    pub(crate) stop: Stop,
}

/// A call on its way to its action: its input keeps to the model.
pub(crate) struct Call {
    context: Context,
    input: Value,
}

impl Answer for Gateway {
    fn service(&self, _: &Parts) -> Option<&'static str> {
        Some(SERVICE)
    }

    fn is_open(&self, _: &Parts) -> bool {
        false
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match self.call(request).await {
            Ok(body) => response(StatusCode::OK, body),
            Err(error) => {
                if let ApiError::Internal(detail) = &error {
                    tracing::error!(detail, "a request could not be served");
                }
                response(error.status(), error.body())
            }
        }
    }

    fn refuse(&self, _: &Parts, refusal: &Refusal) -> Response<Body> {
        let error = ApiError::Refused(refusal.clone());
        response(error.status(), error.body())
    }
}

fn response(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

/// The action that a request names, if there is one of that name, and its place in the table.
fn action_of(parts: &Parts) -> Option<(&str, usize)> {
    let target = (parts.method == Method::POST).then(|| parts.headers.get("x-amz-target")).flatten()?;
    let name = target.to_str().ok()?.strip_prefix(TARGET_PREFIX)?;
    actions::place_of(name).map(|place| (name, place))
}

impl Gateway {
    /// The API of an engine. `region` and `account` are those of requests that name none.
    pub fn new(engine: Arc<Engine>, region: impl Into<String>, account: impl Into<String>) -> Self {
        let (memory, usage) = (Memory::new(BODIES_BYTES_MAX), Arc::default());
        Self { engine, region: region.into(), account: account.into(), memory, usage }
    }

    /// The same, and its calls are counted here.
    #[must_use]
    pub fn counted_by(self, usage: Arc<Usage>) -> Self {
        Self { usage, ..self }
    }

    /// What the head alone can be refused for comes first.
    async fn call(&self, request: Request<Body>) -> Result<Vec<u8>, ApiError> {
        let (parts, body) = request.into_parts();
        let (name, place) = action_of(&parts).ok_or(ApiError::UnknownOperation)?;
        self.usage.called(place);
        let answered = self.call_named(&parts, name, body).await;
        if answered.as_ref().is_err_and(ApiError::is_throttling) {
            self.usage.throttled(place);
        }
        answered
    }

    async fn call_named(&self, parts: &Parts, name: &str, body: Body) -> Result<Vec<u8>, ApiError> {
        body::check_type(&parts.headers)?;
        let encoding = Encoding::of(&parts.headers)?;
        let sent = self.memory.read(body, BODY_BYTES_MAX).await?;
        let body = body::decode(&self.memory, sent, encoding)?;
        let text = if body.bytes.is_empty() { b"{}" } else { &*body.bytes };
        let input =
            serde_json::from_slice(text).map_err(|error| ApiError::Serialization(error.to_string()))?;
        let context = self.context(parts);
        self.call_action(context, name, input).await
    }

    /// Calls the action of this name, if its input keeps to the model.
    pub(crate) async fn call_action(
        &self,
        context: Context,
        name: &str,
        input: Value,
    ) -> Result<Vec<u8>, ApiError> {
        let found = actions::find(name).zip(model::of_action(name));
        let (action, members) = found.ok_or(ApiError::UnknownOperation)?;
        model::check(members, &input)?;
        action(Call { context, input }).await
    }

    /// The region of the signature's scope; the account where the access key is one.
    fn context(&self, parts: &Parts) -> Context {
        let scope = CredentialScope::of(&parts.headers, &parts.uri);
        Context {
            engine: self.engine.clone(),
            region: scope.region.unwrap_or_else(|| self.region.clone()),
            account: scope.account.unwrap_or_else(|| self.account.clone()),
            trace_header: trace_header(&parts.headers),
            stop: Stop::of(&parts.extensions),
        }
    }
}

/// A tracing header that is one by its form: whatever else a client or a proxy sends is no fault of the call.
fn trace_header(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-amzn-trace-id")?.to_str().ok()?;
    (!text.is_empty() && text.len() <= HEADER_BYTES_MAX).then(|| text.to_owned())
}

impl Call {
    /// Reads the input, runs the action and writes its output.
    pub(crate) async fn run<I, O, F>(self, action: impl FnOnce(Context, I) -> F) -> Result<Vec<u8>, ApiError>
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Future<Output = Result<O, ApiError>>,
    {
        let input = serde_json::from_value(self.input)
            .map_err(|error| ApiError::Internal(format!("a checked input cannot be read: {error}")))?;
        let output = action(self.context, input).await?;
        serde_json::to_vec(&output).map_err(|error| ApiError::Internal(error.to_string()))
    }
}

impl Context {
    /// Runs what waits for the disk, off the threads that serve connections.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(within_request(move || work(&engine)))
            .await
            .map_err(|error| ApiError::Internal(format!("a request panicked: {error}")))?
    }

    /// Runs what asks for this state machine and waits for nothing else: here, where it is in memory.
    pub(crate) async fn with_target<T: Send + 'static>(
        &self,
        state_machine_arn: &str,
        work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        if self.engine.knows_target(state_machine_arn) {
            work(&self.engine)
        } else {
            self.blocking(work).await
        }
    }

    /// Reads the store.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.blocking(move |engine| Ok(read(engine.store().as_ref())?)).await
    }
}
