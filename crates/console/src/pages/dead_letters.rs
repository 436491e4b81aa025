//! The dead letters: executions that ended badly, to be redriven or forgotten.

use axum::response::Response;
use maud::{Markup, html};

use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::platform::DeadLetter;
use crate::query::link;
use crate::{Console, answer, diff, time};

/// Letters that are shown.
const LETTERS_MAX: usize = 200;

/// The page. It takes the letters out of the queue and puts them back, so it is not made again at every change.
pub fn page(console: &Console) -> Result<Response, ConsoleError> {
    let letters = console.platform.dead_letters(LETTERS_MAX)?;
    let body = html! {
        h1 { "Dead letters" }
        p.quiet {
            "Executions that failed, timed out or were stopped. A redrive goes on from the state that failed; where an "
            "execution came to its Fail state, another one is started with its input."
        }
        div data-part="letters" { (shown(&letters)) }
    };
    Ok(answer::page(layout::page("Dead letters", Tab::DeadLetters, None, &body)))
}

fn shown(letters: &[DeadLetter]) -> Markup {
    html! {
        @if letters.is_empty() { p.quiet { "None." } } @else {
            div.buttons {
                (layout::button("redrive-letters", "Redrive all", &[], Some("All of them are run again.")))
                (layout::button("purge-letters", "Forget all", &[], Some("All letters are deleted. The executions stay in the history.")))
            }
            (table(letters))
        }
        @if letters.len() == LETTERS_MAX { p.notice { "The first " (LETTERS_MAX) " are shown; buttons for all mean all." } }
    }
}

fn table(letters: &[DeadLetter]) -> Markup {
    html! {
        table.cards {
            thead { tr {
                th scope="col" { "Execution" } th scope="col" { "Status" } th scope="col" { "Ended" }
                th scope="col" { "Why" } th scope="col" { "Redriven" } th scope="col" { "Do" }
            } }
            tbody { @for letter in letters {
                tr {
                    td data-name="Execution" { a href=(link("execution", &[("arn", &letter.arn)])) { (letter.name) } }
                    td data-name="Status" {
                        span class=(if letter.status == "ABORTED" { "status is-aborted" } else { "status is-failed" }) { (letter.status) }
                    }
                    td data-name="Ended" { @if let Some(at) = letter.ended_at { (time::moment(at)) } }
                    td data-name="Why" {
                        div {
                            @if let Some(error) = &letter.error { strong { (error) } " " }
                            @if let Some(cause) = &letter.cause { (diff::cut(cause)) }
                        }
                    }
                    td data-name="Redriven" { (letter.redrive_count) }
                    td data-name="Do" {
                        div.buttons {
                            (layout::button("redrive-letters", "Redrive", &[("arn", &letter.arn)], None))
                            (layout::button("purge-letters", "Forget", &[("arn", &letter.arn)], None))
                        }
                    }
                }
            } }
        }
    }
}
