//! Mocked results, held against what the called service answers with.
//!
//! Of a call that is not known here, every result is taken, and so are members that a service's model does not
//! have: it may be older than the service.
//!
//! Spec: Step Functions API, "`MockInput`", "`fieldValidationMode`".

mod answers;

use darkroom_asl::definition::{Pattern, Resource};
use darkroom_asl::json::{Object, Value};
use serde::Deserialize;

use self::answers::{Answers, Shape};

/// How deep a result is looked into. Our choice: no service's answer is as deep.
const DEPTH_MAX: usize = 50;

/// `fieldValidationMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ValidationMode {
    /// What must be there is, and what is there is of its type.
    #[default]
    Strict,
    /// What is there is of its type.
    Present,
    /// Anything goes.
    None,
}

/// Optimised integrations: the service, and the table of the service that answers.
const OPTIMISED: &[(&str, &str)] = &[
    ("athena", "athena"),
    ("batch", "batch"),
    ("bedrock", "bedrock"),
    ("codebuild", "codebuild"),
    ("databrew", "databrew"),
    ("dynamodb", "dynamodb"),
    ("ecs", "ecs"),
    ("eks", "eks"),
    ("emr-containers", "emrcontainers"),
    ("emr-serverless", "emrserverless"),
    ("events", "eventbridge"),
    ("glue", "glue"),
    ("lambda", "lambda"),
    ("mediaconvert", "mediaconvert"),
    ("sagemaker", "sagemaker"),
    ("sns", "sns"),
    ("sqs", "sqs"),
    ("states", "sfn"),
];

/// Jobs that are waited for: the call, and which action's answer a finished job is told as, or which shape.
const JOBS: &[(&str, &str, &str)] = &[
    ("athena:startQueryExecution", "athena", "getQueryExecution"),
    ("batch:submitJob", "batch", "#JobDetail"),
    ("bedrock:createModelCustomizationJob", "bedrock", "getModelCustomizationJob"),
    ("codebuild:startBuild", "codebuild", "startBuild"),
    ("codebuild:startBuildBatch", "codebuild", "startBuildBatch"),
    ("databrew:startJobRun", "databrew", "describeJobRun"),
    ("ecs:runTask", "ecs", "#Task"),
    ("emr-serverless:startJobRun", "emrserverless", "getJobRun"),
    ("glue:startJobRun", "glue", "#JobRun"),
    ("mediaconvert:createJob", "mediaconvert", "getJob"),
    ("sagemaker:createProcessingJob", "sagemaker", "describeProcessingJob"),
    ("sagemaker:createTrainingJob", "sagemaker", "describeTrainingJob"),
    ("sagemaker:createTransformJob", "sagemaker", "describeTransformJob"),
    // AWS: documented for the API and recorded by users: the output of a nested execution is text in a mock, and
    // that of `.sync:2` too.
    ("states:startExecution", "sfn", "describeExecution"),
];

/// What an HTTP task answers with, in the form of the tables.
const HTTP: &str = r#"{"operations": {"invoke":
    ["o", {"Headers": ["m", "x"], "ResponseBody": "x", "StatusCode": "n", "StatusText": "s"}]}, "shapes": []}"#;

/// Where a result is not what the service answers with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The result as a whole is no object.
    NotAnObject,
    /// A member is not there.
    Missing(String),
    /// A member is something else.
    Field(String, &'static str),
}

impl Mismatch {
    /// AWS's text.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NotAnObject => "Mocked result must be a JSON object.".to_owned(),
            Self::Missing(name) => {
                format!("Mock result schema validation error: Required field '{name}' is missing")
            }
            Self::Field(name, problem) => {
                format!("Mock result schema validation error: Field '{name}' {problem}")
            }
        }
    }
}

/// Holds the result of a task against what its resource answers with.
pub(crate) fn check(resource: &Resource, result: &Value, mode: ValidationMode) -> Result<(), Mismatch> {
    let is_strict = match mode {
        ValidationMode::None => return Ok(()),
        ValidationMode::Strict => true,
        ValidationMode::Present => false,
    };
    let Some((answers, action)) = model(resource) else { return Ok(()) };
    let Some(shape) = answers.of_action(&action) else { return Ok(()) };
    match (answers.shape(shape), result) {
        (Shape::Structure { members, required }, Value::Object(found)) => {
            Check { answers: &answers, is_strict }.structure(members, required, found, 0)
        }
        (Shape::Structure { .. }, _) => Err(Mismatch::NotAnObject),
        (_, _) => Ok(()),
    }
}

