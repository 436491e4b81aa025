//! A client of the API: one connection that is kept open.

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A connection. It makes one call at a time.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("nobody answers at {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // What goes wrong in it is the answer of the call that waits for it.
        tokio::spawn(connection);
        Ok(Self { sender, address: address.to_owned() })
    }

    /// Calls an action; any answer but a success is an error.
    pub async fn call(&mut self, action: &str, input: &Value) -> anyhow::Result<Value> {
        let body = self.call_raw(action, input.to_string().into()).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// The same with the input and the output as texts.
    pub async fn call_raw(&mut self, action: &str, input: Bytes) -> anyhow::Result<Bytes> {
        let request = Request::post("/")
            .header("host", &self.address)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{action}"))
            .body(Full::new(input))?;
        self.sender.ready().await.context("the connection was closed")?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::ensure!(status == StatusCode::OK, "{action}: {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}
