//! What is fuzzed of traces: headers, and segments' documents.
//!
//! Shared by the libFuzzer target beside this file and by the smoke test in `crates/trace/tests/fuzz.rs`.

use darkroom_trace::{DOCUMENT_BYTES_MAX, Segment, TraceHeader};

/// A text that may be a header or a document. What is read is written, and read back as the same.
pub fn trace(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(header) = text.parse::<TraceHeader>() {
        assert_eq!(header.to_string().parse(), Ok(header), "{text}");
    }
    if let Ok(segment) = Segment::read(text) {
        let parts = segment.all().len();
        let written = segment.document();
        if written.len() <= DOCUMENT_BYTES_MAX {
            assert_eq!(Segment::read(&written).as_ref(), Ok(&segment), "{text}");
        }
        let apart: usize = segment.in_documents().iter().map(|segment| segment.all().len()).sum();
        assert_eq!(apart, parts, "{text}");
    }
}
