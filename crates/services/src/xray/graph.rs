//! `GetTraceGraph` and `GetServiceGraph`: which service called which, how often and how long it took.

use std::collections::{BTreeMap, HashMap};

use darkroom_trace::{Segment, SpanId};
use serde_json::{Value, json};

use super::read::{IDS_MAX, Trace};
use super::summary::{ServiceId, seconds};
use super::{Call, XRay};
use crate::wire::Fault;

/// Traces that a graph of a time is drawn from, the newest. Our choice.
const TRACES_MAX: usize = 1_000;

/// What is counted of calls.
#[derive(Default)]
struct Statistics {
    ok: u64,
    errors: u64,
    throttles: u64,
    faults: u64,
    response_us: i64,
    started_us: Option<i64>,
    ended_us: Option<i64>,
}

/// Services with what they were called for, and who called them.
#[derive(Default)]
struct Graph {
    services: BTreeMap<ServiceId, Statistics>,
    edges: BTreeMap<(ServiceId, ServiceId), Statistics>,
    /// Those that something began with.
    roots: Vec<ServiceId>,
}

pub(super) async fn get_trace_graph(xray: XRay, call: Call) -> Result<Value, Fault> {
    let (ids, _) = call.trace_ids(IDS_MAX)?;
    let mut graph = Graph::default();
    for id in ids {
        graph.add(&xray.trace(id).await?);
    }
    Ok(json!({ "Services": graph.answer() }))
}

pub(super) async fn get_service_graph(xray: XRay, call: Call) -> Result<Value, Fault> {
    let (from_ms, before_ms) = call.period_ms()?;
    let mut graph = Graph::default();
    for (_, id) in xray.traces_begun(from_ms, before_ms).await?.into_iter().take(TRACES_MAX) {
        graph.add(&xray.trace(id).await?);
    }
    Ok(json!({
        "StartTime": super::seconds(from_ms), "EndTime": super::seconds(before_ms), "Services": graph.answer(),
        "ContainsOldGroupVersions": false,
    }))
}

impl Graph {
    fn add(&mut self, trace: &Trace) {
        // Whose each segment and each part of one is: a call is made in a part.
        let mut owners: HashMap<SpanId, ServiceId> = HashMap::new();
        for segment in trace.segments().filter(|segment| !segment.is_subsegment) {
            let service = ServiceId::of(segment);
            owners.extend(segment.all().into_iter().map(|part| (part.id, service.clone())));
        }
        // What was sent apart from its segment, by the segment that it names; parts of parts come after them.
        for part in trace.segments().filter(|segment| segment.is_subsegment) {
            if let Some(owner) = part.parent.and_then(|parent| owners.get(&parent)).cloned() {
                owners.extend(part.all().into_iter().map(|inner| (inner.id, owner.clone())));
            }
        }
        for segment in trace.segments().filter(|segment| !segment.is_subsegment) {
            let service = ServiceId::of(segment);
            self.services.entry(service.clone()).or_default().count(segment);
            match segment.parent.and_then(|parent| owners.get(&parent)) {
                Some(caller) => self.edges.entry((caller.clone(), service)).or_default().count(segment),
                None if self.roots.contains(&service) => {}
                None => self.roots.push(service),
            }
        }
    }

    fn answer(&self) -> Vec<Value> {
        let number = |service: &ServiceId| self.services.keys().position(|known| known == service);
        let shown = self.services.iter().enumerate().map(|(place, (service, statistics))| {
            let edges = self.edges.iter().filter(|((caller, _), _)| caller == service);
            let edges: Vec<Value> = edges
                .map(|((_, called), calls)| {
                    json!({
                        "ReferenceId": number(called), "StartTime": calls.started_us.map(seconds),
                        "EndTime": calls.ended_us.map(seconds), "SummaryStatistics": calls.answer(), "Aliases": [],
                    })
                })
                .collect();
            json!({
                "ReferenceId": place, "Name": service.name, "Names": [service.name], "Type": service.kind,
                "Root": self.roots.contains(service), "State": "active", "StartTime": statistics.started_us.map(seconds),
                "EndTime": statistics.ended_us.map(seconds), "Edges": edges, "SummaryStatistics": statistics.answer(),
            })
        });
        shown.collect()
    }
}

impl Statistics {
    fn count(&mut self, segment: &Segment) {
        match segment.flags {
            flags if flags.fault => self.faults += 1,
            flags if flags.throttle => self.throttles += 1,
            flags if flags.error => self.errors += 1,
            _ => self.ok += 1,
        }
        let ended_us = segment.ended_us.unwrap_or(segment.started_us);
        self.response_us =
            self.response_us.saturating_add(ended_us.saturating_sub(segment.started_us).max(0));
        self.started_us =
            Some(self.started_us.map_or(segment.started_us, |first| first.min(segment.started_us)));
        self.ended_us = Some(self.ended_us.map_or(ended_us, |last| last.max(ended_us)));
    }

    fn answer(&self) -> Value {
        let total = self.ok + self.errors + self.throttles + self.faults;
        json!({
            "OkCount": self.ok,
            "ErrorStatistics": {
                "ThrottleCount": self.throttles, "OtherCount": self.errors, "TotalCount": self.errors + self.throttles,
            },
            "FaultStatistics": { "OtherCount": self.faults, "TotalCount": self.faults },
            "TotalCount": total, "TotalResponseTime": seconds(self.response_us),
        })
    }
}
