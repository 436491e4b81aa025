//! What stands beside the engine: functions, topics and queues, as their own APIs tell of them.

use axum::response::Response;
use bytes::Bytes;
use http::Request;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::platform::PlatformError;
use crate::{Console, answer};

/// Queues whose attributes are asked for.
const QUEUES_MAX: usize = 100;

/// The functions.
pub async fn functions(console: &Console) -> Result<Response, ConsoleError> {
    let request = Request::get("/2015-03-31/functions/").body(Bytes::new())?;
    let answered = call(console, "lambda", request).await?;
    let functions = json_of(&answered)?["Functions"].as_array().cloned().unwrap_or_default();
    let rows = functions.iter().map(|it| {
        ["FunctionName", "Runtime", "Handler", "Timeout", "MemorySize"].map(|member| word(&it[member]))
    });
    let body = html! {
        h1 { "Functions" }
        (table(["Name", "Runtime", "Handler", "Timeout in seconds", "Memory in MB"], &rows.collect::<Vec<_>>()))
    };
    Ok(answer::page(layout::page("Functions", Tab::Functions, None, &body)))
}

/// The topics, and who subscribes to them.
pub async fn topics(console: &Console) -> Result<Response, ConsoleError> {
    let topics = form(console, "ListTopics").await?;
    let subscriptions = form(console, "ListSubscriptions").await?;
    let subscriptions: Vec<&str> = within(&subscriptions, "member").collect();
    let rows = within(&topics, "TopicArn").map(|arn| {
        let own = subscriptions.iter().filter(|it| within(it, "TopicArn").any(|topic| topic == arn));
        let own = own.map(|it| {
            let part = |name| unescaped(within(it, name).next().unwrap_or_default());
            format!("{}: {}", part("Protocol"), part("Endpoint"))
        });
        [unescaped(arn), own.collect::<Vec<_>>().join(", ")]
    });
    let body = html! { h1 { "Topics" } (table(["Topic", "Subscriptions"], &rows.collect::<Vec<_>>())) };
    Ok(answer::page(layout::page("Topics", Tab::Topics, None, &body)))
}

/// The queues, those of dead letters among them.
pub async fn queues(console: &Console) -> Result<Response, ConsoleError> {
    let listed = sqs(console, "ListQueues", &json!({})).await?;
    let urls = listed["QueueUrls"].as_array().cloned().unwrap_or_default();
    let mut queues = Vec::new();
    for url in urls.iter().take(QUEUES_MAX) {
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
        queues.push(sqs(console, "GetQueueAttributes", &asked).await?["Attributes"].take());
    }
    let dead_letters_of = |arn: &str| {
        let sources = queues.iter().filter(|queue| {
            let policy =
                queue["RedrivePolicy"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            policy.is_some_and(|policy| policy["deadLetterTargetArn"] == arn)
        });
        sources.map(|queue| name_of(&word(&queue["QueueArn"]))).collect::<Vec<_>>().join(", ")
    };
    let rows = queues.iter().map(|queue| {
        let arn = word(&queue["QueueArn"]);
        [
            name_of(&arn),
            word(&queue["ApproximateNumberOfMessages"]),
            word(&queue["ApproximateNumberOfMessagesNotVisible"]),
            word(&queue["ApproximateNumberOfMessagesDelayed"]),
            dead_letters_of(&arn),
        ]
    });
    let body = html! {
        h1 { "Queues" }
        (table(["Queue", "Messages", "In flight", "Delayed", "Dead letters of"], &rows.collect::<Vec<_>>()))
        @if urls.len() > QUEUES_MAX { p.notice { "The first " (QUEUES_MAX) " of " (urls.len()) " queues are shown." } }
    };
    Ok(answer::page(layout::page("Queues", Tab::Queues, None, &body)))
}

fn table<const COLUMNS: usize>(names: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> Markup {
    html! {
        @if rows.is_empty() {
            p.quiet { "None." }
        } @else {
            table.cards {
                thead { tr { @for name in names { th scope="col" { (name) } } } }
                tbody { @for row in rows {
                    tr { @for (name, cell) in names.iter().zip(row) { td data-name=(name) { (cell) } } }
                } }
            }
        }
    }
}

async fn sqs(console: &Console, action: &str, input: &Value) -> Result<Value, ConsoleError> {
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .body(Bytes::from(input.to_string()))?;
    json_of(&call(console, "sqs", request).await?)
}

async fn form(console: &Console, action: &str) -> Result<String, ConsoleError> {
    let request = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(format!("Action={action}&Version=2010-03-31")))?;
    Ok(String::from_utf8_lossy(&call(console, "sns", request).await?).into_owned())
}

pub async fn call(console: &Console, service: &str, request: Request<Bytes>) -> Result<Bytes, ConsoleError> {
    let response = console.platform.call(service, request).await?;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let said = String::from_utf8_lossy(response.body()).into_owned();
    Err(PlatformError(format!("{service} answered {}: {said}", response.status())).into())
}

pub fn json_of(bytes: &Bytes) -> Result<Value, ConsoleError> {
    serde_json::from_slice(bytes)
        .map_err(|error| PlatformError(format!("the answer is not JSON: {error}")).into())
}

impl From<http::Error> for ConsoleError {
    fn from(error: http::Error) -> Self {
        PlatformError(error.to_string()).into()
    }
}

/// A value as a cell has it.
fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn name_of(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or(arn).to_owned()
}

/// What stands in each element of this name.
fn within<'t>(xml: &'t str, name: &'t str) -> impl Iterator<Item = &'t str> {
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

fn unescaped(text: &str) -> String {
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
        assert_eq!(within(members[1], "t").map(unescaped).collect::<Vec<_>>(), ["a&b", "3"]);
        assert_eq!(within("<t>cut", "t").count(), 0);
    }
}
