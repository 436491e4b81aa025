//! A Task's `Resource`: which ARNs name work that a state can do, and what to say of those that don't.
//!
//! In goes the text of the field, out comes a [`Resource`] told apart by its ARN, or the reason why it is
//! none. The optimised integrations are a table; `aws-sdk` takes every service and action, since what an
//! SDK offers changes weekly and is found out at the call.
//!
//! Spec: States Language, "Task State"; AWS, "Integrating services with Step Functions".

use super::machine::{Pattern, Resource};
use super::options::MachineType;
use crate::json::Text;

/// Why a `Resource` is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// AWS's text where one is known.
    pub(super) message: String,
    /// How to mend it, where that can be guessed.
    pub(super) help: Option<String>,
    /// What the author will have meant, for the checks that go on all the same.
    pub(super) meant: Option<Resource>,
}

/// One row: a service's action and the patterns it can be called with.
struct Integration {
    service: &'static str,
    /// `*` is every action.
    action: &'static str,
    patterns: &'static [Suffix],
}

/// The end of an integration's ARN, after the action.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suffix {
    Absent,
    Sync,
    Sync2,
    WaitForTaskToken,
}

const CALL: &[Suffix] = &[Suffix::Absent];
const CALL_OR_TOKEN: &[Suffix] = &[Suffix::Absent, Suffix::WaitForTaskToken];
const CALL_OR_JOB: &[Suffix] = &[Suffix::Absent, Suffix::Sync];
const CALL_JOB_OR_TOKEN: &[Suffix] = &[Suffix::Absent, Suffix::Sync, Suffix::WaitForTaskToken];
const NESTED: &[Suffix] = &[Suffix::Absent, Suffix::Sync, Suffix::Sync2, Suffix::WaitForTaskToken];

/// The optimised integrations. Source: AWS, "Integrating optimized services".
#[rustfmt::skip]
const OPTIMISED: &[Integration] = &[
    Integration { service: "lambda", action: "invoke", patterns: CALL_OR_TOKEN },
    Integration { service: "sns", action: "publish", patterns: CALL_OR_TOKEN },
    Integration { service: "sqs", action: "sendMessage", patterns: CALL_OR_TOKEN },
    Integration { service: "dynamodb", action: "getItem", patterns: CALL },
    Integration { service: "dynamodb", action: "putItem", patterns: CALL },
    Integration { service: "dynamodb", action: "updateItem", patterns: CALL },
    Integration { service: "dynamodb", action: "deleteItem", patterns: CALL },
    Integration { service: "events", action: "putEvents", patterns: CALL_OR_TOKEN },
    Integration { service: "states", action: "startExecution", patterns: NESTED },
    Integration { service: "http", action: "invoke", patterns: CALL },
    Integration { service: "apigateway", action: "invoke", patterns: CALL_OR_TOKEN },
    Integration { service: "ecs", action: "runTask", patterns: CALL_JOB_OR_TOKEN },
    Integration { service: "batch", action: "submitJob", patterns: CALL_OR_JOB },
    Integration { service: "glue", action: "startJobRun", patterns: CALL_OR_JOB },
    Integration { service: "databrew", action: "startJobRun", patterns: CALL_OR_JOB },
    Integration { service: "mediaconvert", action: "createJob", patterns: CALL_OR_JOB },
    Integration { service: "athena", action: "startQueryExecution", patterns: CALL_OR_JOB },
    Integration { service: "athena", action: "stopQueryExecution", patterns: CALL },
    Integration { service: "athena", action: "getQueryExecution", patterns: CALL },
    Integration { service: "athena", action: "getQueryResults", patterns: CALL },
    Integration { service: "codebuild", action: "startBuild", patterns: CALL_OR_JOB },
    Integration { service: "codebuild", action: "startBuildBatch", patterns: CALL_OR_JOB },
    Integration { service: "codebuild", action: "stopBuild", patterns: CALL },
    Integration { service: "codebuild", action: "stopBuildBatch", patterns: CALL },
    Integration { service: "codebuild", action: "retryBuildBatch", patterns: CALL_OR_JOB },
    Integration { service: "codebuild", action: "deleteBuildBatch", patterns: CALL },
    Integration { service: "codebuild", action: "batchDeleteBuilds", patterns: CALL },
    Integration { service: "codebuild", action: "batchGetReports", patterns: CALL },
    Integration { service: "bedrock", action: "invokeModel", patterns: CALL },
    Integration { service: "bedrock", action: "createModelCustomizationJob", patterns: CALL_OR_JOB },
    Integration { service: "eks", action: "*", patterns: CALL_OR_JOB },
    Integration { service: "elasticmapreduce", action: "*", patterns: CALL_OR_JOB },
    Integration { service: "emr-containers", action: "*", patterns: CALL_OR_JOB },
    Integration { service: "emr-serverless", action: "*", patterns: CALL_OR_JOB },
    Integration { service: "sagemaker", action: "*", patterns: CALL_OR_JOB },
];

