//! `sns:publish`: a message of any JSON to a topic.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value};

use super::fault::Optimized;
use super::{Output, TaskCall, TaskFault, Tasks, as_text, parameters, with_metadata};
use crate::endpoint::Unreachable;
use crate::wire::{encoded, xml};

pub(super) const SERVICE: Optimized = Optimized {
    prefix: "SNS",
    service: "AmazonSNS",
    general: "AmazonSNSException",
    modelled: &[
        "AuthorizationError",
        "EndpointDisabled",
        "InternalError",
        "InvalidParameter",
        "InvalidSecurity",
        "NotFound",
        "PlatformApplicationDisabled",
    ],
};

/// Parameters that are a text each.
const TEXTS: [&str; 8] = [
    "TopicArn",
    "TargetArn",
    "PhoneNumber",
    "Message",
    "Subject",
    "MessageStructure",
    "MessageGroupId",
    "MessageDeduplicationId",
];

pub(super) async fn publish(tasks: &Tasks, call: &TaskCall) -> Output {
    let response = send(tasks, call, &parameters(call)?).await?;
    let response = response.map_err(|error| TaskFault::unreachable(SERVICE.prefix, &error))?;
    if !response.status().is_success() {
        return Err(TaskFault::refused(SERVICE, &response));
    }
    Ok(with_metadata(output(&response), &response).to_string())
}

/// Sends a Publish in the query protocol.
pub(super) async fn send(
    tasks: &Tasks,
    call: &TaskCall,
    parameters: &Map<String, Value>,
) -> Result<Result<Response<Bytes>, Unreachable>, TaskFault> {
    let mut form = "Action=Publish&Version=2010-03-31".to_owned();
    let mut add = |name: &str, value: &str| {
        for piece in ["&", name, "=", &encoded(value, "")] {
            form.push_str(piece);
        }
    };
    for (name, value) in parameters {
        match (&**name, value) {
            (name, value) if TEXTS.contains(&name) => add(name, &as_text(value)),
            ("MessageAttributes", Value::Object(attributes)) => {
                for (number, (attribute, value)) in (1..).zip(attributes) {
                    let path = format!("MessageAttributes.entry.{number}");
                    add(&format!("{path}.Name"), attribute);
                    for member in ["DataType", "StringValue", "BinaryValue"] {
                        if let Some(value) = value.get(member) {
                            add(&format!("{path}.Value.{member}"), &as_text(value));
                        }
                    }
                }
            }
            _ => {
                let cause = format!("The parameter {name} of {} is not supported here", call.resource);
                return Err(TaskFault::runtime(cause));
            }
        }
    }
    let request =
        Request::post("/").header("content-type", "application/x-www-form-urlencoded").body(form.into());
    Ok(tasks.send(call, "sns", "sns", request).await)
}

/// What an answer of SNS that refuses is to `aws-sdk:sns:publish`.
pub(super) fn refused_by_sdk(response: &Response<Bytes>) -> TaskFault {
    const ERRORS: [&str; 4] = ["AuthorizationError", "InternalError", "InvalidParameter", "NotFound"];
    TaskFault::refused_by_sdk("Sns", ERRORS.into_iter(), response)
}

pub(super) fn output(response: &Response<Bytes>) -> Map<String, Value> {
    let body = String::from_utf8_lossy(response.body());
    let member = |name: &str| Some((name.to_owned(), Value::String(xml::leaf(&body, name)?)));
    ["MessageId", "SequenceNumber"].into_iter().filter_map(member).collect()
}
