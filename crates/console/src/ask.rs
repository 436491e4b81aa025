//! Questions to the services beside the engine, by their own APIs, and what is read out of the answers.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::Console;
use crate::error::ConsoleError;
use crate::platform::PlatformError;

/// The longest that a page waits for a service, which may be far away. Our choice.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A call in AWS JSON, such as `AmazonSQS.ListQueues` of `sqs`.
pub async fn call(
    console: &Console,
    service: &str,
    target: &str,
    input: &Value,
) -> Result<Value, ConsoleError> {
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .body(Bytes::from(input.to_string()))?;
    json_of(&send(console, service, request).await?)
}

/// A call in REST-JSON that only reads.
pub async fn get(console: &Console, service: &str, path: &str) -> Result<Value, ConsoleError> {
    json_of(&send(console, service, Request::get(path).body(Bytes::new())?).await?)
}

/// A call in REST-JSON with an input.
pub async fn post(
    console: &Console,
    service: &str,
    path: &str,
    input: &Value,
) -> Result<Value, ConsoleError> {
    let request = Request::post(path).header("content-type", "application/json");
    json_of(&send(console, service, request.body(Bytes::from(input.to_string()))?).await?)
}

/// A call of SNS, in the query protocol: the answer's XML.
pub async fn sns(console: &Console, form: &str) -> Result<String, ConsoleError> {
    let request = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(format!("{form}&Version=2010-03-31")))?;
    Ok(String::from_utf8_lossy(&send(console, "sns", request).await?).into_owned())
}

async fn send(console: &Console, service: &str, request: Request<Bytes>) -> Result<Bytes, ConsoleError> {
    let answered = tokio::time::timeout(ANSWER_MAX, console.platform.call(service, request)).await;
    let response = answered.map_err(|_| PlatformError(format!("{service} did not answer in time")))??;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let said = String::from_utf8_lossy(response.body()).into_owned();
    Err(PlatformError(format!("{service} answered {}: {said}", response.status())).into())
}

fn json_of(bytes: &Bytes) -> Result<Value, ConsoleError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes)
        .map_err(|error| PlatformError(format!("the answer is not JSON: {error}")).into())
}

impl From<http::Error> for ConsoleError {
    fn from(error: http::Error) -> Self {
        PlatformError(error.to_string()).into()
    }
}

/// A value as a person reads it.
pub fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The end of an ARN.
pub fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// What stands in each element of this name.
pub fn within<'t>(xml: &'t str, name: &'t str) -> impl Iterator<Item = &'t str> {
    let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let start = rest.find(&opening)? + opening.len();
        let length = rest[start..].find(&closing)?;
        let found = &rest[start..start + length];
        rest = &rest[start + length + closing.len()..];
        Some(found)
    })
}

/// The text of the first element of this name.
pub fn leaf(xml: &str, name: &str) -> String {
    let text = within(xml, name).next().unwrap_or_default();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found() {
        let xml = "<a><m><t>1</t></m><m><t>a&amp;b</t><t>3</t></m></a>";
        let members: Vec<&str> = within(xml, "m").collect();
        assert_eq!(members, ["<t>1</t>", "<t>a&amp;b</t><t>3</t>"]);
        assert_eq!((leaf(members[1], "t"), leaf(xml, "none")), ("a&b".to_owned(), String::new()));
        assert_eq!(within("<t>cut", "t").count(), 0);
    }
}
