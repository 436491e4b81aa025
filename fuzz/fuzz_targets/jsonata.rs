#![no_main]

#[path = "../jsonata.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::jsonata(data));
