//! What comparisons answer, as tables; the recorded ones among them.

use super::*;
use crate::data::fixture::Fixture;
use crate::json::parse;

fn comparison(field: &str, operand: &str) -> Rule {
    let kind = OperatorKind::from_field_name(field).unwrap_or_else(|| panic!("{field}"));
    let operator =
        kind.with_operand(&parse(operand).unwrap()).unwrap_or_else(|error| panic!("{field}: {error}"));
    Rule::Comparison(Comparison { variable: Path::parse("$.Variable").unwrap(), operator })
}

/// `Variable` compared with `Value`, which the definition holds, or the input.
fn check(field: &str, cases: &[(&str, &str, bool)]) {
    for (variable, value, expected) in cases {
        let fixture = Fixture::new(&format!(r#"{{"Variable": {variable}, "Value": {value}}}"#));
        assert_eq!(comparison(field, value).evaluate(&fixture), Ok(*expected), "{variable} {field} {value}");
        if !field.starts_with("Is") && field != "StringMatches" {
            let by_path = comparison(&format!("{field}Path"), r#""$.Value""#);
            assert_eq!(by_path.evaluate(&fixture), Ok(*expected), "{variable} {field}Path {value}");
        }
    }
}

#[test]
fn strings() {
    check(
        "StringEquals",
        &[
            (r#""Hello""#, r#""Hello""#, true),
            (r#"" ""#, r#""     ""#, false),
            (r#""\t\n""#, r#""\t\r\n""#, false),
            ("null", r#""x""#, false),
            ("1", r#""1""#, false),
            (r#"["x"]"#, r#""x""#, false),
        ],
    );
    check(
        "StringLessThan",
        &[(r#""""#, r#""""#, false), (r#""A""#, r#""AB""#, true), (r#""a""#, r#""B""#, false)],
    );
    check("StringGreaterThan", &[(r#""AB""#, r#""A""#, true), (r#""A""#, r#""A""#, false)]);
    check("StringLessThanEquals", &[(r#""A""#, r#""A""#, true), (r#""B""#, r#""A""#, false)]);
    check("StringGreaterThanEquals", &[(r#""""#, r#""""#, true), (r#""A""#, r#""AB""#, false)]);
    // Java orders by UTF-16: the surrogates of U+1F600 come before U+FFFD.
    check("StringLessThan", &[("\"\u{1F600}\"", "\"\u{FFFD}\"", true)]);
    check(
        "StringMatches",
        &[
            (r#""foo-1.log""#, r#""foo*.log""#, true),
            (r#""zebra*""#, r#""zebra\\*""#, true),
            ("1", r#""*""#, false),
        ],
    );
}

#[test]
fn numbers() {
    check(
        "NumericEquals",
        &[
            ("0", "0", true),
            ("0.0", "0", true),
            ("1", "1.0", true),
            ("9007199254740993", "9007199254740992.0", false),
            (r#""1""#, "1", false),
            ("true", "1", false),
            ("null", "0", false),
        ],
    );
    check("NumericLessThan", &[("0", "1", true), ("0", "0.0", false)]);
    check("NumericGreaterThan", &[("1.5", "1", true), ("1", "1", false)]);
    check("NumericLessThanEquals", &[("0", "0", true), ("0.0", "0", true), ("1", "0", false)]);
    check("NumericGreaterThanEquals", &[("0.0", "0", true), ("0", "1", false), ("2", "1", true)]);
}

#[test]
fn booleans() {
    check(
        "BooleanEquals",
        &[
            ("true", "true", true),
            ("true", "false", false),
            ("false", "false", true),
            ("0", "false", false),
            ("null", "false", false),
            (r#""true""#, "true", false),
        ],
    );
}

#[test]
fn timestamps() {
    let (earlier, later) = (r#""2012-10-09T19:00:55Z""#, r#""2012-10-09T19:00:56Z""#);
    let offset = r#""2012-10-09T21:00:55.000+02:00""#;
    check(
        "TimestampEquals",
        &[
            (earlier, earlier, true),
            (earlier, later, false),
            (offset, earlier, true),
            ("null", earlier, false),
            ("0", earlier, false),
            (r#""2012-10-09 19:00:55""#, earlier, false),
            ("{}", earlier, false),
        ],
    );
    check("TimestampLessThan", &[(earlier, later, true), (offset, earlier, false)]);
    check("TimestampLessThanEquals", &[(earlier, earlier, true), (later, earlier, false)]);
    check("TimestampGreaterThan", &[(later, earlier, true), (earlier, earlier, false)]);
    check("TimestampGreaterThanEquals", &[(earlier, offset, true), (earlier, later, false)]);
    check("TimestampGreaterThan", &[(r#""2012-10-09T19:00:55.0000001Z""#, earlier, true)]);
    let path = comparison("TimestampLessThanPath", r#""$.Value""#);
    let fixture = Fixture::new(&format!(r#"{{"Variable": {earlier}, "Value": "no timestamp"}}"#));
    assert_eq!(path.evaluate(&fixture), Ok(false));
}

#[test]
fn tests_of_a_value() {
    let timestamp = r#""2012-10-09T19:00:55Z""#;
    for (field, variable, holds) in [
        ("IsNull", "null", true),
        ("IsNull", "0", false),
        ("IsPresent", "null", true),
        ("IsPresent", "{}", true),
        ("IsNumeric", "0.0", true),
        ("IsNumeric", r#""0""#, false),
        ("IsString", r#""""#, true),
        ("IsString", "[]", false),
        ("IsBoolean", "false", true),
        ("IsBoolean", "0", false),
        ("IsTimestamp", timestamp, true),
        ("IsTimestamp", r#""2012-10-09T19:00:55""#, false),
        ("IsTimestamp", r#""2023-02-24""#, false),
        ("IsTimestamp", "1735689600", false),
    ] {
        check(field, &[(variable, "true", holds), (variable, "false", !holds)]);
    }
}

#[test]
fn what_is_missing_fails_the_state_except_under_is_present() {
    let fixture = Fixture::new(r#"{"Variable": "x"}"#);
    let nothing = Fixture::new("{}");
    let failure = |path: &str| {
        Failure::new(
            names::RUNTIME,
            format!("Invalid path '{path}': The choice state's condition path references an invalid value."),
        )
    };
    assert_eq!(comparison("IsPresent", "true").evaluate(&nothing), Ok(false));
    assert_eq!(comparison("IsPresent", "false").evaluate(&nothing), Ok(true));
    for (field, operand) in [("IsNull", "true"), ("IsNumeric", "false"), ("StringEquals", r#""x""#)] {
        assert_eq!(comparison(field, operand).evaluate(&nothing), Err(failure("$.Variable")), "{field}");
    }
    assert_eq!(comparison("StringEqualsPath", r#""$.Value""#).evaluate(&fixture), Err(failure("$.Value")));
    assert!(comparison("StringMatches", r#""a\\b""#).evaluate(&fixture).is_err());
}

#[test]
fn and_and_or_stop_early() {
    let fixture = Fixture::new("{}");
    let present = || comparison("IsPresent", "true");
    let failing = || comparison("IsNull", "true");
    assert_eq!(Rule::And(vec![present(), failing()]).evaluate(&fixture), Ok(false));
    assert_eq!(Rule::Or(vec![Rule::Not(Box::new(present())), failing()]).evaluate(&fixture), Ok(true));
    assert!(Rule::Or(vec![present(), failing()]).evaluate(&fixture).is_err());
    assert_eq!(Rule::And(vec![]).evaluate(&fixture), Ok(true));
    let mut paths = 0;
    Rule::And(vec![present(), comparison("NumericEqualsPath", r#""$x""#)]).visit_paths(&mut |_| paths += 1);
    assert_eq!(paths, 3);
}

#[test]
fn the_deepest_rule_is_evaluated_within_the_stack() {
    let nested =
        (0..crate::json::DEPTH_MAX).fold(comparison("IsPresent", "true"), |rule, level| match level % 3 {
            0 => Rule::Not(Box::new(rule)),
            1 => Rule::And(vec![rule]),
            _ => Rule::Or(vec![rule]),
        });
    assert_eq!(nested.evaluate(&Fixture::new("{}")), Ok(false));
}

#[test]
fn there_are_39_comparisons() {
    let names: Vec<String> = OperatorKind::field_names().collect();
    assert_eq!(names.len(), 39);
    for name in &names {
        assert!(OperatorKind::from_field_name(name).is_some(), "{name}");
    }
    for name in
        ["StringMatchesPath", "IsNullPath", "BooleanLessThan", "String", "Equals", "And", "Variable", ""]
    {
        assert_eq!(OperatorKind::from_field_name(name), None, "{name}");
    }
}

#[test]
fn operands_must_be_of_their_kind() {
    for (field, operand, expected) in [
        ("StringEquals", "1", "found a number; expected a string"),
        ("NumericLessThan", r#""1""#, "found a string; expected a number"),
        ("BooleanEquals", "null", "found a null; expected a boolean"),
        ("IsNull", r#""true""#, "found a string; expected a boolean"),
        ("TimestampEquals", r#""2012-10-09""#, "String does not match RFC3339 timestamp"),
        ("TimestampEqualsPath", "1", "found a number; expected a path"),
        ("StringEqualsPath", r#""x""#, "found `x`; expected a path that begins with `$` at character 0"),
    ] {
        let kind = OperatorKind::from_field_name(field).unwrap();
        assert_eq!(kind.with_operand(&parse(operand).unwrap()).unwrap_err().to_string(), expected, "{field}");
    }
}
