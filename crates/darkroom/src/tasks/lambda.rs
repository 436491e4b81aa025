//! Lambda's Invoke API, as its client: functions that run somewhere else are called over HTTP.
//!
//! A task reaches a function in two ways, by its ARN or through the integration `lambda:invoke`. The call is
//! the same; what becomes of the answer is not: the one gives the function's result, the other wraps it.
//!
//! API: Lambda, `Invoke`.

use std::time::Duration;

use anyhow::Context;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::json::Payload;
use darkroom_engine::TaskOutcome;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest that a function may run. AWS's own bound.
const INVOCATION_MAX: Duration = Duration::from_mins(15);
/// The longest to wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Bytes of a function's answer. AWS's own bound, 6 MB.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Connections that are kept open while nobody uses them.
const IDLE_CONNECTIONS_MAX: usize = 64;

/// A client of one Lambda endpoint.
pub struct Lambda {
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A call of a function.
pub struct Call {
    /// Name or ARN, without version or alias.
    function: String,
    qualifier: Option<String>,
    payload: Bytes,
    headers: Vec<(&'static str, String)>,
}

/// `lambda:invoke`'s parameters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    function_name: String,
    payload: Option<Box<serde_json::value::RawValue>>,
    qualifier: Option<String>,
    invocation_type: Option<String>,
    client_context: Option<String>,
    log_type: Option<String>,
}

/// What Invoke answered, errors of the function among it.
pub struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Call {
    /// A call of a function by its ARN, as a Task's `Resource` has it.
    pub fn by_arn(arn: &str, payload: &str) -> Self {
        let (function, qualifier) = split_qualifier(arn);
        Self { function, qualifier, payload: Bytes::copy_from_slice(payload.as_bytes()), headers: Vec::new() }
    }

    /// A call with the parameters of `arn:aws:states:::lambda:invoke`.
    pub fn by_parameters(parameters: &str) -> Result<Self, Reason> {
        let parameters: Parameters = serde_json::from_str(parameters).map_err(|error| {
            reason("Lambda.AWSLambdaException", format!("the parameters of lambda:invoke are wrong: {error}"))
        })?;
        let (function, qualifier) = split_qualifier(&parameters.function_name);
        let headers = [
            ("x-amz-invocation-type", parameters.invocation_type),
            ("x-amz-client-context", parameters.client_context),
            ("x-amz-log-type", parameters.log_type),
        ];
        Ok(Self {
            function,
            qualifier: parameters.qualifier.or(qualifier),
            payload: payload_text(parameters.payload.as_deref()),
            headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        })
    }
}

/// AWS: a function that is given nothing is given an empty object, and a string is sent as the text in it.
fn payload_text(payload: Option<&serde_json::value::RawValue>) -> Bytes {
    let Some(payload) = payload else { return Bytes::from_static(b"{}") };
    match serde_json::from_str::<String>(payload.get()) {
        Ok(text) => text.into(),
        Err(_) => Bytes::copy_from_slice(payload.get().as_bytes()),
    }
}

impl Lambda {
    /// A client of the endpoint at this URL, such as `http://127.0.0.1:9001`.
    pub fn new(endpoint: &str) -> anyhow::Result<Self> {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let uri: Uri = endpoint.parse().with_context(|| format!("{endpoint} is no URL"))?;
        anyhow::ensure!(
            uri.scheme_str() == Some("http") && uri.host().is_some(),
            "the Lambda endpoint {endpoint} is not of the form http://host:port"
        );
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Ok(Self { endpoint, client })
    }