/// Reads a Task's `Resource`.
pub(super) fn parse(arn: &str, machine_type: MachineType) -> Result<Resource, Refusal> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let resource = match parts.as_slice() {
        ["arn", partition, "states", "", "", service, rest] if is_partition(partition) => {
            integration(arn, service, rest)
        }
        ["arn", partition, "states", region, account, "activity", name]
            if is_partition(partition) && is_name(region) && is_name(account) && is_name(name) =>
        {
            Some(Resource::Activity { arn: Text::from(arn) })
        }
        ["arn", partition, "lambda", region, account, "function", name]
            if is_partition(partition) && is_name(region) && is_name(account) && is_function(name) =>
        {
            Some(Resource::LambdaFunction { arn: Text::from(arn) })
        }
        _ => None,
    };
    match resource {
        Some(resource) => allowed_in(machine_type, resource),
        None => Err(unrecognised(arn, &parts)),
    }
}

/// Express machines can't wait for anything but the answer of a call.
fn allowed_in(machine_type: MachineType, resource: Resource) -> Result<Resource, Refusal> {
    if machine_type == MachineType::Standard {
        return Ok(resource);
    }
    let message = match &resource {
        Resource::LambdaFunction { .. } | Resource::Service { pattern: Pattern::RequestResponse, .. } => {
            return Ok(resource);
        }
        Resource::Service { resource, .. } => {
            let suffix = resource.split_once('.').map_or("", |(_, suffix)| suffix);
            // AWS: its text ends in a blank.
            format!("Express state machine does not support '.{suffix}' service integration ")
        }
        Resource::Activity { arn } => format!("Express state machine does not support Activity ARN '{arn}'"),
    };
    let help = Some("use a Standard state machine, or call the service without waiting".to_owned());
    Err(Refusal { message, help, meant: Some(resource) })
}

/// `arn:aws:states:::<service>:<rest>`.
fn integration(arn: &str, service: &str, rest: &str) -> Option<Resource> {
    if service == "aws-sdk" {
        let (sdk, call) = rest.split_once(':')?;
        let (action, suffix) = split_suffix(call)?;
        let known_pattern = matches!(suffix, Suffix::Absent | Suffix::WaitForTaskToken);
        let well_formed = is_name(sdk) && action.starts_with(|first: char| first.is_ascii_lowercase());
        return (known_pattern && well_formed && is_name(action))
            .then(|| service_resource(arn, &format!("aws-sdk:{sdk}"), call, suffix));
    }
    let (action, suffix) = split_suffix(rest)?;
    OPTIMISED
        .iter()
        .filter(|row| row.service == service && (row.action == action || row.action == "*"))
        .any(|row| row.patterns.contains(&suffix) && is_name(action))
        .then(|| service_resource(arn, service, rest, suffix))
}

