//! Segments as X-Ray's documents, which are JSON.
//!
//! Documentation: AWS X-Ray, "X-Ray segment documents".

use serde_json::{Map, Number, Value, json};

use crate::id::{SpanId, TraceId};
use crate::segment::{Cause, Flags, Segment};

/// Bytes of a document. AWS's own bound.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Characters of a name. AWS's own bound.
const NAME_CHARACTERS_MAX: usize = 200;
/// Annotations of a trace that are indexed. AWS's own bound.
const ANNOTATIONS_MAX: usize = 50;
/// Segments within segments.
const DEPTH_MAX: usize = 32;
/// The year 2096. What lies behind it is not in seconds, and a double would not hold its microseconds.
const SECONDS_MAX: f64 = 4e9;

/// Why a document is no segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is no JSON, or no object.
    #[error("it is no JSON object: {0}")]
    Json(String),
    /// It is too long.
    #[error("it has {0} bytes; expected at most {DOCUMENT_BYTES_MAX}")]
    TooLarge(usize),
    /// A member that every segment has is not there, or is not what it is to be.
    #[error("`{member}` is missing or wrong; expected {expected}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it is to be.
        expected: &'static str,
    },
    /// Too many segments lie within each other.
    #[error("its segments lie more than {DEPTH_MAX} deep within each other")]
    TooDeep,
}

impl Segment {
    /// Reads a document.
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge(text.len()));
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| DocumentError::Json(error.to_string()))?;
        let Value::Object(members) = value else {
            return Err(DocumentError::Json("it is something else".to_owned()));
        };
        let trace_id = members.get("trace_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let trace_id = trace_id.ok_or(DocumentError::Member {
            member: "trace_id",
            expected: "an id such as 1-58406520-a006649127e371903a2de979",
        })?;
        read(&members, trace_id, None, 0)
    }

    /// The document of it.
    pub fn document(&self) -> String {
        let mut members = write(self);
        members.insert("trace_id".to_owned(), json!(self.trace_id.to_string()));
        if let Some(parent) = self.parent {
            members.insert("parent_id".to_owned(), json!(parent.to_string()));
        }
        if self.is_subsegment {
            members.insert("type".to_owned(), json!("subsegment"));
        }
        Value::Object(members).to_string()
    }
}

impl Segment {
    /// Itself; where its document would be too long, itself without its parts, and these apart, as SDKs send them.
    pub fn in_documents(mut self) -> Vec<Self> {
        if self.subsegments.is_empty() || self.document().len() <= DOCUMENT_BYTES_MAX {
            return vec![self];
        }
        let parts = std::mem::take(&mut self.subsegments);
        std::iter::once(self).chain(parts.into_iter().flat_map(Self::in_documents)).collect()
    }
}

fn read(
    members: &Map<String, Value>,
    trace_id: TraceId,
    around: Option<SpanId>,
    depth: usize,
) -> Result<Segment, DocumentError> {
    if depth > DEPTH_MAX {
        return Err(DocumentError::TooDeep);
    }
    let wrong = |member, expected| DocumentError::Member { member, expected };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let span_id = |name: &str| text(name).and_then(|id| id.parse().ok());
    let is_true = |name: &str| members.get(name).and_then(Value::as_bool) == Some(true);
    let object = |name: &str| members.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let id = span_id("id").ok_or(wrong("id", "16 hexadecimal digits"))?;
    let name = text("name").filter(|name| (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()));
    let name = name.ok_or(wrong("name", "a text of 1 to 200 characters"))?;
    let started_us = members.get("start_time").and_then(microseconds);
    let started_us = started_us.ok_or(wrong("start_time", "seconds since 1970"))?;
    let ended_us = match members.get("end_time") {
        Some(time) => Some(microseconds(time).ok_or(wrong("end_time", "seconds since 1970"))?),
        None if is_true("in_progress") => None,
        None => return Err(wrong("end_time", "seconds since 1970, or `in_progress`")),
    };
    let mut segment = Segment {
        parent: around.or_else(|| span_id("parent_id")),
        is_subsegment: around.is_some() || text("type") == Some("subsegment"),
        ..Segment::begun(trace_id, id, name, started_us)
    };
    segment.ended_us = ended_us;
    segment.origin = text("origin").map(str::to_owned);
    segment.namespace = text("namespace").map(str::to_owned);
    segment.user = text("user").map(str::to_owned);
    segment.flags = Flags { error: is_true("error"), fault: is_true("fault"), throttle: is_true("throttle") };
    segment.cause = members.get("cause").and_then(cause);
    segment.http = object("http");
    segment.aws = object("aws");
    let indexed = object("annotations")
        .into_iter()
        .filter(|(_, value)| value.is_string() || value.is_number() || value.is_boolean());
    segment.annotations = indexed.take(ANNOTATIONS_MAX).collect();
    for part in members.get("subsegments").and_then(Value::as_array).into_iter().flatten() {
        let Value::Object(part) = part else { return Err(wrong("subsegments", "a list of objects")) };
        segment.subsegments.push(read(part, trace_id, Some(id), depth + 1)?);
    }
    Ok(segment)
}

/// AWS: the exceptions of a cause, the first of which is what happened; or the id of one that stands elsewhere.
fn cause(cause: &Value) -> Option<Cause> {
    let exception = cause.get("exceptions")?.get(0)?;
    let text = |name: &str| exception.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Cause { error: text("type"), message: text("message") })
}

