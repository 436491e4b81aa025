//! Nested executions: `arn:aws:states:::states:startExecution`, in its four patterns.
//!
//! The child is started like any other, with a name that follows from the task where the task gives none, and with
//! the task noted as its parent. So a task that is run again after a crash finds its child instead of starting a
//! second, and asks to be told of its end again: nothing about waiting is kept but the two histories.
//!
//! Spec: AWS, "Start a new AWS Step Functions state machine from a running execution".

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use darkroom_asl::definition::{MachineType, Pattern, StateMachine};
use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::{Reason, Target};
use darkroom_asl::interpreter::{Identity, Random, Stimulus, TaskId, TaskProgress, TaskRequest};
use darkroom_asl::json::{Payload, Text};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::express::Express;
use super::known::KnownStateMachines;
use super::outlet::{Shards, stimulus};
use super::resources::ResourceError;
use super::{traces, versions};
use crate::arn;
use crate::clock::Clock;
use crate::definitions::Definitions;
use crate::executor::{Invocation, TaskOutcome};
use crate::logged::{logged, logged_as};
use crate::redrive::NotRedrivable;
use crate::shard::{Input, Outcome, StartError, StartRequest, Started};
use crate::store::{DefinitionKey, EndStatus, ExecutionKey, Parent, Store};
use crate::token::hexadecimal;

/// Starts the executions that tasks ask for.
pub(super) struct Nested {
    pub(super) known_state_machines: Arc<KnownStateMachines>,
    pub(super) store: Arc<dyn Store>,
    pub(super) definitions: Arc<Definitions>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random + Send + Sync>,
    pub(super) shards: Shards,
    pub(super) express: Express,
    pub(super) last_key: Arc<AtomicI64>,
}

/// The parameters of `startExecution`.
struct Parameters {
    state_machine_arn: String,
    name: Option<String>,
    input: Payload,
}

/// A refusal by the API, as a task is told of it.
struct Refusal {
    code: &'static str,
    message: String,
}

/// The task that starts an execution, and its way back.
#[derive(Clone)]
struct Asking {
    key: ExecutionKey,
    arn: Text,
    trace_header: Option<Text>,
    task: TaskId,
    pattern: Pattern,
    /// `.sync:2`: the answer holds the child's payloads as JSON.
    parses_payloads: bool,
    shards: Shards,
}

impl Nested {
    /// Starts the execution that the task asks for. The answer is its ARN, where the task waits for its end.
    pub(super) fn run(
        &self,
        key: ExecutionKey,
        identity: Arc<Identity>,
        request: TaskRequest,
    ) -> Option<Text> {
        let pattern = request.scheduled.target.pattern();
        if pattern == Pattern::WaitForTaskToken && request.progress == TaskProgress::Submitted {
            return None;
        }
        let asking = Asking {
            key,
            arn: identity.execution_arn.clone(),
            trace_header: identity.trace_header.clone(),
            task: request.id,
            pattern,
            parses_payloads: matches!(
                &request.scheduled.target,
                Target::Service { resource, .. } if resource.ends_with(".sync:2")
            ),
            shards: self.shards.clone(),
        };
        let invocation = Invocation { key, identity, request };
        let _around = logged(&invocation.identity).entered();
        match self.start(&asking, &invocation) {
            Ok(child) => (pattern == Pattern::RunAJob).then_some(child),
            Err(refusal) => {
                asking.refuse(&refusal, &invocation.idempotency_token());
                None
            }
        }
    }

    /// Stops a child whose parent has given it up.
    pub(super) fn stop(&self, child: &Text) {
        self.shards.send_by_arn(child, Input::Stop(child.clone(), Reason::default(), Box::new(drop)));
    }

    fn start(&self, asking: &Asking, invocation: &Invocation) -> Result<Text, Refusal> {
        let token = invocation.idempotency_token();
        let Parameters { state_machine_arn, name, input } =
            Parameters::read(invocation.request.scheduled.input.text())?;
        let target = versions::target(
            self.store.as_ref(),
            &self.known_state_machines,
            self.random.as_ref(),
            &state_machine_arn,
        )
        .map_err(|error| not_there(&error))?;
        let name = name.unwrap_or_else(|| uuid_of(&token));
        if !arn::is_name(&name) {
            return Err(Refusal { code: "InvalidName", message: format!("Invalid Name: '{name}'") });
        }
        if target.machine.machine_type == MachineType::Express {
            return self.start_express(asking, &target, &name, input, invocation);
        }
        let child = arn::of_execution(&target.machine.arn, &target.machine.name, &name);
        let identity = target.identity(child, &name, self.trace_header(&target, invocation));
        let child = identity.execution_arn.clone();
        if invocation.request.progress == TaskProgress::Submitted {
            asking.watch(&child);
            return Ok(child);
        }
        let parent = Parent { key: asking.key, task: asking.task, waits: asking.pattern == Pattern::RunAJob };
        let request = StartRequest {
            key: ExecutionKey(self.last_key.fetch_add(1, Ordering::Relaxed) + 1),
            identity,
            machine: self.parsed(&target.revision.definition)?,
            definition: target.revision.definition.clone(),
            input,
            // An Express execution is not there after a crash, and nobody asks for its child again.
            parent: Some(parent).filter(|parent| !parent.key.is_express()),
        };
        let started = asking.clone();
        let reply = Box::new(move |answer| started.started(answer, &token));
        self.shards.send_by_arn(&child, Input::Start(request, reply));
        Ok(child)
    }