fn service_resource(arn: &str, resource_type: &str, resource: &str, suffix: Suffix) -> Resource {
    let pattern = match suffix {
        Suffix::Absent => Pattern::RequestResponse,
        Suffix::Sync | Suffix::Sync2 => Pattern::RunAJob,
        Suffix::WaitForTaskToken => Pattern::WaitForTaskToken,
    };
    Resource::Service {
        arn: Text::from(arn),
        resource_type: Text::from(resource_type),
        resource: Text::from(resource),
        pattern,
    }
}

/// `startExecution.sync:2` is the action `startExecution` and the suffix `.sync:2`.
fn split_suffix(call: &str) -> Option<(&str, Suffix)> {
    match call.split_once('.') {
        None => Some((call, Suffix::Absent)),
        Some((action, "sync")) => Some((action, Suffix::Sync)),
        Some((action, "sync:2")) => Some((action, Suffix::Sync2)),
        Some((action, "waitForTaskToken")) => Some((action, Suffix::WaitForTaskToken)),
        Some(_) => None,
    }
}

fn unrecognised(arn: &str, parts: &[&str]) -> Refusal {
    let (help, meant) = advise(arn, parts);
    Refusal { message: unrecognised_message(arn), help, meant }
}

/// AWS's text for an ARN that names nothing that can be called where it stands.
pub(super) fn unrecognised_message(arn: &str) -> String {
    format!(
        "The resource provided {arn} is not recognized. The value is not a valid resource ARN, \
         or the resource is not available in this region."
    )
}

/// What the author will have meant by an ARN that is no work: the integration that takes it.
fn advise(arn: &str, parts: &[&str]) -> (Option<String>, Option<Resource>) {
    let use_integration = |integration: &str, rest: String| {
        let meant = format!("arn:aws:states:::{integration}");
        let resource = parse(&meant, MachineType::Standard).ok();
        (Some(format!("a state cannot run this; use \"Resource\": \"{meant}\" {rest}")), resource)
    };
    if arn.contains("${") && !matches!(parts, ["arn", _, "sns" | "sqs", ..]) {
        let help = "fill in the placeholders (`${…}`) before the definition is used";
        return (Some(help.to_owned()), None);
    }
    match parts {
        ["arn", _, "sns", ..] => use_integration(
            "sns:publish",
            format!("with \"TopicArn\": \"{arn}\" and a \"Message\" in its Parameters"),
        ),
        ["arn", _, "sqs", _, _, queue, ..] => use_integration(
            "sqs:sendMessage",
            format!("with the \"QueueUrl\" of {queue} and a \"MessageBody\" in its Parameters"),
        ),
        ["arn", _, "dynamodb", ..] => use_integration(
            "dynamodb:getItem",
            "(or putItem, updateItem, deleteItem) with \"TableName\" in its Parameters".to_owned(),
        ),
        ["arn", _, "states", _, _, "stateMachine", ..] => use_integration(
            "states:startExecution.sync:2",
            format!("with \"StateMachineArn\": \"{arn}\" and \"Input\" in its Parameters"),
        ),
        ["arn", _, "events", ..] => {
            use_integration("events:putEvents", "with \"Entries\" in its Parameters".to_owned())
        }
        ["arn", _, "apigateway", ..] if arn.contains(":lambda:path/") => {
            let function = arn
                .split_once("/functions/")
                .and_then(|(_, rest)| rest.strip_suffix("/invocations"))
                .unwrap_or("the function's own ARN");
            (Some(format!("this is the ARN by which API Gateway invokes a function; use {function}")), None)
        }
        ["arn", _, "states", "", "", "dynamodb", action] => (
            Some(format!(
                "only getItem, putItem, updateItem and deleteItem are optimised; \
                 use arn:aws:states:::aws-sdk:dynamodb:{action}"
            )),
            None,
        ),
        ["arn", _, "states", "", "", service, call] if *service != "aws-sdk" => (
            Some(format!(
                "no optimised integration is named {service}:{call}; every action of every service is there \
                 as arn:aws:states:::aws-sdk:<service>:<action>"
            )),
            None,
        ),
        _ => (None, None),
    }
}

fn is_partition(text: &str) -> bool {
    text == "aws" || text.starts_with("aws-") && is_name(text)
}

