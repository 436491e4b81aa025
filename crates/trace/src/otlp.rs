//! Segments for OpenTelemetry: the body of `POST /v1/traces` in OTLP's JSON form.
//!
//! Spec: OTLP 1.x, "JSON Protobuf Encoding": ids are hexadecimal, 64-bit numbers are strings.

use serde_json::{Map, Value, json};

use crate::segment::Segment;

/// Who sends the spans.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// `service.name`.
    pub service_name: &'a str,
    /// `service.version`.
    pub service_version: &'a str,
}

/// `SPAN_KIND_INTERNAL`, `SPAN_KIND_SERVER` and `SPAN_KIND_CLIENT`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`.
const FAILED: u8 = 2;

/// The request's body for these segments and all that lies in them. What has not ended is no span yet.
pub fn export<'a>(resource: Resource<'_>, segments: impl IntoIterator<Item = &'a Segment>) -> Value {
    let all = segments.into_iter().flat_map(Segment::all);
    let spans: Vec<Value> = all.filter_map(span).collect();
    let Resource { service_name, service_version } = resource;
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", service_name), text("service.version", service_version),
        ] },
        "scopeSpans": [{ "scope": { "name": service_name, "version": service_version }, "spans": spans }],
    }] })
}

fn span(segment: &Segment) -> Option<Value> {
    let ended_us = segment.ended_us?;
    let kind = match (segment.is_subsegment, &segment.namespace) {
        (false, _) => SERVER,
        (true, Some(_)) => CLIENT,
        (true, None) => INTERNAL,
    };
    let mut attributes: Vec<Value> =
        segment.origin.iter().map(|origin| text("aws.xray.origin", origin)).collect();
    attributes.extend(attributes_of("aws.", &segment.aws));
    attributes.extend(attributes_of("", &segment.annotations));
    let mut span = json!({
        "traceId": segment.trace_id.hexadecimal(),
        "spanId": segment.id.to_string(),
        "name": segment.name,
        "kind": kind,
        "startTimeUnixNano": nanoseconds(segment.started_us),
        "endTimeUnixNano": nanoseconds(ended_us),
        "attributes": attributes,
    });
    if let Some(parent) = segment.parent {
        span["parentSpanId"] = json!(parent.to_string());
    }
    if segment.flags.error || segment.flags.fault {
        let cause = segment.cause.clone().unwrap_or_default();
        span["status"] = json!({ "code": FAILED, "message": cause.message.or(cause.error.clone()) });
        if let Some(error) = &cause.error
            && let Some(attributes) = span["attributes"].as_array_mut()
        {
            attributes.push(text("error.type", error));
        }
    }
    Some(span)
}

fn attributes_of(prefix: &str, members: &Map<String, Value>) -> Vec<Value> {
    let attribute = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => json!({ "stringValue": text }),
            Value::Bool(is) => json!({ "boolValue": is }),
            Value::Number(number) => json!({ "doubleValue": number }),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(json!({ "key": format!("{prefix}{name}"), "value": value }))
    };
    members.iter().filter_map(attribute).collect()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanoseconds(microseconds: i64) -> String {
    i128::from(microseconds).saturating_mul(1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::segment::{Cause, Flags};

    #[test]
    fn spans_are_as_otlp_has_them() {
        let trace_id = TraceId { epoch: 1, random: [0xab; 12] };
        let mut segment = Segment::begun(trace_id, SpanId(1), "machine", 1_000_000);
        segment.ended_us = Some(2_000_001);
        segment.aws.insert("execution_arn".to_owned(), json!("arn:e"));
        let mut part = segment.part(SpanId(2), "lambda", 1_500_000);
        part.ended_us = Some(1_600_000);
        part.namespace = Some("aws".to_owned());
        part.flags = Flags { fault: true, ..Flags::default() };
        part.cause = Some(Cause { error: Some("E".to_owned()), message: None });
        let open = segment.part(SpanId(3), "open", 1_500_000);
        segment.subsegments = vec![part, open];
        let body = export(Resource { service_name: "s", service_version: "1" }, [&segment]);
        let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(
            *spans,
            json!([
                {
                    "traceId": "00000001abababababababababababab", "spanId": "0000000000000001", "name": "machine",
                    "kind": 2, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "2000001000",
                    "attributes": [{ "key": "aws.execution_arn", "value": { "stringValue": "arn:e" } }],
                },
                {
                    "traceId": "00000001abababababababababababab", "spanId": "0000000000000002", "name": "lambda",
                    "kind": 3, "startTimeUnixNano": "1500000000", "endTimeUnixNano": "1600000000",
                    "attributes": [{ "key": "error.type", "value": { "stringValue": "E" } }],
                    "parentSpanId": "0000000000000001", "status": { "code": 2, "message": "E" },
                },
            ])
        );
    }
}
