//! A function that is any HTTP server: the event is posted to its URL, the result is the answer's body.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};

use super::{Function, Invocation, Outcome, PAYLOAD_BYTES_MAX};
use crate::endpoint::{HttpClient, chain, http_client};
use crate::wire::Fault;

/// A function behind a URL.
pub struct Url {
    url: String,
    timeout: Duration,
    client: HttpClient,
}

impl Url {
    /// The function at this URL, which has this long to answer.
    pub fn new(url: &str, timeout: Duration) -> Self {
        Self { url: url.to_owned(), timeout, client: http_client() }
    }

    async fn post(&self, invocation: Invocation) -> Result<Outcome, String> {
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &invocation.request_id)
            .header("lambda-runtime-invoked-function-arn", &invocation.arn)
            .header("x-amzn-trace-id", invocation.trace_header.to_string())
            .body(Full::new(invocation.payload))
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| chain(&error))?;
        let (parts, body) = response.into_parts();
        let body =
            Limited::new(body, PAYLOAD_BYTES_MAX).collect().await.map_err(|error| chain(error.as_ref()))?;
        let payload: Bytes = body.to_bytes();
        if !parts.status.is_success() {
            return Err(format!("the function's URL answered {}", parts.status));
        }
        let error = parts.headers.contains_key("x-amz-function-error").then_some("Unhandled");
        Ok(Outcome { payload, error, log: Vec::new() })
    }
}

impl Function for Url {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>> {
        Box::pin(async move {
            Ok(match tokio::time::timeout(self.timeout, self.post(invocation)).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(reason)) => Outcome::failed("Runtime.ExitError", &reason),
                Err(_) => {
                    let message = format!("Task timed out after {:.2} seconds", self.timeout.as_secs_f64());
                    Outcome::failed("Sandbox.Timedout", &message)
                }
            })
        })
    }

    fn describe(&self) -> Value {
        json!({ "Timeout": self.timeout.as_secs() })
    }

    fn concurrency(&self) -> Option<usize> {
        None
    }
}
