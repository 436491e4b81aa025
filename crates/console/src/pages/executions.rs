//! All executions: by status, state machine and name, page after page.

use axum::response::Response;
use darkroom_asl::data::Timestamp;
use darkroom_engine::store::{
    ExecutionKey, ExecutionStatus, ExecutionSummary, Filter, StartedThrough, StoredStateMachine,
};
use maud::{Markup, html};

use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::query::{Query, link};
use crate::{Console, answer, time};

/// Rows of a page.
const ROWS: usize = 50;
/// Executions that are looked through for a name before the page says where it stopped.
const LOOKED_AT_MAX: usize = 5_000;
/// State machines that can be chosen.
const CHOICES_MAX: usize = 200;

/// What was found, and where to go on.
struct Found {
    rows: Vec<ExecutionSummary>,
    before: Option<ExecutionKey>,
    /// Whether more was looked through than is shown, and the end not reached.
    is_partial: bool,
}

/// The page.
pub fn page(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let status = query.get("status").and_then(ExecutionStatus::parse);
    let machine = query.get("machine");
    let name = query.get("name").unwrap_or_default();
    let found = find(console, query, status, machine, name)?;
    let machines = console.engine.store().state_machines(None, CHOICES_MAX)?;
    let now = console.engine.now();
    let mut words: Vec<(&str, &str)> =
        ["status", "machine", "name"].into_iter().filter_map(|word| Some((word, query.get(word)?))).collect();
    let before = found.before.map(|key| key.0.to_string());
    if let Some(before) = &before {
        words.push(("before", before));
    }
    let body = html! {
        h1 { "Executions" }
        (filters(status, machine, name, &machines))
        div data-part="list" {
            (table(&found.rows.iter().collect::<Vec<_>>(), now))
            @if found.is_partial {
                p.notice { (LOOKED_AT_MAX) " executions were looked through for this name; older ones may match too." }
            }
            @if before.is_some() { p { a href=(link("executions", &words)) rel="next" { "Older executions" } } }
        }
    };
    Ok(answer::page(layout::page("Executions", Tab::Executions, Some(&link("live", &[])), &body)))
}

fn find(
    console: &Console,
    query: &Query,
    status: Option<ExecutionStatus>,
    machine: Option<&str>,
    name: &str,
) -> Result<Found, ConsoleError> {
    let mut filter = Filter {
        through: machine.map(|arn| StartedThrough::StateMachine(arn.into())),
        status,
        before: query.number("before").map(ExecutionKey),
        limit: if name.is_empty() { ROWS + 1 } else { 500 },
    };
    let (mut rows, mut looked_at) = (Vec::new(), 0);
    loop {
        let page = console.engine.store().executions(&filter)?;
        let (is_last, length) = (page.len() < filter.limit, page.len());
        let last = page.last().map(|summary| summary.key);
        rows.extend(
            page.into_iter().filter(|it| name.is_empty() || it.identity.execution_name.contains(name)),
        );
        looked_at += length;
        filter.before = last.or(filter.before);
        let is_full = rows.len() > ROWS;
        if is_full {
            rows.truncate(ROWS);
            let before = rows.last().map(|summary| summary.key);
            return Ok(Found { rows, before, is_partial: false });
        }
        if is_last {
            return Ok(Found { rows, before: None, is_partial: false });
        }
        if looked_at >= LOOKED_AT_MAX {
            return Ok(Found { rows, before: filter.before, is_partial: true });
        }
    }
}

fn filters(
    status: Option<ExecutionStatus>,
    machine: Option<&str>,
    name: &str,
    machines: &[StoredStateMachine],
) -> Markup {
    html! {
        form.filters method="get" action=(link("executions", &[])) role="search" {
            label { "Status"
                select name="status" {
                    option value="" { "any" }
                    @for one in ExecutionStatus::ALL {
                        option value=(one.as_str()) selected[status == Some(one)] { (one.as_str()) }
                    }
                }
            }
            label { "State machine"
                select name="machine" {
                    option value="" { "any" }
                    @for one in machines {
                        option value=(one.arn) selected[machine == Some(&*one.arn)] { (one.name) }
                    }
                }
            }
            label { "Name contains" input type="search" name="name" value=(name); }
            button type="submit" { "Show" }
        }
    }
}

/// Executions as a table; on a narrow screen each is a card.
pub fn table(rows: &[&ExecutionSummary], now: Timestamp) -> Markup {
    html! {
        @if rows.is_empty() {
            p.quiet { "None." }
        } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Execution" } th scope="col" { "Status" } th scope="col" { "State machine" }
                    th scope="col" { "Started" } th scope="col" { "Took" }
                } }
                tbody { @for row in rows {
                    tr {
                        td data-name="Execution" {
                            a href=(link("execution", &[("arn", &row.identity.execution_arn)])) {
                                (row.identity.execution_name)
                            }
                            @if row.redrive.is_some() { span.quiet { " redriven" } }
                            @if row.parked.is_some() { span.quiet { " set aside" } }
                        }
                        td data-name="Status" { (layout::status(row.status)) }
                        td data-name="State machine" {
                            a href=(link("machine", &[("arn", &row.identity.state_machine_arn)])) {
                                (row.identity.state_machine_name)
                            }
                        }
                        td data-name="Started" { (time::moment(row.started_at)) }
                        td data-name="Took" { (time::between(row.started_at, row.ended_at.unwrap_or(now))) }
                    }
                } }
            }
        }
    }
}
