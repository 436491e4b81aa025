//! What a Task's resource reaches: the optimized integrations, and `aws-sdk:<service>:<action>`.
//!
//! [`Tasks::call`] is given a resource and its parameters, makes AWS's own request of them, sends it to
//! whichever side the service is on, and gives back the output or the error in the shape, the casing and the
//! words that Step Functions has for them. It knows nothing of executions and their histories.
//!
//! Documentation: Step Functions, "Integrating services"; the texts of errors are those that were recorded.

mod casing;
mod dynamodb;
mod events;
mod fault;
mod http_task;
mod lambda;
mod permissions;
mod s3;
mod sdk;
mod sns;
mod sqs;
mod states;

use std::sync::Arc;

use bytes::Bytes;
use darkroom_trace::TraceHeader;
use http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::endpoint::{Endpoints, Scope, Unreachable};
use crate::roles::Roles;
use crate::wire;

pub use fault::TaskFault;
pub(crate) use fault::code_and_message;
pub use http_task::{Connection, HttpSettings};

/// A Task's call.
#[derive(Clone, Debug)]
pub struct TaskCall {
    /// What follows `arn:aws:states:::`, without `.waitForTaskToken`, such as `sqs:sendMessage`; or a
    /// function's ARN.
    pub resource: String,
    /// A JSON text.
    pub parameters: String,
    /// Where the state machine is.
    pub region: String,
    /// Whose it is.
    pub account: String,
    /// The execution that calls.
    pub execution_arn: String,
    /// Its state machine.
    pub state_machine_arn: String,
    /// The state machine's role.
    pub role_arn: String,
    /// The role that the Task takes instead, where it has `Credentials`.
    pub credentials_role_arn: Option<String>,
    /// The trace that the call is made in, under the attempt that it is.
    pub trace_header: Option<TraceHeader>,
}

/// Makes the calls of Tasks.
pub struct Tasks {
    endpoints: Arc<Endpoints>,
    http: http_task::Http,
    roles: Arc<Roles>,
}

type Output = Result<String, TaskFault>;

/// Whether the call's role allows it. [`Tasks::call`] asks this itself; it is for calls that somebody else makes.
pub fn check_permissions(roles: &Roles, call: &TaskCall) -> Result<(), TaskFault> {
    permissions::check(roles, call)
}

impl Tasks {
    /// Calls services through these endpoints, and others over HTTP within these settings, as far as roles allow.
    pub fn new(endpoints: Arc<Endpoints>, http: HttpSettings, roles: Arc<Roles>) -> Self {
        Self { endpoints, http: http_task::Http::new(http), roles }
    }

    /// Makes a call, and answers the Task's output as JSON.
    pub async fn call(&self, call: &TaskCall) -> Output {
        check_permissions(&self.roles, call)?;
        if call.resource.starts_with("arn:") {
            return lambda::by_arn(self, call).await;
        }
        let mut parts = call.resource.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("lambda"), Some("invoke"), None, None) => lambda::invoke(self, call).await,
            (Some("sns"), Some("publish"), None, None) => sns::publish(self, call).await,
            (Some("sqs"), Some("sendMessage"), None, None) => sqs::send_message(self, call).await,
            (
                Some("dynamodb"),
                Some(action @ ("getItem" | "putItem" | "updateItem" | "deleteItem")),
                None,
                None,
            ) => dynamodb::call(self, call, action).await,
            (Some("events"), Some("putEvents"), None, None) => events::put_events(self, call).await,
            (Some("states"), Some("startExecution"), None, None) => states::start_execution(self, call).await,
            (Some("http"), Some("invoke"), None, None) => self.http.invoke(call).await,
            (Some("aws-sdk"), Some("s3"), Some(action), None) => s3::call(self, call, action).await,
            (Some("aws-sdk"), Some(service), Some(action), None) => {
                sdk::call(self, call, service, action).await
            }
            _ => Err(TaskFault::unsupported(&call.resource)),
        }
    }

    async fn send(
        &self,
        call: &TaskCall,
        service: &str,
        host_prefix: &str,
        request: Result<Request<Bytes>, http::Error>,
    ) -> Result<Response<Bytes>, Unreachable> {
        let mut request =
            request.map_err(|error| Unreachable { was_sent: false, reason: error.to_string() })?;
        if let Some(header) = call.trace_header {
            wire::set(request.headers_mut(), "x-amzn-trace-id", &header.to_string());
        }
        let scope = Scope { service, host_prefix, region: &call.region, account: &call.account };
        self.endpoints.send(scope, request).await
    }

    /// A call in AWS JSON.
    async fn send_json(
        &self,
        call: &TaskCall,
        service: &str,
        target: &str,
        input: &Value,
    ) -> Result<Response<Bytes>, Unreachable> {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .body(input.to_string().into());
        self.send(call, service, service, request).await
    }
}

/// The parameters as an object.
fn parameters(call: &TaskCall) -> Result<Map<String, Value>, TaskFault> {
    serde_json::from_str(&call.parameters).map_err(|error| {
        TaskFault::runtime(format!("The parameters of {} are not a JSON object: {error}", call.resource))
    })
}

/// A string's own characters; of anything else its JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// The output of an optimized integration: members by name, and what was said about the call itself.
/// AWS: to the SDK a member that is null is one that is not there.
fn with_metadata(output: Map<String, Value>, response: &Response<Bytes>) -> Value {
    let mut members: Vec<(String, Value)> =
        output.into_iter().filter(|(_, value)| !value.is_null()).collect();
    members.extend(metadata(response));
    members.sort_by(|one, other| one.0.cmp(&other.0));
    Value::Object(members.into_iter().collect())
}

fn metadata(response: &Response<Bytes>) -> [(String, Value); 2] {
    let mut names: Vec<&str> = response.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let (mut all, mut one) = (Map::new(), Map::new());
    for name in names {
        let values = response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        let values: Vec<Value> = values.map(Value::from).collect();
        if let Some(first) = values.first() {
            one.insert(name.to_owned(), first.clone());
            all.insert(name.to_owned(), Value::Array(values));
        }
    }
    let http = json!({
        "AllHttpHeaders": all, "HttpHeaders": one, "HttpStatusCode": response.status().as_u16(),
    });
    let request = json!({ "RequestId": fault::request_id(response) });
    [("SdkHttpMetadata".to_owned(), http), ("SdkResponseMetadata".to_owned(), request)]
}

/// An answer's body as an object. A service that answers anything else has not answered.
fn object_in(response: &Response<Bytes>) -> Result<Map<String, Value>, TaskFault> {
    if response.body().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(response.body())
        .map_err(|error| TaskFault::runtime(format!("The service's answer is no JSON object: {error}")))
}
