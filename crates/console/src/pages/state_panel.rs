//! What one state was given, what it made of it, and why it went on as it did; and how to start again from it.

use darkroom_asl::definition::{StateKind, StateMachine};
use darkroom_asl::interpreter::event::EventId;
use darkroom_engine::store::StoredExecution;
use darkroom_graph::purpose_in_words;
use maud::{Markup, html};

use super::execution::{Story, event_link};
use crate::{describe, diff, json, layout, time, why};
use darkroom_engine::course::{Iterations, Standing, Visit};

/// Visits that are shown, the last ones.
const VISITS_MAX: usize = 5;
/// Bytes of an input that can be edited in a page.
const EDITED_MAX: usize = 256 * 1024;
/// Variables that are shown.
const VARIABLES_MAX: usize = 50;

/// The panel of a state that the machine has.
pub fn panel(machine: &StateMachine, story: &Story, stored: &StoredExecution, state: &str) -> Markup {
    html! {
        div data-part="state" { (visits(machine, story, stored, state)) }
        (start_again(stored, state, story.course.of_state(state).next_back()))
    }
}

/// The panel of the state in which an execution failed, or else of the one that it was in last.
pub fn of_last(
    machine: &StateMachine,
    story: &Story,
    stored: &StoredExecution,
    to_state: &dyn Fn(&str) -> String,
) -> Markup {
    let failed = story.course.visits.iter().rev().find(|visit| visit.standing == Standing::Failed);
    let last = failed.or(story.course.visits.last());
    html! {
        div data-part="state" {
            @match last {
                Some(visit) => {
                    (visits(machine, story, stored, &visit.state))
                    p { a href=(to_state(&visit.state)) { "Start again from here" } }
                }
                None => { h2 { "State" } p.quiet { "No state has been entered yet." } }
            }
        }
        p.quiet { "Choose a state in the graph or in the timeline to see what went in and out." }
    }
}

/// The last visits of a state.
fn visits(machine: &StateMachine, story: &Story, stored: &StoredExecution, state: &str) -> Markup {
    let visits: Vec<&Visit> = story.course.of_state(state).collect();
    let hidden = visits.len().saturating_sub(VISITS_MAX);
    let purpose = machine.find(state).map(|index| purpose_in_words(&machine.state(index).kind));
    html! {
        h2 { "State " (state) }
        p.quiet { (purpose.unwrap_or_default()) }
        @if visits.is_empty() { p.quiet { "It has not been entered." } }
        @if hidden > 0 { p.notice { "The last " (VISITS_MAX) " of " (visits.len()) " visits are shown." } }
        @for (number, visit) in visits.iter().enumerate().skip(hidden) {
            (shown(machine, story, stored, visit, (visits.len() > 1).then_some(number + 1)))
        }
    }
}

fn shown(
    machine: &StateMachine,
    story: &Story,
    stored: &StoredExecution,
    visit: &Visit,
    number: Option<usize>,
) -> Markup {
    let arn = &stored.identity.execution_arn;
    let state = machine.find(&visit.state).map(|index| machine.state(index));
    let variables = story.course.variables_before(visit);
    html! {
        article.visit {
            p {
                @if let Some(number) = number { strong { "Visit " (number) } " " }
                @if let Some(item) = visit.iteration { "item " (item) " " }
                span class=(format!("status {}", visit.standing.class())) { (visit.standing.word()) }
                " entered " (time::clock(visit.entered_at))
                @if let Some(left_at) = visit.left_at { ", took " (time::between(visit.entered_at, left_at)) }
                @if let Some(wake_at) = visit.wake_at { ", waits until " (time::moment(wake_at)) }
                @if let Some(next) = &visit.next { ", went to " strong { (next) } }
            }
            @if let Some(reason) = visit.reason.as_ref().filter(|it| it.error.is_some() || it.cause.is_some()) {
                div.failure {
                    @if let Some(error) = &reason.error { strong { (error) } }
                    @if let Some(cause) = &reason.cause { pre tabindex="0" { (json::lines_if_json(cause)) } }
                }
            }
            @if let Some(iterations) = visit.iterations { (progress(iterations)) }
            @if let Some(StateKind::Choice(choice)) = state.map(|state| &state.kind) && visit.left_at.is_some() {
                h3 { "Why it went there" }
                (why::choice(machine, choice, visit, &story.course, &stored.identity))
            }
            @if !visit.attempts.is_empty() { (attempts(visit, state)) }
            div.thirds {
                div { h3 { "Input" } (json::shown(visit.input.text(), Some(&event_link(arn, visit.entered.0)))) }
                div {
                    h3 { "Output" }
                    @match &visit.output {
                        Some(output) => { (json::shown(output.text(), exit_of(story, visit).map(|id| event_link(arn, id.0)).as_deref())) }
                        None => { p.quiet { "None yet." } }
                    }
                }
                div {
                    h3 { "Variables" }
                    @if variables.is_empty() && visit.assigned.is_empty() { p.quiet { "None." } }
                    ul.diff {
                        @for (name, value) in variables.iter().take(VARIABLES_MAX) {
                            li { code { "$" (name) } " " (diff::cut(value.text())) }
                        }
                        @for (name, value) in visit.assigned.iter().take(VARIABLES_MAX) {
                            li { code { "$" (name) } " " ins { (diff::cut(value.text())) } }
                        }
                    }
                }
            }
            @if let Some(output) = &visit.output {
                h3 { "What changed" }
                (diff::shown(visit.input.value(), output.value()))
            }
        }
    }
}

