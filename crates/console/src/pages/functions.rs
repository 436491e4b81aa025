//! The functions: how often each was called, how that ended, and what it wrote.

use axum::response::Response;
use darkroom_asl::data::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::ask::{get, word};
use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::platform::{FunctionActivity, LastCall};
use crate::query::{Query, encoded, link};
use crate::{Console, answer, time};

/// Lines of a function's log that are shown.
const LINES_MAX: usize = 500;

/// All functions.
pub async fn all(console: &Console) -> Result<Response, ConsoleError> {
    let listed = get(console, "lambda", "/2015-03-31/functions/").await?;
    let functions: Vec<(String, &Value)> = listed["Functions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|function| (word(&function["FunctionName"]), function))
        .collect();
    let body = html! {
        h1 { "Functions" }
        div data-part="functions" {
            @if functions.is_empty() { p.quiet { "None." } } @else {
                table.cards {
                    thead { tr {
                        th scope="col" { "Function" } th scope="col" { "Calls" } th scope="col" { "Errors" }
                        th scope="col" { "Running now" } th scope="col" { "Last call" } th scope="col" { "Timeout" }
                        th scope="col" { "Memory" }
                    } }
                    tbody { @for (name, function) in &functions {
                        (row(name, function, &console.platform.function(name, 0).unwrap_or_default()))
                    } }
                }
            }
        }
        p.quiet { "Calls are counted since the server was started; metrics keep them for longer." }
    };
    Ok(answer::page(layout::page("Functions", Tab::Functions, Some(&link("live", &[])), &body)))
}

fn row(name: &str, function: &Value, activity: &FunctionActivity) -> Markup {
    let bound = |member: &str, unit: &str| match &function[member] {
        Value::Null => "not bounded here".to_owned(),
        value => format!("{} {unit}", word(value)),
    };
    html! {
        tr {
            td data-name="Function" { a href=(link("function", &[("name", name)])) { (name) } }
            td data-name="Calls" { (activity.invocations) }
            td data-name="Errors" { (errors(activity)) }
            td data-name="Running now" { (activity.under_way) }
            td data-name="Last call" { (last_call(activity.last.as_ref())) }
            td data-name="Timeout" { (bound("Timeout", "s")) }
            td data-name="Memory" { (bound("MemorySize", "MB")) }
        }
    }
}

fn errors(activity: &FunctionActivity) -> Markup {
    html! {
        @if activity.errors > 0 { span.status.is-failed { (activity.errors) } } @else { "0" }
        @if activity.throttles > 0 { span.quiet { ", " (activity.throttles) " throttled" } }
    }
}

fn last_call(last: Option<&LastCall>) -> Markup {
    html! {
        @match last {
            Some(last) => {
                (time::moment(last.ended_at)) " "
                @if last.is_error { span.status.is-failed { "failed" } } @else { span.status.is-succeeded { "answered" } }
                " in " (time::duration(last.duration_ms))
            }
            None => { span.quiet { "none yet" } }
        }
    }
}

/// One function, with its log.
pub async fn one(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let name =
        query.get("name").ok_or_else(|| ConsoleError::NotFound("a function without a name".to_owned()))?;
    let described = get(console, "lambda", &format!("/2015-03-31/functions/{}", encoded(name))).await?;
    let configuration = &described["Configuration"];
    let activity = console.platform.function(name, LINES_MAX).unwrap_or_default();
    let at_once = &described["Concurrency"]["ReservedConcurrentExecutions"];
    let body = html! {
        p.trail { a href=(link("functions", &[])) { "Functions" } }
        h1 { (name) }
        dl.facts data-part="facts" {
            dt { "ARN" } dd { code { (word(&configuration["FunctionArn"])) } }
            @for (title, member) in [("Runtime", "Runtime"), ("Handler", "Handler")] {
                @if !configuration[member].is_null() { dt { (title) } dd { (word(&configuration[member])) } }
            }
            dt { "Calls" } dd { (activity.invocations) ", errors: " (errors(&activity)) }
            dt { "Running now" }
            dd {
                (activity.under_way)
                @if !at_once.is_null() { ", at most " (word(at_once)) " at once" }
                "; the most so far: " (activity.under_way_max)
            }
            dt { "Last call" } dd { (last_call(activity.last.as_ref())) }
        }
        section data-part="log" {
            h2 { "Log" }
            (log(&activity.lines))
        }
        (layout::command("Call it with the AWS CLI", &format!(
            "aws --endpoint-url {} lambda invoke --function-name {} --payload '{{}}' --cli-binary-format raw-in-base64-out /dev/stdout",
            console.platform.endpoint_url(), layout::quoted(name)
        )))
    };
    Ok(answer::page(layout::page(name, Tab::Functions, Some(&link("live", &[])), &body)))
}

fn log(lines: &[(Timestamp, String)]) -> Markup {
    html! {
        @if lines.is_empty() {
            p.quiet { "It has written nothing since the server was started." }
        } @else {
            p.quiet { "The last " (lines.len()) " lines, the newest first." }
            pre.log tabindex="0" aria-label="The last lines of the log" {
                @for (at, text) in lines.iter().rev() { (time::clock(*at)) "  " (text) "\n" }
            }
        }
    }
}
