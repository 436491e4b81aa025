//! Functions: by their ARN, or through `lambda:invoke`. The call is the same; what becomes of the answer is not:
//! the one gives the function's result, the other wraps it.
//!
//! What the function returned is passed on as it is written.

use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fault::Optimized;
use super::{Output, TaskCall, TaskFault, Tasks, metadata};
use crate::wire::{encoded, text};

pub(super) const SERVICE: Optimized = Optimized {
    prefix: "Lambda",
    service: "AWSLambda",
    general: "AWSLambdaException",
    modelled: &[
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "KMSAccessDeniedException",
        "RequestTooLargeException",
        "ResourceConflictException",
        "ResourceNotFoundException",
        "ResourceNotReadyException",
        "ServiceException",
        "TooManyRequestsException",
        "UnsupportedMediaTypeException",
    ],
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Parameters {
    function_name: String,
    payload: Option<Box<RawValue>>,
    qualifier: Option<String>,
    invocation_type: Option<String>,
    client_context: Option<String>,
    log_type: Option<String>,
}

/// A function's result.
pub(super) async fn by_arn(tasks: &Tasks, call: &TaskCall) -> Output {
    let payload = Bytes::copy_from_slice(call.parameters.as_bytes());
    let response = send(tasks, call, &call.resource, None, &[], payload).await?;
    let body = checked(&response)?;
    Ok(if body.is_empty() { "null".to_owned() } else { body })
}

/// A function's result in what Invoke answered.
pub(super) async fn invoke(tasks: &Tasks, call: &TaskCall) -> Output {
    let parameters: Parameters = serde_json::from_str(&call.parameters)
        .map_err(|error| TaskFault::runtime(format!("The parameters of lambda:invoke are wrong: {error}")))?;
    let headers = [
        ("x-amz-invocation-type", parameters.invocation_type),
        ("x-amz-client-context", parameters.client_context),
        ("x-amz-log-type", parameters.log_type),
    ];
    let payload = payload_text(parameters.payload.as_deref());
    let qualifier = parameters.qualifier.as_deref();
    let response = send(tasks, call, &parameters.function_name, qualifier, &headers, payload).await?;
    wrapped(&response)
}

/// AWS: a function that is given nothing is given an empty object, and a string is sent as the text in it.
fn payload_text(payload: Option<&RawValue>) -> Bytes {
    let Some(payload) = payload else { return Bytes::from_static(b"{}") };
    match serde_json::from_str::<String>(payload.get()) {
        Ok(text) => text.into(),
        Err(_) => Bytes::copy_from_slice(payload.get().as_bytes()),
    }
}

async fn send(
    tasks: &Tasks,
    call: &TaskCall,
    function: &str,
    qualifier: Option<&str>,
    headers: &[(&'static str, Option<String>)],
    payload: Bytes,
) -> Result<Response<Bytes>, TaskFault> {
    let (function, own_qualifier) = split_qualifier(function);
    let mut path = format!("/2015-03-31/functions/{}/invocations", encoded(&function, ""));
    if let Some(qualifier) = qualifier.or(own_qualifier.as_deref()) {
        path.push_str("?Qualifier=");
        path.push_str(&encoded(qualifier, ""));
    }
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        if let Some(value) = value {
            request = request.header(*name, value);
        }
    }
    tasks.send(call, "lambda", "lambda", request.body(payload)).await.map_err(|error| {
        // AWS: a function that was reached and gave no answer is an unknown fault.
        let name = if error.was_sent { "Lambda.Unknown" } else { "Lambda.SdkClientException" };
        TaskFault::new(name, error.to_string())
    })
}

/// The function, and the version or alias behind it.
fn split_qualifier(function: &str) -> (String, Option<String>) {
    let name_at = function.find("function:").map_or(0, |at| at + "function:".len());
    match function[name_at..].split_once(':') {
        Some((name, qualifier)) => (format!("{}{name}", &function[..name_at]), Some(qualifier.to_owned())),
        None => (function.to_owned(), None),
    }
}

/// The result, where both Lambda and the function are content.
fn checked(response: &Response<Bytes>) -> Result<String, TaskFault> {
    if !response.status().is_success() {
        return Err(TaskFault::refused(SERVICE, response));
    }
    let body = String::from_utf8(response.body().to_vec())
        .map_err(|_| TaskFault::new("Lambda.Unknown", "the function's answer is no UTF-8 text"))?;
    if response.headers().contains_key("x-amz-function-error") {
        // A function's own error: its type, and what it said as a JSON text.
        let described: Value = serde_json::from_str(&body).unwrap_or_default();
        return Err(TaskFault::new(described["errorType"].as_str().unwrap_or("Lambda.Unknown"), body));
    }
    if !body.is_empty() && serde_json::from_str::<&RawValue>(&body).is_err() {
        return Err(TaskFault::new("Lambda.Unknown", "the function's answer is no JSON"));
    }
    Ok(body)
}

fn wrapped(response: &Response<Bytes>) -> Output {
    let body = checked(response)?;
    let header = |name: &str| text(response.headers(), name).map(Value::from);
    let [http, request] = metadata(response);
    let status = Value::from(response.status().as_u16());
    let members = [
        ("ExecutedVersion", header("x-amz-executed-version")),
        ("LogResult", header("x-amz-log-result")),
        ("SdkHttpMetadata", Some(http.1)),
        ("SdkResponseMetadata", Some(request.1)),
        ("StatusCode", Some(status)),
    ];
    let members: Map<String, Value> =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    // Written by hand: the function's own JSON is passed on as it is.
    let mut texts: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    let payload = if body.is_empty() { "\"\"" } else { &body };
    let at = members.keys().take_while(|name| name.as_str() < "Payload").count();
    texts.insert(at, format!("\"Payload\":{payload}"));
    Ok(format!("{{{}}}", texts.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_sent_as_it_is_and_a_string_as_the_text_in_it() {
        for (parameters, sent) in [
            (r#"{"FunctionName": "f", "Payload": {"n": 1.0}}"#, r#"{"n": 1.0}"#),
            (r#"{"FunctionName": "f", "Payload": "{\"n\": 1}"}"#, r#"{"n": 1}"#),
            (r#"{"FunctionName": "f", "Payload": null}"#, "{}"),
            (r#"{"FunctionName": "f"}"#, "{}"),
        ] {
            let parameters: Parameters = serde_json::from_str(parameters).unwrap();
            assert_eq!(payload_text(parameters.payload.as_deref()), sent);
        }
    }

    #[test]
    fn the_result_stands_in_its_place_as_it_was_written() {
        let mut response = Response::new(Bytes::from_static(b"[1.0]"));
        response.headers_mut().insert("x-amz-executed-version", "$LATEST".parse().unwrap());
        let output = wrapped(&response).unwrap();
        assert!(
            output.starts_with("{\"ExecutedVersion\":\"$LATEST\",\"Payload\":[1.0],\"SdkHttpMetadata\":{"),
            "{output}"
        );
    }
}
