//! What a caller is told when a call fails, in the shape that his protocol has for it.

use std::borrow::Cow;

use axum::body::Body;
use http::Response;
use serde_json::json;

use crate::error::ServicesError;
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
        if self.query_code.is_some() {
            let kind = if self.is_senders() { "Sender" } else { "Receiver" };
            super::set(
                response.headers_mut(),
                "x-amzn-query-error",
                &format!("{};{kind}", self.query_code()),
            );
        }
        response
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
        xml.leaf("RequestId", &super::random_uuid());
        xml.close("ErrorResponse");
        super::response(self.status, "text/xml", xml.text())
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
