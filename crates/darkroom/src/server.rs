//! A server that runs, asked over its port: by AWS's own calls, signed where the environment has a key.

use anyhow::Context;
use bytes::Bytes;
use darkroom_services::endpoint::{AccessKey, Endpoint, Remote, Scope, refusal_in};
use darkroom_services::wire::encoded;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::cli::ServerArguments;

/// Whoever makes calls in AWS JSON, and waits for the answers.
pub trait Calls {
    /// A call, such as `AmazonSQS.GetQueueUrl` of `sqs`: its output, or how it was refused.
    fn call(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Answered<Value>>;
}

/// A server.
pub struct Server {
    remote: Remote,
    runtime: Runtime,
    url: String,
    region: String,
}

/// A call that was answered, and not with what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// The error's name, such as `ExecutionNotRedrivable`.
    pub code: String,
    /// In words.
    pub message: String,
}

/// What became of a call that was answered.
pub type Answered<T> = Result<T, Refused>;

impl Server {
    /// The server that the command is told of.
    pub fn of(arguments: &ServerArguments) -> anyhow::Result<Self> {
        let url = arguments.url();
        anyhow::ensure!(
            url.starts_with("http://") || url.starts_with("https://"),
            "--endpoint {url} is no URL; expected one such as http://127.0.0.1:4566"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            remote: Remote::new(Some(&url), Some(key())),
            runtime: runtime.context("the connection's thread cannot be started")?,
            url,
            region: arguments.region.clone(),
        })
    }

    /// An object's length in bytes, or nothing where there is none.
    pub fn object_length(&self, bucket: &str, key: &str) -> anyhow::Result<Option<u64>> {
        let answer = self.send("s3", object(Method::HEAD, bucket, key, Bytes::new())?)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        anyhow::ensure!(answer.status().is_success(), "s3://{bucket}/{key}: {}", answer.status());
        let length = answer.headers().get(http::header::CONTENT_LENGTH);
        Ok(length.and_then(|length| length.to_str().ok()?.parse().ok()))
    }

    /// Puts an object. It is durable when this returns.
    pub fn put_object(&self, bucket: &str, key: &str, content: Vec<u8>) -> anyhow::Result<()> {
        let answer = self.send("s3", object(Method::PUT, bucket, key, content.into())?)?;
        if !answer.status().is_success() {
            return Err(refused(&answer)).with_context(|| format!("s3://{bucket}/{key} cannot be put"));
        }
        Ok(())
    }

    fn send(&self, service: &str, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let scope = Scope { service, host_prefix: service, region: &self.region, account: "" };
        let answer = self.runtime.block_on(self.remote.send(scope, request));
        answer.with_context(|| {
            format!(
                "no server answers at {}; start one with `darkroom serve`, or name another with --endpoint",
                self.url
            )
        })
    }
}

impl Calls for Server {
    fn call(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Answered<Value>> {
        let answer = self.send(service, in_json(target, input)?)?;
        output(target, &answer)
    }
}

/// The request of a call in AWS JSON.
pub fn in_json(target: &str, input: &Value) -> Result<Request<Bytes>, http::Error> {
    Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .body(input.to_string().into())
}

/// What its answer says.
pub fn output(target: &str, answer: &Response<Bytes>) -> anyhow::Result<Answered<Value>> {
    if !answer.status().is_success() {
        return Ok(Err(refused(answer)));
    }
    let output = serde_json::from_slice(answer.body());
    Ok(Ok(output.with_context(|| format!("the answer of {target} is no JSON"))?))
}

fn object(method: Method, bucket: &str, key: &str, content: Bytes) -> Result<Request<Bytes>, http::Error> {
    let uri = format!("/{}/{}", encoded(bucket, ""), encoded(key, "/"));
    Request::builder().method(method).uri(uri).body(content)
}

fn refused(answer: &Response<Bytes>) -> Refused {
    let (code, message) = refusal_in(answer);
    Refused { code, message }
}

/// The key of AWS's own variables. A server that checks no signatures takes any.
fn key() -> AccessKey {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let id = variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "darkroom".to_owned());
    let secret = variable("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "darkroom".to_owned());
    AccessKey { id, secret, session_token: variable("AWS_SESSION_TOKEN") }
}
