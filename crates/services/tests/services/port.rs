//! A port of a test's own, and how it is asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use darkroom_services::clock::Clock;
use darkroom_services::lambda::{Function, InProcess, Workers};
use darkroom_services::roles::Roles;
use darkroom_services::s3::Folders;
use darkroom_services::tasks::{HttpSettings, TaskCall, TaskFault};
use darkroom_services::wire::Home;
use darkroom_services::xray::Source;
use darkroom_services::{Services, Settings};
use darkroom_trace::TraceHeader;
use serde_json::{Value, json};

/// The role of tasks.
pub const ROLE: &str = "arn:aws:iam::000000000000:role/tasks";
pub const ACCOUNT: &str = "000000000000";

/// Running services in a folder.
pub struct Port {
    pub services: Services,
    pub now_ms: Arc<AtomicI64>,
}

/// A function that gives its event back, unless the event says how it is to fail.
pub fn echo() -> Arc<dyn Function> {
    let code = |event: &str| {
        let parsed: Value = serde_json::from_str(event).unwrap_or_default();
        match parsed["fail"].as_str() {
            Some(error) => Err((error.to_owned(), "as it was told".to_owned())),
            None => Ok(event.to_owned()),
        }
    };
    Arc::new(InProcess::new(Arc::new(code), Workers::start("echo", 2).unwrap()))
}

impl Port {
    pub fn open(folder: &Path) -> Self {
        Self::with(folder, BTreeMap::from([("echo".to_owned(), echo())]))
    }

    pub fn with(folder: &Path, functions: BTreeMap<String, Arc<dyn Function>>) -> Self {
        Self::with_segments(folder, functions, None)
    }

    pub fn with_segments(
        folder: &Path,
        functions: BTreeMap<String, Arc<dyn Function>>,
        segments: Option<Arc<dyn Source>>,
    ) -> Self {
        Self::with_settings(folder, |settings| {
            settings.functions = functions;
            settings.segments = segments;
        })
    }

    /// With settings that the caller changes, and no functions.
    pub fn with_settings(folder: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let now_ms = Arc::new(AtomicI64::new(1_750_000_000_000));
        let mut settings = Settings {
            home: Home {
                region: "us-east-1".to_owned(),
                account: ACCOUNT.to_owned(),
                url: "http://localhost:4566".to_owned(),
            },
            data: folder.to_owned(),
            folders: Folders { root: folder.join("buckets"), elsewhere: BTreeMap::new() },
            endpoints: Arc::default(),
            functions: BTreeMap::new(),
            mail: None,
            http: HttpSettings::default(),
            roles: Arc::new(Roles::none()),
            clock: Clock::Manual(now_ms.clone()),
            segments: None,
        };
        change(&mut settings);
        Self { services: Services::open(settings, |_| Vec::new()).unwrap(), now_ms }
    }

    pub fn wait(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    pub async fn send(&self, request: Request) -> (u16, http::HeaderMap, String) {
        let response = self.services.router.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 * 1024 * 1024).await.unwrap();
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    /// A call in AWS JSON: the status and the output.
    pub async fn json(&self, target: &str, input: Value) -> (u16, Value) {
        let request = Request::post("/").header("x-amz-target", target);
        let (status, _, body) = self.send(request.body(Body::from(input.to_string())).unwrap()).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    #[track_caller]
    pub fn ok(&self, target: &str, input: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let (status, output) = self.json(target, input).await;
            assert_eq!(status, 200, "{output} at {caller}");
            output
        }
    }

    /// A call in the query protocol.
    pub async fn form(&self, form: &str) -> (u16, String) {
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let (status, _, body) = self.send(request.body(Body::from(form.to_owned())).unwrap()).await;
        (status, body)
    }

    /// A new queue: its URL and its ARN.
    pub async fn queue(&self, name: &str, attributes: Value) -> (Value, String) {
        let output =
            self.ok("AmazonSQS.CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
        (output["QueueUrl"].clone(), format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"))
    }

    /// Up to ten messages, waiting for one at most as long as a client may.
    pub async fn receive(&self, url: &Value, wait_seconds: u8) -> Vec<Value> {
        let input = json!({
            "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait_seconds,
            "MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"],
        });
        let output = self.ok("AmazonSQS.ReceiveMessage", input).await;
        output["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// A Task's call.
    pub async fn task(&self, resource: &str, parameters: Value) -> Result<Value, TaskFault> {
        self.task_in(None, resource, parameters).await
    }

    /// A Task's call in a trace.
    pub async fn task_in(
        &self,
        trace_header: Option<TraceHeader>,
        resource: &str,
        parameters: Value,
    ) -> Result<Value, TaskFault> {
        let call = TaskCall {
            resource: resource.to_owned(),
            parameters: parameters.to_string(),
            region: "us-east-1".to_owned(),
            account: ACCOUNT.to_owned(),
            execution_arn: "arn:execution".to_owned(),
            state_machine_arn: "arn:machine".to_owned(),
            role_arn: ROLE.to_owned(),
            credentials_role_arn: None,
            trace_header,
        };
        self.services.tasks.call(&call).await.map(|output| serde_json::from_str(&output).unwrap())
    }
}
