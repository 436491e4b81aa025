//! The Lambda Runtime API: what a function's process asks for its next event, and where it brings the result.
//!
//! A process has a server of its own, on a port of the loopback interface, so that it can be nobody but itself.
//!
//! API: Lambda Runtime API 2018-06-01.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::{Invocation, Outcome, PAYLOAD_BYTES_MAX};
use crate::wire;

/// An event on its way to a process.
pub(super) struct Work {
    pub(super) invocation: Invocation,
    pub(super) timeout: Duration,
    /// Told when the process has taken the event.
    pub(super) taken: oneshot::Sender<()>,
    /// Told what came of it.
    pub(super) done: oneshot::Sender<Outcome>,
}

struct Shared {
    work: AsyncMutex<mpsc::Receiver<Work>>,
    current: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    /// What the process said of its failed start.
    init_error: Mutex<Option<Outcome>>,
}

/// A process's server. Dropping it ends it.
pub(super) struct Runtime {
    pub(super) address: String,
    pub(super) work: mpsc::Sender<Work>,
    shared: Arc<Shared>,
    server: AbortHandle,
}

impl Runtime {
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (work, waiting) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            work: AsyncMutex::new(waiting),
            current: Mutex::default(),
            init_error: Mutex::default(),
        });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "a function's runtime server ended");
            }
        });
        Ok(Self { address, work, shared, server: server.abort_handle() })
    }

    /// What the process said before it gave up, if it said anything.
    pub(super) fn init_error(&self) -> Option<Outcome> {
        self.shared.init_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let work = shared.work.lock().await.recv().await;
    let Some(work) = work else { return refused(StatusCode::INTERNAL_SERVER_ERROR) };
    let Work { invocation, timeout, taken, done } = work;
    *shared.current.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((invocation.request_id.clone(), done));
    // Whoever waits for the event to be taken may have given up; the process learns that when it answers.
    let _ = taken.send(());
    let deadline_ms =
        Timestamp::now().as_millisecond() + i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    let mut response = wire::response(200, "application/json", invocation.payload);
    let headers = response.headers_mut();
    wire::set(headers, "lambda-runtime-aws-request-id", &invocation.request_id);
    wire::set(headers, "lambda-runtime-deadline-ms", &deadline_ms.to_string());
    wire::set(headers, "lambda-runtime-invoked-function-arn", &invocation.arn);
    wire::set(headers, "lambda-runtime-trace-id", &invocation.trace_header.to_string());
    if let Some(context) = &invocation.client_context {
        let decoded = crate::base64::decode(context).and_then(|bytes| String::from_utf8(bytes).ok());
        wire::set(headers, "lambda-runtime-client-context", decoded.as_deref().unwrap_or(context));
    }
    response
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    match said(request.into_body()).await {
        Ok(payload) => shared.done(&id, Outcome { payload, ..Outcome::default() }),
        Err(Unheard::TooLarge) => {
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({PAYLOAD_BYTES_MAX} bytes)."
            );
            shared.done(&id, Outcome::failed("Function.ResponseSizeTooLarge", &message));
            refused(StatusCode::PAYLOAD_TOO_LARGE)
        }
        // A process that dies while it answers: how it exits tells what came of the call.
        Err(Unheard::BrokenOff) => refused(StatusCode::BAD_REQUEST),
    }
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    let outcome = described(request).await;
    shared.done(&id, outcome)
}

async fn init_error(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let outcome = described(request).await;
    *shared.init_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    accepted()
}

/// Why there is nothing of what a process said.
enum Unheard {
    TooLarge,
    BrokenOff,
}

/// What a process says. Too much is read to its end all the same (the call's timeout bounds it): a process that is
/// refused while it still writes would see a broken connection, not the refusal.
async fn said(mut body: Body) -> Result<Bytes, Unheard> {
    match Limited::new(&mut body, PAYLOAD_BYTES_MAX).collect().await.map(Collected::to_bytes) {
        Ok(said) => Ok(said),
        Err(error) if error.is::<LengthLimitError>() => {
            while let Some(Ok(_)) = body.frame().await {}
            Err(Unheard::TooLarge)
        }
        Err(_) => Err(Unheard::BrokenOff),
    }
}

/// The error that a process describes; without words it is known by its header alone.
async fn described(request: Request) -> Outcome {
    let kind = wire::text(request.headers(), "lambda-runtime-function-error-type").map(str::to_owned);
    let body = said(request.into_body()).await.unwrap_or_default();
    if serde_json::from_slice::<&serde_json::value::RawValue>(&body).is_ok() {
        return Outcome { payload: body, error: Some("Unhandled"), log: Vec::new() };
    }
    Outcome::failed(kind.as_deref().unwrap_or("Runtime.Unknown"), &String::from_utf8_lossy(&body))
}

impl Shared {
    fn done(&self, id: &str, outcome: Outcome) -> Response<Body> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take() {
            Some((expected, done)) if expected == id => {
                // The caller may have gone.
                drop(done.send(outcome));
                accepted()
            }
            other => {
                *current = other;
                refused(StatusCode::BAD_REQUEST)
            }
        }
    }
}

fn accepted() -> Response<Body> {
    wire::response(202, "application/json", Bytes::from_static(b"{\"status\":\"OK\"}"))
}

fn refused(status: StatusCode) -> Response<Body> {
    let body = serde_json::json!({ "errorType": "InvalidRequest", "errorMessage": status.to_string() });
    wire::response(status.as_u16(), "application/json", body.to_string())
}
