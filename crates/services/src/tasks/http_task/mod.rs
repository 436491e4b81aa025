//! `http:invoke`: a call of any HTTP API, within bounds: no address that is not public unless it is allowed, no
//! redirect, no large answer, no long wait.
//!
//! Documentation: Step Functions, "Call HTTPS APIs".

mod address;
mod form;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use darkroom_port::{Exchange, Header, ReceivedResponse, SentRequest, Witness};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::address::{Resolver, is_public};
use self::form::Transform;
use super::{Output, TaskCall, TaskFault, as_text};
use crate::endpoint::chain;
use crate::wire::encoded;

/// The longest that a call may take. AWS's own bound.
const CALL_MAX: Duration = Duration::from_mins(1);
/// Bytes of an answer: what a state's output may hold.
const ANSWER_BYTES_MAX: usize = 262_144;
/// The name of errors without an HTTP status.
const SOCKET: &str = "States.Http.Socket";

/// Headers that a state machine may not set. AWS's own list, as far as it is documented.
const REFUSED_HEADERS: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "host",
    "max-forwards",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Methods that a state machine may name.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];

/// What `http:invoke` may do.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// Whether loopback, link-local and private addresses, and calls without TLS, are allowed.
    pub allow_private: bool,
    /// Connections by the name in their ARNs, `…:connection/<name>/<id>`.
    pub connections: BTreeMap<String, Connection>,
}

/// What a connection adds to each of its calls.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Headers, the authorization among them.
    pub headers: BTreeMap<String, String>,
}

