//! How a Task's call failed: the error's name and the cause's words, as the SDKs inside Step Functions make them.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use crate::endpoint::Unreachable;
use crate::wire::{text, xml};

/// An error that the state machine can retry or catch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct TaskFault {
    /// Its name, such as `SQS.QueueDoesNotExistException`.
    pub error: String,
    /// In words, or as JSON.
    pub cause: String,
}

/// A service as the older SDK names it, which the optimized integrations use.
#[derive(Clone, Copy)]
pub(super) struct Optimized {
    /// In front of the error's name.
    pub(super) prefix: &'static str,
    /// In the cause's words.
    pub(super) service: &'static str,
    /// The error of a code that the service's model does not have.
    pub(super) general: &'static str,
    /// Codes of the model that have an exception of their own.
    pub(super) modelled: &'static [&'static str],
}

impl TaskFault {
    pub(super) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }

    pub(super) fn runtime(cause: String) -> Self {
        Self::new("States.Runtime", cause)
    }

    pub(super) fn unsupported(resource: &str) -> Self {
        Self::new("States.TaskFailed", format!("The resource {resource} is not supported here"))
    }

    /// A call that got no answer.
    pub(super) fn unreachable(prefix: &str, error: &Unreachable) -> Self {
        Self::new(format!("{prefix}.SdkClientException"), error.to_string())
    }

    /// A refused call of an optimized integration.
    pub(super) fn refused(service: Optimized, response: &Response<Bytes>) -> Self {
        let (code, message) = code_and_message(response);
        let Optimized { prefix, service: name, general, modelled } = service;
        let shown = text(response.headers(), "x-amzn-query-error")
            .and_then(|error| error.split(';').next())
            .unwrap_or(&code);
        let cause = format!(
            "{message} (Service: {name}; Status Code: {}; Error Code: {shown}; Request ID: {}; Proxy: null)",
            response.status().as_u16(),
            request_id(response)
        );
        let exception = if modelled.contains(&&*code) { exception(&code) } else { general.to_owned() };
        Self::new(format!("{prefix}.{exception}"), cause)
    }

    /// A refused call of an `aws-sdk` integration.
    pub(super) fn refused_by_sdk<'a>(
        service: &str,
        mut modelled: impl Iterator<Item = &'a str>,
        response: &Response<Bytes>,
    ) -> Self {
        let (code, message) = code_and_message(response);
        let extended =
            text(response.headers(), "x-amz-id-2").map(|id| format!(", Extended Request ID: {id}"));
        let cause = format!(
            "{message} (Service: {service}, Status Code: {}, Request ID: {}{}) (SDK Attempt Count: 1)",
            response.status().as_u16(),
            request_id(response),
            extended.unwrap_or_default()
        );
        let is_modelled = modelled.any(|known| known == code);
        let exception = if is_modelled { exception(&code) } else { format!("{service}Exception") };
        Self::new(format!("{service}.{exception}"), cause)
    }
}

/// The SDKs' name of an exception.
fn exception(code: &str) -> String {
    match code.strip_suffix("Fault") {
        Some(stem) => format!("{stem}Exception"),
        None if code.ends_with("Exception") => code.to_owned(),
        None => format!("{code}Exception"),
    }
}

pub(super) fn request_id(response: &Response<Bytes>) -> &str {
    let headers = response.headers();
    text(headers, "x-amzn-requestid").or_else(|| text(headers, "x-amz-request-id")).unwrap_or("null")
}

/// The error's code and message, wherever the service's protocol has them.
pub(crate) fn code_and_message(response: &Response<Bytes>) -> (String, String) {
    let body = String::from_utf8_lossy(response.body());
    if body.trim_start().starts_with('<') {
        let leaf = |name| xml::leaf(&body, name).unwrap_or_default();
        return (leaf("Code"), leaf("Message"));
    }
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    let in_header = text(response.headers(), "x-amzn-errortype");
    let code =
        in_header.or_else(|| json["__type"].as_str()).or_else(|| json["code"].as_str()).unwrap_or_default();
    let code = code.split(':').next().unwrap_or(code);
    let code = code.rsplit('#').next().unwrap_or(code);
    let message = json["message"].as_str().or_else(|| json["Message"].as_str());
    (code.to_owned(), message.map_or_else(|| body.trim().to_owned(), str::to_owned))
}