    fn start_express(
        &self,
        asking: &Asking,
        target: &versions::Target,
        name: &str,
        input: Payload,
        invocation: &Invocation,
    ) -> Result<Text, Refusal> {
        if asking.pattern == Pattern::RunAJob {
            return Err(Refusal {
                code: "StateMachineTypeNotSupported",
                message: "This operation is not supported by this type of state machine".to_owned(),
            });
        }
        let token = invocation.idempotency_token();
        let child = arn::of_express(&target.machine.arn, &target.machine.name, name, &uuid_of(&token));
        let identity = target.identity(child.clone(), name, self.trace_header(target, invocation));
        let started = asking.clone();
        let reply = Box::new(move |answer| started.started(answer, &token));
        let definition = &target.revision.definition;
        self.express.start(identity, definition, &self.parsed(definition)?, input, reply);
        Ok(child.into())
    }

    /// The child's header: in its parent's trace, where that has one.
    fn trace_header(&self, target: &versions::Target, invocation: &Invocation) -> Option<Text> {
        let upstream = invocation.trace_header().map(|header| header.to_string());
        traces::trace_header(target, upstream.as_deref(), self.clock.as_ref(), self.random.as_ref())
    }

    fn parsed(&self, definition: &DefinitionKey) -> Result<Arc<StateMachine>, Refusal> {
        self.definitions.machine(definition).map_err(|error| failure(&error))
    }
}

impl Asking {
    /// The child was started, or was not.
    fn started(self, answer: Result<Started, StartError>, token: &str) {
        let started = match answer {
            Ok(started) => started,
            Err(StartError::AlreadyExists { arn }) => {
                let message = format!("Execution Already Exists: '{arn}'");
                return self.refuse(&Refusal { code: "ExecutionAlreadyExists", message }, token);
            }
            // The task is open in its history, and is run again.
            Err(StartError::ShutDown) => return,
            Err(StartError::TooMany) => {
                let message = "Rate exceeded".to_owned();
                return self.refuse(&Refusal { code: "ThrottlingException", message }, token);
            }
            Err(StartError::Store(error)) => {
                let _around = logged_as(&self.arn, self.trace_header.as_deref()).entered();
                return self.refuse(&failure(&error), token);
            }
        };
        let output = submitted(&started, token);
        match self.pattern {
            Pattern::RequestResponse => self.tell(Stimulus::TaskSucceeded { task: self.task, output }),
            Pattern::WaitForTaskToken => self.tell(Stimulus::TaskSubmitted { task: self.task, output }),
            Pattern::RunAJob => {
                self.tell(Stimulus::TaskSubmitted { task: self.task, output });
                self.watch(&started.arn);
            }
        }
    }

    /// Asks to be told of the child's end.
    fn watch(&self, child: &Text) {
        let asking = self.clone();
        let reply = Box::new(move |outcome: Option<Arc<Outcome>>| {
            let outcome = match outcome {
                Some(outcome) => asking.outcome(&outcome),
                None => Err(task_failed("the execution that was started is not there any more".to_owned())),
            };
            asking.tell(stimulus(asking.task, Pattern::RunAJob, outcome));
        });
        self.shards.send_by_arn(child, Input::Watch(child.clone(), reply));
    }

    /// The child's end as the task's own.
    fn outcome(&self, outcome: &Outcome) -> TaskOutcome {
        match &outcome.end.status {
            EndStatus::Succeeded(_) => {
                let text = described(outcome, self.parses_payloads);
                Ok(Payload::from_trusted(text))
            }
            EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_) => {
                // AWS: in the cause the payloads are text, whatever the pattern.
                Err(task_failed(described(outcome, false)))
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, token: &str) {
        let Refusal { code, message } = refusal;
        let cause = format!(
            "{message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; Request ID: {}; Proxy: null)",
            uuid_of(token)
        );
        let error = format!("StepFunctions.{}Exception", code.trim_end_matches("Exception"));
        let (task, reason) = (self.task, Reason { error: Some(error.into()), cause: Some(cause.into()) });
        self.tell(match self.pattern {
            Pattern::RequestResponse => Stimulus::TaskFailed { task, reason },
            Pattern::RunAJob | Pattern::WaitForTaskToken => Stimulus::TaskSubmitFailed { task, reason },
        });
    }

    fn tell(&self, stimulus: Stimulus) {
        self.shards.send(self.key, &self.arn, Input::Stimulus(self.key, stimulus));
    }
}

impl Parameters {
    fn read(text: &str) -> Result<Self, Refusal> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Members<'a> {
            state_machine_arn: Option<String>,
            name: Option<String>,
            #[serde(borrow)]
            input: Option<&'a RawValue>,
        }
        let invalid = |message: String| Refusal { code: "ValidationException", message };
        let members: Members<'_> = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let Some(state_machine_arn) = members.state_machine_arn else {
            return Err(invalid("The field 'StateMachineArn' is required but was missing".to_owned()));
        };
        // AWS: no input and a null are an empty object; a string is taken for the JSON text of the input.
        let input = match members.input.map(RawValue::get) {
            None | Some("null") => Payload::from_trusted("{}"),
            Some(text) => {
                let inner = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
                Payload::parse(inner).map_err(|error| Refusal {
                    code: "InvalidExecutionInput",
                    message: format!("Invalid State Machine Execution Input: '{error}'"),
                })?
            }
        };
        Ok(Self { state_machine_arn, name: members.name, input })
    }
}

