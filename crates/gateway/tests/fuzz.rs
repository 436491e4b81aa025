//! The fuzz target's entry point over mutations of requests: a short run that is the same every time.
//!
//! `FUZZ_SECONDS=600 cargo test --release -p darkroom-gateway --test fuzz` goes on with new ones for so long.

#[path = "../../../fuzz/request.rs"]
mod entry;

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

/// Mutations in an ordinary run.
const ROUNDS: u64 = 20_000;

/// Requests: one that is packed, one that is signed, and what may be in them.
const SEEDS: &[&[u8]] = &[
    b"x-amz-target: AWSStepFunctions.ListStateMachines\ncontent-type: application/x-amz-json-1.0\n\n{\"maxResults\": 5}",
    b"x-amz-target: AWSStepFunctions.CreateStateMachine\n\n{\"name\": \"m\", \"roleArn\": \"arn:aws:iam::000000000000:role/r\", \
      \"definition\": \"{\\\"StartAt\\\": \\\"P\\\", \\\"States\\\": {\\\"P\\\": {\\\"Type\\\": \\\"Pass\\\", \\\"End\\\": true}}}\", \
      \"tags\": [{\"key\": \"k\", \"value\": \"v\"}]}",
    b"x-amz-target: AWSStepFunctions.StartExecution\n\n{\"stateMachineArn\": \
      \"arn:aws:states:us-east-1:000000000000:stateMachine:m\", \"input\": \"{\\\"a\\\": [1, 1.0, null]}\"}",
    b"x-amz-target: AWSStepFunctions.ValidateStateMachineDefinition\n\n{\"definition\": \"{\\\"StartAt\\\": 1}\"}",
    b"x-amz-target: AWSStepFunctions.SendTaskSuccess\n\n{\"taskToken\": \"abc\", \"output\": \"{}\"}",
    b"x-amz-target: AWSStepFunctions.ListActivities\ncontent-encoding: gzip\n\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\
      \xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
    b"host: x\nx-amz-date: 20260101T000000Z\nx-amz-security-token: t\nx-amz-target: AWSStepFunctions.ListActivities\n\
      authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/states/aws4_request, \
      SignedHeaders=host;x-amz-date;x-amz-target, Signature=0123456789abcdef\n\n{}",
];

/// What mutations put in.
const WORDS: &[&[u8]] = &[
    b"\n",
    b"\n\n",
    b":",
    b"AWSStepFunctions.",
    b"DescribeExecution",
    b"authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
    b"x-amz-date: 99999999T999999Z\n",
    b"x-amz-date: 20260229T240060Z\n",
    b"SignedHeaders=;;host",
    b"content-encoding: gzip\n",
    b"content-type: text/xml\n",
    b"arn:aws:states:us-east-1:000000000000:execution:m:e",
    b"{\"a\":",
    b"[[[[[[[[",
    b"null",
    b"-1",
    b"1e999",
    b"\"nextToken\": \"AAAA\",",
    b"\\ud800",
    b"\xff\xfe",
    b"\0",
];

#[test]
fn requests() {
    let seconds: Option<u64> =
        std::env::var("FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut dice = Dice(if end.is_some() { u64::from(std::process::id()) } else { 1 });
    for seed in SEEDS {
        run(seed);
    }
    let mut rounds = 0;
    while end.map_or(rounds < ROUNDS, |end| Instant::now() < end) {
        run(&mutated(&mut dice));
        rounds += 1;
    }
    println!("{rounds} rounds");
}

fn run(input: &[u8]) {
    let held = catch_unwind(|| entry::request(input)).is_ok();
    assert!(held, "the input was: {}", input.escape_ascii());
}

struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
    }
}

/// One or a few changes to a seed: words put in, parts taken out, doubled, or taken from another, and bits turned.
fn mutated(dice: &mut Dice) -> Vec<u8> {
    let mut input = SEEDS[dice.roll(SEEDS.len())].to_vec();
    for _ in 0..=dice.roll(4) {
        let from = dice.roll(input.len() + 1);
        let to = (from + dice.roll(24)).min(input.len());
        match dice.roll(5) {
            0 => drop(input.drain(from..to)),
            1 => input.splice(from..from, WORDS[dice.roll(WORDS.len())].iter().copied()).for_each(drop),
            2 => {
                let copy = input[from..to].to_vec();
                input.splice(from..from, copy).for_each(drop);
            }
            3 => {
                let other = SEEDS[dice.roll(SEEDS.len())];
                let start = dice.roll(other.len());
                let stop = (start + dice.roll(60)).min(other.len());
                input.splice(from..to, other[start..stop].iter().copied()).for_each(drop);
            }
            _ => {
                if let Some(byte) = input.get_mut(from) {
                    *byte ^= 1 << dice.roll(8);
                }
            }
        }
    }
    input
}
