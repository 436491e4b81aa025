//! The events of a history, page after page.

use darkroom_asl::interpreter::event::{EventId, wire};
use darkroom_engine::store::StoredExecution;
use maud::{Markup, html};

use super::execution::event_link;
use crate::error::ConsoleError;
use crate::query::{Query, link};
use crate::{Console, describe, time};

/// Rows of a page.
const ROWS: u32 = 100;

/// A page of events: those from the one that the query names on. Reads the store.
pub fn table(
    console: &Console,
    stored: &StoredExecution,
    query: &Query,
    last: EventId,
) -> Result<Markup, ConsoleError> {
    let from: u32 = query.number("from").unwrap_or(1).clamp(1, last.0.max(1));
    let to = from.saturating_add(ROWS - 1);
    let events = console.engine.store().history_part(stored.key, EventId(from)..=EventId(to))?;
    let arn: &str = &stored.identity.execution_arn;
    let page = |from: u32| {
        let from = from.to_string();
        let mut words = vec![("arn", arn), ("from", &from)];
        if let Some(state) = query.get("state") {
            words.push(("state", state));
        }
        format!("{}#events", link("execution", &words))
    };
    Ok(html! {
        table.cards.events {
            thead { tr {
                th scope="col" { "Event" } th scope="col" { "Time" } th scope="col" { "Type" } th scope="col" { "About" }
                th scope="col" { "After" }
            } }
            tbody { @for event in &events {
                tr {
                    td data-name="Event" { a href=(event_link(arn, event.id.0)) { (event.id.0) } }
                    td data-name="Time" { (time::clock(event.timestamp)) }
                    td data-name="Type" { (wire::type_name(event)) }
                    td data-name="About" { (describe::event(event)) }
                    td data-name="After" { (event.previous_event_id.0) }
                }
            } }
        }
        p {
            "Events " (from) " to " (to.min(last.0)) " of " (last.0) ". "
            @if from > 1 { a href=(page(from.saturating_sub(ROWS).max(1))) rel="prev" { "Earlier" } " " }
            @if to < last.0 { a href=(page(to + 1)) rel="next" { "Later" } " " a href=(page(last.0.saturating_sub(ROWS - 1).max(1))) { "Last" } }
        }
    })
}