    /// Calls a function and waits for its answer.
    pub async fn invoke(&self, call: Call) -> Result<Answered, Reason> {
        let request = self.request(call)?;
        match tokio::time::timeout(INVOCATION_MAX, self.exchange(request)).await {
            Ok(answered) => answered,
            Err(_) => Err(reason(
                "Lambda.ClientExecutionTimeoutException",
                format!("the function gave no answer in {} seconds", INVOCATION_MAX.as_secs()),
            )),
        }
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, Reason> {
        let mut url =
            format!("{}/2015-03-31/functions/{}/invocations", self.endpoint, encoded(&call.function));
        if let Some(qualifier) = &call.qualifier {
            url.push_str("?Qualifier=");
            url.push_str(&encoded(qualifier));
        }
        let mut request =
            Request::builder().method(Method::POST).uri(url).header("content-type", "application/json");
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        request
            .body(Full::new(call.payload))
            .map_err(|error| reason("Lambda.SdkClientException", format!("the call cannot be made: {error}")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answered, Reason> {
        let response = self.client.request(request).await.map_err(|error| {
            let name = if error.is_connect() { "Lambda.SdkClientException" } else { "Lambda.Unknown" };
            reason(name, format!("Unable to execute HTTP request: {}", chain(&error)))
        })?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| reason("Lambda.Unknown", format!("the answer cannot be read: {error}")))?
            .to_bytes();
        let body = String::from_utf8(body.into())
            .map_err(|_| reason("Lambda.Unknown", "the answer is no UTF-8 text".to_owned()))?;
        Ok(Answered { status: parts.status, headers: parts.headers, body })
    }
}

impl Answered {
    /// The outcome of a Task whose resource is the function's ARN: what the function returned.
    pub fn result(self) -> TaskOutcome {
        self.check()?;
        let text = if self.body.is_empty() { "null".to_owned() } else { self.body };
        Payload::parse(text)
            .map_err(|error| reason("Lambda.Unknown", format!("the function's answer is no JSON: {error}")))
    }

    /// The outcome of `lambda:invoke`: what Invoke answered, with the result as JSON inside.
    pub fn wrapped(self) -> TaskOutcome {
        self.check()?;
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = header("x-amzn-requestid").unwrap_or_default();
        let mut names: Vec<&str> = self.headers.keys().map(hyper::header::HeaderName::as_str).collect();
        names.sort_unstable();
        let (mut all, mut one) = (Map::new(), Map::new());
        for name in names {
            let values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            let values: Vec<Value> = values.map(Value::from).collect();
            if let Some(first) = values.first() {
                one.insert(name.to_owned(), first.clone());
                all.insert(name.to_owned(), Value::Array(values));
            }
        }
        let metadata = serde_json::json!({
            "AllHttpHeaders": all, "HttpHeaders": one, "HttpStatusCode": self.status.as_u16(),
        });
        // Written by hand: the function's own JSON is passed on as it is.
        let payload = match Payload::parse(self.body.as_str()) {
            Ok(payload) => payload.text().to_string(),
            Err(_) => Value::from(self.body.as_str()).to_string(),
        };
        let text = |value: &str| Value::from(value).to_string();
        let mut members = Vec::new();
        if let Some(version) = header("x-amz-executed-version") {
            members.push(format!("\"ExecutedVersion\":{}", text(version)));
        }
        if let Some(log) = header("x-amz-log-result") {
            members.push(format!("\"LogResult\":{}", text(log)));
        }
        members.push(format!("\"Payload\":{payload}"));
        members.push(format!("\"SdkHttpMetadata\":{metadata}"));
        members.push(format!("\"SdkResponseMetadata\":{{\"RequestId\":{}}}", text(request_id)));
        members.push(format!("\"StatusCode\":{}", self.status.as_u16()));
        Ok(Payload::from_trusted(format!("{{{}}}", members.join(","))))
    }

    /// Whether both Lambda and the function are content.
    fn check(&self) -> Result<(), Reason> {
        if !self.status.is_success() {
            return Err(self.refusal());
        }
        if self.headers.contains_key("x-amz-function-error") {
            return Err(function_error(&self.body));
        }
        Ok(())
    }

    /// Lambda itself refused the call.
    fn refusal(&self) -> Reason {
        let body: Value = serde_json::from_str(&self.body).unwrap_or(Value::Null);
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let code = header("x-amzn-errortype")
            .or_else(|| body["__type"].as_str())
            .map(|code| code.split(':').next().unwrap_or(code))
            .map(|code| code.rsplit('#').next().unwrap_or(code));
        let message = body["Message"].as_str().or_else(|| body["message"].as_str()).unwrap_or(&self.body);
        let request_id = header("x-amzn-requestid").unwrap_or("null");
        let status = self.status.as_u16();
        let shown = code.unwrap_or("null");
        let cause = format!(
            "{message} (Service: AWSLambda; Status Code: {status}; Error Code: {shown}; Request ID: {request_id}; Proxy: null)"
        );
        reason(&format!("Lambda.{}", code.unwrap_or("AWSLambdaException")), cause)
    }
}

/// The function and the payload of `lambda:invoke`'s parameters, for a function in this process.
pub fn function_and_payload(parameters: &str) -> Result<(String, String), Reason> {
    let call = Call::by_parameters(parameters)?;
    let payload = String::from_utf8_lossy(&call.payload).into_owned();
    Ok((call.function, payload))
}

/// The answer of a function in this process, as Invoke would give it.
pub fn wrap_local(result: &Payload) -> Payload {
    let text =
        format!("{{\"ExecutedVersion\":\"$LATEST\",\"Payload\":{},\"StatusCode\":200}}", result.text());
    Payload::from_trusted(text)
}

/// A function's own error: its type, and what it said as a JSON text.
fn function_error(body: &str) -> Reason {
    let described: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let error = described["errorType"].as_str().unwrap_or("Lambda.Unknown");
    reason(error, body.to_owned())
}

/// The function, and the version or alias behind it.
fn split_qualifier(function: &str) -> (String, Option<String>) {
    let name_at = function.find("function:").map_or(0, |at| at + "function:".len());
    match function[name_at..].split_once(':') {
        Some((name, qualifier)) => (format!("{}{name}", &function[..name_at]), Some(qualifier.to_owned())),
        None => (function.to_owned(), None),
    }
}

/// A part of a URL's path or query: everything but unreserved characters is escaped.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

fn reason(error: &str, cause: String) -> Reason {
    Reason { error: Some(error.into()), cause: Some(cause.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answered {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answered { status: StatusCode::from_u16(status).unwrap(), headers: map, body: body.to_owned() }
    }

    #[test]
    fn a_result_is_what_the_function_returned() {
        let outcome = answered(200, &[], "{\"n\": 1.0}").result().unwrap();
        assert_eq!(&**outcome.text(), "{\"n\": 1.0}");
        assert_eq!(&**answered(200, &[], "").result().unwrap().text(), "null");
    }

    #[test]
    fn an_invocation_wraps_what_the_function_returned() {
        let headers = [("x-amz-executed-version", "$LATEST"), ("x-amzn-requestid", "r")];
        let outcome = answered(200, &headers, "[1.0]").wrapped().unwrap();
        assert_eq!(
            &**outcome.text(),
            "{\"ExecutedVersion\":\"$LATEST\",\"Payload\":[1.0],\"SdkHttpMetadata\":{\"AllHttpHeaders\":\
             {\"x-amz-executed-version\":[\"$LATEST\"],\"x-amzn-requestid\":[\"r\"]},\"HttpHeaders\":\
             {\"x-amz-executed-version\":\"$LATEST\",\"x-amzn-requestid\":\"r\"},\"HttpStatusCode\":200},\
             \"SdkResponseMetadata\":{\"RequestId\":\"r\"},\"StatusCode\":200}"
        );
    }

    #[test]
    fn errors_have_awss_names() {
        let failed =
            answered(200, &[("x-amz-function-error", "Unhandled")], "{\"errorType\":\"ValueError\"}");
        let reason = failed.result().unwrap_err();
        assert_eq!(reason.error.as_deref(), Some("ValueError"));
        assert_eq!(reason.cause.as_deref(), Some("{\"errorType\":\"ValueError\"}"));
        let missing = answered(
            404,
            &[("x-amzn-errortype", "ResourceNotFoundException"), ("x-amzn-requestid", "r")],
            "{\"Type\":\"User\",\"Message\":\"Function not found: f\"}",
        );
        let reason = missing.wrapped().unwrap_err();
        assert_eq!(reason.error.as_deref(), Some("Lambda.ResourceNotFoundException"));
        assert_eq!(
            reason.cause.as_deref(),
            Some(
                "Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: \
                 ResourceNotFoundException; Request ID: r; Proxy: null)"
            )
        );
    }

    #[test]
    fn a_payload_is_sent_as_it_is_and_a_string_as_the_text_in_it() {
        for (parameters, sent) in [
            (r#"{"FunctionName": "f", "Payload": {"n": 1.0}}"#, r#"{"n": 1.0}"#),
            (r#"{"FunctionName": "f", "Payload": "{\"n\": 1}"}"#, r#"{"n": 1}"#),
            (r#"{"FunctionName": "f", "Payload": "\"text\""}"#, r#""text""#),
            (r#"{"FunctionName": "f", "Payload": null}"#, "{}"),
            (r#"{"FunctionName": "f"}"#, "{}"),
        ] {
            assert_eq!(Call::by_parameters(parameters).unwrap().payload, sent, "{parameters}");
        }
    }

    #[test]
    fn a_version_is_told_from_the_name() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        for (text, function, qualifier) in [
            ("f", "f", None),
            ("f:2", "f", Some("2")),
            (arn, arn, None),
            (&format!("{arn}:live"), arn, Some("live")),
            ("000000000000:function:f:$LATEST", "000000000000:function:f", Some("$LATEST")),
        ] {
            let expected = (function.to_owned(), qualifier.map(str::to_owned));
            assert_eq!(split_qualifier(text), expected, "{text}");
        }
        assert_eq!(encoded("a:b/c"), "a%3Ab%2Fc");
    }
}
