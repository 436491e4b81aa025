//! The grammar, from outside: what is taken, what is refused and where, and that print and parse are inverse.

use proptest::prelude::*;

use super::*;

#[test]
fn values_print_as_they_are_kept() {
    for (text, expected) in [
        (" null ", "null"),
        ("[ ]", "[]"),
        ("[1,1.0,-0,10e1]", "[1,1.0,0,100.0]"),
        (r#"{"b":1,"a":2,"b":{"c":[]}}"#, r#"{"b":{"c":[]},"a":2}"#),
        (r#""\u00e4\/\"\\\b\f\n\r\t""#, r#""ä/\"\\\b\f\n\r\t""#),
        (r#""\uD83D\uDE00 \u0001""#, "\"\u{1F600} \\u0001\""),
        (r#""\uD83D""#, "\"\u{FFFD}\""),
        (r#""\uD83Dx\uDE00\uD83D\u0041""#, "\"\u{FFFD}x\u{FFFD}\u{FFFD}A\""),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
        assert_eq!(parse(text).unwrap().to_text(), expected, "{text}");
    }
}

#[test]
fn faults_are_named_with_their_place() {
    for (text, expected) in [
        ("", "the text ends; expected a value at line 1 column 1"),
        ("[1,", "the text ends; expected a value at line 1 column 4"),
        ("[1,]", "found ']'; expected a value at line 1 column 4"),
        ("{\n  a: 1}", "found 'a'; expected a member's name in quotes at line 2 column 3"),
        ("{\"a\":1,}", "found '}'; expected a member's name in quotes at line 1 column 8"),
        ("{\"ä\" 1}", "found '1'; expected `:` at line 1 column 6"),
        ("[1 2]", "found '2'; expected `,` or `]` at line 1 column 4"),
        ("01", "found '1' after the value; expected the end at line 1 column 2"),
        ("1.", "the text ends; expected a digit at line 1 column 3"),
        ("-x", "found 'x'; expected a digit at line 1 column 2"),
        ("+1", "found '+'; expected a value at line 1 column 1"),
        ("1e+", "the text ends; expected a digit at line 1 column 4"),
        ("1e999", "the number is too large for a double at line 1 column 1"),
        ("nul", "found 'n'; expected a value at line 1 column 1"),
        ("NaN", "found 'N'; expected a value at line 1 column 1"),
        ("\"a", "the text ends; expected `\"` at line 1 column 3"),
        ("\"a\nb\"", "found the control character '\\n' in a string; expected it escaped at line 1 column 3"),
        (
            "\"\\x\"",
            "found the escape `\\x`; expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u at line 1 column 2",
        ),
        ("\"\\u12G4\"", "expected four hexadecimal digits after `\\u` at line 1 column 2"),
        ("\"\\u12ä\"", "expected four hexadecimal digits after `\\u` at line 1 column 2"),
        ("\"\\", "the text ends; expected an escape at line 1 column 3"),
        ("{} {}", "found '{' after the value; expected the end at line 1 column 4"),
        ("\u{feff}{}", "found '\\u{feff}'; expected a value at line 1 column 1"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn nesting_and_the_length_of_numbers_are_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(parse(&nested(DEPTH_MAX + 1)).unwrap_err().kind, ParseErrorKind::TooDeep);
    assert_eq!(parse(&"{\"a\":".repeat(100_000)).unwrap_err().kind, ParseErrorKind::TooDeep);
    assert!(parse(&"1".repeat(NUMBER_LENGTH_MAX)).is_ok());
    assert_eq!(parse(&"1".repeat(NUMBER_LENGTH_MAX + 1)).unwrap_err().kind, ParseErrorKind::NumberTooLong);
}

#[test]
fn depth_is_counted_in_containers() {
    for (text, depth) in [("1", 0), ("[]", 1), ("[1,{\"a\":2}]", 2), ("[[[]]]", 3)] {
        let value = parse(text).unwrap();
        assert!(!value.nests_deeper_than(depth), "{text}");
        assert!(depth == 0 || value.nests_deeper_than(depth - 1), "{text}");
        assert!(value.fits(depth, &mut 9), "{text}");
        assert!(depth == 0 || !value.fits(depth - 1, &mut 9), "{text}");
    }
}

#[test]
fn values_are_counted_however_they_are_shared() {
    let mut value = Value::Null;
    for _ in 0..100 {
        value = vec![value.clone(), value].into();
    }
    let mut left = 1000;
    assert!(!value.fits(DEPTH_MAX, &mut left));
    assert_eq!(left, 0);
    assert!(value.text_exceeds(1000));
    let mut left = 10;
    assert!(parse("[1,[2],{\"a\":3}]").unwrap().fits(2, &mut left));
    assert_eq!(left, 4);
}

fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has finite numbers only", |x| x.is_finite()).prop_map(Value::from),
        "-?[1-9][0-9]{19,40}".prop_map(|digits| parse(&digits).unwrap()),
    ]
}

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any_number(),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::from(members.into_iter().collect::<Object>())),
        ]
    })
}

proptest! {
    #[test]
    fn parsing_what_was_printed_gives_the_value(value in any_value()) {
        let text = value.to_text();
        prop_assert_eq!(&parse(&text).unwrap(), &value);
        prop_assert_eq!(&parse_spanned(&text).unwrap().to_value(), &value);
        prop_assert_eq!(check(&text), Ok(()));
        prop_assert!(!value.text_exceeds(text.len()));
        prop_assert!(value.text_exceeds(text.len() - 1));
    }

    #[test]
    fn every_text_is_taken_or_refused_as_serde_json_does(text in r#"([{}\[\]",:\\0-9eE.+\- ]|true|null|u00|\PC){0,24}"#) {
        let ours = parse(&text);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // A lone surrogate is replaced here and refused there.
        if theirs.as_ref().is_err_and(|error| error.to_string().contains("surrogate") || error.to_string().contains("hex escape")) {
            return Ok(());
        }
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        prop_assert_eq!(ours.is_ok(), check(&text).is_ok());
        prop_assert_eq!(ours.is_ok(), parse_spanned(&text).is_ok());
    }
}
