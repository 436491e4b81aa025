//! `BatchGetTraces` and `GetTraceSummaries`, and how a trace is put together for them.

use std::collections::BTreeMap;

use darkroom_trace::{Segment, TraceId};
use serde_json::{Value, json};

use super::filter::Filter;
use super::summary::{Summary, duration};
use super::{Call, XRay, documents, invalid, seconds};
use crate::wire::Fault;

/// Ids of a call. Our choice; AWS's own bound is 5.
pub(super) const IDS_MAX: usize = 20;
/// Segments of a trace that are given out. Our choice; AWS's own bound is 500 KB.
const SEGMENTS_MAX: usize = 1_000;
/// Traces of a time that are looked through. Our choice.
pub(super) const TRACES_MAX: usize = 10_000;
/// Summaries on a page.
const PAGE_MAX: usize = 100;
/// Traces that are put together for a page, where a filter leaves few. Our choice.
const LOOKED_AT_MAX: usize = 1_000;

/// A trace: its segments, each with the document that it is given out as.
pub(super) struct Trace {
    pub(super) id: TraceId,
    pub(super) segments: Vec<(Segment, String)>,
    /// Whether there is more of it than is given out.
    pub(super) is_cut: bool,
}

impl Trace {
    pub(super) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().map(|(segment, _)| segment)
    }
}

impl XRay {
    /// Puts a trace together. One of which nothing is known has no segments.
    pub(super) async fn trace(&self, id: TraceId) -> Result<Trace, Fault> {
        self.flush().await?;
        let limit = SEGMENTS_MAX + 1;
        let (kept, has_more) =
            self.0.database.read(move |connection| documents::of_trace(connection, id, limit)).await?;
        let made = self.ask(move |source| source.of_trace(id, limit)).await?;
        let made = made.into_iter().flat_map(Segment::in_documents);
        let mut segments: Vec<(Segment, String)> = made
            .map(|segment| {
                let document = segment.document();
                (segment, document)
            })
            .collect();
        for document in kept {
            // It was read when it was taken in.
            if let Ok(segment) = Segment::read(&document) {
                segments.push((segment, document));
            }
        }
        let is_cut = has_more || segments.len() > SEGMENTS_MAX;
        segments.truncate(SEGMENTS_MAX);
        Ok(Trace { id, segments, is_cut })
    }

    /// The segments of a trace that were sent or recorded, without those of the source.
    pub async fn kept(&self, id: TraceId) -> Result<Vec<Segment>, Fault> {
        self.flush().await?;
        let read = move |connection: &rusqlite::Connection| documents::of_trace(connection, id, SEGMENTS_MAX);
        let (kept, _) = self.0.database.read(read).await?;
        // Each was read when it was taken in.
        Ok(kept.iter().filter_map(|document| Segment::read(document).ok()).collect())
    }

    /// The traces of what began in this time, the newest first, each with when its last segment did.
    pub(super) async fn traces_begun(
        &self,
        from_ms: i64,
        before_ms: i64,
    ) -> Result<Vec<(i64, TraceId)>, Fault> {
        self.flush().await?;
        let kept = self
            .0
            .database
            .read(move |connection| documents::begun(connection, from_ms, before_ms, TRACES_MAX))
            .await?;
        let made = self.ask(move |source| source.begun(from_ms, before_ms, TRACES_MAX)).await?;
        let mut newest: BTreeMap<TraceId, i64> = BTreeMap::new();
        for (id, started_ms) in kept.into_iter().chain(made) {
            let known = newest.entry(id).or_insert(started_ms);
            *known = started_ms.max(*known);
        }
        let mut traces: Vec<(i64, TraceId)> = newest.into_iter().map(|(id, at)| (at, id)).collect();
        traces.sort_unstable_by(|one, other| other.cmp(one));
        traces.truncate(TRACES_MAX);
        Ok(traces)
    }
}

pub(super) async fn batch_get_traces(xray: XRay, call: Call) -> Result<Value, Fault> {
    let (ids, unprocessed) = call.trace_ids(IDS_MAX)?;
    let mut traces = Vec::new();
    for id in ids {
        let trace = xray.trace(id).await?;
        if trace.segments.is_empty() {
            continue;
        }
        let segments = trace.segments.iter();
        let segments: Vec<Value> = segments
            .map(|(segment, document)| json!({ "Id": segment.id.to_string(), "Document": document }))
            .collect();
        traces.push(json!({
            "Id": trace.id.to_string(), "Duration": duration(trace.segments()), "LimitExceeded": trace.is_cut,
            "Segments": segments,
        }));
    }
    Ok(json!({ "Traces": traces, "UnprocessedTraceIds": unprocessed }))
}

pub(super) async fn get_trace_summaries(xray: XRay, call: Call) -> Result<Value, Fault> {
    let (from_ms, before_ms) = call.period_ms()?;
    let filter = match call.input["FilterExpression"].as_str() {
        Some(text) => Some(Filter::parse(text).map_err(|error| invalid(&error.to_string()))?),
        None => None,
    };
    let after = call.input["NextToken"].as_str().map(token).transpose()?;
    let traces = xray.traces_begun(from_ms, before_ms).await?;
    let processed = traces.len();
    let behind = |place: &(i64, TraceId)| after.is_none_or(|after| *place < after);
    let mut summaries = Vec::new();
    let (mut last, mut looked_at) = (None, 0);
    for place in traces.into_iter().filter(behind) {
        if summaries.len() >= PAGE_MAX || looked_at >= LOOKED_AT_MAX {
            break;
        }
        (last, looked_at) = (Some(place), looked_at + 1);
        let trace = xray.trace(place.1).await?;
        let Some(summary) = Summary::of(&trace) else { continue };
        if filter.as_ref().is_none_or(|filter| filter.takes(&summary)) {
            summaries.push(summary.answer());
        }
    }
    let mut answer = json!({
        "TraceSummaries": summaries, "ApproximateTime": seconds(call.now_ms), "TracesProcessedCount": processed,
    });
    if let Some((at, id)) = last.filter(|_| summaries_may_follow(looked_at, summaries.len())) {
        answer["NextToken"] = json!(format!("{at}:{id}"));
    }
    Ok(answer)
}

/// Whether the page ended because it was full. One that ends there by chance has an empty one behind it.
fn summaries_may_follow(looked_at: usize, found: usize) -> bool {
    found >= PAGE_MAX || looked_at >= LOOKED_AT_MAX
}

/// The trace that a page ended with.
fn token(text: &str) -> Result<(i64, TraceId), Fault> {
    let parts = text.split_once(':').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| invalid("NextToken is none of this call's"))
}
