//! Expressions that mean harm, each evaluated in a process of its own, whose memory is measured.
//!
//! `cargo test -p darkroom-jsonata --test hostile -- --nocapture` prints what each took.

#[path = "jsonata/surroundings/mod.rs"]
mod surroundings;

use std::process::Command;

use darkroom_jsonata::{ErrorKind, Expression, Limits, Outcome, Session};

/// What a case may end with. All that matters is that it ends within bounds, but which bound it meets is told.
/// On a slow machine the time is over before the memory is full.
const MEMORY: &[&str] = &["MemoryLimit", "TimeLimit"];
const TIME: &[&str] = &["TimeLimit"];
const DEPTH: &[&str] = &["DepthLimit", "TimeLimit"];
/// It depends on the machine which bound is met first.
const TIME_OR_MEMORY: &[&str] = &["TimeLimit", "MemoryLimit"];
const ANY_LIMIT: &[&str] = &["TimeLimit", "MemoryLimit", "DepthLimit"];
const REFUSED: &[&str] = &["Syntax", "Evaluation", "MemoryLimit", "DepthLimit"];
const DONE: &[&str] = &["done"];
/// Either way: what counts is that it ends.
const ENDS: &[&str] = &["done", "TimeLimit", "MemoryLimit", "DepthLimit", "Evaluation", "Syntax"];