pub(super) struct Http {
    settings: HttpSettings,
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Parameters {
    api_endpoint: String,
    method: String,
    authentication: Option<ByConnection>,
    invocation_config: Option<ByConnection>,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    query_parameters: Map<String, Value>,
    request_body: Option<Value>,
    transform: Option<Transform>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ByConnection {
    connection_arn: String,
}

impl Http {
    pub(super) fn new(settings: HttpSettings) -> Self {
        let resolver = Resolver { allow_private: settings.allow_private };
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CALL_MAX));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Self { settings, client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    pub(super) async fn invoke(&self, call: &TaskCall) -> Output {
        let parameters: Parameters = serde_json::from_str(&call.parameters).map_err(|error| {
            TaskFault::runtime(format!("The parameters of http:invoke are wrong: {error}"))
        })?;
        let request = self.request(parameters)?;
        let answered = self.exchange(&request).await;
        if let Some(witness) = Witness::current() {
            let response = answered.as_ref().ok().map(|response| received(&request.protocol, response));
            witness.tell(Exchange { request, response });
        }
        answer(&answered?)
    }

    async fn exchange(&self, sent: &SentRequest) -> Result<Response<Bytes>, TaskFault> {
        let mut request = Request::builder().method(&*sent.method).uri(&sent.url);
        for Header { name, value, .. } in &sent.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(sent.body.clone())))
            .map_err(|error| TaskFault::runtime(error.to_string()))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| chain(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| chain(error.as_ref()))?;
            Ok::<_, String>(Response::from_parts(parts, body.to_bytes()))
        };
        match tokio::time::timeout(CALL_MAX, exchange).await {
            Ok(answered) => answered.map_err(|reason| TaskFault::new(SOCKET, reason)),
            Err(_) => Err(TaskFault::new(SOCKET, format!("no answer in {} seconds", CALL_MAX.as_secs()))),
        }
    }

    fn request(&self, parameters: Parameters) -> Result<SentRequest, TaskFault> {
        let mut url = parameters.api_endpoint;
        for (name, value) in &parameters.query_parameters {
            for value in each(value) {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&encoded(name, ""));
                url.push('=');
                url.push_str(&encoded(&as_text(value), ""));
            }
        }
        let uri: Uri = url.parse().map_err(|_| TaskFault::runtime(format!("ApiEndpoint {url} is no URL")))?;
        self.check(&uri)?;
        let method = parameters.method;
        if !METHODS.contains(&&*method) {
            return Err(TaskFault::runtime(format!("Method {method} is not supported")));
        }
        let mut headers = Headers::default();
        headers.set("user-agent", "Amazon|StepFunctions|HttpInvoke|us-east-1", false);
        headers.set("range", "bytes=0-262144", false);
        for (name, value) in &parameters.headers {
            let name = name.to_ascii_lowercase();
            if REFUSED_HEADERS.contains(&&*name)
                || name.starts_with("x-forwarded")
                || name.starts_with("x-amz")
            {
                let reason = format!("The header {name} cannot be set by a state machine");
                return Err(TaskFault::runtime(reason));
            }
            headers.set(&name, &as_text(value), false);
        }
        let mut body = String::new();
        if let Some(given) = &parameters.request_body {
            let (written, kind) = form::written(given, parameters.transform.as_ref())?;
            body = written;
            headers.set_if_absent("content-type", kind);
        }
        let connection = parameters.authentication.or(parameters.invocation_config);
        if let Some(ByConnection { connection_arn }) = connection {
            for (name, value) in &self.connection(&connection_arn)?.headers {
                headers.set(&name.to_ascii_lowercase(), value, true);
            }
        }
        let protocol = uri.scheme_str().unwrap_or_default().to_owned();
        Ok(SentRequest { protocol, method, url, headers: headers.0, body })
    }

    fn connection(&self, arn: &str) -> Result<&Connection, TaskFault> {
        let name = arn.split("connection/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(arn);
        self.settings.connections.get(name).ok_or_else(|| {
            TaskFault::new(
                "EventBridge.ResourceNotFoundException",
                format!("Connection {arn} does not exist."),
            )
        })
    }

    /// A name is looked up by the resolver, which checks what comes of it; an address is checked here.
    fn check(&self, uri: &Uri) -> Result<(), TaskFault> {
        let refused = |reason: String| Err(TaskFault::new(SOCKET, reason));
        let scheme = uri.scheme_str().unwrap_or_default();
        if !(scheme == "https" || scheme == "http" && self.settings.allow_private) {
            return refused(format!("ApiEndpoint {uri} does not begin with https://"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) if !self.settings.allow_private && !is_public(address) => {
                refused(format!("{address} is no public address"))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// The headers of a request, one of a name.
#[derive(Default)]
struct Headers(Vec<Header>);

impl Headers {
    fn set(&mut self, name: &str, value: &str, is_secret: bool) {
        self.0.retain(|header| header.name != name);
        self.0.push(Header { name: name.to_owned(), value: value.to_owned(), is_secret });
    }

    fn set_if_absent(&mut self, name: &str, value: &str) {
        if !self.0.iter().any(|header| header.name == name) {
            self.set(name, value, false);
        }
    }
}

fn received(protocol: &str, response: &Response<Bytes>) -> ReceivedResponse {
    let status = response.status();
    ReceivedResponse {
        protocol: protocol.to_owned(),
        status_code: status.as_u16(),
        status_message: status.canonical_reason().unwrap_or_default().to_owned(),
        headers: lines(response.headers()).collect(),
        body: String::from_utf8_lossy(response.body()).into_owned(),
    }
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = Header> {
    headers.iter().map(|(name, value)| Header {
        name: name.to_string(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        is_secret: false,
    })
}

fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        other => vec![other],
    }
}

fn answer(response: &Response<Bytes>) -> Output {
    let status = response.status();
    let text = String::from_utf8_lossy(response.body()).into_owned();
    let kind = crate::wire::text(response.headers(), "content-type").unwrap_or_default();
    let body = if kind.contains("json") { serde_json::from_str(&text).ok() } else { None };
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in response.headers() {
        headers.entry(name.as_str()).or_default().extend(value.to_str().ok());
    }
    let reason = status.canonical_reason().unwrap_or_default();
    if !status.is_success() {
        let cause = if text.is_empty() { reason.to_owned() } else { text };
        return Err(TaskFault::new(format!("States.Http.StatusCode.{}", status.as_u16()), cause));
    }
    let body = body.unwrap_or(Value::String(text));
    Ok(json!({ "Headers": headers, "ResponseBody": body, "StatusCode": status.as_u16(), "StatusText": reason })
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_public_is_not_called() {
        let http = Http::new(HttpSettings::default());
        for endpoint in
            ["http://example.org", "https://169.254.169.254/latest", "https://[::1]/", "https://localhost/"]
        {
            let call = TaskCall {
                resource: "http:invoke".to_owned(),
                parameters: json!({ "ApiEndpoint": endpoint, "Method": "GET" }).to_string(),
                region: String::new(),
                account: String::new(),
                execution_arn: String::new(),
                state_machine_arn: String::new(),
                role_arn: String::new(),
                credentials_role_arn: None,
                trace_header: None,
            };
            assert_eq!(
                http.invoke(&call).await.map_err(|fault| fault.error),
                Err(SOCKET.to_owned()),
                "{endpoint}"
            );
        }
    }
}
