//! Traces: which there were of late, and one in a picture: its segments below what caused them, whoever sent them.
//!
//! X-Ray is asked, wherever it is; executions are in its answers as everything else.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use darkroom_asl::data::Timestamp;
use darkroom_trace::{Segment, SpanId, TraceId};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::timeline::{self, ROWS_MAX, Row};
use crate::ask::post;
use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::query::{Query, link};
use crate::{Console, answer, time};

/// How far back traces are listed, in milliseconds.
const LISTED_MS: i64 = 6 * 60 * 60 * 1_000;

/// One trace, or which there are.
pub async fn page(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    match query.get("id") {
        Some(id) => one(console, id).await,
        None => list(console, query).await,
    }
}

/// The link to a trace.
pub fn to_trace(id: TraceId) -> String {
    link("traces", &[("id", &id.to_string())])
}

async fn ask(console: &Console, path: &str, input: &Value) -> Result<Value, ConsoleError> {
    post(console, "xray", path, input).await
}

#[expect(clippy::cast_precision_loss, reason = "a double holds milliseconds for longer than there are any")]
async fn list(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let now_ms = console.engine.now().as_millis();
    let times = [("StartTime", now_ms - LISTED_MS), ("EndTime", now_ms + 1_000)];
    let mut input: Value =
        times.into_iter().map(|(name, ms)| (name.to_owned(), json!(ms as f64 / 1000.0))).collect();
    if let Some(token) = query.get("after") {
        input["NextToken"] = json!(token);
    }
    let answered = ask(console, "/TraceSummaries", &input).await?;
    let summaries = answered["TraceSummaries"].as_array().cloned().unwrap_or_default();
    let body = html! {
        h1 { "Traces" }
        p.quiet { "Of the last six hours: executions whose state machine traces or whose caller does, and what SDKs send." }
        @if summaries.is_empty() {
            p.quiet { "None." }
        } @else {
            table.cards {
                thead { tr { @for name in ["Trace", "Began", "Took", "Services", "Outcome"] { th scope="col" { (name) } } } }
                tbody { @for summary in &summaries { (summary_row(summary)) } }
            }
        }
        @if let Some(token) = answered["NextToken"].as_str() {
            p { a href=(link("traces", &[("after", token)])) { "Older ones" } }
        }
    };
    Ok(answer::page(layout::page("Traces", Tab::Traces, None, &body)))
}

