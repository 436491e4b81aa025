//! The topics: who subscribes to them, what is still to be delivered, and what could not be.

use axum::response::Response;
use maud::{Markup, html};

use crate::ask::{leaf, name_of, sns, within};
use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::platform::{Deliveries, FailedDelivery, WaitingDelivery};
use crate::query::{encoded, link};
use crate::{Console, answer, time};

/// Pages of a list that are asked for; a page has 100.
const PAGES_MAX: usize = 10;
/// Deliveries that are shown.
const DELIVERIES_MAX: usize = 100;

struct Subscription {
    arn: String,
    topic: String,
    protocol: String,
    endpoint: String,
}

/// The page.
pub async fn page(console: &Console) -> Result<Response, ConsoleError> {
    let topics = listed(console, "ListTopics", |member| leaf(member, "TopicArn")).await?;
    let subscriptions = listed(console, "ListSubscriptions", |member| Subscription {
        arn: leaf(member, "SubscriptionArn"),
        topic: leaf(member, "TopicArn"),
        protocol: leaf(member, "Protocol"),
        endpoint: leaf(member, "Endpoint"),
    });
    let subscriptions = subscriptions.await?;
    let deliveries = console.platform.deliveries(DELIVERIES_MAX).await?;
    let body = html! {
        h1 { "Topics" }
        div data-part="topics" {
            @if topics.is_empty() { p.quiet { "None." } }
            @for topic in &topics {
                @let own = subscriptions.iter().filter(|it| it.topic == *topic).collect::<Vec<_>>();
                section {
                    h2 { (name_of(topic)) }
                    p.quiet {
                        code { (topic) }
                        @if topic.strip_suffix(".fifo").is_some() { ", a FIFO topic" }
                    }
                    (subscribers(&own, &deliveries))
                }
            }
        }
        section data-part="deliveries" {
            h2 { "Deliveries that wait" }
            p.quiet { "Of topics, rules, alarms and asynchronous calls of functions. What is written down here survives a crash." }
            (waiting(&deliveries))
            h2 { "Attempts that failed" }
            (failures(&deliveries.failures))
        }
    };
    Ok(answer::page(layout::page("Topics", Tab::Topics, Some(&link("live", &[])), &body)))
}

/// The members of a list of SNS, page after page.
async fn listed<T>(
    console: &Console,
    action: &str,
    read: impl Fn(&str) -> T,
) -> Result<Vec<T>, ConsoleError> {
    let (mut found, mut token) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let next = if token.is_empty() { String::new() } else { format!("&NextToken={}", encoded(&token)) };
        let answered = sns(console, &format!("Action={action}{next}")).await?;
        found.extend(within(&answered, "member").map(&read));
        token = leaf(&answered, "NextToken");
        if token.is_empty() {
            break;
        }
    }
    Ok(found)
}

fn subscribers(own: &[&Subscription], deliveries: &Deliveries) -> Markup {
    let waits = |it: &Subscription| deliveries.waiting.iter().filter(|one| one.to == it.endpoint).count();
    let failed = |it: &Subscription| deliveries.failures.iter().filter(|one| one.to == it.endpoint).count();
    html! {
        @if own.is_empty() { p.quiet { "Nobody subscribes to it." } } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Subscriber" } th scope="col" { "By" } th scope="col" { "Subscription" }
                    th scope="col" { "Waiting" } th scope="col" { "Failed attempts" }
                } }
                tbody { @for it in own {
                    tr {
                        td data-name="Subscriber" { (it.endpoint) }
                        td data-name="By" { (it.protocol) }
                        td data-name="Subscription" {
                            @if it.arn.starts_with("arn:") { span.status.is-succeeded { "confirmed" } }
                            @else { span.status.is-caught { "asked to confirm" } }
                        }
                        td data-name="Waiting" { (waits(it)) }
                        td data-name="Failed attempts" { (failed(it)) }
                    }
                } }
            }
        }
    }
}

fn waiting(deliveries: &Deliveries) -> Markup {
    let Deliveries { waiting, waiting_count, .. } = deliveries;
    html! {
        @if waiting.is_empty() { p.quiet { "None." } } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "To" } th scope="col" { "By" } th scope="col" { "Since" }
                    th scope="col" { "Failed attempts" } th scope="col" { "Next attempt" }
                } }
                tbody { @for WaitingDelivery { kind, to, attempts, made_at, due_at } in waiting {
                    tr {
                        td data-name="To" { (to) }
                        td data-name="By" { (kind) }
                        td data-name="Since" { (time::moment(*made_at)) }
                        td data-name="Failed attempts" { (attempts) }
                        td data-name="Next attempt" {
                            @if let Some(due_at) = due_at { (time::moment(*due_at)) }
                            @else { "after another of its group" }
                        }
                    }
                } }
            }
            @if u64::try_from(waiting.len()).is_ok_and(|shown| shown < *waiting_count) {
                p.notice { "The first " (waiting.len()) " of " (waiting_count) " are shown." }
            }
        }
    }
}

fn failures(failures: &[FailedDelivery]) -> Markup {
    html! {
        @if failures.is_empty() { p.quiet { "None since the server was started." } } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "To" } th scope="col" { "By" } th scope="col" { "When" }
                    th scope="col" { "Attempt" } th scope="col" { "Why" }
                } }
                tbody { @for FailedDelivery { at, kind, to, attempt, reason, is_last } in failures {
                    tr {
                        td data-name="To" { (to) }
                        td data-name="By" { (kind) }
                        td data-name="When" { (time::moment(*at)) }
                        td data-name="Attempt" {
                            (attempt) @if *is_last { " " span.status.is-failed { "given up" } }
                        }
                        td data-name="Why" { (reason) }
                    }
                } }
            }
        }
    }
}
