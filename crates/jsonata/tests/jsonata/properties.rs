//! Laws: nothing panics, values come out as they went in, and an expression means the same each time.

use darkroom_jsonata::{BROKEN, Expression, Limits, Outcome, Session};
use proptest::prelude::*;
use serde_json::Value;

use crate::same::same;

/// Parts that expressions are made of, in any order: most are none, and some are.
fn texts() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "$",
        "$$",
        "$v",
        "a",
        "`b c`",
        ".",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        ";",
        ":=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "&",
        "=",
        "!=",
        "<",
        ">",
        "and",
        "or",
        "in",
        "?",
        "??",
        "?:",
        "~>",
        "..",
        "^",
        "|",
        "@$x",
        "#$i",
        "**",
        "1",
        "0.5",
        "1e9",
        "'x'",
        "\"y\"",
        "/r/i",
        "null",
        "true",
        "function($p)",
        "λ()",
        "$map",
        "$sum",
        "$string",
        "$pad",
        "$replace",
        "$eval",
        "$range",
        "ä",
        "/*c*/",
        "\n",
    ]);
    prop::collection::vec(words, 0..24).prop_map(|words| words.join(" "))
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn evaluate(source: &str, json: &str) -> Result<Outcome, darkroom_jsonata::Error> {
    let mut session = Session::new(Limits::default(), crate::surroundings::fixed());
    session.set_context(json.to_owned());
    session.bind_json("v", json.to_owned());
    Expression::parse(source).and_then(|expression| session.evaluate(&expression))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(source in ".{0,60}", json in values()) {
        if let Err(error) = evaluate(&source, &json.to_string()) {
            prop_assert!(error.message != BROKEN);
            prop_assert!(error.position.is_none_or(|at| source.is_char_boundary(at)));
        }
    }

    #[test]
    fn what_looks_like_an_expression_is_answered_the_same_each_time(source in texts(), json in values()) {
        let json = json.to_string();
        let first = evaluate(&source, &json);
        if let Err(error) = &first {
            prop_assert!(error.message != BROKEN);
            prop_assert!(error.position.is_none_or(|at| source.is_char_boundary(at)));
        }
        prop_assert_eq!(first, evaluate(&source, &json));
    }

    #[test]
    fn values_come_out_as_they_went_in(json in values()) {
        for source in ["$", "$v", "($x := $v; $x)"] {
            let outcome = evaluate(source, &json.to_string());
            let Ok(Outcome::Json(text)) = outcome else { panic!("{json}: {outcome:?}") };
            let read: Value = serde_json::from_str(&text).expect("it is JSON");
            prop_assert!(same(&read, &json), "{} became {}", json, read);
        }
    }
}