/// The table of the service that a resource calls, and the action in it.
fn model(resource: &Resource) -> Option<(Answers, String)> {
    let Resource::Service { resource_type, resource, pattern, .. } = resource else { return None };
    let action = resource.split('.').next().unwrap_or_default();
    match pattern {
        Pattern::WaitForTaskToken => None,
        Pattern::RunAJob => {
            let call = format!("{resource_type}:{action}");
            let (_, service, action) = JOBS.iter().find(|(known, ..)| *known == call)?;
            Some((answers::of_service(service)?, (*action).to_owned()))
        }
        Pattern::RequestResponse if &**resource_type == "http" => {
            Some((answers::read(HTTP)?, action.to_owned()))
        }
        Pattern::RequestResponse if &**resource_type == "bedrock" && action == "invokeModel" => {
            Some((answers::of_service("bedrockruntime")?, action.to_owned()))
        }
        Pattern::RequestResponse => {
            let service = match resource_type.strip_prefix("aws-sdk:") {
                Some(service) => service,
                None => OPTIMISED.iter().find(|(known, _)| *known == &**resource_type)?.1,
            };
            Some((answers::of_service(service)?, action.to_owned()))
        }
    }
}

struct Check<'t> {
    answers: &'t Answers,
    is_strict: bool,
}

impl Check<'_> {
    /// Holds a value against a shape. `field` is the name of the member that it is, or is in.
    fn value(
        &self,
        field: &str,
        shape: &serde_json::Value,
        value: &Value,
        depth: usize,
    ) -> Result<(), Mismatch> {
        if depth > DEPTH_MAX {
            return Ok(());
        }
        let refused = |problem| Err(Mismatch::Field(field.to_owned(), problem));
        match (self.answers.shape(shape), value) {
            (Shape::Anything, _) | (Shape::Boolean, Value::Bool(_)) => Ok(()),
            (Shape::Text { min, max }, Value::String(text)) => length(field, text.chars().count(), min, max),
            (Shape::Blob { min, max }, Value::String(text)) => {
                // Four characters of base64 are three bytes; padding is not looked at.
                length(field, text.len(), min, max.map(|max| max.div_ceil(3).saturating_mul(4)))
            }
            (Shape::Word(words), Value::String(text)) => {
                let is_known = words.iter().any(|word| word.as_str() == Some(&**text));
                if is_known { Ok(()) } else { refused("is not an expected value") }
            }
            (Shape::Number { min, max }, Value::Number(number)) => {
                let number = number.as_f64();
                if min.is_some_and(|min| number < min) {
                    refused("is smaller than the minimum value")
                } else if max.is_some_and(|max| number > max) {
                    refused("exceeds the maximum value")
                } else {
                    Ok(())
                }
            }
            (Shape::List { item, min, max }, Value::Array(items)) => {
                length(field, items.len(), min, max)?;
                items.iter().try_for_each(|value| self.value(field, item, value, depth + 1))
            }
            (Shape::Map { value: shape }, Value::Object(members)) => {
                members.iter().try_for_each(|(name, value)| self.value(name, shape, value, depth + 1))
            }
            (Shape::Structure { members, required }, Value::Object(found)) => {
                self.structure(members, required, found, depth)
            }
            (Shape::Text { .. } | Shape::Blob { .. } | Shape::Word(_), _) => refused("must be a string"),
            (Shape::Number { .. }, _) => refused("must be a number"),
            (Shape::Boolean, _) => refused("must be a boolean"),
            (Shape::List { .. }, _) => refused("must be an array"),
            (Shape::Map { .. } | Shape::Structure { .. }, _) => refused("must be an object"),
        }
    }

    fn structure(
        &self,
        members: &serde_json::Map<String, serde_json::Value>,
        required: &[serde_json::Value],
        found: &Object,
        depth: usize,
    ) -> Result<(), Mismatch> {
        if self.is_strict {
            for name in required.iter().filter_map(serde_json::Value::as_str) {
                if member(found, name).is_none() {
                    return Err(Mismatch::Missing(name.to_owned()));
                }
            }
        }
        members.iter().try_for_each(|(name, shape)| match member(found, name) {
            Some(value) => self.value(name, shape, value, depth + 1),
            None => Ok(()),
        })
    }
}

/// A member, whose name may have other capitals: the SDK that AWS calls services with has its own ideas of them.
fn member<'v>(found: &'v Object, name: &str) -> Option<&'v Value> {
    let exact = found.get(name);
    exact.or_else(|| found.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn length(field: &str, length: usize, min: Option<u64>, max: Option<u64>) -> Result<(), Mismatch> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let problem = if min.is_some_and(|min| length < min) {
        "is smaller than the minimum length"
    } else if max.is_some_and(|max| length > max) {
        "exceeds the maximum length"
    } else {
        return Ok(());
    };
    Err(Mismatch::Field(field.to_owned(), problem))
}

#[cfg(test)]
mod tests {
    use darkroom_asl::definition::{Options, StateKind, parse_state};

    use super::ValidationMode::{None as Anything, Present, Strict};
    use super::*;

    fn verdict(resource: &str, result: &str, mode: ValidationMode) -> String {
        let state = serde_json::json!({
            "Type": "Task", "Resource": format!("arn:aws:states:::{resource}"), "End": true });
        let parsed = parse_state(&state.to_string(), Options::default());
        let machine = parsed.machine.unwrap_or_else(|| panic!("{resource}: {:?}", parsed.diagnostics));
        let StateKind::Task(task) = &machine.state(machine.start_at).kind else { panic!("{resource}") };
        let result = darkroom_asl::json::parse(result).expect("it is JSON");
        check(&task.resource, &result, mode).map_or_else(
            |mismatch| mismatch.message().replace("Mock result schema validation error: ", ""),
            |()| "fits".to_owned(),
        )
    }

