//! `sqs:sendMessage`: a message of any JSON.

use serde_json::{Value, json};

use super::fault::Optimized;
use super::{Output, TaskCall, TaskFault, Tasks, as_text, object_in, parameters, with_metadata};

pub(super) const SERVICE: Optimized = Optimized {
    prefix: "SQS",
    service: "AmazonSQS",
    general: "AmazonSQSException",
    modelled: &["InvalidMessageContents", "OverLimit", "QueueDoesNotExist", "UnsupportedOperation"],
};

pub(super) async fn send_message(tasks: &Tasks, call: &TaskCall) -> Output {
    let mut parameters = parameters(call)?;
    if let Some(body) = parameters.get_mut("MessageBody") {
        *body = json!(as_text(body));
    }
    if let Some(host) = parameters.get("QueueUrl").and_then(Value::as_str).and_then(only_host) {
        let cause = format!("Unable to execute HTTP request: {host}: Name or service not known");
        return Err(TaskFault::new("SQS.SdkClientException", cause));
    }
    let response = tasks.send_json(call, "sqs", "AmazonSQS.SendMessage", &Value::Object(parameters)).await;
    let response = response.map_err(|error| TaskFault::unreachable(SERVICE.prefix, &error))?;
    if !response.status().is_success() {
        return Err(TaskFault::refused(SERVICE, &response));
    }
    Ok(with_metadata(object_in(&response)?, &response).to_string())
}

/// The host of a URL that is nothing more.
///
/// AWS: the message goes to the queue's URL itself. One without account and name is no queue's, and its host is
/// not found.
fn only_host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    (!rest.contains('/')).then_some(rest)
}