/// A function's name, with a version or alias behind a colon.
fn is_function(text: &str) -> bool {
    match text.split_once(':') {
        None => is_name(text),
        Some((name, qualifier)) => is_name(name) && (qualifier == "$LATEST" || is_name(qualifier)),
    }
}

/// Not empty, and nothing in it that ends a part of an ARN or is a placeholder.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '/' | '$' | '{' | '}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_that_can_be_run() {
        use Pattern::{RequestResponse, RunAJob, WaitForTaskToken};
        let service = |arn: &str| match parse(arn, MachineType::Standard) {
            Ok(Resource::Service { resource_type, resource, pattern, .. }) => {
                (resource_type.to_string(), resource.to_string(), pattern)
            }
            other => panic!("{arn}: {other:?}"),
        };
        for (arn, resource_type, resource, pattern) in [
            ("arn:aws:states:::lambda:invoke", "lambda", "invoke", RequestResponse),
            ("arn:aws:states:::sns:publish", "sns", "publish", RequestResponse),
            (
                "arn:aws-cn:states:::sqs:sendMessage.waitForTaskToken",
                "sqs",
                "sendMessage.waitForTaskToken",
                WaitForTaskToken,
            ),
            ("arn:aws:states:::states:startExecution.sync:2", "states", "startExecution.sync:2", RunAJob),
            ("arn:aws:states:::aws-sdk:s3:putObject", "aws-sdk:s3", "putObject", RequestResponse),
            (
                "arn:aws:states:::sagemaker:createTrainingJob.sync",
                "sagemaker",
                "createTrainingJob.sync",
                RunAJob,
            ),
        ] {
            assert_eq!(service(arn), (resource_type.to_owned(), resource.to_owned(), pattern));
        }
        for arn in [
            "arn:aws:lambda:eu-west-1:111122223333:function:resize",
            "arn:aws:lambda:eu-west-1:111122223333:function:resize:$LATEST",
            "arn:aws:lambda:eu-west-1:111122223333:function:resize:live",
        ] {
            assert!(matches!(parse(arn, MachineType::Express), Ok(Resource::LambdaFunction { .. })), "{arn}");
        }
        let activity = parse("arn:aws:states:eu-west-1:111122223333:activity:approve", MachineType::Standard);
        assert!(matches!(activity, Ok(Resource::Activity { .. })));
    }

    #[test]
    fn arns_that_cannot() {
        for (arn, help) in [
            ("arn:aws:sns:eu-west-1:111122223333:photos", Some("arn:aws:states:::sns:publish")),
            ("arn:aws:sns:${region}:${account}:${topic}", Some("TopicArn")),
            ("arn:aws:sqs:eu-west-1:111122223333:photos", Some("arn:aws:states:::sqs:sendMessage")),
            ("arn:aws:states:::dynamodb:query", Some("aws-sdk:dynamodb:query")),
            ("arn:aws:states:::dynamodb:getItem.sync", Some("aws-sdk")),
            ("arn:aws:lambda:${region}:111122223333:function:resize", Some("placeholders")),
            ("arn:aws:states:::s3:getObject", Some("aws-sdk")),
            ("arn:aws:states:::aws-sdk:s3:putObject.sync", None),
            ("resize", None),
            ("", None),
        ] {
            let refusal = parse(arn, MachineType::Standard).expect_err(arn);
            assert!(refusal.message.starts_with(&format!("The resource provided {arn} is not recognized. ")));
            match help {
                None => assert_eq!(refusal.help, None, "{arn}"),
                Some(part) => {
                    assert!(refusal.help.as_deref().is_some_and(|it| it.contains(part)), "{refusal:?}");
                }
            }
        }
    }

    #[test]
    fn express_machines_do_not_wait() {
        for (arn, message) in [
            (
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Express state machine does not support '.waitForTaskToken' service integration ",
            ),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                "Express state machine does not support '.sync:2' service integration ",
            ),
        ] {
            assert_eq!(parse(arn, MachineType::Express).expect_err(arn).message, message);
        }
    }
}