    #[test]
    fn results_against_what_services_answer() {
        let execution = r#"{"ExecutionArn": "a", "StateMachineArn": "m", "Status": "SUCCEEDED",
            "StartDate": "2026-01-01T12:00:00Z""#;
        let with = |rest: &str| format!("{execution}{rest}}}");
        for (resource, result, mode, expected) in [
            ("states:startExecution", "{}", Strict, "Required field 'ExecutionArn' is missing"),
            ("states:startExecution", "{}", Present, "fits"),
            ("states:startExecution", "[]", Anything, "fits"),
            ("states:startExecution", "[]", Present, "Mocked result must be a JSON object."),
            (
                "states:startExecution",
                r#"{"ExecutionArn": "a"}"#,
                Strict,
                "Required field 'StartDate' is missing",
            ),
            (
                "states:startExecution",
                r#"{"ExecutionArn": "a", "StartDate": 5}"#,
                Strict,
                "Field 'StartDate' must be a string",
            ),
            ("states:startExecution.sync", "{}", Strict, "Required field 'ExecutionArn' is missing"),
            (
                "states:startExecution.sync:2",
                &with(r#", "Output": {"a": 1}"#),
                Strict,
                "Field 'Output' must be a string",
            ),
            ("states:startExecution.sync:2", &with(r#", "Output": "{}""#), Strict, "fits"),
            ("states:startExecution.waitForTaskToken", "7", Strict, "fits"),
            ("lambda:invoke", r#"{"StatusCode": "200"}"#, Strict, "Field 'StatusCode' must be a number"),
            ("lambda:invoke", r#"{"Payload": {"any": ["thing"]}, "unknown": 1}"#, Strict, "fits"),
            ("http:invoke", r#"{"StatusCode": "200"}"#, Present, "Field 'StatusCode' must be a number"),
            ("http:invoke", r#"{"ResponseBody": 1, "Headers": {"a": ["b"]}}"#, Strict, "fits"),
            ("apigateway:invoke", "1", Strict, "fits"),
            ("sqs:sendMessage", r#"{"MessageId": 7}"#, Strict, "Field 'MessageId' must be a string"),
            ("sns:publish", r#"{"MessageId": "m"}"#, Strict, "fits"),
            ("events:putEvents", r#"{"Entries": {}}"#, Strict, "Field 'Entries' must be an array"),
            (
                "events:putEvents",
                r#"{"Entries": [{"EventId": []}]}"#,
                Strict,
                "Field 'EventId' must be a string",
            ),
            ("dynamodb:getItem", r#"{"Item": {"id": {"S": 5}}}"#, Strict, "Field 'S' must be a string"),
            ("dynamodb:getItem", r#"{"Item": {"id": "x"}}"#, Strict, "Field 'id' must be an object"),
            (
                "dynamodb:getItem",
                r#"{"Item": {"l": {"L": [{"BOOL": 0}]}}}"#,
                Strict,
                "Field 'BOOL' must be a boolean",
            ),
            ("glue:startJobRun.sync", r#"{"Attempt": "1"}"#, Strict, "Field 'Attempt' must be a number"),
            ("batch:submitJob.sync", r#"{"JobName": "n"}"#, Strict, "Required field 'JobId' is missing"),
            (
                "aws-sdk:kms:encrypt",
                r#"{"CiphertextBlob": ""}"#,
                Strict,
                "Field 'CiphertextBlob' is smaller than the minimum length",
            ),
            (
                "aws-sdk:s3:getObject",
                r#"{"StorageClass": "Papyrus"}"#,
                Present,
                "Field 'StorageClass' is not an expected value",
            ),
            ("aws-sdk:s3:getObject", r#"{"StorageClass": "GLACIER", "Body": "text"}"#, Strict, "fits"),
            (
                "aws-sdk:s3:getObject",
                r#"{"ContentLength": "9"}"#,
                Present,
                "Field 'ContentLength' must be a number",
            ),
            (
                "aws-sdk:lambda:getFunction",
                r#"{"Configuration": {"MemorySize": 127}}"#,
                Strict,
                "Field 'MemorySize' is smaller than the minimum value",
            ),
            (
                "aws-sdk:lambda:getFunction",
                r#"{"Configuration": {"MemorySize": 10241}}"#,
                Strict,
                "Field 'MemorySize' exceeds the maximum value",
            ),
            ("aws-sdk:sfn:startExecution", r#"{"executionarn": "a", "startdate": "d"}"#, Strict, "fits"),
            ("aws-sdk:nosuchservice:act", "[]", Strict, "fits"),
            ("aws-sdk:s3:noSuchAction", "[]", Strict, "fits"),
        ] {
            assert_eq!(verdict(resource, result, mode), expected, "{resource} {result} {mode:?}");
        }
    }
}
