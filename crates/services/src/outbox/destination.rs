//! Where a delivery goes, and one attempt at taking it there.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use darkroom_trace::TraceHeader;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Delivery, Failure, Ticket, smtp};
use crate::endpoint::{Endpoints, HttpClient, Scope, chain, http_client};
use crate::tasks::code_and_message;
use crate::wire::{self, encoded, random_uuid};

/// The longest to wait for an HTTP endpoint. AWS's own.
const HTTP_ANSWER_MAX: Duration = Duration::from_secs(15);

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Destination {
    Queue {
        arn: String,
        attributes: Map<String, Value>,
        group_id: Option<String>,
        /// Whether FIFO queues alone are told of the group.
        #[serde(default)]
        is_group_for_fifo: bool,
        /// The same for every attempt, so that a FIFO queue takes one.
        deduplication_id: String,
    },
    Topic {
        arn: String,
        #[serde(default)]
        subject: Option<String>,
    },
    /// Called, and not waited for.
    Function {
        arn: String,
    },
    /// Called and waited for: an asynchronous call of the embedded Lambda.
    Invocation {
        arn: String,
    },
    StateMachine {
        arn: String,
        name: Option<String>,
    },
    Bus {
        arn: String,
        source: String,
        detail_type: String,
    },
    Http {
        url: String,
        headers: BTreeMap<String, String>,
    },
    Mail {
        address: String,
        subject: String,
    },
    /// A line of a file in the deliverer's folder.
    File {
        name: String,
    },
}

impl Destination {
    /// Where it is, as the log may have it: without subjects, headers, addresses of people, and what stands behind a
    /// URL's host, which may let in whoever has it.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Queue { arn, .. }
            | Self::Topic { arn, .. }
            | Self::Function { arn }
            | Self::Invocation { arn }
            | Self::StateMachine { arn, .. }
            | Self::Bus { arn, .. } => arn.clone(),
            Self::Http { url, .. } => {
                let host = url.parse().ok().and_then(|url: http::Uri| url.host().map(str::to_owned));
                format!("http endpoint at {}", host.unwrap_or_default())
            }
            Self::Mail { .. } => "mail".to_owned(),
            Self::File { name } => name.clone(),
        }
    }

    pub(crate) fn queue(arn: &str) -> Self {
        Self::Queue {
            arn: arn.to_owned(),
            attributes: Map::new(),
            group_id: None,
            is_group_for_fifo: false,
            deduplication_id: random_uuid(),
        }
    }

    /// The queue of dead letters for what did not get here. What was for a group is for the same one there.
    pub(super) fn dead_letters_in(&self, arn: &str) -> Self {
        match self {
            Self::Queue { arn: _, attributes, group_id, is_group_for_fifo, deduplication_id } => {
                Self::Queue {
                    arn: arn.to_owned(),
                    attributes: attributes.clone(),
                    group_id: group_id.clone(),
                    is_group_for_fifo: *is_group_for_fifo,
                    deduplication_id: deduplication_id.clone(),
                }
            }
            Self::Topic { .. }
            | Self::Function { .. }
            | Self::Invocation { .. }
            | Self::StateMachine { .. }
            | Self::Bus { .. }
            | Self::Http { .. }
            | Self::Mail { .. }
            | Self::File { .. } => Self::queue(arn),
        }
    }

    pub(crate) fn function(arn: &str) -> Self {
        Self::Function { arn: arn.to_owned() }
    }
}

/// Where mail is handed over: a relay that takes it without TLS, such as one on this machine.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `host:port`.
    pub relay: String,
    /// Who sends.
    pub from: String,
}

/// What a request says of the delivery that it makes.
#[derive(Clone, Copy)]
struct Mark {
    ticket: Ticket,
    trace_header: Option<TraceHeader>,
}

impl Mark {
    fn put_on<T>(self, request: &mut Request<T>) {
        request.extensions_mut().insert(self.ticket);
        if let Some(header) = self.trace_header {
            wire::set(request.headers_mut(), "x-amzn-trace-id", &header.to_string());
        }
    }
}

/// Makes deliveries.
pub struct Deliverer {
    endpoints: Arc<Endpoints>,
    client: HttpClient,
    mail: Option<Mail>,
    folder: PathBuf,
}

impl Deliverer {
    /// Services through these endpoints, mail through this relay, files in this folder.
    pub fn new(endpoints: Arc<Endpoints>, mail: Option<Mail>, folder: PathBuf) -> Self {
        Self { endpoints, client: http_client(), mail, folder }
    }

