//! What a Task of a workflow reaches here: the image functions, and the outbox of notifications.

pub mod api;
pub mod lambda;
pub mod remote;

use std::sync::Arc;

use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::{Reason, Target};
use darkroom_asl::json::Payload;
use darkroom_engine::{Invocation, TaskOutcome};
use darkroom_functions::{FunctionError, FunctionName, Functions, Message, Notifications};
use serde::Deserialize;

use crate::workflow::PROJECT;

/// Runs tasks, on the caller's thread.
pub struct Tasks {
    functions: Functions,
    notifications: Arc<dyn Notifications>,
}

/// `arn:aws:states:::sns:publish`'s parameters. A message that is not a string is sent as its JSON text.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish {
    topic_arn: String,
    message: serde_json::Value,
    subject: Option<String>,
}

impl Tasks {
    /// Tasks over these functions and this outbox.
    pub fn new(functions: Functions, notifications: Arc<dyn Notifications>) -> Self {
        Self { functions, notifications }
    }

    /// Runs one task to its end. A repeat of the same task does no harm: the functions are idempotent, and
    /// the outbox knows the task's token.
    pub fn run(&self, invocation: &Invocation) -> TaskOutcome {
        let scheduled = &invocation.request.scheduled;
        match &scheduled.target {
            Target::LambdaFunction { resource } => self.invoke(resource, scheduled.input.text()),
            Target::Service { resource_type, resource }
                if &**resource_type == "sns" && remote::action(resource) == "publish" =>
            {
                self.publish(scheduled.input.text(), &invocation.idempotency_token())
            }
            Target::Service { resource_type, resource }
                if &**resource_type == "lambda" && remote::action(resource) == "invoke" =>
            {
                self.invoke_wrapped(scheduled.input.text())
            }
            Target::Service { resource_type, resource } => {
                Err(unreachable_resource(&format!("arn:aws:states:::{resource_type}:{resource}")))
            }
            Target::Activity { resource } => Err(unreachable_resource(resource)),
        }
    }

    fn invoke(&self, arn: &str, event: &str) -> TaskOutcome {
        let name = arn.rsplit_once(":function:").map_or(arn, |(_, name)| name);
        let function = name
            .strip_prefix(PROJECT)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|suffix| suffix.parse::<FunctionName>().ok())
            .ok_or_else(|| Reason {
                error: Some("Lambda.ResourceNotFoundException".into()),
                cause: Some(format!("Function not found: {arn}").into()),
            })?;
        let answer = self.functions.invoke(function, event).map_err(|error| function_error(&error))?;
        Ok(Payload::from_trusted(answer))
    }

    /// `lambda:invoke`: the function's answer, wrapped as Lambda's own.
    fn invoke_wrapped(&self, parameters: &str) -> TaskOutcome {
        let (function, event) = lambda::function_and_payload(parameters)?;
        let answer = self.invoke(&function, &event)?;
        Ok(lambda::wrap_local(&answer))
    }

    fn publish(&self, parameters: &str, token: &str) -> TaskOutcome {
        let publish: Publish = serde_json::from_str(parameters).map_err(|error| Reason {
            error: Some("SNS.InvalidParameterException".into()),
            cause: Some(format!("Invalid parameter: {error}").into()),
        })?;
        let message = Message {
            topic_arn: publish.topic_arn,
            subject: publish.subject,
            message: match publish.message {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            },
        };
        let id = self.notifications.publish(message, token, jiff::Timestamp::now()).map_err(|error| {
            Reason { error: Some("SNS.InternalErrorException".into()), cause: Some(error.to_string().into()) }
        })?;
        Ok(Payload::from_trusted(serde_json::json!({ "MessageId": id }).to_string()))
    }
}

/// A function's error as Lambda hands it to Step Functions: its type, and a JSON text that says more.
fn function_error(error: &FunctionError) -> Reason {
    let error_type = error.error_type();
    let cause = serde_json::json!({ "errorMessage": error.to_string(), "errorType": error_type });
    Reason { error: Some(error_type.into()), cause: Some(cause.to_string().into()) }
}

fn unreachable_resource(resource: &str) -> Reason {
    Reason {
        error: Some(names::TASK_FAILED.into()),
        cause: Some(
            format!("{resource} cannot be reached here: only the image functions and sns:publish can").into(),
        ),
    }
}