/// What `StartExecution` answered, as the task sees it.
fn submitted(started: &Started, token: &str) -> Payload {
    let request_id = uuid_of(token);
    let headers = json!({ "x-amzn-RequestId": request_id, "Content-Type": "application/x-amz-json-1.0" });
    let all = json!({ "x-amzn-RequestId": [request_id], "Content-Type": ["application/x-amz-json-1.0"] });
    let answer = json!({
        "ExecutionArn": &*started.arn,
        "SdkHttpMetadata": { "AllHttpHeaders": all, "HttpHeaders": headers, "HttpStatusCode": 200 },
        "SdkResponseMetadata": { "RequestId": request_id },
        "StartDate": started.started_at.to_string(),
    });
    Payload::from_trusted(answer.to_string())
}

/// `DescribeExecution`'s answer, in the case that integrations use. AWS: members are in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    execution_arn: &'a str,
    input: Shown<'a>,
    input_details: Included,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    redrive_count: u32,
    redrive_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_status_reason: Option<String>,
    /// AWS: milliseconds since 1970, unlike the date of a start.
    start_date: i64,
    state_machine_arn: &'a str,
    status: &'static str,
    stop_date: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Included {
    included: bool,
}

/// A payload in a description.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    /// As the JSON that it is.
    Json(&'a RawValue),
    /// As a string that holds it.
    Text(&'a str),
}

impl<'a> Shown<'a> {
    fn of(payload: &'a Payload, parses: bool) -> Self {
        let text = payload.text();
        match serde_json::from_str(text) {
            Ok(json) if parses => Self::Json(json),
            _ => Self::Text(text),
        }
    }
}

fn described(outcome: &Outcome, parses_payloads: bool) -> String {
    let Outcome { identity, input, started_at, redrive_count, end } = outcome;
    let reason = match &end.status {
        EndStatus::Failed(reason) | EndStatus::Aborted(reason) => Some(reason),
        // AWS: the machine's own time-out has no error and no cause here.
        EndStatus::Succeeded(_) | EndStatus::TimedOut(_) => None,
    };
    let output = match &end.status {
        EndStatus::Succeeded(output) => Some(output),
        EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_) => None,
    };
    let described = Described {
        cause: reason.and_then(|reason| reason.cause.as_deref()),
        error: reason.and_then(|reason| reason.error.as_deref()),
        execution_arn: &identity.execution_arn,
        input: Shown::of(input, parses_payloads),
        input_details: Included { included: true },
        name: &identity.execution_name,
        output: output.map(|output| Shown::of(output, parses_payloads)),
        output_details: output.map(|_| Included { included: true }),
        redrive_count: *redrive_count,
        redrive_status: if end.is_bad() { "REDRIVABLE" } else { "NOT_REDRIVABLE" },
        redrive_status_reason: (!end.is_bad())
            .then(|| NotRedrivable::Status(end.status.status()).to_string()),
        start_date: started_at.as_millis(),
        state_machine_arn: &identity.state_machine_arn,
        status: end.status.as_str(),
        stop_date: end.ended_at.as_millis(),
    };
    serde_json::to_string(&described).expect("its members have strings as names, and hold JSON")
}

/// A name in the form of a UUID that follows from the text.
fn uuid_of(text: &str) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    // Version 8: made in a way of one's own.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hexadecimal(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn task_failed(cause: String) -> Reason {
    Reason { error: Some(names::TASK_FAILED.into()), cause: Some(cause.into()) }
}

/// What cannot be started, as the API tells it.
fn not_there(error: &ResourceError) -> Refusal {
    let (code, arn) = match error {
        ResourceError::StateMachineDoesNotExist(arn) => ("StateMachineDoesNotExist", arn),
        ResourceError::StateMachineDeleting(arn) => ("StateMachineDeleting", arn),
        other => return failure(other),
    };
    let message = match code {
        "StateMachineDeleting" => format!("State Machine is deleting: '{arn}'"),
        _ => format!("State Machine Does Not Exist: '{arn}'"),
    };
    Refusal { code, message }
}

fn failure(error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a nested execution cannot be started");
    Refusal { code: "ServiceUnavailable", message: "The service is not available".to_owned() }
}
