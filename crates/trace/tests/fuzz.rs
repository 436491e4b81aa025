//! The fuzz target on what can be made without a fuzzer: texts of every kind, and a document with some bytes changed.

#[path = "../../../fuzz/trace.rs"]
mod entry;

use proptest::prelude::*;

const DOCUMENT: &str = r#"{"id":"70de5b6f19ff9a0a","name":"shop","trace_id":"1-581cf771-a006649127e371903a2de979",
    "start_time":1478293361.271,"end_time":1478293361.449,"parent_id":"53995c3f42cd8ad8","type":"subsegment","error":true,
    "cause":{"exceptions":[{"type":"E","message":"m"}]},"http":{"request":{"method":"GET"}},"annotations":{"a":1,"b":"c"},
    "subsegments":[{"id":"53995c3f42cd8ad9","name":"db","start_time":1e9,"in_progress":true,"namespace":"remote"}]}"#;
const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

proptest! {
    #[test]
    fn any_text_keeps_the_promises(text in ".{0,200}") {
        entry::trace(text.as_bytes());
    }

    #[test]
    fn a_changed_document_or_header_keeps_them_too(
        is_header in any::<bool>(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = if is_header { HEADER } else { DOCUMENT }.as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        entry::trace(&bytes);
    }

    #[test]
    fn every_time_is_read_back(start in 0.0..4.1e9_f64, end in -1.0..4.1e9_f64) {
        let text = DOCUMENT.replace("1478293361.271", &start.to_string()).replace("1478293361.449", &end.to_string());
        entry::trace(text.as_bytes());
    }
}