    pub(super) async fn deliver(&self, delivery: &Delivery, ticket: Ticket) -> Result<(), Failure> {
        let (body, mark) = (&delivery.body, Mark { ticket, trace_header: delivery.trace_header });
        match &delivery.destination {
            Destination::Queue { arn, attributes, group_id, is_group_for_fifo, deduplication_id } => {
                let (account, name) = tail(arn);
                let mut input = json!({ "QueueUrl": format!("/{account}/{name}"), "MessageBody": body });
                if !attributes.is_empty() {
                    input["MessageAttributes"] = Value::Object(attributes.clone());
                }
                let is_fifo = name.strip_suffix(".fifo").is_some();
                if let Some(group_id) = group_id.as_ref().filter(|_| is_fifo || !is_group_for_fifo) {
                    input["MessageGroupId"] = json!(group_id);
                }
                if is_fifo {
                    input["MessageDeduplicationId"] = json!(deduplication_id);
                }
                self.json_call(mark, arn, "sqs", "AmazonSQS.SendMessage", &input).await
            }
            Destination::Topic { arn, subject } => {
                let mut form = format!(
                    "Action=Publish&Version=2010-03-31&TopicArn={}&Message={}",
                    encoded(arn, ""),
                    encoded(body, "")
                );
                if let Some(subject) = subject {
                    form.push_str("&Subject=");
                    form.push_str(&encoded(subject, ""));
                }
                let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
                self.call(mark, arn, "sns", request.body(form.into())).await
            }
            Destination::Function { arn } => self.invoke(mark, arn, "Event", body).await,
            Destination::Invocation { arn } => self.invoke(mark, arn, "RequestResponse", body).await,
            Destination::StateMachine { arn, name } => {
                let mut input = json!({ "stateMachineArn": arn, "input": body });
                if let Some(name) = name {
                    input["name"] = json!(name);
                }
                self.json_call(mark, arn, "states", "AWSStepFunctions.StartExecution", &input).await
            }
            Destination::Bus { arn, source, detail_type } => {
                let entry = json!({
                    "EventBusName": arn, "Source": source, "DetailType": detail_type, "Detail": body,
                });
                self.json_call(mark, arn, "events", "AWSEvents.PutEvents", &json!({ "Entries": [entry] }))
                    .await
            }
            Destination::Http { url, headers } => self.post(mark, url, headers, body).await,
            Destination::Mail { address, subject } => {
                let mail = self.mail.as_ref().ok_or_else(|| final_failure("no mail relay is set"))?;
                smtp::send(mail, address, subject, body).await
            }
            Destination::File { name } => self.append(name, body).await,
        }
    }

    async fn invoke(
        &self,
        mark: Mark,
        arn: &str,
        invocation_type: &str,
        payload: &str,
    ) -> Result<(), Failure> {
        let path = format!("/2015-03-31/functions/{}/invocations", encoded(arn, ""));
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("x-amz-invocation-type", invocation_type);
        self.call(mark, arn, "lambda", request.body(Bytes::copy_from_slice(payload.as_bytes()))).await
    }

    async fn json_call(
        &self,
        mark: Mark,
        arn: &str,
        service: &str,
        target: &str,
        input: &Value,
    ) -> Result<(), Failure> {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target);
        self.call(mark, arn, service, request.body(input.to_string().into())).await
    }

    async fn call(
        &self,
        mark: Mark,
        arn: &str,
        service: &str,
        request: Result<Request<Bytes>, http::Error>,
    ) -> Result<(), Failure> {
        let mut request = request.map_err(|error| final_failure(&error.to_string()))?;
        mark.put_on(&mut request);
        let mut parts = arn.split(':').skip(3);
        let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let scope = Scope { service, host_prefix: service, region, account };
        let answer = self
            .endpoints
            .send(scope, request)
            .await
            .map_err(|error| Failure { is_final: false, reason: error.to_string() })?;
        if answer.headers().contains_key("x-amz-function-error") {
            return Err(Failure { is_final: false, reason: "the function failed".to_owned() });
        }
        if answer.status().is_success() || is_repeat(answer.body()) {
            return Ok(());
        }
        // Its code and no more: the message may say again what was sent.
        let (code, _) = code_and_message(&answer);
        Err(Failure { is_final: is_refusal(answer.status()), reason: format!("{} {code}", answer.status()) })
    }

    async fn post(
        &self,
        mark: Mark,
        url: &str,
        headers: &BTreeMap<String, String>,
        body: &str,
    ) -> Result<(), Failure> {
        let mut request = Request::post(url).header("content-type", "text/plain; charset=UTF-8");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(|error| final_failure(&error.to_string()))?;
        mark.put_on(&mut request);
        let answer = tokio::time::timeout(HTTP_ANSWER_MAX, self.client.request(request)).await;
        match answer {
            Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
            Ok(Ok(answer)) => {
                Err(Failure { is_final: is_refusal(answer.status()), reason: answer.status().to_string() })
            }
            Ok(Err(error)) => Err(Failure { is_final: false, reason: chain(&error) }),
            Err(_) => Err(Failure { is_final: false, reason: "no answer in time".to_owned() }),
        }
    }

    /// After it returns the line is on disk.
    async fn append(&self, name: &str, line: &str) -> Result<(), Failure> {
        let (folder, path) = (self.folder.clone(), self.folder.join(name));
        let line = format!("{}\n", line.replace(['\r', '\n'], " "));
        let write = move || {
            std::fs::create_dir_all(folder)?;
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other);
        written.flatten().map_err(|error| Failure { is_final: false, reason: error.to_string() })
    }
}

/// An execution of this name runs already: an earlier attempt was heard.
fn is_repeat(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["__type"].as_str().is_some_and(|kind| kind.ends_with("ExecutionAlreadyExists"))
}

/// AWS: the caller's own faults are not tried again, but for those that pass.
fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error()
        && status != StatusCode::TOO_MANY_REQUESTS
        && status != StatusCode::REQUEST_TIMEOUT
}

fn tail(arn: &str) -> (&str, &str) {
    let mut parts = arn.rsplit(':');
    let name = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), name)
}

fn final_failure(reason: &str) -> Failure {
    Failure { is_final: true, reason: reason.to_owned() }
}