/// A name, an expression, and what it may end with.
const CASES: &[(&str, &str, &[&str])] = &[
    // Long strings at once.
    ("pad", "$pad('x', 1e9)", MEMORY),
    ("pad to the left", "$pad('x', -1e9, 'ab')", MEMORY),
    ("pad in a chain", "'x' ~> $pad(1e9)", MEMORY),
    ("pad as a value", "$map([1e9], function($w) { ($p := $pad; $p('x', $w)) })", MEMORY),
    ("pad in part", "($p := $pad(?, 1e9); $p('x'))", MEMORY),
    ("pad that may be bound", "(false ? ($pad := 1) : 2; false ? $pad := 1; $pad('x', 1e9))", MEMORY),
    ("pad that a path binds", "({'a': 1}.a@$pad.b; $pad('x', 1e9))", MEMORY),
    ("pad that is bound to what it makes", "($pad := $pad('x', 1e9))", MEMORY),
    ("distinct as a value", "($d := $distinct; $count($d([1..200000])))", ENDS),
    ("distinct in part", "($d := $distinct(?); $count($d([1..200000])))", ENDS),
    ("spread as a value", "($s := $spread; $count($s([1..200000].{'a': 1, 'b': 2})))", TIME_OR_MEMORY),
    ("keys of many", "$count($keys([1..200000].{$string($): 1}))", TIME_OR_MEMORY),
    ("keys of one", "$count($keys([1..200000]{$string($): 1}))", TIME_OR_MEMORY),
    ("pad of the context", "['x'].$pad(1e9)", MEMORY),
    ("replace each by much", "$replace($pad('', 100000, 'a'), 'a', $pad('', 100000, 'b'))", MEMORY),
    ("replace by a group", "$replace($pad('', 1000000, 'a'), /(.*)/, '$1$1$1$1$1$1$1$1$1$1$1$1')", MEMORY),
    (
        "replace by a function",
        "($b := $pad('', 1000000); $replace($pad('', 10000, 'a'), /a/, function($m) { $b }))",
        MEMORY,
    ),
    (
        "replace by a named function",
        "($b := $pad('', 1000000); $f := function($m) { $b }; $replace($pad('', 10000, 'a'), /a/, $f))",
        MEMORY,
    ),
    ("join by much", "($s := $pad('', 100000); $join([1..10000].$string(), $s))", MEMORY),
    ("string of one text often", "($s := $pad('', 1000000); $string([1..1000].$s))", MEMORY),
    ("encode", "$encodeUrlComponent($pad('', 4000000, '%'))", MEMORY),
    ("encode again and again", "$reduce([1..40], function($s, $i) { $encodeUrlComponent($s) }, '%')", DONE),
    ("base64 again and again", "$reduce([1..100], function($s, $i) { $base64encode($s) }, 'a')", MEMORY),
    // Strings that grow.
    ("double a string", "$reduce([1..40], function($s, $i) { $s & $s }, 'x')", MEMORY),
    (
        "double it by a function",
        "($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f('x', 60)))",
        MEMORY,
    ),
    ("double it by join", "$reduce([1..40], function($s, $i) { $join([$s, $s]) }, 'x')", MEMORY),
    ("double it by replace", "$reduce([1..40], function($s, $i) { $replace($s, 'x', 'xx') }, 'x')", MEMORY),
    ("many long strings", "($s := $pad('', 1000000); [1..1000].($s & $))", MEMORY),
    (
        "many literals",
        "[1..200000].('a literal of more than a few bytes, which is copied each time that it is evaluated, and then it is kept')",
        ENDS,
    ),
    // Long sequences.
    ("range", "[1..1e9]", MEMORY),
    ("range that fits", "$count([1..873782])", DONE),
    ("range that does not", "$count([1..873783])", MEMORY),
    ("ranges of ranges", "[1..800000].[1..800000]", MEMORY),
    ("map to ranges", "$map([1..200000], function($i) { [1..200000] })", MEMORY),
    ("AWS's range", "$range(1, 100000000, 1)", MEMORY),
    ("split to characters", "$split($pad('', 4000000), '')", MEMORY),
    ("split by a pattern", "$split($pad('', 4000000), /./)", TIME_OR_MEMORY),
    ("match each character", "$match($pad('', 4000000), /./)", TIME_OR_MEMORY),
    ("append to itself", "$reduce([1..40], function($a, $i) { $append($a, $a) }, [1])", MEMORY),
    ("zip", "$zip([1..800000], [1..800000], [1..800000])", MEMORY),
    ("spread", "[1..200000].{'a': 1, 'b': 2} ~> $spread", TIME_OR_MEMORY),
    ("merge", "$merge([1..200000].{$string($): $})", TIME_OR_MEMORY),
    ("objects", "[1..200000].{'a': $, 'b': {'c': $}}", TIME_OR_MEMORY),
    ("empty objects", "[1..200000].{}", ENDS),
    ("empty arrays", "[1..200000].[[]]", ENDS),
    ("partition", "$partition([1..800000], 1)", MEMORY),
    ("a cross product", "($a := [1..2000]; $a.($b := $; $a.[$b, $]))", TIME_OR_MEMORY),
    (
        "closures for ever",
        "$map([1..200000], function($i) { function($x) { [$x, $i, $x + $i, $x * $i] } })",
        MEMORY,
    ),
    (
        "closures in closures",
        "($f := function($g) { $f(function() { $g() + 1 }) }; $f(function() { 1 }))",
        ANY_LIMIT,
    ),
    // Values that hold the same value over and over.
    ("an array in itself", "$reduce([1..60], function($a, $i) { [[$a], [$a]] }, [1])", MEMORY),
    (
        "compare such arrays",
        "($f := function($n) { $n = 0 ? [1] : ($a := $f($n - 1); [[$a], [$a]]) }; $f(40) = $f(40))",
        MEMORY,
    ),
    ("an object in itself", "$reduce([1..60], function($o, $i) { {'a': $o, 'b': $o} }, {}).**", MEMORY),
    ("a text of it", "$string($reduce([1..60], function($o, $i) { {'a': $o, 'b': $o} }, {}))", MEMORY),
    (
        "descend in it by hand",
        "($a := {'x': 1}; $b := {'p': $a, 'q': $a}; $c := {'p': $b, 'q': $b}; $d := {'p': $c, 'q': $c}; $count($d.**))",
        DONE,
    ),
    // Recursion.
    ("recursion without an end", "($f := function($n) { 1 + $f($n + 1) }; $f(0))", DEPTH),
    (
        "mutual recursion",
        "($f := function($n) { 1 + $g($n) }; $g := function($n) { 1 + $f($n) }; $f(0))",
        DEPTH,
    ),
    ("tail recursion", "($f := function($n) { $f($n + 1) }; $f(0))", TIME),
    ("mutual tail recursion", "($f := function($n) { $g($n) }; $g := function($n) { $f($n) }; $f(0))", TIME),
    ("a tail recursion that collects", "($f := function($a) { $f($append($a, 1)) }; $f([]))", TIME_OR_MEMORY),
    ("a fixed point", "(function($f) { $f($f) })(function($f) { $f($f) })", TIME),
    ("recursion by map", "($f := function($x) { $map([1, 2], $f) }; $f(1))", ANY_LIMIT),
    ("recursion by replace", "($f := function($m) { $replace('a', /a/, $f) }; $f('a'))", ANY_LIMIT),
    (
        "recursion by replace as a value",
        "($r := $replace; $f := function($m) { $r('a', /a/, $f) }; $f('a'))",
        ANY_LIMIT,
    ),
    ("recursion by composition", "($f := function($x) { $x ~> $f ~> $f }; $f(1))", ANY_LIMIT),
    ("deep values", "$reduce([1..200000], function($a, $i) { {'a': $a} }, 1)", ENDS),
    // Work without an end.
    ("nested loops", "$sum([1..100000].($i := $; $sum([1..100000].($ * $i))))", TIME_OR_MEMORY),
    ("nested filters", "[1..100000][($i := $; $count([1..100000][$ = $i]) > 0)]", TIME_OR_MEMORY),
    ("a sort with a bad comparator", "$sort([1..200000], function($a, $b) { true })", ENDS),
    ("a sort by chance", "$sort([1..200000], function($a, $b) { $random() > 0.5 })", TIME),
    ("a sort by much", "[1..200000]^($string($))", ENDS),
    ("distinct of many", "$count($distinct([1..200000]))", ENDS),
    ("distinct of objects", "$count($distinct([1..100000].{'a': $}))", ENDS),
    ("in, over and over", "[1..200000][$ in [1..200000]]", TIME_OR_MEMORY),
    ("shuffle", "$count($shuffle([1..800000]))", ENDS),
    // Patterns.
    ("a catastrophic pattern", "$match($pad('', 100000, 'a'), /(a+)+$/)", ENDS),
    ("another", "$contains($pad('', 1000000, 'a') & 'b', /^(a|a)*$/)", ENDS),
    ("a big pattern", "$contains('a', /((a{100}){100}){100}/)", REFUSED),
    ("a slow pattern", "$match($pad('', 4000000, 'ab'), /(\\w{1,50}\\d){1,10}/)", ENDS),
    ("a pattern that may not be too big", "$contains($pad('', 4000000, 'ab'), /(\\w{1,5}\\d){1,3}!/)", ENDS),
    ("one of many states", "$contains($pad('', 1000000, 'ab'), /[ab]{1,300}[ac]{1,300}d/)", ENDS),
    ("slow patterns", "$map([1..1000], function($i) { $contains('a', /(\\w{50}){20}/) })", ENDS),
    // Pictures.
    ("a wide number", "$formatNumber(1, $pad('', 1000000, '0'))", ENDS),
    ("a wide year", "$fromMillis(0, '[Y,1000000000-1000000000]')", ENDS),
    ("a wide integer", "$formatInteger(1, $pad('', 1000000, '0'))", ENDS),
    ("a long picture", "$toMillis('1', $pad('', 1000000, '[Y]'))", ENDS),
    ("a big number in words", "$formatInteger(1e300, 'w')", ENDS),
    ("a big number in Roman", "$formatInteger(1e12, 'I')", ENDS),
    ("a big number in letters", "$formatInteger(1e300, 'a')", ENDS),
    ("a big base", "$formatBase(1e300, 2)", ENDS),
    // Others.
    (
        "transform",
        "($o := {'a': [1..100000].{'b': $}}; $reduce([1..1000], function($x, $i) { $x ~> |a|{'c': $i}| }, $o))",
        TIME_OR_MEMORY,
    ),
    ("group", "[1..200000]{$string($): $}", TIME_OR_MEMORY),
    ("parse", "$parse($pad('', 4000000, '['))", REFUSED),
    ("parse much", "$parse('[' & $join([1..1000000].'1', ',') & ']')", MEMORY),
    ("parse wide", "$parse('[' & $pad('', 2000000, '1,') & '1]')", TIME_OR_MEMORY),
    ("eval", "$eval('[1..1e9]')", &["Evaluation"]),
];

