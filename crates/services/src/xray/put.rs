//! `PutTraceSegments` and `PutTelemetryRecords`.

use darkroom_trace::Segment;
use serde_json::{Value, json};

use super::documents::{self, Received};
use super::{Call, XRay, invalid};
use crate::wire::Fault;

/// Documents of a call. AWS's own bound.
const DOCUMENTS_MAX: usize = 50;
/// Records of a call. Our choice.
const RECORDS_MAX: usize = 1_000;

/// Takes documents in. Those that are no segments are named, and the others are kept.
pub(super) async fn put_trace_segments(xray: XRay, call: Call) -> Result<Value, Fault> {
    let (mut received, mut unprocessed) = (Vec::new(), Vec::new());
    for document in call.list("TraceSegmentDocuments", DOCUMENTS_MAX)? {
        let text = document.as_str().ok_or_else(|| invalid("TraceSegmentDocuments must be texts"))?;
        match Segment::read(text) {
            Ok(segment) => received.push(Received::new(&segment, text.to_owned())),
            Err(error) => {
                let id = serde_json::from_str::<Value>(text)
                    .ok()
                    .and_then(|read| Some(read["id"].as_str()?.to_owned()));
                unprocessed
                    .push(json!({ "Id": id, "ErrorCode": "ParseError", "Message": error.to_string() }));
            }
        }
    }
    xray.0.database.run(move |connection| documents::write(connection, &received, call.now_ms)).await?;
    Ok(json!({ "UnprocessedTraceSegments": unprocessed }))
}

/// What a daemon says of itself. It is checked, and of no use here: the daemon is in this process.
pub(super) fn put_telemetry_records(call: &Call) -> Result<Value, Fault> {
    for record in call.list("TelemetryRecords", RECORDS_MAX)? {
        if !record["Timestamp"].is_number() {
            return Err(invalid("TelemetryRecords must have a Timestamp each"));
        }
    }
    Ok(json!({}))
}
