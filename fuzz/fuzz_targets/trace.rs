#![no_main]

#[path = "../trace.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::trace(data));
