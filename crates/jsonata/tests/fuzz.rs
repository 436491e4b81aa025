//! The fuzz target's entry point over mutations of the cases: a short run that is the same every time.
//!
//! `FUZZ_SECONDS=600 cargo test --release -p darkroom-jsonata --test fuzz` goes on with new ones for so long.

#[path = "../../../fuzz/jsonata.rs"]
mod entry;

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Mutations in an ordinary run.
const ROUNDS: u64 = 10_000;

/// One input may take so long in a long run: the limit is a quarter of a second, and other work is done beside it.
const SLOW: Duration = Duration::from_secs(2);

/// What mutations put in.
const WORDS: &[&str] = &[
    "$",
    "$$",
    "%",
    "*",
    "**",
    ".",
    "[0]",
    "[-1]",
    "[]",
    "^(a)",
    "{a: b}",
    "@$v",
    "#$i",
    "~>",
    ":=",
    "??",
    "?:",
    "? 1 : 2",
    "$v",
    "$states.input",
    "$f",
    "function($x){$x}",
    "λ($a,$b)<nn:n>{$a+$b}",
    "$f := function($x){ $f($x) };",
    "(",
    ")",
    "[1..9]",
    "[1..1e6]",
    "& 'x'",
    "and",
    "or",
    "in",
    "null",
    "1e308",
    "-1",
    "0.1",
    "''",
    "'a\\u0000'",
    "/a(b)?/i",
    "`a b`",
    "$map(",
    "$filter(",
    "$reduce(",
    "$sort(",
    "$each(",
    "$string(",
    "$pad('x', 1e6)",
    "$join(",
    "$split(",
    "$replace(",
    "$match(",
    "$zip(",
    "$append(",
    "$merge(",
    "$distinct(",
    "$spread(",
    "$lookup(",
    "$number(",
    "$power(9, 99)",
    "$formatNumber(1, '#0.00')",
    "$formatInteger(",
    "$fromMillis(",
    "$toMillis(",
    "$now()",
    "$random()",
    "$uuid()",
    "$partition(",
    "$range(1, 9, 2)",
    "$hash('a', 'MD5')",
    "$parse('[1]')",
    "$error(",
    "|$|{'a':1}|",
    "?",
    ",",
    "\u{1F4F7}",
];

#[test]
fn expressions() {
    let seeds = seeds();
    let seconds = seconds();
    let end = seconds.map(|seconds| now() + Duration::from_secs(seconds));
    let mut dice = Dice(if end.is_some() { u64::from(std::process::id()) } else { 1 });
    for seed in &seeds {
        run(seed);
    }
    let mut rounds = 0;
    while end.map_or(rounds < ROUNDS, |end| now() < end) {
        let input = mutated(&seeds, &mut dice);
        let began = now();
        run(&input);
        assert!(end.is_none() || began.elapsed() < SLOW, "slow: {:?}", String::from_utf8_lossy(&input));
        rounds += 1;
    }
    println!("{rounds} rounds");
}

fn run(input: &[u8]) {
    // Before it runs: what ends the whole process would not say where.
    if std::env::args().any(|argument| argument == "--nocapture") && is_verbose() {
        println!("{:?}", String::from_utf8_lossy(input));
    }
    let held = catch_unwind(|| entry::jsonata(input)).is_ok();
    assert!(held, "the input was: {:?}", String::from_utf8_lossy(input));
}

/// The reference cases' expressions, each with its data. Long ones only slow the mutations down.
fn seeds() -> Vec<Vec<u8>> {
    let lines = include_str!("cases/reference.jsonl").lines().chain(include_str!("cases/aws.jsonl").lines());
    let cases = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    cases
        .filter_map(|case| {
            let expression = case["expr"].as_str()?.replace('\n', " ");
            Some(format!("{expression}\n{}", case["data"]).into_bytes())
        })
        .filter(|seed| seed.len() < 4_000)
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a long run is measured, and asked for by hand")]
fn seconds() -> Option<u64> {
    std::env::var("FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"))
}

#[expect(clippy::disallowed_methods, reason = "asked for by hand, to find what ended a run")]
fn is_verbose() -> bool {
    std::env::var_os("FUZZ_VERBOSE").is_some()
}

#[expect(clippy::disallowed_methods, reason = "a long run is measured, and asked for by hand")]
fn now() -> Instant {
    Instant::now()
}

struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
    }
}

/// One or a few changes to a seed: words put in, parts taken out, doubled, or taken from another.
fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(4) {
        let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let from = dice.roll(line + 1);
        let to = (from + dice.roll(24)).min(line);
        match dice.roll(6) {
            0 => drop(input.drain(from..to)),
            1 | 2 => input.splice(from..from, WORDS[dice.roll(WORDS.len())].bytes()).for_each(drop),
            3 => {
                let copy = input[from..to].to_vec();
                let at = dice.roll(line + 1);
                input.splice(at..at, copy).for_each(drop);
            }
            4 => {
                let other = &seeds[dice.roll(seeds.len())];
                let end = other.iter().position(|byte| *byte == b'\n').unwrap_or(other.len());
                let start = dice.roll(end + 1);
                let stop = (start + dice.roll(60)).min(end);
                input.splice(from..to, other[start..stop].iter().copied()).for_each(drop);
            }
            _ => {
                if let Some(byte) = input.get_mut(from) {
                    *byte ^= 1 << dice.roll(7);
                }
            }
        }
    }
    input
}
