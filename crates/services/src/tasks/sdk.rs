//! `aws-sdk:<service>:<action>`: one signed call for every service whose protocol is JSON.
//!
//! What differs between them stands in a table that is made from the public service models
//! (`tables/make_sdk_table.py`). SNS and Lambda speak other protocols and have the calls that workflows use.

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::casing::Members;
use super::{Output, TaskCall, TaskFault, Tasks, lambda, object_in, parameters, sns};

const TABLE: &str = include_str!("../../tables/sdk.tsv");

/// A line of the table.
struct Model {
    sdk_name: &'static str,
    signing_name: &'static str,
    host_prefix: &'static str,
    json_version: &'static str,
    target_prefix: &'static str,
    members: Members,
    errors: Vec<&'static str>,
}

fn models() -> &'static HashMap<&'static str, Model> {
    static MODELS: OnceLock<HashMap<&'static str, Model>> = OnceLock::new();
    MODELS.get_or_init(|| TABLE.lines().filter_map(model).collect())
}

fn model(line: &'static str) -> Option<(&'static str, Model)> {
    let mut columns = line.split('\t');
    let service = columns.next()?;
    let mut next = || columns.next();
    let list = |text: &'static str| text.split(',').filter(|name| !name.is_empty());
    let model = Model {
        sdk_name: next()?,
        signing_name: next()?,
        host_prefix: next()?,
        json_version: next()?,
        target_prefix: next()?,
        members: Members {
            is_lower: next()? == "lower",
            maps: list(next()?).collect(),
            times: list(next()?).collect(),
        },
        errors: list(next()?).collect(),
    };
    Some((service, model))
}

impl Model {
    fn refused(&self, response: &Response<Bytes>) -> TaskFault {
        TaskFault::refused_by_sdk(self.sdk_name, self.errors.iter().copied(), response)
    }
}

/// A service's name in signatures.
pub(super) fn signing_name(service: &str) -> Option<&'static str> {
    models().get(service).map(|model| model.signing_name)
}

/// What an answer of a service that refuses is to a Task.
pub(super) fn refused(service: &str, response: &Response<Bytes>) -> TaskFault {
    match models().get(service) {
        Some(model) => model.refused(response),
        None => TaskFault::unsupported(&format!("aws-sdk:{service}")),
    }
}

pub(super) async fn call(tasks: &Tasks, call: &TaskCall, service: &str, action: &str) -> Output {
    match (service, action) {
        ("sns", "publish") => return publish(tasks, call).await,
        ("lambda", "invoke") => return lambda::invoke(tasks, call).await,
        _ => {}
    }
    let model = models().get(service).ok_or_else(|| TaskFault::unsupported(&call.resource))?;
    let mut action = action.to_owned();
    match action.get_mut(..1) {
        Some(first) => first.make_ascii_uppercase(),
        None => return Err(TaskFault::unsupported(&call.resource)),
    }
    let input = model.members.input(parameters(call)?);
    let request = Request::post("/")
        .header("content-type", format!("application/x-amz-json-{}", model.json_version))
        .header("x-amz-target", format!("{}.{action}", model.target_prefix))
        .body(input.to_string().into());
    let response = tasks.send(call, model.signing_name, model.host_prefix, request).await;
    let response = response.map_err(|error| TaskFault::unreachable(model.sdk_name, &error))?;
    if !response.status().is_success() {
        return Err(model.refused(&response));
    }
    Ok(model.members.output(object_in(&response)?).to_string())
}

async fn publish(tasks: &Tasks, call: &TaskCall) -> Output {
    let response = sns::send(tasks, call, &parameters(call)?).await?;
    let response = response.map_err(|error| TaskFault::unreachable("Sns", &error))?;
    if !response.status().is_success() {
        return Err(sns::refused_by_sdk(&response));
    }
    Ok(Value::Object(sns::output(&response)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert!(TABLE.lines().all(|line| model(line).is_some()));
        for (service, name, target) in [
            ("dynamodb", "DynamoDb", "DynamoDB_20120810"),
            ("sfn", "Sfn", "AWSStepFunctions"),
            ("secretsmanager", "SecretsManager", "secretsmanager"),
            ("sqs", "Sqs", "AmazonSQS"),
            ("eventbridge", "EventBridge", "AWSEvents"),
            ("cloudwatchlogs", "CloudWatchLogs", "Logs_20140328"),
        ] {
            let model = &models()[service];
            assert_eq!((model.sdk_name, model.target_prefix), (name, target));
        }
        assert!(models()["sfn"].members.is_lower && !models()["dynamodb"].members.is_lower);
    }
}
