//! The fuzz targets' entry points over mutations of the corpus: a short run that is the same every time.
//!
//! `FUZZ_SECONDS=600 cargo test --release -p darkroom-asl --test fuzz` goes on with new ones for so long.

#[path = "../../../fuzz/entry.rs"]
mod entry;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

/// Mutations a target in an ordinary run.
const ROUNDS: u64 = 10_000;

/// One input may take so long, in a long run: release builds take milliseconds.
const SLOW: Duration = Duration::from_secs(5);

/// What mutations put in.
const WORDS: &[&str] = &[
    "$",
    "$$",
    "$.a",
    ".$",
    "..",
    "[*]",
    "[0]",
    "[-1:]",
    "[?(@.a>1)]",
    "['a','b']",
    "$v",
    "null",
    "true",
    "1.0",
    "1e400",
    "-0",
    "9007199254740993",
    "\"\"",
    "[]",
    "{}",
    "\\u0000",
    "\\ud83d\\udcf7",
    "\u{1F4F7}",
    "States.Format('{}', $)",
    "States.Array(",
    "States.ArrayRange(0, 999, 1)",
    "States.ALL",
    "States.Timeout",
    "\"Next\"",
    "\"End\": true",
    "\"Type\": \"Map\"",
    "\"ResultPath\": null",
    "\"OutputPath\": \"$.a\"",
    "\"Assign\": {\"v.$\": \"$\"}",
    "\"MaxConcurrency\": 1",
    "\n",
];

#[test]
fn definitions() {
    fuzz(entry::definition, &definition_seeds());
}

#[test]
fn paths() {
    let document = json!({"a": [1, {"b": [[2.5], "x", null]}], "b": {"a": {"a": []}}, "list": [3, 1, 2]});
    let paths = [
        "$",
        "$.a",
        "$..a",
        "$.a[*].b",
        "$.list[?(@ > 1)]",
        "$['a','b']",
        "$.a[1:]",
        "$.a[-1]",
        "$.list[0,2]",
        "$..[?(@.b)]",
        "$$.a",
        "$v.a[0]",
        "$.a[?(@.b && !@.c || @.a == 'x')]",
        "$.b.*",
        "$..*",
    ];
    fuzz(entry::jsonpath, &on(&document, &paths));
}

#[test]
fn intrinsics() {
    let document = json!({"a": [1, 2, 2], "s": "a,b", "n": 3, "o": {"k": 1}, "p": {"k": 2}});
    let calls = [
        "States.Format('{} is {}', $.s, $.n)",
        "States.Array($.a, 1, 'x', null)",
        "States.ArrayPartition($.a, 2)",
        "States.ArrayContains($.a, 2)",
        "States.ArrayRange(1, 9, 2)",
        "States.ArrayGetItem($.a, 0)",
        "States.ArrayLength($.a)",
        "States.ArrayUnique($.a)",
        "States.Base64Encode($.s)",
        "States.Base64Decode('YQ==')",
        "States.Hash($.s, 'SHA-256')",
        "States.JsonMerge($.o, $.p, false)",
        "States.StringToJson('[1]')",
        "States.JsonToString($.o)",
        "States.MathRandom(1, $.n)",
        "States.MathAdd($.n, -1)",
        "States.StringSplit($.s, ',')",
        "States.UUID()",
        "States.Format(States.Format('\\'{}', $.n))",
    ];
    fuzz(entry::intrinsic, &on(&document, &calls));
}

#[test]
fn json_texts() {
    let mut seeds: Vec<Vec<u8>> = cases().iter().map(|case| case.to_string().into_bytes()).collect();
    seeds.push(br#"[1, 1.0, -0.0, 1e-7, 123456789012345678901234567890, "\u00e4\ud83d\ude00\n", {"a": {"a": null}}]"#.to_vec());
    fuzz(entry::json, &seeds);
}

#[test]
fn executions() {
    let seeds = cases().into_iter().filter(|case| case["input"].is_object() || case["input"].is_array());
    let seeds = seeds.map(|case| {
        format!("{}\n{}\n\u{1}\u{2}\u{9}\u{d}\u{e}", case["definition"], case["input"]).into_bytes()
    });
    fuzz(entry::execution, &seeds.collect::<Vec<_>>());
}

fn on(document: &Value, texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| format!("{text}\n{document}").into_bytes()).collect()
}

