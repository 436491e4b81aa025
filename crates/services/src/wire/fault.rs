//! What a caller is told when a call fails, in the shape that his protocol has for it.

use std::borrow::Cow;

use axum::body::Body;
use ciborium::Value as Cbor;
use darkroom_port::{Refusal, request_id};
use http::Response;
use serde_json::json;

use crate::error::ServicesError;
use crate::router::Protocol;
use crate::wire::xml::Xml;

/// A call that failed: AWS's code and message. Detail of ours goes to the log, not in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP's status.
    pub status: u16,
    /// The error's name in the service's model.
    pub code: Cow<'static, str>,
    /// Its name in the query protocol, where that is another.
    pub query_code: Option<&'static str>,
    /// In words.
    pub message: String,
}

impl Fault {
    /// The caller's own fault.
    pub fn sender(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), query_code: None, message: message.into() }
    }

    /// The same, with the name that the query protocol has for it.
    pub(crate) fn in_query(self, query_code: &'static str) -> Self {
        Self { query_code: Some(query_code), ..self }
    }

    /// Nobody here knows the operation.
    pub(crate) fn unknown_operation(service: &str, operation: &str) -> Self {
        let message = format!("The operation {operation} of {service} is not supported here");
        Self::sender(400, "UnknownOperationException", message).in_query("InvalidAction")
    }

    /// A fault of ours.
    pub(crate) fn internal(detail: &dyn std::fmt::Display) -> Self {
        tracing::error!(%detail, "a request could not be served");
        Self::sender(500, "InternalFailure", "An internal error occurred")
    }

    /// A request that the port refused, as this protocol names it.
    pub(crate) fn refused(refusal: &Refusal, protocol: Protocol) -> Self {
        let (status, code) = match (protocol, refusal) {
            (Protocol::Json | Protocol::Cbor, _) => (refusal.status().as_u16(), refusal.code()),
            (Protocol::RestXml, Refusal::MissingAuthenticationToken) => (403, "AccessDenied"),
            (Protocol::RestXml, Refusal::UnrecognizedClient) => (403, "InvalidAccessKeyId"),
            (Protocol::RestXml, Refusal::ContentMismatch) => (400, "XAmzContentSHA256Mismatch"),
            (Protocol::RestXml, Refusal::TooLarge) => (400, "EntityTooLarge"),
            (Protocol::RestXml, Refusal::Timeout) => (400, "RequestTimeout"),
            (Protocol::RestXml, Refusal::Throttling) => (503, "SlowDown"),
            (Protocol::RestXml, Refusal::Broken(_)) => (400, "IncompleteBody"),
            (Protocol::RestXml, Refusal::IncompleteSignature(_)) => (400, "AuthorizationHeaderMalformed"),
            (Protocol::Query, Refusal::MissingAuthenticationToken) => (403, "MissingAuthenticationToken"),
            (Protocol::Query, Refusal::IncompleteSignature(_)) => (400, "IncompleteSignature"),
            (Protocol::Query, Refusal::UnrecognizedClient) => (403, "InvalidClientTokenId"),
            (Protocol::RestXml | Protocol::Query, Refusal::InvalidSignature(_))
            | (Protocol::Query, Refusal::ContentMismatch) => (403, "SignatureDoesNotMatch"),
            (Protocol::Query, Refusal::TooLarge) => (413, "RequestEntityTooLarge"),
            (Protocol::Query, Refusal::Timeout) => (408, "RequestTimeout"),
            (Protocol::Query, Refusal::Throttling) => (400, "Throttling"),
            (Protocol::Query, Refusal::Broken(_)) => (400, "MalformedInput"),
            (Protocol::RestJson, Refusal::TooLarge | Refusal::Timeout | Refusal::Broken(_)) => {
                (refusal.status().as_u16(), refusal.code())
            }
            (Protocol::RestJson, Refusal::Throttling) => (429, "TooManyRequestsException"),
            (Protocol::RestJson, _) => (403, refusal.code()),
        };
        Self::sender(status, code, refusal.to_string())
    }

    fn is_senders(&self) -> bool {
        self.status < 500
    }

    fn query_code(&self) -> &str {
        self.query_code.unwrap_or(&self.code)
    }

    /// As AWS JSON has it. `namespace` stands before the code where the service writes one.
    pub(crate) fn in_json(&self, namespace: &str, content_type: &'static str) -> Response<Body> {
        let body = json!({ "__type": format!("{namespace}{}", self.code), "message": self.message });
        let mut response = super::response(self.status, content_type, body.to_string());
        self.say_query_code(&mut response);
        response
    }

    /// As RPC v2 in CBOR has it.
    pub(crate) fn in_cbor(&self, namespace: &str) -> Response<Body> {
        let body = Cbor::Map(vec![
            ("__type".into(), format!("{namespace}{}", self.code).into()),
            ("message".into(), self.message.as_str().into()),
        ]);
        let mut response = super::cbor::answer(self.status, Some(&body));
        self.say_query_code(&mut response);
        response
    }

    /// Clients that knew the service when it spoke the query protocol go by its names.
    fn say_query_code(&self, response: &mut Response<Body>) {
        if self.query_code.is_some() {
            let kind = if self.is_senders() { "Sender" } else { "Receiver" };
            let error = format!("{};{kind}", self.query_code());
            super::set(response.headers_mut(), "x-amzn-query-error", &error);
        }
    }

    /// As REST-JSON has it: the code in a header.
    pub(crate) fn in_rest_json(&self) -> Response<Body> {
        let kind = if self.is_senders() { "User" } else { "Service" };
        let body = json!({ "Type": kind, "Message": self.message });
        let mut response = super::response(self.status, "application/json", body.to_string());
        super::set(response.headers_mut(), "x-amzn-errortype", &self.code);
        response
    }

    /// As the query protocol has it.
    pub(crate) fn in_query_xml(&self, namespace: &str) -> Response<Body> {
        let kind = if self.is_senders() { "Sender" } else { "Receiver" };
        let mut xml = Xml::document();
        xml.open_with("ErrorResponse", &[("xmlns", namespace)]);
        xml.within("Error", |xml| {
            xml.leaf("Type", kind);
            xml.leaf("Code", self.query_code());
            xml.leaf("Message", &self.message);
        });
        xml.leaf("RequestId", &request_id());
        xml.close("ErrorResponse");
        super::response(self.status, "text/xml", xml.text())
    }
}

impl From<Refusal> for Fault {
    /// What went wrong in a body. The names are those that the protocols share.
    fn from(refusal: Refusal) -> Self {
        Self::refused(&refusal, Protocol::Query)
    }
}

impl From<ServicesError> for Fault {
    fn from(error: ServicesError) -> Self {
        match error {
            ServicesError::Unavailable => {
                Self::sender(503, "ServiceUnavailable", "The service is not available. Please try again")
            }
            ServicesError::Sqlite(_)
            | ServicesError::Thread(_)
            | ServicesError::File { .. }
            | ServicesError::Corrupt(_)
            | ServicesError::Tables(_)
            | ServicesError::Setting(_) => Self::internal(&error),
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        ServicesError::from(error).into()
    }
}
