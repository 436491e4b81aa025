//! A call of a function in its trace: what the function is told of it, and the segment that the call was.
//!
//! AWS: a function has a segment of its own, below the call; what the function itself traces is below that.

use darkroom_port::random_bytes;
use darkroom_trace::{Cause, Flags, Segment, SpanId, TraceHeader, TraceId};
use serde_json::{Value, json};

use super::Outcome;
use crate::wire::Fault;

/// What the segment of a function is of.
const ORIGIN: &str = "AWS::Lambda::Function";

/// Who was called.
pub(super) struct Called<'a> {
    pub(super) function: &'a str,
    pub(super) arn: &'a str,
    pub(super) request_id: &'a str,
}

/// A call that is under way.
pub(super) struct Traced {
    upstream: TraceHeader,
    id: SpanId,
    begun_ms: i64,
}

impl Traced {
    /// One that begins now. A call that comes without a trace begins one, which is not kept.
    pub(super) fn begin(upstream: Option<TraceHeader>, now_ms: i64) -> Self {
        let begun = || {
            let mut random = [0; 12];
            random.copy_from_slice(&random_bytes()[..12]);
            let epoch = u32::try_from(now_ms.div_euclid(1000)).unwrap_or_default();
            TraceHeader { root: TraceId { epoch, random }, parent: None, sampled: Some(false) }
        };
        let mut id = [0; 8];
        id.copy_from_slice(&random_bytes()[..8]);
        let id = SpanId(u64::from_be_bytes(id));
        Self { upstream: upstream.unwrap_or_else(begun), id, begun_ms: now_ms }
    }

    /// What the function is told.
    pub(super) fn header(&self) -> TraceHeader {
        self.upstream.under(self.id)
    }

    /// The segment of the call, now that it is over. `None` where the trace is not kept.
    pub(super) fn end(
        self,
        called: &Called<'_>,
        outcome: Result<&Outcome, &Fault>,
        now_ms: i64,
    ) -> Option<Segment> {
        if !self.upstream.is_sampled() {
            return None;
        }
        let microseconds = |ms: i64| ms.saturating_mul(1000);
        let begun_us = microseconds(self.begun_ms);
        let mut segment = Segment::begun(self.upstream.root, self.id, called.function, begun_us);
        segment.parent = self.upstream.parent;
        segment.origin = Some(ORIGIN.to_owned());
        segment.ended_us = Some(microseconds(now_ms));
        let aws = [("function_arn", called.arn), ("request_id", called.request_id)];
        segment.aws = aws.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        (segment.flags, segment.cause) = match outcome {
            Ok(Outcome { error: None, .. }) => (Flags::default(), None),
            Ok(failed) => (Flags { fault: true, ..Flags::default() }, Some(described(&failed.payload))),
            Err(fault) => {
                let is_throttled = fault.status == 429;
                let flags = Flags { error: is_throttled, fault: !is_throttled, throttle: is_throttled };
                (
                    flags,
                    Some(Cause { error: Some(fault.code.to_string()), message: Some(fault.message.clone()) }),
                )
            }
        };
        Some(segment)
    }
}

/// Why a function failed, as it says itself.
fn described(payload: &[u8]) -> Cause {
    let described: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |member: &str| described[member].as_str().map(|text| text.chars().take(1_000).collect());
    Cause { error: text("errorType"), message: text("errorMessage") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_segment_below_its_caller_s_where_the_trace_is_kept() {
        let called = Called { function: "f", arn: "arn:f", request_id: "r" };
        let header = |sampled: &str| {
            format!("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={sampled}")
        };
        let failed = Outcome::failed("E", "because");
        let fault = Fault::sender(429, "TooManyRequestsException", "Rate Exceeded.");
        for (header, outcome, expected) in [
            (Some(header("1")), Ok(&Outcome::default()), Some((Flags::default(), None))),
            (Some(header("1")), Ok(&failed), Some((Flags { fault: true, ..Flags::default() }, Some("E")))),
            (
                Some(header("1")),
                Err(&fault),
                Some((Flags { error: true, throttle: true, fault: false }, Some("TooManyRequestsException"))),
            ),
            (Some(header("0")), Ok(&failed), None),
            (Some(header("?")), Ok(&failed), None),
            (None, Ok(&failed), None),
        ] {
            let upstream: Option<TraceHeader> = header.map(|header| header.parse().unwrap());
            let traced = Traced::begin(upstream, 5_000);
            let told = traced.header();
            let segment = traced.end(&called, outcome, 6_000);
            let found = segment.as_ref().map(|segment| {
                (segment.flags, segment.cause.as_ref().and_then(|cause| cause.error.as_deref()))
            });
            assert_eq!(found, expected);
            if let (Some(segment), Some(upstream)) = (segment, upstream) {
                assert_eq!((told.root, told.parent), (upstream.root, Some(segment.id)));
                assert_eq!((segment.parent, segment.ended_us), (upstream.parent, Some(6_000_000)));
            }
        }
    }
}
