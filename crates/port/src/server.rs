//! The listener: connections in, within bounds of number and time, until it is told to stop.
//!
//! HTTP/1.1, and HTTP/2 without TLS for clients that know beforehand. A connection without a request under way is
//! closed after a while: whoever sends a request's head slowly, reads an answer slowly or does nothing holds nothing.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::num::NonZeroU16;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::Level;

use crate::answer::Answer;
use crate::body::Watched;
use crate::credentials::Credentials;
use crate::memory::Memory;
use crate::refusal::Refusal;
use crate::request;
use crate::signature::{Claim, Content, content_hash};

/// A port: who answers, and who may call from where.
pub struct Server<A> {
    answerer: A,
    credentials: Option<Credentials>,
    limits: ServerLimits,
    memory: Memory,
    stop: Stop,
    tell: watch::Sender<bool>,
}

/// Bounds on what clients can hold.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections that are open at once. Further ones wait until another is closed.
    pub connections: NonZeroU16,
    /// How long a connection may have no request under way before it is closed, at most twice as long after it: the time
    /// for a request's head, too.
    pub idle: Duration,
    /// How long a request's body may be waited for, beyond what a slow line takes for its bytes.
    pub body: Duration,
    /// How long a stop waits for what is under way.
    pub stop: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: NonZeroU16::new(4_096).unwrap_or(NonZeroU16::MAX),
            idle: Duration::from_secs(30),
            body: Duration::from_secs(30),
            stop: Duration::from_secs(5),
        }
    }
}

/// Whether the server is to stop. Who waits for long asks it.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Requests of one connection at once, over HTTP/2.
const STREAMS_MAX: u32 = 128;
/// Bytes of a request's head, and of what is read ahead.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long nothing is accepted after the system had no means to.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a body that is held to be hashed, since its signature came without its hash. DynamoDB's are the largest.
const SIGNED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of all such bodies. Our choice.
const SIGNED_BYTES_ALL: usize = 256 * 1024 * 1024;

impl<A: Answer> Server<A> {
    /// Lets everyone who reaches the port ask this.
    pub fn new(answerer: A) -> Self {
        let (tell, told) = watch::channel(false);
        Self {
            answerer,
            credentials: None,
            limits: ServerLimits::default(),
            memory: Memory::new(SIGNED_BYTES_ALL),
            stop: Stop(told),
            tell,
        }
    }

    /// Only those who sign their requests with one of these access keys.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Within other bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: ServerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers a request, or refuses it.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        request::with_id(async {
            let begun = Instant::now();
            let (mut parts, body) = request.into_parts();
            // The path without what stands behind it: a presigned URL has a signature there.
            let asked =
                tracing::enabled!(Level::DEBUG).then(|| (parts.method.clone(), parts.uri.path().to_owned()));
            let watched = Watched::new(Body::new(body), self.limits.body);
            let response = match self.admit(&parts, watched).await {
                Ok(body) => {
                    parts.extensions.insert(self.stop.clone());
                    self.answerer.answer(Request::from_parts(parts, body)).await
                }
                Err(refusal) => self.answerer.refuse(&parts, &refusal),
            };
            if let Some((method, path)) = asked {
                let (status, took) = (response.status().as_u16(), begun.elapsed());
                tracing::debug!(%method, path, status, ?took, "a request is answered");
            }
            response
        })
        .await
    }

    /// The body of a request that is let in. What the head alone can be refused for comes first, so that a stranger's
    /// body is not read.
    async fn admit(&self, parts: &Parts, body: Watched) -> Result<Body, Refusal> {
        let Some(credentials) = self.credentials.as_ref().filter(|_| !self.answerer.is_open(parts)) else {
            return Ok(Body::new(body));
        };
        let claim = Claim::read(parts, credentials, self.answerer.service(parts), SystemTime::now())?;
        match claim.content(parts)? {
            Content::Whole => {
                let held = self.memory.read(Body::new(body), SIGNED_BYTES_MAX).await?;
                claim.verify(parts, &content_hash(&held.bytes))?;
                Ok(held.bytes.into())
            }
            Content::Hash { text, bytes } => {
                claim.verify(parts, &text)?;
                Ok(Body::new(body.hashing_to(bytes)))
            }
            Content::Unsigned(text) => {
                claim.verify(parts, &text)?;
                Ok(Body::new(body))
            }
        }
    }

    /// Accepts connections until `stop` is ready. Then long polls are answered, and what was begun is waited for, within
    /// its bound.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let server = Arc::new(self);
        let all = u32::from(server.limits.connections.get());
        let places = Arc::new(Semaphore::new(usize::from(server.limits.connections.get())));
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let place = places.clone().acquire_owned().await;
                (place, accept(&listener).await)
            };
            let (place, stream) = tokio::select! {
                next = next => next,
                () = &mut stop => break,
            };
            let server = server.clone();
            tokio::spawn(async move {
                server.converse(stream).await;
                drop(place);
            });
        }
        drop(listener);
        server.tell.send_replace(true);
        if tokio::time::timeout(server.limits.stop, places.acquire_many(all)).await.is_err() {
            tracing::warn!("requests that take longer than a stop may wait are given up");
        }
    }

    /// Answers a connection's requests until it ends, or has had none for too long.
    async fn converse(self: Arc<Self>, stream: TcpStream) {
        // Answers are small and awaited; where the option is refused they only come later.
        let _ = stream.set_nodelay(true);
        let under_way = UnderWay::default();
        let service = service_fn(|request| {
            let (server, begun) = (self.clone(), under_way.begin());
            async move {
                let response = server.answer(request).await;
                drop(begun);
                Ok::<_, Infallible>(response)
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().max_buf_size(HEAD_BYTES_MAX);
        builder.http2().max_concurrent_streams(STREAMS_MAX);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut idle = pin!(under_way.idle_for(self.limits.idle));
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = &mut idle => return,
            () = self.stop.asked() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "a connection ended badly");
        }
    }
}

/// The next connection, however long the system cannot give one.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_client_s(&error) => {}
            Err(error) => {
                tracing::error!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether a connection went away before it was accepted.
fn is_client_s(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

impl Stop {
    /// One that never comes.
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// The one of the server that a request came through. One that came through none is never stopped.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(Self::never)
    }

    /// Ready when the server is to stop.
    pub async fn asked(&self) {
        if self.0.clone().wait_for(|stops| *stops).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The requests of a connection: one costs two additions, and wakes nobody.
#[derive(Default)]
struct UnderWay(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A request that is under way until this is dropped.
struct Begun(Arc<Counts>);

impl UnderWay {
    fn begin(&self) -> Begun {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Begun(self.0.clone())
    }

    /// Ready when none has been under way for so long, or up to twice as long: it looks that often.
    async fn idle_for(&self, patience: Duration) {
        let mut begun_before = 0;
        loop {
            tokio::time::sleep(patience).await;
            let begun = self.0.begun.load(Ordering::Relaxed);
            if begun == begun_before && begun == self.0.ended.load(Ordering::Relaxed) {
                return;
            }
            begun_before = begun;
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
