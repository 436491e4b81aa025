//! One execution: its state machine coloured as it runs, when each state ran, what each was given and made of it, and
//! what can be done about it.

use axum::response::Response;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent, wire};
use darkroom_engine::store::{EndStatus, StoredExecution};
use http::StatusCode;
use maud::{Markup, html};

use super::trace::to_trace;
use super::{event_table, picture, state_panel, timeline};
use crate::error::ConsoleError;
use crate::layout::{self, Tab, button, command, quoted};
use crate::query::{Query, link};
use crate::{Console, answer, json, time};
use darkroom_engine::Beginning;
use darkroom_engine::course::Course;
use darkroom_engine::segment::kept_trace;

/// Bytes of an input that a command is made with.
const COMMAND_INPUT_MAX: usize = 4_000;

/// An execution with what is known of its history.
pub struct Story {
    /// Its events from the first on.
    pub events: Vec<HistoryEvent>,
    /// What they tell.
    pub course: Course,
    /// The newest events, where there are more than are told.
    pub tail: Option<Course>,
    /// How many events there are.
    pub last: EventId,
}

impl Story {
    /// Reads a history, as far as it is shown. Reads the store.
    pub fn of(console: &Console, stored: &StoredExecution) -> Result<Self, ConsoleError> {
        let Beginning { events, tail, last } = Beginning::read(console.engine.store().as_ref(), stored.key)?;
        Ok(Self { course: Course::of(&events), tail: tail.as_deref().map(Course::of), events, last })
    }
}

/// The execution of this ARN.
pub fn find(console: &Console, arn: &str) -> Result<StoredExecution, ConsoleError> {
    let stored = console.engine.store().execution(arn)?;
    stored.ok_or_else(|| ConsoleError::NotFound(format!("the execution {arn}")))
}

/// The page.
pub fn page(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let arn = query.get("arn").unwrap_or_default();
    let stored = find(console, arn)?;
    let machine = console.engine.machine(&stored.definition)?;
    let story = Story::of(console, &stored)?;
    let chosen = query.get("state").filter(|state| machine.find(state).is_some());
    let identity = &stored.identity;
    let to_state = |state: &str| format!("{}#state", link("execution", &[("arn", arn), ("state", state)]));
    let body = html! {
        p.trail {
            a href=(link("machine", &[("arn", &identity.state_machine_arn)])) { (identity.state_machine_name) } " / "
        }
        div data-part="head" { (head(console, &stored)?) }
        @if story.tail.is_some() {
            p.notice {
                "This execution has " (story.last.0) " events. The timeline and the states below are told from the first "
                (story.events.len()) "; the table has them all."
            }
        }
        div.look {
            section {
                h2 { "Graph" }
                div.picture tabindex="0" role="region" aria-label="Graph of the state machine" data-part="graph" {
                    (picture::of_execution(&machine, &story, &stored, &to_state))
                }
                (picture::legend())
            }
            section #state {
                @match chosen {
                    Some(state) => { (state_panel::panel(&machine, &story, &stored, state)) }
                    None => { (state_panel::of_last(&machine, &story, &stored, &to_state)) }
                }
            }
        }
        section {
            h2 { "Timeline" }
            div.picture tabindex="0" role="region" aria-label="Timeline" data-part="timeline" {
                (timeline::of(&story.course, stored.started_at, now_or_end(console, &stored), &to_state))
            }
        }
        section data-part="data" { (data(&stored)) }
        section #events data-part="events" { h2 { "Events" } (event_table::table(console, &stored, query, story.last)?) }
        section { h2 { "Commands" } (commands(console, &stored)) }
    };
    let live = stored.end.is_none() || console.engine.is_redrivable(&stored)?.is_ok();
    let live = live.then(|| link("live", &[("arn", arn)]));
    Ok(answer::page(layout::page(&identity.execution_name, Tab::Executions, live.as_deref(), &body)))
}

fn now_or_end(console: &Console, stored: &StoredExecution) -> darkroom_asl::data::Timestamp {
    stored.end.as_ref().map_or_else(|| console.engine.now(), |end| end.ended_at)
}