fn definition_seeds() -> Vec<Vec<u8>> {
    cases()
        .iter()
        .map(|case| match case["definition"].as_str() {
            Some(text) => text.into(),
            None => case["definition"].to_string().into_bytes(),
        })
        .collect()
}

/// Every case of the corpus. Long ones only slow the mutations down.
#[expect(clippy::disallowed_methods, reason = "a test reads its cases")]
fn cases() -> Vec<Value> {
    let mut folders = vec![PathBuf::from(CORPUS)];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the corpus is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() == Some("json".as_ref()) && is_short(&path) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("it was listed");
    paths.iter().map(read).map(|text| serde_json::from_str(&text).expect("a case is JSON")).collect()
}

fn is_short(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.len() < 20_000)
}

#[expect(clippy::disallowed_methods, reason = "a long run is measured, and asked for by hand")]
fn fuzz(target: fn(&[u8]), seeds: &[Vec<u8>]) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut dice = Dice(if end.is_some() { u64::from(std::process::id()) } else { 1 });
    let mut rounds = 0;
    for seed in seeds {
        run(target, seed);
    }
    while end.map_or(rounds < ROUNDS, |end| Instant::now() < end) {
        let input = mutated(seeds, &mut dice);
        let start = Instant::now();
        run(target, &input);
        assert!(end.is_none() || start.elapsed() < SLOW, "slow: {}", String::from_utf8_lossy(&input));
        rounds += 1;
    }
    println!("{rounds} rounds");
}

fn run(target: fn(&[u8]), input: &[u8]) {
    let held = catch_unwind(|| target(input)).is_ok();
    assert!(held, "the input was: {:?}", String::from_utf8_lossy(input));
}

struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
    }
}

fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(4) {
        let from = dice.roll(input.len() + 1);
        let to = (from + dice.roll(24)).min(input.len());
        match dice.roll(7) {
            0 => drop(input.drain(from..to)),
            1 => input.splice(from..to, WORDS[dice.roll(WORDS.len())].bytes()).for_each(drop),
            2 => {
                let copy = input[from..to].to_vec();
                let at = dice.roll(input.len() + 1);
                input.splice(at..at, copy).for_each(drop);
            }
            3 => {
                if let Some(byte) = input.get_mut(from) {
                    *byte ^= 1 << dice.roll(8);
                }
            }
            // One token for another: stays well-formed more often than not.
            4 | 5 => swap_token(&mut input, &seeds[dice.roll(seeds.len())], dice),
            _ => {
                let other = &seeds[dice.roll(seeds.len())];
                let at = dice.roll(other.len() + 1);
                let end = (at + dice.roll(200)).min(other.len());
                input.splice(from..to, other[at..end].iter().copied()).for_each(drop);
            }
        }
    }
    input
}

/// Puts a string of one input in the place of a string of another.
fn swap_token(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let strings = |text: &[u8]| -> Vec<(usize, usize)> {
        let quotes: Vec<usize> =
            text.iter().enumerate().filter(|(_, byte)| **byte == b'"').map(|(at, _)| at).collect();
        quotes.chunks_exact(2).map(|pair| (pair[0], pair[1] + 1)).collect()
    };
    let (here, there) = (strings(input), strings(other));
    if here.is_empty() || there.is_empty() {
        return;
    }
    let ((from, to), (start, end)) = (here[dice.roll(here.len())], there[dice.roll(there.len())]);
    input.splice(from..to, other[start..end].iter().copied()).for_each(drop);
}
