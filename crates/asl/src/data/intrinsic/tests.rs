//! What calls answer, as tables.

use proptest::prelude::*;

use super::*;
use crate::data::fixture::Fixture;

const INPUT: &str = r#"{
    "name": "Ada", "n": 7, "f": 2.5, "yes": true, "nil": null, "empty": "", "list": [3, 1, 2], "none": [],
    "object": {"a": 1, "b": [true, null]}, "other": {"b": 2, "a": 3}, "json": "{\"x\": [1.0, \"y\"]}",
    "template": "{}-{}", "slash": "a\\b{}", "csv": "a,b;,c", "long": 3000000000
}"#;

/// The JSON of the value, or the cause without its first sentence.
fn evaluate(text: &str) -> String {
    let call = Call::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match call.evaluate(&Fixture::new(INPUT)) {
        Ok(value) => value.to_text(),
        Err(failure) => {
            assert_eq!(&*failure.error, names::RUNTIME, "{failure:?}");
            let sentence = format!("The function '{text}' had the following error: ");
            failure.cause.unwrap().strip_prefix(&sentence).unwrap().to_owned()
        }
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(evaluate(text), *expected, "{text}");
    }
}

#[test]
fn arrays() {
    check(&[
        ("States.Array()", "[]"),
        ("States.Array(1, 'a', $.nil, null, true, $.object.b)", r#"[1,"a",null,null,true,[true,null]]"#),
        ("States.ArrayPartition($.list, 2)", "[[3,1],[2]]"),
        ("States.ArrayPartition($.list, 2.9)", "[[3,1],[2]]"),
        ("States.ArrayPartition($.none, 2)", "[]"),
        ("States.ArrayPartition($.list, 0)", "Invalid arguments in States.ArrayPartition"),
        ("States.ArrayPartition($.list, 0.9)", "Invalid arguments in States.ArrayPartition"),
        ("States.ArrayPartition($.list, -1)", "Invalid arguments in States.ArrayPartition"),
        ("States.ArrayPartition('x', 1)", "Invalid arguments in States.ArrayPartition"),
        ("States.ArrayContains($.list, 2)", "true"),
        ("States.ArrayContains($.list, 9)", "false"),
        ("States.ArrayContains($.list, '2')", "true"),
        ("States.ArrayContains(States.Array('true'), true)", "true"),
        ("States.ArrayContains(States.Array(0, 1), false)", "false"),
        ("States.ArrayContains(States.Array($.object), $.object)", "true"),
        ("States.ArrayContains($.name, 'A')", "Invalid arguments in States.ArrayContains"),
        ("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]"),
        ("States.ArrayRange(5.4, -0.6, -2.4)", "[5,3,1]"),
        ("States.ArrayRange(1.6, 1.4, 1)", "[1]"),
        ("States.ArrayRange(3, 3, -1)", "[3]"),
        ("States.ArrayRange(1, 5, -1)", "[]"),
        ("States.ArrayRange(1, 5, 0)", "Invalid arguments in States.ArrayRange"),
        ("States.ArrayRange(1, 5, 0.49)", "Invalid arguments in States.ArrayRange"),
        ("States.ArrayRange(1, 1001, 1)", "Invalid arguments in States.ArrayRange"),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "1000"),
        (
            "States.ArrayRange(9223372036854775806, 9223372036854775807, 1)",
            "[9223372036854775806,9223372036854775807]",
        ),
        ("States.ArrayGetItem($.list, 0)", "3"),
        ("States.ArrayGetItem($.list, 1.9)", "1"),
        ("States.ArrayGetItem($list, 2)", "3"),
        ("States.ArrayGetItem($.list, 3)", "Invalid arguments in States.ArrayGetItem"),
        ("States.ArrayGetItem($.list, -1)", "Invalid arguments in States.ArrayGetItem"),
        ("States.ArrayGetItem($.none, 9)", "null"),
        ("States.ArrayLength($.list)", "3"),
        ("States.ArrayLength($.list[?(@ > 1)])", "2"),
        ("States.ArrayLength($.no[*])", "0"),
        ("States.ArrayLength($.name)", "Invalid arguments in States.ArrayLength"),
        ("States.ArrayUnique(States.Array(1, 2, 2, 'a', 1))", r#"[1,"a",2]"#),
    ]);
}

#[test]
fn json_texts_and_merges() {
    check(&[
        ("States.StringToJson($.json)", r#"{"x":[1.0,"y"]}"#),
        ("States.StringToJson('[1, 2]')", "[1,2]"),
        ("States.StringToJson('{\"a\": \"b\"}')", r#"{"a":"b"}"#),
        ("States.StringToJson($.empty)", "null"),
        ("States.StringToJson('{bad}')", "Invalid arguments in States.StringToJson"),
        ("States.StringToJson($.n)", "Invalid arguments in States.StringToJson"),
        ("States.JsonToString($.object)", r#""{\"a\":1,\"b\":[true,null]}""#),
        ("States.JsonToString($.name)", r#""\"Ada\"""#),
        ("States.JsonToString($.f)", r#""2.5""#),
        ("States.JsonMerge($.object, $.other, false)", r#"{"a":3,"b":2}"#),
        ("States.JsonMerge($.other, States.StringToJson('{\"c\":4}'), 'false')", r#"{"a":3,"b":2,"c":4}"#),
        ("States.JsonMerge($.object, $.other, true)", "Invalid arguments in States.JsonMerge"),
        ("States.JsonMerge($.object, $.list, false)", "Invalid arguments in States.JsonMerge"),
    ]);
}

#[test]
fn encodings() {
    check(&[
        ("States.Base64Encode('Data to encode')", r#""RGF0YSB0byBlbmNvZGU=""#),
        ("States.Base64Encode('✓🚀')", r#""4pyT8J+agA==""#),
        ("States.Base64Encode($.empty)", r#""""#),
        ("States.Base64Encode($.n)", "Invalid arguments in States.Base64Encode"),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", r#""Data to encode""#),
        ("States.Base64Decode(' YWJj ZA == ')", r#""abcd""#),
        ("States.Base64Decode('YWJjZA')", r#""abcd""#),
        ("States.Base64Decode('YQ==YQ')", r#""a""#),
        ("States.Base64Decode('8J-agA')", r#""🚀""#),
        ("States.Base64Decode($.list)", "Invalid arguments in States.Base64Decode"),
        ("States.Hash('hello', 'MD5')", r#""5d41402abc4b2a76b9719d911017c592""#),
        ("States.Hash('hello', 'SHA-1')", r#""aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d""#),
        (
            "States.Hash('Hash this string', 'SHA-256')",
            r#""1cac63f39fd68d8c531f27b807610fb3d50f0fc3f186995767fb6316e7200a3e""#,
        ),
        (
            "States.Hash('', 'SHA-384')",
            r#""38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b""#,
        ),
        ("States.Hash(7, 'MD5')", r#""8f14e45fceea167a5a36dedd4bea2543""#),
        ("States.Hash('hello', 'sha-256')", "Invalid arguments in States.Hash"),
        ("States.Hash('hello', 'SHA256')", "Invalid arguments in States.Hash"),
        ("States.Hash('hello', 1)", "Invalid arguments in States.Hash"),
    ]);
    for (length, is_taken) in [(10_000, true), (10_001, false)] {
        let text = "a".repeat(length);
        for call in ["States.Base64Encode($)", "States.Base64Decode($)", "States.Hash($, 'MD5')"] {
            let value = Call::parse(call).unwrap().evaluate(&Fixture::new(&format!("\"{text}\"")));
            assert_eq!(value.is_ok(), is_taken, "{call} {length}");
        }
    }
}

#[test]
fn numbers() {
    check(&[
        ("States.MathAdd(111, -1)", "110"),
        ("States.MathAdd(1.6, 2.7)", "5"),
        ("States.MathAdd(0.1, 0.2)", "0"),
        ("States.MathAdd(2.5, -2.5)", "1"),
        ("States.MathAdd(2147483646, 1)", "2147483647"),
        ("States.MathAdd(2147483647, 1)", "Invalid arguments in States.MathAdd"),
        ("States.MathAdd($.long, -1)", "Invalid arguments in States.MathAdd"),
        ("States.MathAdd('1', 1)", "Invalid arguments in States.MathAdd"),
        ("States.MathAdd(1)", "Invalid arguments in States.MathAdd"),
        ("States.MathAdd(1, 2, 3)", "Invalid arguments in States.MathAdd"),
        ("States.MathRandom(0, 10, 42)", "0"),
        ("States.MathRandom(5, 105, 0)", "65"),
        ("States.MathRandom(1, 1)", "Invalid arguments in States.MathRandom"),
        ("States.MathRandom(1.4, 1.6)", "Invalid arguments in States.MathRandom"),
        ("States.MathRandom(10, 5)", "Invalid arguments in States.MathRandom"),
        ("States.MathRandom(1, 10, null)", "Invalid arguments in States.MathRandom"),
        ("States.MathRandom(1)", "Invalid arguments in States.MathRandom"),
    ]);
    let fixture = Fixture::new("{}");
    for (call, range) in [
        ("States.MathRandom(1, 999)", 1..999),
        ("States.MathRandom(-99999, -9999)", -99_999..-9999),
        ("States.MathRandom(12.5, 44.51)", 12..44),
        ("States.MathRandom(-9223372036854775808, 9223372036854775807)", i64::MIN..i64::MAX),
        ("States.MathRandom(-9223372036854775808, 9223372036854775807, -5)", i64::MIN..i64::MAX),
    ] {
        let call = Call::parse(call).unwrap();
        for _ in 0..100 {
            let value = call.evaluate(&fixture).unwrap();
            assert!(range.contains(&value.as_number().unwrap().as_i64().unwrap()), "{value:?}");
        }
    }
}

#[test]
fn identifiers_are_of_version_four() {
    let fixture = Fixture::new("{}");
    let call = Call::parse("States.UUID()").unwrap();
    let shape =
        regex::Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").unwrap();
    let (one, other) = (call.evaluate(&fixture).unwrap(), call.evaluate(&fixture).unwrap());
    assert!(shape.is_match(one.as_str().unwrap()), "{one:?}");
    assert_ne!(one, other);
}

#[test]
fn strings() {
    check(&[
        ("States.Format('Hello {}, {}!', $.name, $.n)", r#""Hello Ada, 7!""#),
        ("States.Format('{}|{}|{}|{}', $.nil, $.yes, $.f, -1)", r#""null|true|2.5|-1""#),
        ("States.Format('{} {}', $$.Execution.Name, $$.StateMachine)", r#""run {Id=arn:m, Name=M}""#),
        ("States.Format('{} {}', $.object, $.list)", r#""{a=1, b=[true, null]} [3, 1, 2]""#),
        ("States.Format($.template, 'x', 'y')", r#""x-y""#),
        ("States.Format($.slash, 1)", r#""a\\b1""#),
        (r"States.Format('it\'s \{\} \\ {}', 1)", r#""it's {} \\ 1""#),
        ("States.Format('plain')", r#""plain""#),
        ("States.Format('{}', States.Format('{}', 'in'))", r#""in""#),
        ("States.Format('{}', States.StringToJson($.json))", r#""{\"x\":[1.0,\"y\"]}""#),
        ("States.Format('{}', States.JsonToString($.object.b))", r#""[true,null]""#),
        (
            "States.Format('{} {}', 1)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
        (
            "States.Format('{}', 1, 2)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
        ("States.Format('a {', 1)", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("States.Format('{{}}', 1)", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("States.Format('}')", "Invalid template in States.Format: matching '{' not found for '}'."),
        ("States.Format($.n)", "Invalid arguments in States.Format"),
        ("States.StringSplit($.csv, ',;')", r#"["a","b","c"]"#),
        ("States.StringSplit(',,', ',')", "[]"),
        ("States.StringSplit('', ',')", "[]"),
        ("States.StringSplit('abc', '')", r#"["abc"]"#),
        ("States.StringSplit('a.b', '.')", r#"["a","b"]"#),
        ("States.StringSplit($.n, ',')", "Invalid arguments in States.StringSplit"),
    ]);
}

#[test]
fn a_path_that_finds_nothing_is_told_with_the_whole_expression() {
    for (text, expected) in [
        (
            "States.Format('{}', States.Format('{}', $.nope))",
            "The function 'States.Format('{}', States.Format('{}', $.nope))' had the following error: \
             The JsonPath argument for the field '$.nope' could not be found in the input '{\"other\":1}'",
        ),
        (
            "States.Format('{}',$$.Nope.Deep)",
            "The function 'States.Format('{}',$$.Nope.Deep)' had the following error: \
             The JsonPath argument for the field '$.Nope.Deep' could not be found in the input '{\"other\":1}'",
        ),
        (
            "States.Array($.other.x[5])",
            "The function 'States.Array($.other.x[5])' had the following error: \
             The JsonPath argument for the field '$.other.x[5]' could not be found in the input '{\"other\":1}'",
        ),
        (
            "States.Array($.other[0])",
            "The function 'States.Array($.other[0])' had the following error: \
             Filter: [0] can only be applied to arrays. Current context is: 1",
        ),
    ] {
        let failure = Call::parse(text).unwrap().evaluate(&Fixture::new(r#"{ "other": 1 }"#)).unwrap_err();
        assert_eq!(failure, Failure::new(names::RUNTIME, expected));
    }
}

#[test]
fn what_is_not_a_call_is_refused_with_its_place() {
    for (text, offset) in [
        ("", 0),
        ("States.Nope()", 0),
        ("states.UUID()", 0),
        ("States.UUID", 11),
        ("States.UUID (", 11),
        ("States.UUID(", 12),
        ("States.UUID())", 13),
        ("States.Array(1, )", 16),
        ("States.Array(1 2)", 15),
        ("States.Array(nope)", 13),
        ("States.Array(\"a\")", 13),
        ("States.Array('a)", 16),
        (r"States.Array('a\n')", 16),
        ("States.Array($.a b)", 17),
        ("States.Array($.[)", 16),
        ("States.Array(01)", 13),
        ("States.Array(States.Nope())", 13),
    ] {
        let error = Call::parse(text).expect_err(text);
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
    let nested = |depth: usize| "States.Array(".repeat(depth) + &")".repeat(depth);
    assert!(Call::parse(&nested(NESTING_MAX)).is_ok());
    assert!(Call::parse(&nested(NESTING_MAX + 1)).is_err());
    assert!(Call::parse(&nested(10_000)).is_err());
    let wide = |count: usize| format!("States.Array({})", vec!["1"; count].join(","));
    assert!(Call::parse(&wide(ARGUMENTS_MAX)).is_ok());
    assert!(Call::parse(&wide(ARGUMENTS_MAX + 1)).is_err());
}

#[test]
fn texts_and_nesting_that_a_call_makes_are_bounded() {
    let big = Fixture::new(&format!("\"{}\"", "x".repeat(250_000)));
    for call in [
        "States.Format('{}{}{}{}{}', $, $, $, $, $)",
        "States.JsonToString(States.Array($, $, $, $, $))",
        "States.ArrayContains(States.Array(1), States.Array($, $, $, $, $))",
    ] {
        let failure = Call::parse(call).unwrap().evaluate(&big).unwrap_err();
        assert_eq!(&*failure.error, names::DATA_LIMIT_EXCEEDED, "{call}");
    }
    let deep = Fixture::new(&("[".repeat(1000) + &"]".repeat(1000)));
    let failure = Call::parse("States.Array($)").unwrap().evaluate(&deep).unwrap_err();
    assert_eq!(&*failure.error, names::DATA_LIMIT_EXCEEDED);
}

#[test]
fn the_deepest_value_is_worked_on_within_the_stack() {
    let deepest = Fixture::new(&(r#"{"a":["#.repeat(DEPTH_MAX / 2) + &"]}".repeat(DEPTH_MAX / 2)));
    for call in [
        "States.Format('{}', $)",
        "States.JsonToString($)",
        "States.StringToJson(States.JsonToString($))",
        "States.ArrayUnique($.a)",
        "States.ArrayContains($.a, $.a[0])",
        "States.JsonMerge($, $, false)",
        "States.ArrayLength($..a[?(@ == $.a)])",
        "States.Hash($, 'MD5')",
    ] {
        assert!(Call::parse(call).unwrap().evaluate(&deepest).is_ok(), "{call}");
    }
}

#[test]
fn every_path_is_shown() {
    let call = Call::parse("States.Array($.a, States.Format('{}', $$.b), $c, 1)").unwrap();
    let mut paths = Vec::new();
    call.visit_paths(&mut |path| paths.push(path.text().to_string()));
    assert_eq!(paths, ["$.a", "$$.b", "$c"]);
    assert_eq!(&**call.text(), "States.Array($.a, States.Format('{}', $$.b), $c, 1)");
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in r"(States\.)?(Array|Format|UUID)?\(?(\(|\)|'|,|\$|\.|\\|\{|\}|States\.Array\(|[a-z0-9 \[\]-]|\PC){0,24}\)?") {
        if let Ok(call) = Call::parse(&text) {
            let _ = call.evaluate(&Fixture::new(INPUT));
        }
    }

    #[test]
    fn base64_is_undone(text in "\\PC{0,40}") {
        let fixture = Fixture::new(&Value::from(text.as_str()).to_text());
        let call = Call::parse("States.Base64Decode(States.Base64Encode($))").unwrap();
        prop_assert_eq!(call.evaluate(&fixture).unwrap(), Value::from(text));
    }
}
