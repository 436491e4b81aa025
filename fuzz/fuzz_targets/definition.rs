#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code, reason = "each target takes its own")]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::definition(data));