const CHILD: &str = "JSONATA_HOSTILE_CASE";

/// How much more memory a process may take than the limit: its own code, and what the allocator does not give back.
const SLACK_KIB: u64 = 4 * 1024;

#[test]
#[expect(clippy::disallowed_methods, reason = "each case runs in a process of its own")]
fn hostile_expressions_stay_within_bounds() {
    let only = std::env::var("JSONATA_HOSTILE_ONLY").ok();
    let mut failures = Vec::new();
    for (index, (name, _, ends)) in CASES.iter().enumerate() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let output = Command::new(std::env::current_exe().expect("a test has a path"))
            .args(["--exact", "one_case", "--nocapture"])
            .env(CHILD, index.to_string())
            .output()
            .expect("the test can be run again");
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(line) = text.lines().find_map(|line| line.split("case: ").nth(1)) else {
            failures.push(format!("{name}: {}{text}", String::from_utf8_lossy(&output.stderr)));
            continue;
        };
        println!("{name}: {line}");
        let mut words = line.split(' ');
        let end = words.next().unwrap_or_default();
        if !ends.contains(&end) {
            failures.push(format!("{name}: ended with {end}, not {ends:?}"));
        }
        let taken: u64 = words.nth(2).and_then(|word| word.parse().ok()).expect("a figure");
        let limit = u64::try_from(Limits::default().memory_bytes / 1024).expect("it is small") + SLACK_KIB;
        if taken > limit {
            failures.push(format!("{name}: took {taken} KiB of {limit}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What the test above runs: the case that the environment names, or nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "the case comes from the test that runs it, and is measured")]
fn one_case() {
    let Ok(index) = std::env::var(CHILD) else { return };
    let (_, source, _) = CASES[index.parse::<usize>().expect("an index")];
    let before = peak_kib();
    let began = std::time::Instant::now();
    let end = match Expression::parse(source) {
        Ok(expression) => {
            let mut session = Session::new(Limits::default(), surroundings::fixed());
            match session.evaluate(&expression) {
                Ok(Outcome::Undefined | Outcome::Json(_) | Outcome::Unsupported) => "done".to_owned(),
                Err(error) => kind(error.kind),
            }
        }
        Err(error) => kind(error.kind),
    };
    let elapsed = began.elapsed().as_millis();
    println!("case: {end} {elapsed} ms {} KiB", peak_kib() - before);
}

fn kind(kind: ErrorKind) -> String {
    format!("{kind:?}")
}

/// The most memory that this process has had, where the system tells it.
#[expect(clippy::disallowed_methods, reason = "a process reads about itself")]
fn peak_kib() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells it");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
}
