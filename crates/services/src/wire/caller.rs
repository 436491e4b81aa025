//! Who calls: the account and region that a request's signature names.

use darkroom_port::{CredentialScope, Stop};
use darkroom_trace::TraceHeader;
use http::{Extensions, HeaderMap, Uri, header};

use crate::outbox::Ticket;

/// The account and region of requests that name none.
#[derive(Clone, Debug)]
pub struct Home {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// Where this server is reached, such as `http://127.0.0.1:4566`: queue URLs begin with it.
    pub url: String,
}

/// The account and region that a request is for, and the service that it was signed for.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The service in the signature's scope, such as `sqs`.
    pub service: Option<String>,
    /// How the caller reached this server, such as `http://localhost:4566`.
    pub url: String,
    /// Whether the server that the request came through is to stop: asked by what waits for long.
    pub stop: Stop,
    /// The trace that the request is made in, as `X-Amzn-Trace-Id` names it.
    pub trace_header: Option<TraceHeader>,
    /// The delivery that the request makes, where it comes from the outbox.
    pub(crate) ticket: Option<Ticket>,
}

impl Caller {
    /// The account itself in a region, for what a service does of its own accord: nobody came through a port.
    pub fn account(account: &str, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            account: account.to_owned(),
            service: None,
            url: String::new(),
            stop: Stop::of(&Extensions::new()),
            trace_header: None,
            ticket: None,
        }
    }

    /// Who a request's credential scope names, and where there is none, home. Whether the signature is right was the
    /// port's to check.
    pub fn of(headers: &HeaderMap, uri: &Uri, extensions: &Extensions, home: &Home) -> Self {
        let CredentialScope { account, region, service } = CredentialScope::of(headers, uri);
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        Self {
            region: region.unwrap_or_else(|| home.region.clone()),
            account: account.unwrap_or_else(|| home.account.clone()),
            service,
            url: host.map_or_else(|| home.url.clone(), |host| format!("http://{host}")),
            stop: Stop::of(extensions),
            trace_header: super::text(headers, "x-amzn-trace-id").and_then(|text| text.parse().ok()),
            ticket: extensions.get().copied(),
        }
    }

    /// `arn:aws:<service>:<region>:<account>:<resource>`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}