fn write(segment: &Segment) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("id", json!(segment.id.to_string()));
    put("name", json!(segment.name));
    put("start_time", seconds(segment.started_us));
    match segment.ended_us {
        Some(ended_us) => put("end_time", seconds(ended_us)),
        None => put("in_progress", json!(true)),
    };
    for (name, text) in
        [("origin", &segment.origin), ("namespace", &segment.namespace), ("user", &segment.user)]
    {
        if let Some(text) = text {
            put(name, json!(text));
        }
    }
    let Flags { error, fault, throttle } = segment.flags;
    for (name, _) in
        [("error", error), ("fault", fault), ("throttle", throttle)].into_iter().filter(|(_, is)| *is)
    {
        put(name, json!(true));
    }
    if let Some(Cause { error, message }) = &segment.cause {
        let id = segment.id.to_string();
        put("cause", json!({ "exceptions": [{ "id": id, "type": error, "message": message }] }));
    }
    for (name, object) in
        [("http", &segment.http), ("aws", &segment.aws), ("annotations", &segment.annotations)]
    {
        if !object.is_empty() {
            put(name, Value::Object(object.clone()));
        }
    }
    if !segment.subsegments.is_empty() {
        put("subsegments", segment.subsegments.iter().map(|part| Value::Object(write(part))).collect());
    }
    members
}

#[expect(clippy::cast_possible_truncation, reason = "the bound leaves it far below what an i64 holds")]
fn microseconds(time: &Value) -> Option<i64> {
    let seconds = time.as_f64().filter(|seconds| (0.0..SECONDS_MAX).contains(seconds))?;
    Some((seconds * 1e6).round() as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a double holds microseconds until SECONDS_MAX")]
fn seconds(microseconds: i64) -> Value {
    Number::from_f64(microseconds as f64 / 1e6).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn document(change: &[(&str, Value)]) -> String {
        let mut document = json!({
            "name": "shop", "id": "70de5b6f19ff9a0a", "trace_id": "1-581cf771-a006649127e371903a2de979",
            "start_time": 1_478_293_361.271, "end_time": 1_478_293_361.449, "origin": "AWS::EC2::Instance",
            "http": { "request": { "method": "GET" } }, "annotations": { "n": 1, "nested": {}, "is": true },
            "fault": true, "cause": { "exceptions": [{ "type": "E", "message": "m" }] },
            "subsegments": [{
                "id": "53995c3f42cd8ad8", "name": "db", "start_time": 1_478_293_361.3, "in_progress": true,
                "namespace": "remote",
            }],
        });
        for (name, value) in change {
            document[*name] = value.clone();
        }
        document.to_string()
    }

    #[test]
    fn a_document_is_read_and_written() {
        let segment = Segment::read(&document(&[])).unwrap();
        assert_eq!(
            (segment.started_us, segment.ended_us),
            (1_478_293_361_271_000, Some(1_478_293_361_449_000))
        );
        assert_eq!(segment.annotations.len(), 2, "an object is no annotation");
        assert_eq!(segment.cause.as_ref().and_then(|cause| cause.message.as_deref()), Some("m"));
        let part = &segment.subsegments[0];
        assert_eq!((part.parent, part.ended_us, part.is_subsegment), (Some(segment.id), None, true));
        assert_eq!(Segment::read(&segment.document()), Ok(segment.clone()));
        assert_eq!(segment.all().len(), 2);
        let alone = part.document();
        assert_eq!(Segment::read(&alone).as_ref(), Ok(part), "{alone}");
    }

    #[test]
    fn what_is_too_long_for_one_document_is_several() {
        let mut segment = Segment::read(&document(&[])).unwrap();
        assert_eq!(segment.clone().in_documents(), [segment.clone()]);
        let part = |number: u64| segment.part(SpanId(number), "x".repeat(200), 1);
        segment.subsegments = (0..1_000).map(part).collect();
        let documents = segment.clone().in_documents();
        assert_eq!(documents.len(), 1_001);
        for apart in documents {
            let document = apart.document();
            assert!(document.len() <= DOCUMENT_BYTES_MAX);
            let parent = apart.is_subsegment.then_some(segment.id);
            assert_eq!(Segment::read(&document).map(|read| read.parent), Ok(parent));
        }
    }

    #[test]
    fn what_is_no_segment_is_said_to_be_none_and_why() {
        let nested = |depth: usize| {
            let part = |inner: Value| json!([{ "id": "53995c3f42cd8ad8", "name": "n", "start_time": 1, "end_time": 2, "subsegments": inner }]);
            (0..depth).fold(json!([]), |inner, _| part(inner))
        };
        for (text, expected) in [
            ("{".to_owned(), "no JSON object"),
            ("[]".to_owned(), "no JSON object"),
            (document(&[("trace_id", json!("1-2"))]), "`trace_id`"),
            (document(&[("id", json!("x"))]), "`id`"),
            (document(&[("name", json!(""))]), "`name`"),
            (document(&[("name", json!("x".repeat(201)))]), "`name`"),
            (document(&[("start_time", json!("soon"))]), "`start_time`"),
            (document(&[("start_time", json!(-1))]), "`start_time`"),
            (document(&[("end_time", json!(1e300))]), "`end_time`"),
            (document(&[("subsegments", json!([1]))]), "`subsegments`"),
            (document(&[("subsegments", json!([{}]))]), "`id`"),
            (document(&[("subsegments", nested(40))]), "deep within"),
            (document(&[("metadata", json!("x".repeat(DOCUMENT_BYTES_MAX)))]), "bytes"),
        ] {
            let error = Segment::read(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}", name in ".{0,20}", time in any::<f64>()) {
            let _ = Segment::read(&text);
            let _ = Segment::read(&document(&[("name", json!(name)), ("start_time", json!(time))]));
        }
    }
}
