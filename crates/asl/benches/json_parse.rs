//! Is reading a payload about as fast as `serde_json` reads it into its own values?
//!
//! `cargo bench -p darkroom-asl --bench json_parse`. The payload is 275 KiB of alike objects, a little over AWS's
//! quota. The shortest of many runs is told, since the machine's other work only ever adds.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use darkroom_asl::json;

const RUNS: u32 = 300;

fn main() {
    let text = payload();
    let value = json::parse(&text).expect("the payload is JSON");
    let theirs: serde_json::Value = serde_json::from_str(&text).expect("the payload is JSON");
    println!("{} bytes", text.len());
    tell("parse", shortest(|| drop(black_box(json::parse(&text)))));
    tell("parse, serde_json", shortest(|| drop(black_box(serde_json::from_str::<serde_json::Value>(&text)))));
    tell("check", shortest(|| drop(black_box(json::check(&text)))));
    tell(
        "check, serde_json",
        shortest(|| drop(black_box(serde_json::from_str::<serde::de::IgnoredAny>(&text)))),
    );
    tell("write", shortest(|| drop(black_box(value.to_text()))));
    tell("write, serde_json", shortest(|| drop(black_box(theirs.to_string()))));
}

fn payload() -> String {
    let mut text = String::from("[");
    for id in 0..1500 {
        let comma = if id > 0 { "," } else { "" };
        let ratio = f64::from(id) * 1.25;
        write!(
            text,
            r#"{comma}{{"id":{id},"name":"photo-{id}.jpg","tags":["a","holiday","x\n{id}"],"size":{{"width":{},"height":{},"ratio":{ratio:?}}},"ok":true,"note":null,"url":"https://example.com/photos/{id}/original"}}"#,
            id * 3,
            id * 7
        )
        .expect("a String takes all text");
    }
    text + "]"
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn shortest(mut run: impl FnMut()) -> Duration {
    let runs = (0..RUNS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    runs.min().unwrap_or_default()
}

fn tell(what: &str, time: Duration) {
    println!("{what:20} {:7.3} ms", time.as_secs_f64() * 1e3);
}
