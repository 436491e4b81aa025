//! The queues, those of dead letters among them, as SQS tells of them.

use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::ask::{call, name_of, word};
use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::{Console, answer};

/// Queues whose attributes are asked for.
const QUEUES_MAX: usize = 100;

/// The queues, those of dead letters among them.
pub async fn page(console: &Console) -> Result<Response, ConsoleError> {
    let listed = call(console, "sqs", "AmazonSQS.ListQueues", &json!({})).await?;
    let urls = listed["QueueUrls"].as_array().cloned().unwrap_or_default();
    let mut queues = Vec::new();
    for url in urls.iter().take(QUEUES_MAX) {
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
        queues.push(call(console, "sqs", "AmazonSQS.GetQueueAttributes", &asked).await?["Attributes"].take());
    }
    let dead_letters_of = |arn: &str| {
        let sources = queues.iter().filter(|queue| {
            let policy =
                queue["RedrivePolicy"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            policy.is_some_and(|policy| policy["deadLetterTargetArn"] == arn)
        });
        sources.map(|queue| name_of(&word(&queue["QueueArn"])).to_owned()).collect::<Vec<_>>().join(", ")
    };
    let rows = queues.iter().map(|queue| {
        let arn = word(&queue["QueueArn"]);
        [
            name_of(&arn).to_owned(),
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
