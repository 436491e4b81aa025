//! `http:invoke`: a call of any HTTP API, within bounds: no address that is not public unless it is allowed, no
//! redirect, no large answer, no long wait.
//!
//! Documentation: Step Functions, "Call HTTPS APIs".

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Map, Value, json};

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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Transform {
    request_body_encoding: Option<String>,
    request_encoding_options: Option<Encoding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Encoding {
    array_format: Option<String>,
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
            Ok(Ok(response)) => answer(&response),
            Ok(Err(reason)) => Err(TaskFault::new(SOCKET, reason)),
            Err(_) => Err(TaskFault::new(SOCKET, format!("no answer in {} seconds", CALL_MAX.as_secs()))),
        }
    }

    fn request(&self, parameters: Parameters) -> Result<Request<Full<Bytes>>, TaskFault> {
        let wrong = |reason: String| TaskFault::runtime(reason);
        let mut url = parameters.api_endpoint.clone();
        for (name, value) in &parameters.query_parameters {
            for value in each(value) {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&encoded(name, ""));
                url.push('=');
                url.push_str(&encoded(&as_text(value), ""));
            }
        }
        let uri: Uri = url.parse().map_err(|_| wrong(format!("ApiEndpoint {url} is no URL")))?;
        self.check(&uri)?;
        let method = match &*parameters.method {
            method @ ("GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "HEAD") => method,
            other => return Err(wrong(format!("Method {other} is not supported"))),
        };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong("Method is none".to_owned()))?;
        let mut headers: BTreeMap<String, String> =
            [("user-agent", "Amazon|StepFunctions|HttpInvoke|us-east-1"), ("range", "bytes=0-262144")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        for (name, value) in &parameters.headers {
            let name = name.to_ascii_lowercase();
            if REFUSED_HEADERS.contains(&&*name)
                || name.starts_with("x-forwarded")
                || name.starts_with("x-amz")
            {
                return Err(wrong(format!("The header {name} cannot be set by a state machine")));
            }
            headers.insert(name, as_text(value));
        }
        let body = body(&parameters, &mut headers)?;
        let connection = parameters.authentication.or(parameters.invocation_config);
        if let Some(ByConnection { connection_arn }) = connection {
            headers.extend(self.connection(&connection_arn)?.headers.clone());
        }
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body)).map_err(|error| wrong(error.to_string()))
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

fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        other => vec![other],
    }
}

fn body(parameters: &Parameters, headers: &mut BTreeMap<String, String>) -> Result<Bytes, TaskFault> {
    let Some(body) = &parameters.request_body else { return Ok(Bytes::new()) };
    let transform = parameters.transform.as_ref();
    let (kind, text) = match transform.and_then(|transform| transform.request_body_encoding.as_deref()) {
        None | Some("NONE") => ("application/json", as_text(body)),
        Some("URL_ENCODED") => {
            let options = transform.and_then(|transform| transform.request_encoding_options.as_ref());
            let format = options.and_then(|options| options.array_format.as_deref()).unwrap_or("INDICES");
            let mut fields = Vec::new();
            form_fields("", body, format, &mut fields)?;
            ("application/x-www-form-urlencoded", fields.join("&"))
        }
        Some(other) => {
            return Err(TaskFault::runtime(format!("RequestBodyEncoding {other} is not supported")));
        }
    };
    headers.entry("content-type".to_owned()).or_insert_with(|| kind.to_owned());
    Ok(text.into())
}

/// A form's fields: members in brackets, arrays as `format` says.
fn form_fields(path: &str, value: &Value, format: &str, fields: &mut Vec<String>) -> Result<(), TaskFault> {
    let field = |path: &str, text: &str| format!("{}={}", encoded(path, "[]"), encoded(text, ""));
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}[{name}]") };
                form_fields(&inner, value, format, fields)?;
            }
        }
        Value::Array(values) if format == "COMMAS" => {
            let texts: Vec<String> = values.iter().map(as_text).collect();
            fields.push(field(path, &texts.join(",")));
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                let inner = match format {
                    "INDICES" => format!("{path}[{at}]"),
                    "BRACKETS" => format!("{path}[]"),
                    "REPEAT" => path.to_owned(),
                    other => return Err(TaskFault::runtime(format!("ArrayFormat {other} is not supported"))),
                };
                form_fields(&inner, value, format, fields)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            fields.push(field(path, &as_text(value)));
        }
    }
    Ok(())
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

/// Looks names up, and keeps back addresses that are not public.
#[derive(Clone)]
struct Resolver {
    allow_private: bool,
}

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| allow_private || is_public(address.ip())).collect();
            if allowed.is_empty() {
                let reason = format!("{} has no public address", name.as_str());
                return Err(std::io::Error::other(reason));
            }
            Ok(allowed.into_iter())
        })
    }
}

/// Whether an address is anybody's on the Internet, and not this machine's or this network's own.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_benchmark = first == 198 && (second == 18 || second == 19);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || is_shared
                || is_benchmark)
        }
        IpAddr::V6(address) => {
            let segments = address.segments();
            let embedded = match segments {
                [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                    let [.., a, b, c, d] = address.octets();
                    Some(Ipv4Addr::new(a, b, c, d))
                }
                _ => None,
            };
            match embedded {
                Some(embedded) => is_public(IpAddr::V4(embedded)),
                // Of the others, global unicast is 2000::/3, without what is for documentation.
                None => segments[0] & 0xe000 == 0x2000 && !(segments[0] == 0x2001 && segments[1] == 0xdb8),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ones_own_are_not_public() {
        for (address, expected) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::a00:1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

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

    #[test]
    fn forms_say_arrays_in_four_ways() {
        let value = json!({ "a": [1, "b c"], "o": { "x": true } });
        for (format, expected) in [
            ("INDICES", "a[0]=1&a[1]=b%20c&o[x]=true"),
            ("REPEAT", "a=1&a=b%20c&o[x]=true"),
            ("COMMAS", "a=1%2Cb%20c&o[x]=true"),
            ("BRACKETS", "a[]=1&a[]=b%20c&o[x]=true"),
        ] {
            let mut fields = Vec::new();
            form_fields("", &value, format, &mut fields).unwrap();
            assert_eq!(fields.join("&"), expected);
        }
    }
}
