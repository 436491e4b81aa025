//! What the optimised integrations ask for and answer with, as far as a definition can be held against it.
//!
//! Source: AWS, "Integrating optimized services", and the services' own API models.

use super::diagnostic::DiagnosticCode;
use super::machine::{Pattern, Resource};
use super::state_reader::StateReader;
use crate::json::Node;

/// One action: the parameters that it cannot do without, and the names in its answer.
struct Action {
    service: &'static str,
    name: &'static str,
    /// Of each group, one must be given.
    required: &'static [&'static [&'static str]],
    /// Every name that the answer can have.
    answer: &'static [&'static str],
}

#[rustfmt::skip]
const ACTIONS: &[Action] = &[
    Action { service: "lambda", name: "invoke", required: &[&["FunctionName"]],
        answer: &["ExecutedVersion", "FunctionError", "LogResult", "Payload", "StatusCode", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "sns", name: "publish", required: &[&["TopicArn", "TargetArn", "PhoneNumber"], &["Message"]],
        answer: &["MessageId", "SequenceNumber", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "sqs", name: "sendMessage", required: &[&["QueueUrl"], &["MessageBody"]],
        answer: &["MD5OfMessageAttributes", "MD5OfMessageBody", "MD5OfMessageSystemAttributes", "MessageId",
            "SequenceNumber", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "dynamodb", name: "getItem", required: &[&["TableName"], &["Key"]],
        answer: &["ConsumedCapacity", "Item", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "dynamodb", name: "putItem", required: &[&["TableName"], &["Item"]],
        answer: &["Attributes", "ConsumedCapacity", "ItemCollectionMetrics", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "dynamodb", name: "updateItem", required: &[&["TableName"], &["Key"]],
        answer: &["Attributes", "ConsumedCapacity", "ItemCollectionMetrics", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "dynamodb", name: "deleteItem", required: &[&["TableName"], &["Key"]],
        answer: &["Attributes", "ConsumedCapacity", "ItemCollectionMetrics", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "events", name: "putEvents", required: &[&["Entries"]],
        answer: &["Entries", "FailedEntryCount", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "states", name: "startExecution", required: &[&["StateMachineArn"]],
        answer: &["ExecutionArn", "StartDate", "SdkHttpMetadata", "SdkResponseMetadata"] },
    Action { service: "http", name: "invoke", required: &[&["ApiEndpoint"], &["Method"]],
        answer: &["Headers", "ResponseBody", "StatusCode", "StatusText"] },
];

fn find(resource: &Resource) -> Option<&'static Action> {
    let Resource::Service { resource_type, resource, .. } = resource else { return None };
    let called = resource.split('.').next()?;
    ACTIONS.iter().find(|row| row.service == &**resource_type && row.name == called)
}

/// Every name that the result of a call can have, if that is known.
pub(super) fn answer(resource: &Resource) -> Option<&'static [&'static str]> {
    match resource {
        Resource::Service { pattern: Pattern::RequestResponse, .. } => find(resource).map(|row| row.answer),
        Resource::Service { pattern: Pattern::RunAJob | Pattern::WaitForTaskToken, .. }
        | Resource::LambdaFunction { .. }
        | Resource::Activity { .. } => None,
    }
}

/// Warns of a call without what it cannot do without.
pub(super) fn check_parameters(state: &mut StateReader<'_, '_>, resource: &Resource) {
    let Some(action) = find(resource) else { return };
    let Some(found) = state.fields.get("Parameters") else { return };
    let Node::Object(members) = &found.value.node else { return };
    let is_given = |name: &&str| {
        members.iter().any(|member| member.key.strip_suffix(".$").unwrap_or(&member.key) == *name)
    };
    for group in action.required {
        if !group.iter().any(is_given) {
            let names = group.join("' or '");
            let message = format!("The field '{names}' is required but was missing");
            let help = format!("{}:{} cannot do without it", action.service, action.name);
            state
                .report()
                .warning(DiagnosticCode::ParameterMissing, &found.location, found.value.span, message)
                .help(help);
        }
    }
}
