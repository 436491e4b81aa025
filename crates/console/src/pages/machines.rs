//! All state machines.

use axum::response::Response;
use darkroom_asl::definition::MachineType;
use darkroom_engine::store::StateMachineStatus;
use maud::html;

use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::query::{Query, link};
use crate::{Console, answer, time};

/// Rows of a page.
const ROWS: usize = 100;

/// The page.
pub fn page(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let mut machines = console.engine.store().state_machines(query.get("after"), ROWS + 1)?;
    let has_more = machines.len() > ROWS;
    machines.truncate(ROWS);
    let last = machines.last().map(|machine| machine.arn.clone()).filter(|_| has_more);
    let body = html! {
        h1 { "State machines" }
        @if machines.is_empty() {
            p.quiet { "None. Create one with " code { "aws stepfunctions create-state-machine" } "." }
        } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Type" } th scope="col" { "Created" }
                    th scope="col" { "Changed" } th scope="col" { "Executions" }
                } }
                tbody { @for machine in &machines {
                    tr {
                        td data-name="Name" {
                            a href=(link("machine", &[("arn", &machine.arn)])) { (machine.name) }
                            @if machine.status == StateMachineStatus::Deleting { span.quiet { " is being deleted" } }
                        }
                        td data-name="Type" {
                            @match machine.machine_type {
                                MachineType::Standard => "Standard",
                                MachineType::Express => "Express",
                            }
                        }
                        td data-name="Created" { (time::moment(machine.created_at)) }
                        td data-name="Changed" { (time::moment(machine.revision.updated_at)) }
                        td data-name="Executions" { a href=(link("executions", &[("machine", &machine.arn)])) { "Show" } }
                    }
                } }
            }
            @if let Some(last) = &last { p { a href=(link("machines", &[("after", last)])) rel="next" { "More" } } }
        }
    };
    Ok(answer::page(layout::page("State machines", Tab::Machines, None, &body)))
}