fn summary_row(summary: &Value) -> Markup {
    let id = summary["Id"].as_str().unwrap_or_default();
    let services = summary["ServiceIds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> = services.iter().filter_map(|service| service["Name"].as_str()).collect();
    let is = |flag: &str| summary[flag] == true;
    let (word, class) = match () {
        () if is("HasFault") => ("fault", "is-failed"),
        () if is("HasThrottle") => ("throttled", "is-caught"),
        () if is("HasError") => ("error", "is-caught"),
        () if is("IsPartial") => ("running", "is-running"),
        () => ("ok", "is-succeeded"),
    };
    html! {
        tr {
            td data-name="Trace" { a href=(link("traces", &[("id", id)])) { (id) } }
            td data-name="Began" { (time::moment(millis(&summary["StartTime"]))) }
            td data-name="Took" { (time::duration(millis(&summary["Duration"]).as_millis())) }
            td data-name="Services" { (names.into_iter().collect::<Vec<_>>().join(", ")) }
            td data-name="Outcome" { span class=(format!("status {class}")) { (word) } }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest")]
fn millis(seconds: &Value) -> Timestamp {
    Timestamp::from_millis((seconds.as_f64().unwrap_or_default() * 1000.0) as i64)
}

async fn one(console: &Console, id: &str) -> Result<Response, ConsoleError> {
    let not_there = || ConsoleError::NotFound(format!("the trace {id}"));
    let _: TraceId = id.parse().map_err(|_| not_there())?;
    let answered = ask(console, "/Traces", &json!({ "TraceIds": [id] })).await?;
    let documents = answered["Traces"][0]["Segments"].as_array().cloned().unwrap_or_default();
    let segments: Vec<Segment> =
        documents.iter().filter_map(|segment| Segment::read(segment["Document"].as_str()?).ok()).collect();
    let picture = Picture::of(&segments);
    let (Some(from), Some(to)) = (picture.from, picture.to) else { return Err(not_there()) };
    // What is under way goes on until now, as far as is known.
    let to = if picture.is_running { to.max(console.engine.now()) } else { to };
    let rows: Vec<Row> = picture.placed.iter().take(ROWS_MAX).map(|placed| placed.row(to)).collect();
    let all = picture.placed.len();
    let body = html! {
        p.trail { a href=(link("traces", &[])) { "Traces" } " / " }
        h1 { (id) }
        p { "Began " (time::moment(from)) ", took " (time::between(from, to)) "." }
        section {
            h2 { "Timeline" }
            div.picture tabindex="0" role="region" aria-label="Timeline" data-part="timeline" {
                (timeline::draw(&rows, from, to, &format!("{all} segments")))
            }
            @if all > rows.len() { p.notice { "The first " (rows.len()) " of " (all) " segments are drawn." } }
            @if answered["Traces"][0]["LimitExceeded"] == true { p.notice { "The trace has more segments than are told." } }
        }
        (causes(&picture))
    };
    Ok(answer::page(layout::page(id, Tab::Traces, None, &body)))
}

/// What went wrong, in the words of whoever said it: not again of those above, who were only told.
fn causes(picture: &Picture<'_>) -> Markup {
    let told: BTreeSet<SpanId> = picture
        .placed
        .iter()
        .filter(|placed| placed.segment.cause.is_some())
        .filter_map(|placed| placed.segment.parent)
        .collect();
    let first =
        picture.placed.iter().map(|placed| placed.segment).filter(|segment| !told.contains(&segment.id));
    let failed: Vec<_> = first.filter_map(|segment| Some((segment, segment.cause.as_ref()?))).collect();
    html! {
        @if !failed.is_empty() {
            section {
                h2 { "What went wrong" }
                @for (segment, cause) in failed.iter().take(ROWS_MAX) {
                    div.failure {
                        strong { (segment.name) @if let Some(error) = &cause.error { ": " (error) } }
                        @if let Some(message) = &cause.message { pre tabindex="0" { (message) } }
                    }
                }
            }
        }
    }
}

/// Segments and their parts, in the order of rows.
struct Picture<'s> {
    placed: Vec<Placed<'s>>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    is_running: bool,
}

/// A segment in its place.
struct Placed<'s> {
    segment: &'s Segment,
    depth: usize,
    /// The execution that it is a part of.
    execution: Option<&'s str>,
}

impl<'s> Picture<'s> {
    /// Each below what caused it, those of one cause as they began. What names a cause that is not there, or lies in a
    /// circle of causes, stands on its own.
    fn of(segments: &'s [Segment]) -> Self {
        let all: Vec<&Segment> = segments.iter().flat_map(Segment::all).collect();
        let known: BTreeSet<SpanId> = all.iter().map(|segment| segment.id).collect();
        let mut caused: BTreeMap<SpanId, Vec<&Segment>> = BTreeMap::new();
        let mut roots = Vec::new();
        for segment in &all {
            match segment.parent.filter(|parent| known.contains(parent)) {
                Some(parent) => caused.entry(parent).or_default().push(segment),
                None => roots.push(*segment),
            }
        }
        for parts in caused.values_mut() {
            parts.sort_by_key(|part| part.started_us);
        }
        roots.sort_by_key(|root| root.started_us);
        let mut picture = Self { placed: Vec::new(), from: None, to: None, is_running: false };
        for root in roots {
            picture.place(root, &mut caused);
        }
        while let Some(parent) = caused.keys().next().copied() {
            let circle = caused.remove(&parent).unwrap_or_default();
            for segment in circle {
                picture.place(segment, &mut caused);
            }
        }
        picture.from = all.iter().map(|segment| moment(segment.started_us)).min();
        picture.to = all.iter().map(|segment| moment(segment.ended_us.unwrap_or(segment.started_us))).max();
        picture.is_running = all.iter().any(|segment| segment.ended_us.is_none());
        picture
    }

    fn place(&mut self, root: &'s Segment, caused: &mut BTreeMap<SpanId, Vec<&'s Segment>>) {
        let mut to_place = vec![Placed { segment: root, depth: 0, execution: None }];
        while let Some(mut placed) = to_place.pop() {
            let own = placed.segment.aws.get("execution_arn").and_then(Value::as_str);
            placed.execution = if placed.segment.is_subsegment { placed.execution } else { own };
            let (depth, execution) = (placed.depth + 1, placed.execution);
            let parts = caused.remove(&placed.segment.id).unwrap_or_default();
            to_place.extend(parts.into_iter().rev().map(|segment| Placed { segment, depth, execution }));
            self.placed.push(placed);
        }
    }
}

impl Placed<'_> {
    fn row(&self, now: Timestamp) -> Row {
        let Self { segment, depth, execution } = self;
        let (from, to) = (moment(segment.started_us), segment.ended_us.map_or(now, moment));
        let (word, class) = match segment.flags {
            flags if flags.fault => ("fault", "is-failed"),
            flags if flags.throttle => ("throttled", "is-caught"),
            flags if flags.error => ("error", "is-caught"),
            _ if segment.ended_us.is_none() => ("running", "is-running"),
            _ => ("ok", "is-succeeded"),
        };
        let took = time::between(from, to);
        let href = execution.map(|arn| {
            let is_state = segment.is_subsegment && segment.namespace.is_none();
            let state = is_state.then_some(("state", segment.name.as_str()));
            let words: Vec<(&str, &str)> = std::iter::once(("arn", arn)).chain(state).collect();
            link("execution", &words)
        });
        Row {
            name: segment.name.clone(),
            note: segment.origin.as_deref().and_then(|origin| origin.rsplit("::").next()).map(str::to_owned),
            depth: *depth,
            from,
            to,
            class,
            said: format!("{}: {word}, {took}", segment.name),
            took,
            bars: Vec::new(),
            href,
        }
    }
}

fn moment(microseconds: i64) -> Timestamp {
    Timestamp::from_millis(microseconds.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: u64, parent: Option<u64>, started_us: i64) -> Segment {
        let trace = TraceId { epoch: 1, random: [0; 12] };
        let begun = Segment::begun(trace, SpanId(id), format!("s{id}"), started_us);
        Segment { parent: parent.map(SpanId), ended_us: Some(started_us + 10), ..begun }
    }

    #[test]
    fn each_stands_below_what_caused_it() {
        let mut first = segment(1, Some(99), 0);
        first.subsegments = vec![first.part(SpanId(2), "s2", 5), first.part(SpanId(3), "s3", 3)];
        let circle = [segment(7, Some(8), 1), segment(8, Some(7), 2)];
        let segments =
            [segment(5, Some(2), 6), segment(4, None, -1), first, circle[0].clone(), circle[1].clone()];
        let picture = Picture::of(&segments);
        let rows: Vec<(u64, usize)> = picture.placed.iter().map(|it| (it.segment.id.0, it.depth)).collect();
        assert_eq!(rows, [(4, 0), (1, 0), (3, 1), (2, 1), (5, 2), (8, 0), (7, 1)]);
        assert!(picture.is_running);
    }
}