/// How far a Map is.
fn progress(iterations: Iterations) -> Markup {
    let Iterations { total, started, succeeded, failed, aborted } = iterations;
    html! {
        h3 { "Iterations" }
        progress max=(total.max(1)) value=(succeeded) aria-label="Iterations that ended well" {}
        p {
            strong { (succeeded) } " of " (total) " done, " (iterations.running()) " running, "
            @if failed > 0 { span.status.is-failed { (failed) " failed" } ", " }
            @if aborted > 0 { (aborted) " given up, " }
            (total.saturating_sub(started)) " to come"
        }
    }
}

/// The event that a visit was left with.
fn exit_of(story: &Story, visit: &Visit) -> Option<EventId> {
    use darkroom_asl::interpreter::event::EventKind;
    let place = usize::try_from(visit.entered.0).ok()?;
    let after = story.events.get(place..)?.iter();
    let exits =
        |kind: &EventKind| matches!(kind, EventKind::StateExited { name, .. } if *name == visit.state);
    after.filter(|event| event.branch == visit.branch).find(|event| exits(&event.kind)).map(|event| event.id)
}

/// Each call of a task, and what was waited for between them.
fn attempts(visit: &Visit, state: Option<&darkroom_asl::definition::State>) -> Markup {
    html! {
        h3 { "Tries" }
        ol.attempts {
            @for (place, attempt) in visit.attempts.iter().enumerate() {
                li {
                    code { (describe::target(&attempt.target)) } " at " (time::clock(attempt.scheduled_at))
                    @match attempt.ended_at {
                        Some(ended_at) => { ", took " (time::between(attempt.scheduled_at, ended_at)) }
                        None => ", under way"
                    }
                    @if let Some(reason) = &attempt.reason {
                        ", " span.status.is-failed { "failed" } " " (describe::reason_in_words(reason))
                    }
                    @if let (Some(planned), Some(state)) = (visit.retries.get(place), state) {
                        div.quiet { (why::retry(state, visit, planned, place)) }
                    }
                    details { summary { "What was sent" } (json::shown(attempt.input.text(), None)) }
                    @if let Some(output) = &attempt.output {
                        details { summary { "What came back" } (json::shown(output.text(), None)) }
                    }
                }
            }
        }
    }
}

/// A form that starts a new execution from here. It stands outside what is replaced when something changes: nobody
/// wants to lose what he is writing.
fn start_again(stored: &StoredExecution, state: &str, visit: Option<&Visit>) -> Markup {
    let input = visit.map_or("{}", |visit| visit.input.text());
    let is_editable = input.len() <= EDITED_MAX;
    html! {
        details.again {
            summary { "Start again from here" }
            p.quiet {
                "A new execution of the same state machine that begins with this state. It has the input below, and the "
                "variables that the state found last. Within a Parallel or Map it runs the branch alone."
            }
            (layout::form("start-from", &html! {
                input type="hidden" name="arn" value=(stored.identity.execution_arn);
                input type="hidden" name="state" value=(state);
                label { "Input"
                    textarea name="input" rows="10" spellcheck="false" {
                        "\n" @if is_editable { (json::whole(input)) } @else { "{}" }
                    }
                }
                button type="submit" { "Start from " (state) }
            }))
        }
    }
}
