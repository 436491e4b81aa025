//! What one service did in a trace, and the parts of that.

use serde_json::{Map, Value};

use crate::id::{SpanId, TraceId};

/// A segment, or a subsegment of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// What it was caused by: of a subsegment, what it lies in.
    pub parent: Option<SpanId>,
    /// Of a segment the service, of a subsegment what was called or done.
    pub name: String,
    /// What kind of service, such as `AWS::StepFunctions::StateMachine`.
    pub origin: Option<String>,
    /// Of a subsegment that calls something: `aws` or `remote`.
    pub namespace: Option<String>,
    /// Whether it is a part of a segment: where it was sent alone, too.
    pub is_subsegment: bool,
    /// Microseconds since 1970.
    pub started_us: i64,
    /// The same, once it has ended.
    pub ended_us: Option<i64>,
    /// What went wrong.
    pub flags: Flags,
    /// Why.
    pub cause: Option<Cause>,
    /// The request that it answers or makes, as the document has it.
    pub http: Map<String, Value>,
    /// What is known of the resource, as the document has it.
    pub aws: Map<String, Value>,
    /// Texts, numbers and flags that traces are searched by.
    pub annotations: Map<String, Value>,
    /// Who it was done for.
    pub user: Option<String>,
    /// Its parts, in the order in which they are told.
    pub subsegments: Vec<Segment>,
}

/// How something went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// By whoever asked.
    pub error: bool,
    /// By whoever was asked.
    pub fault: bool,
    /// By too many requests.
    pub throttle: bool,
}

/// Why something went wrong, the first exception's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The exception's type.
    pub error: Option<String>,
    /// Its message.
    pub message: Option<String>,
}

impl Segment {
    /// One that has begun, of which nothing else is known.
    pub fn begun(trace_id: TraceId, id: SpanId, name: impl Into<String>, started_us: i64) -> Self {
        Self {
            trace_id,
            id,
            parent: None,
            name: name.into(),
            origin: None,
            namespace: None,
            is_subsegment: false,
            started_us,
            ended_us: None,
            flags: Flags::default(),
            cause: None,
            http: Map::new(),
            aws: Map::new(),
            annotations: Map::new(),
            user: None,
            subsegments: Vec::new(),
        }
    }

    /// A part of it that begins then.
    #[must_use]
    pub fn part(&self, id: SpanId, name: impl Into<String>, started_us: i64) -> Self {
        let parent = Some(self.id);
        Self { parent, is_subsegment: true, ..Self::begun(self.trace_id, id, name, started_us) }
    }

    /// Itself and all that lies in it, each before its parts.
    pub fn all(&self) -> Vec<&Self> {
        let mut all = Vec::new();
        let mut to_visit = vec![self];
        while let Some(segment) = to_visit.pop() {
            all.push(segment);
            to_visit.extend(segment.subsegments.iter().rev());
        }
        all
    }
}

impl Flags {
    /// Those of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            error: self.error || other.error,
            fault: self.fault || other.fault,
            throttle: self.throttle || other.throttle,
        }
    }
}
