//! What is told of a trace in a list, and what traces are searched by.

use std::collections::{BTreeMap, BTreeSet};

use darkroom_trace::{Flags, Segment, SpanId, TraceId};
use serde_json::{Value, json};

use super::read::Trace;

/// A service: a segment's name and its origin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServiceId {
    pub(super) name: String,
    pub(super) kind: Option<String>,
}

/// A trace in short.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) id: TraceId,
    pub(super) started_us: i64,
    /// Seconds from its first segment's start to its last one's end.
    pub(super) duration: f64,
    /// Seconds that its first segment took.
    pub(super) response_time: f64,
    pub(super) flags: Flags,
    /// Whether something in it is under way.
    pub(super) is_partial: bool,
    /// Its first segment's request and response.
    pub(super) http: BTreeMap<&'static str, Value>,
    pub(super) annotations: BTreeMap<String, Vec<(Value, ServiceId)>>,
    pub(super) users: BTreeSet<String>,
    pub(super) services: BTreeSet<ServiceId>,
    entry_point: ServiceId,
    resources: BTreeSet<String>,
}

impl ServiceId {
    pub(super) fn of(segment: &Segment) -> Self {
        Self { name: segment.name.clone(), kind: segment.origin.clone() }
    }

    fn answer(&self) -> Value {
        json!({ "Name": self.name, "Names": [self.name], "Type": self.kind })
    }
}

/// Seconds from the first segment's start to the last one's end, as far as they have ended.
pub(super) fn duration<'a>(segments: impl Iterator<Item = &'a Segment>) -> f64 {
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for segment in segments {
        first = first.min(segment.started_us);
        last = last.max(segment.ended_us.unwrap_or(segment.started_us));
    }
    seconds(last.saturating_sub(first).max(0))
}

#[expect(clippy::cast_precision_loss, reason = "a double holds microseconds until the year 2255")]
pub(super) fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}

impl Summary {
    /// A trace in short. `None` where nothing is known of it.
    pub(super) fn of(trace: &Trace) -> Option<Self> {
        let all: Vec<&Segment> = trace.segments().flat_map(Segment::all).collect();
        let known: BTreeSet<SpanId> = all.iter().map(|segment| segment.id).collect();
        // It began with what nobody in it caused; what was sent of a segment that is not there counts for it.
        let is_caused = |segment: &Segment| segment.parent.is_some_and(|parent| known.contains(&parent));
        let first = trace
            .segments()
            .min_by_key(|segment| (is_caused(segment), segment.is_subsegment, segment.started_us))?;
        let mut annotations: BTreeMap<String, Vec<(Value, ServiceId)>> = BTreeMap::new();
        for segment in trace.segments() {
            for (name, value) in segment.all().into_iter().flat_map(|part| &part.annotations) {
                annotations.entry(name.clone()).or_default().push((value.clone(), ServiceId::of(segment)));
            }
        }
        let resource = |segment: &&Segment| {
            let arn = segment.aws.iter().find(|(name, _)| name.ends_with("_arn") && *name != "execution_arn");
            arn.and_then(|(_, arn)| arn.as_str()).map(str::to_owned)
        };
        Some(Self {
            id: trace.id,
            started_us: all.iter().map(|segment| segment.started_us).min()?,
            duration: duration(trace.segments()),
            response_time: seconds(
                first.ended_us.map_or(0, |ended_us| ended_us.saturating_sub(first.started_us).max(0)),
            ),
            flags: all.iter().fold(Flags::default(), |flags, segment| flags.or(segment.flags)),
            is_partial: all.iter().any(|segment| segment.ended_us.is_none()),
            http: http(first),
            annotations,
            users: all.iter().filter_map(|segment| segment.user.clone()).collect(),
            services: trace.segments().filter(|it| !it.is_subsegment).map(ServiceId::of).collect(),
            entry_point: ServiceId::of(first),
            resources: trace.segments().filter_map(|segment| resource(&segment)).collect(),
        })
    }

    pub(super) fn answer(&self) -> Value {
        let ids = |services: &mut dyn Iterator<Item = &ServiceId>| -> Vec<Value> {
            services.map(ServiceId::answer).collect()
        };
        let all = ids(&mut self.services.iter());
        let annotation = |(value, service): &(Value, ServiceId)| {
            let kind = match value {
                Value::Bool(_) => "BooleanValue",
                Value::Number(_) => "NumberValue",
                Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => "StringValue",
            };
            json!({ "AnnotationValue": { kind: value }, "ServiceIds": [service.answer()] })
        };
        let annotations: serde_json::Map<String, Value> = self
            .annotations
            .iter()
            .map(|(name, values)| (name.clone(), values.iter().map(annotation).collect()))
            .collect();
        let users: Vec<Value> =
            self.users.iter().map(|user| json!({ "UserName": user, "ServiceIds": all })).collect();
        let resources: Vec<Value> = self.resources.iter().map(|arn| json!({ "ARN": arn })).collect();
        json!({
            "Id": self.id.to_string(), "StartTime": seconds(self.started_us), "Duration": self.duration,
            "ResponseTime": self.response_time, "HasFault": self.flags.fault, "HasError": self.flags.error,
            "HasThrottle": self.flags.throttle, "IsPartial": self.is_partial, "Http": self.http,
            "Annotations": annotations, "Users": users, "ServiceIds": all, "ResourceARNs": resources,
            "EntryPoint": self.entry_point.answer(), "Revision": 0,
        })
    }
}

fn http(segment: &Segment) -> BTreeMap<&'static str, Value> {
    let members = [
        ("HttpURL", "/request/url"),
        ("HttpMethod", "/request/method"),
        ("UserAgent", "/request/user_agent"),
        ("ClientIp", "/request/client_ip"),
        ("HttpStatus", "/response/status"),
    ];
    let http = Value::Object(segment.http.clone());
    let found = members.into_iter().filter_map(|(name, pointer)| {
        let value = http.pointer(pointer)?;
        let is_right = if name == "HttpStatus" { value.is_u64() } else { value.is_string() };
        is_right.then(|| (name, value.clone()))
    });
    found.collect()
}
