//! The X-Ray daemon: SDKs send it segments in datagrams, and ask it for sampling rules over TCP on the same port.
//!
//! It hands on what it gets to wherever X-Ray is, by X-Ray's own API. A datagram that is none is counted and left; so is
//! one that comes while too many wait. Nobody is answered, as datagrams are not.
//!
//! Documentation: AWS X-Ray, "Sending segment documents to the X-Ray daemon".

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use darkroom_port::{Answer, Refusal, Server};
use darkroom_trace::DOCUMENT_BYTES_MAX;
use http::request::Parts;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;

use crate::endpoint::{Endpoints, Scope};
use crate::wire::{self, Fault};

/// Documents that wait to be handed on.
const WAITING_MAX: usize = 1_024;
/// Documents that are handed on at once. AWS's own bound.
const BATCH_MAX: usize = 50;
/// Bytes of a request over TCP: statistics of rules.
const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// How long nothing is received after the system did not let it.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a port that the system chose is tried, should its other half be taken.
const TRIES: usize = 10;
/// What the daemon answers over TCP; everything else it sends itself.
const ASKED: [&str; 2] = ["/GetSamplingRules", "/SamplingTargets"];

/// A daemon that has its sockets.
pub struct Daemon {
    datagrams: UdpSocket,
    connections: TcpListener,
    address: SocketAddr,
}

/// Where X-Ray is, and whose.
struct Behind {
    endpoints: Arc<Endpoints>,
    region: String,
    account: String,
}

impl Daemon {
    /// Takes a port, for datagrams and connections. Port 0 is one that is free.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let mut tried = 0;
        loop {
            tried += 1;
            let datagrams = UdpSocket::bind(address).await?;
            let bound = datagrams.local_addr()?;
            match TcpListener::bind(bound).await {
                Ok(connections) => return Ok(Self { datagrams, connections, address: bound }),
                Err(_) if address.port() == 0 && tried < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands on what comes, until it is dropped.
    pub async fn run(self, endpoints: Arc<Endpoints>, region: String, account: String) {
        let behind = Arc::new(Behind { endpoints, region, account });
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let server = Server::new(Proxy(behind.clone())).serve(self.connections, std::future::pending());
        tokio::join!(receive(self.datagrams, queue), hand_on(&behind, waiting), server);
    }
}

async fn receive(datagrams: UdpSocket, queue: mpsc::Sender<String>) {
    // A datagram that is longer than a document and its header is cut, and is none.
    let mut buffer = vec![0; DOCUMENT_BYTES_MAX + 1024];
    let mut refused = 0_u64;
    loop {
        let length = match datagrams.recv_from(&mut buffer).await {
            Ok((length, _)) => length,
            Err(error) => {
                // The system tells of datagrams that others did not take; the socket goes on.
                tracing::debug!(%error, "a datagram could not be received");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let document = buffer.get(..length).and_then(document);
        let taken = document.map(str::to_owned).is_some_and(|document| queue.try_send(document).is_ok());
        if !taken {
            refused += 1;
            tracing::debug!(refused, length, "a datagram is no segment, or came while too many waited");
        }
    }
}

/// The document behind the header, `{"format":"json","version":1}` and the end of a line.
fn document(datagram: &[u8]) -> Option<&str> {
    let (header, document) = std::str::from_utf8(datagram).ok()?.split_once('\n')?;
    let header: Value = serde_json::from_str(header).ok()?;
    let is_known = header["format"] == "json" && header["version"] == 1;
    (is_known && document.len() <= DOCUMENT_BYTES_MAX).then_some(document)
}

async fn hand_on(behind: &Behind, mut waiting: mpsc::Receiver<String>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let body = json!({ "TraceSegmentDocuments": batch }).to_string();
        batch.clear();
        match behind.send("/TraceSegments", body.into()).await {
            Ok(answer) if answer.status().is_success() => {
                let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                for unprocessed in answer["UnprocessedTraceSegments"].as_array().into_iter().flatten() {
                    tracing::debug!(reason = %unprocessed["Message"], "a datagram's document is no segment");
                }
            }
            Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "X-Ray takes no segments"),
            Err(reason) => tracing::warn!(reason, "X-Ray cannot be reached"),
        }
    }
}

impl Behind {
    async fn send(&self, path: &'static str, body: Bytes) -> Result<Response<Bytes>, String> {
        let scope =
            Scope { service: "xray", host_prefix: "xray", region: &self.region, account: &self.account };
        let request = Request::post(path).header("content-type", "application/json").body(body);
        let request = request.map_err(|error| error.to_string())?;
        self.endpoints.send(scope, request).await.map_err(|error| error.to_string())
    }
}

/// Asks X-Ray for those who do not sign: the daemon does that for them.
struct Proxy(Arc<Behind>);

impl Answer for Proxy {
    fn service(&self, _: &Parts) -> Option<&'static str> {
        Some("xray")
    }

    fn is_open(&self, _: &Parts) -> bool {
        true
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = ASKED.into_iter().find(|path| *path == parts.uri.path() && parts.method == Method::POST);
        let Some(path) = path else {
            let asked = format!("{} {}", parts.method, parts.uri.path());
            return Fault::unknown_operation("the X-Ray daemon", &asked).in_rest_json();
        };
        let body = match wire::whole(body, REQUEST_BYTES_MAX).await {
            Ok(body) => body,
            Err(fault) => return fault.in_rest_json(),
        };
        match self.0.send(path, body).await {
            Ok(answer) => answer.map(Body::from),
            Err(reason) => Fault::sender(502, "ServiceUnavailable", reason).in_rest_json(),
        }
    }

    fn refuse(&self, _: &Parts, refusal: &Refusal) -> Response<Body> {
        Fault::from(refusal.clone()).in_rest_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_a_header_and_a_document() {
        let long = format!("{{\"format\":\"json\",\"version\":1}}\n{}", "x".repeat(DOCUMENT_BYTES_MAX + 1));
        for (datagram, expected) in [
            (&b"{\"format\":\"json\",\"version\":1}\n{\"a\":1}"[..], Some("{\"a\":1}")),
            (b"{\"version\": 1, \"format\": \"json\"}\n\n{}", Some("\n{}")),
            (b"{\"format\":\"json\",\"version\":2}\n{}", None),
            (b"{\"format\":\"xml\",\"version\":1}\n{}", None),
            (b"{\"format\":\"json\",\"version\":1}{}", None),
            (b"\xff\n{}", None),
            (b"\n", None),
            (b"", None),
            (long.as_bytes(), None),
        ] {
            assert_eq!(document(datagram), expected, "{}", String::from_utf8_lossy(datagram));
        }
    }
}