fn head(console: &Console, stored: &StoredExecution) -> Result<Markup, ConsoleError> {
    let identity = &stored.identity;
    let arn: &str = &identity.execution_arn;
    let not_redrivable = console.engine.is_redrivable(stored)?.err();
    Ok(html! {
        h1 { (identity.execution_name) " " (layout::status(stored.status())) }
        p {
            "Started " (time::moment(stored.started_at))
            @match &stored.end {
                Some(end) => { ", ended " (time::moment(end.ended_at)) ", took " }
                None => ", running for "
            }
            (time::between(stored.started_at, now_or_end(console, stored))) "."
            @if let Some(trace) = kept_trace(identity) { " In the trace " a href=(to_trace(trace.root)) { (trace.root) } "." }
            @if let Some(redrive) = stored.redrive { " Redriven " (redrive.count) " times, last " (time::moment(redrive.at)) "." }
        }
        @if let Some(reason) = &stored.parked { p.notice role="alert" { "Set aside by the engine: " (reason) } }
        @match stored.end.as_ref().map(|end| &end.status) {
            Some(EndStatus::Failed(reason) | EndStatus::TimedOut(reason) | EndStatus::Aborted(reason)) => {
                @if reason.error.is_some() || reason.cause.is_some() {
                    div.failure {
                        @if let Some(error) = &reason.error { strong { (error) } }
                        @if let Some(cause) = &reason.cause { pre tabindex="0" { (json::lines_if_json(cause)) } }
                    }
                }
            }
            Some(EndStatus::Succeeded(_)) | None => {}
        }
        div.buttons {
            @if stored.end.is_none() {
                (button("stop", "Stop", &[("arn", arn)], Some("Stop this execution? It can be redriven later.")))
            }
            @match &not_redrivable {
                None => { (button("redrive", "Redrive", &[("arn", arn)], None)) }
                Some(why) if stored.end.as_ref().is_some_and(darkroom_engine::store::End::is_bad) => {
                    span.quiet { "Not redrivable: " (why) }
                }
                Some(_) => {}
            }
        }
    })
}

/// What went in, and what came out.
fn data(stored: &StoredExecution) -> Markup {
    html! {
        h2 { "Input and output" }
        div.halves {
            div { h3 { "Input" } (json::shown(stored.input.text(), Some(&event_link(&stored.identity.execution_arn, 1)))) }
            div {
                h3 { "Output" }
                @match stored.end.as_ref().map(|end| &end.status) {
                    Some(EndStatus::Succeeded(output)) => { (json::shown(output.text(), None)) }
                    Some(EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_)) | None => { p.quiet { "None." } }
                }
            }
        }
    }
}

fn commands(console: &Console, stored: &StoredExecution) -> Markup {
    let (url, region) = (console.platform.endpoint_url(), console.platform.region());
    let identity = &stored.identity;
    let aws = |rest: String| format!("aws stepfunctions {rest} --endpoint-url {url} --region {region}");
    let arn = quoted(&identity.execution_arn);
    let input = stored.input.text();
    let input = if input.len() > COMMAND_INPUT_MAX { "file://input.json".to_owned() } else { quoted(input) };
    let through = identity.qualifiers.alias_arn.as_ref().or(identity.qualifiers.version_arn.as_ref());
    let machine = quoted(through.unwrap_or(&identity.state_machine_arn));
    html! {
        (command("Start it again", &aws(format!("start-execution --state-machine-arn {machine} --input {input}"))))
        (command("Describe it", &aws(format!("describe-execution --execution-arn {arn}"))))
        (command("Read its history", &aws(format!("get-execution-history --execution-arn {arn}"))))
        (command("Stop it", &aws(format!("stop-execution --execution-arn {arn}"))))
        (command("Redrive it", &aws(format!("redrive-execution --execution-arn {arn}"))))
    }
}

/// Where an event is shown in full.
pub fn event_link(arn: &str, id: u32) -> String {
    link("event", &[("arn", arn), ("id", &id.to_string())])
}

/// An event in full, as the API has it: a text, however large.
pub fn event(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let stored = find(console, query.get("arn").unwrap_or_default())?;
    let id = EventId(query.number("id").unwrap_or(0));
    let events = console.engine.store().history_part(stored.key, id..=id)?;
    let event = events.first().ok_or_else(|| ConsoleError::NotFound(format!("event {}", id.0)))?;
    let text = serde_json::to_string_pretty(&wire::to_api(event, true));
    let text =
        text.map_err(|error| ConsoleError::Refused(format!("the event cannot be written: {error}")))?;
    Ok(answer::of(StatusCode::OK, "text/plain; charset=utf-8", text))
}
