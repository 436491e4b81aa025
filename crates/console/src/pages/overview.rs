//! What runs, what failed, and how much goes through.
//!
//! Each look at the store is for a few rows of an index, however many executions there are; what is counted beyond that
//! is counted as it happens.

use axum::response::Response;
use darkroom_engine::Load;
use darkroom_engine::store::{ExecutionStatus, ExecutionSummary, Filter};
use maud::{Markup, html};
use serde_json::Value;

use super::alarms;
use super::executions::table;
use crate::changes::MINUTES;
use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::query::link;
use crate::{Console, answer, chart};

/// Running executions that are counted: beyond that it is said that there are more.
const COUNTED_MAX: usize = 1_000;
/// Rows of a list.
const ROWS: usize = 8;

/// The page, with the alarms that ring, or why those are not known.
pub fn page(console: &Console, ringing: &Result<Vec<Value>, String>) -> Result<Response, ConsoleError> {
    let running = list(console, Some(ExecutionStatus::Running), COUNTED_MAX + 1)?;
    let mut failed = list(console, Some(ExecutionStatus::Failed), ROWS)?;
    failed.extend(list(console, Some(ExecutionStatus::TimedOut), ROWS)?);
    failed.sort_by_key(|summary| std::cmp::Reverse(summary.key));
    failed.truncate(ROWS);
    let recent = list(console, None, ROWS)?;
    let minutes = console.changes.minutes(console.engine.now());
    let last = minutes.last().map_or(0, |minute| minute.number);
    let durations = console.platform.durations(last + 1 - i64::try_from(MINUTES).unwrap_or(0)..last + 1);
    let sum =
        |count: fn(&crate::changes::Minute) -> u32| minutes.iter().map(count).map(u64::from).sum::<u64>();
    let parked: Vec<&ExecutionSummary> = running.iter().filter(|it| it.parked.is_some()).take(ROWS).collect();
    let now = console.engine.now();
    let load = console.engine.load();
    let body = html! {
        h1 { "Overview" }
        div.tiles data-part="tiles" {
            (tile("Running", &counted(running.len(), &load), "running", &link("executions", &[("status", "RUNNING")])))
            (tile("Started in the last hour", &sum(|it| it.started).to_string(), "", &link("executions", &[])))
            (tile("Succeeded in the last hour", &sum(|it| it.succeeded).to_string(), "good",
                &link("executions", &[("status", "SUCCEEDED")])))
            (tile("Failed in the last hour", &sum(|it| it.failed).to_string(), "bad",
                &link("executions", &[("status", "FAILED")])))
            (alarms_tile(ringing))
        }
        p.quiet data-part="load" { (waiting(&load)) }
        div data-part="alarms" {
            @match ringing {
                Ok(ringing) if ringing.is_empty() => {}
                Ok(ringing) => { h2 { "Alarms that ring" } (alarms::table(ringing)) }
                Err(reason) => { p.notice { "The alarms are not known: " (reason) } }
            }
        }
        div.charts {
            div data-part="chart" { (chart::throughput(&minutes)) }
            div data-part="durations" { (chart::durations(&durations, last)) }
        }
        div data-part="parked" {
            @if !parked.is_empty() {
                h2 { "Set aside" }
                p.notice { "The engine could not go on with these. Their histories are whole." }
                (table(&parked, now))
            }
        }
        div.halves {
            section data-part="running" {
                h2 { "Running" }
                (table(&running.iter().take(ROWS).collect::<Vec<_>>(), now))
            }
            section data-part="failed" {
                h2 { "Failed last" }
                (table(&failed.iter().collect::<Vec<_>>(), now))
            }
        }
        section data-part="recent" {
            h2 { "Started last" }
            (table(&recent.iter().collect::<Vec<_>>(), now))
            p { a href=(link("executions", &[])) { "All executions" } }
        }
    };
    Ok(answer::page(layout::page("Overview", Tab::Overview, Some(&link("live", &[])), &body)))
}

fn list(
    console: &Console,
    status: Option<ExecutionStatus>,
    limit: usize,
) -> Result<Vec<ExecutionSummary>, ConsoleError> {
    Ok(console.engine.store().executions(&Filter { status, limit, ..Filter::default() })?)
}

/// As many as are listed; beyond what is counted there the engine says how many there are.
fn counted(listed: usize, load: &Load) -> String {
    let Load { standard, asleep, .. } = load;
    if listed > COUNTED_MAX { (standard.in_memory + asleep).max(listed) } else { listed }.to_string()
}

/// What waits, and for what.
fn waiting(load: &Load) -> String {
    let Load { standard, express, asleep, committing, activity_tasks, starting: _ } = load;
    let (in_memory, inputs) = (standard.in_memory + express.in_memory, standard.inputs + express.inputs);
    format!(
        "In memory: {in_memory}, asleep on the disk: {asleep}. Waiting for a turn: {inputs}, for the disk: {committing}, \
         for a worker: {activity_tasks}."
    )
}

fn alarms_tile(ringing: &Result<Vec<Value>, String>) -> Markup {
    let (number, class) = match ringing {
        Ok(ringing) if ringing.is_empty() => ("0".to_owned(), "good"),
        Ok(ringing) => (ringing.len().to_string(), "bad"),
        Err(_) => ("?".to_owned(), ""),
    };
    tile("Alarms that ring", &number, class, &link("alarms", &[]))
}

fn tile(name: &str, number: &str, class: &str, to: &str) -> Markup {
    html! {
        a href=(to) class=(format!("tile {class}")) { strong { (number) } " " span { (name) } }
    }
}
