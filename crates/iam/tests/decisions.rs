//! Requests against policies: a table of cases, what is wrong with policies, and the laws of decisions.

use darkroom_iam::{Context, Decision, Denial, Policy, PolicyError, Request, decide};
use proptest::prelude::*;
use serde_json::{Value, json};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:photos-resize";
const OBJECT: &str = "arn:aws:s3:::photos/uploads/ann/cat.jpg";
const ALLOWED: Decision = Decision::Allowed;
const IMPLICIT: Decision = Decision::Denied(Denial::Implicit);
const EXPLICIT: Decision = Decision::Denied(Denial::Explicit);

fn policy(statements: &Value) -> Policy {
    parse(statements).expect("a policy")
}

fn parse(statements: &Value) -> Result<Policy, PolicyError> {
    Policy::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

fn context() -> Context {
    Context::default()
        .with("aws:username", "ann")
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:CurrentTime", "2026-01-31T12:00:00Z")
        .with("aws:SecureTransport", "true")
        .with("aws:PrincipalArn", "arn:aws:iam::123456789012:role/workflow")
        .with("s3:max-keys", "10")
        .with("aws:TagKeys", "team")
        .with("aws:TagKeys", "cost")
}

fn decided(policies: &[Policy], action: &str, resource: &str) -> Decision {
    decide(policies, &Request { action, resource, context: &context() })
}

#[test]
fn statements_apply_by_action_and_resource() {
    let allow = |action: Value, resource: Value| json!([{ "Effect": "Allow", "Action": action, "Resource": resource }]);
    for (statements, action, resource, expected) in [
        (allow(json!("lambda:InvokeFunction"), json!(FUNCTION)), "lambda:InvokeFunction", FUNCTION, ALLOWED),
        (allow(json!("lambda:invokefunction"), json!(FUNCTION)), "lambda:InvokeFunction", FUNCTION, ALLOWED),
        (allow(json!("lambda:Invoke*"), json!(FUNCTION)), "lambda:InvokeFunction", FUNCTION, ALLOWED),
        (allow(json!("lambda:Invoke"), json!(FUNCTION)), "lambda:InvokeFunction", FUNCTION, IMPLICIT),
        (allow(json!(["sqs:*", "lambda:*"]), json!("*")), "lambda:InvokeFunction", FUNCTION, ALLOWED),
        (allow(json!("*"), json!("*")), "lambda:InvokeFunction", FUNCTION, ALLOWED),
        (allow(json!("s3:GetObject"), json!("arn:aws:s3:::photos/*")), "s3:GetObject", OBJECT, ALLOWED),
        (allow(json!("s3:GetObject"), json!("arn:aws:s3:::photos")), "s3:GetObject", OBJECT, IMPLICIT),
        (
            allow(json!("s3:GetObject"), json!("arn:aws:s3:::photos/uploads/${aws:username}/*")),
            "s3:GetObject",
            OBJECT,
            ALLOWED,
        ),
        (
            allow(json!("s3:GetObject"), json!("arn:aws:s3:::photos/uploads/${aws:userid}/*")),
            "s3:GetObject",
            OBJECT,
            IMPLICIT,
        ),
        (allow(json!("s3:GetObject"), json!("arn:aws:s3:::PHOTOS/*")), "s3:GetObject", OBJECT, IMPLICIT),
        (
            json!({ "Effect": "Allow", "NotAction": "s3:*", "Resource": "*" }),
            "lambda:InvokeFunction",
            FUNCTION,
            ALLOWED,
        ),
        (
            json!({ "Effect": "Allow", "NotAction": ["s3:*", "lambda:*"], "Resource": "*" }),
            "lambda:InvokeFunction",
            FUNCTION,
            IMPLICIT,
        ),
        (
            json!({ "Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::secret/*" }),
            "s3:GetObject",
            OBJECT,
            ALLOWED,
        ),
        (
            json!({ "Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::photos/*" }),
            "s3:GetObject",
            OBJECT,
            IMPLICIT,
        ),
        // A variable without a value must not make a negated list apply to all.
        (
            json!({ "Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::${aws:userid}/*" }),
            "s3:GetObject",
            OBJECT,
            IMPLICIT,
        ),
        (
            json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }, { "Effect": "Deny", "Action": "s3:Get*", "Resource": "*" }]),
            "s3:GetObject",
            OBJECT,
            EXPLICIT,
        ),
        (
            json!([{ "Effect": "Deny", "NotAction": "s3:*", "Resource": "*" }, { "Effect": "Allow", "Action": "*", "Resource": "*" }]),
            "lambda:InvokeFunction",
            FUNCTION,
            EXPLICIT,
        ),
        (json!([]), "s3:GetObject", OBJECT, IMPLICIT),
    ] {
        assert_eq!(decided(&[policy(&statements)], action, resource), expected, "{statements}");
    }
}

#[test]
fn conditions_hold_or_do_not() {
    for (condition, expected) in [
        (json!({ "StringEquals": { "aws:username": "ann" } }), true),
        (json!({ "StringEquals": { "AWS:UserName": ["ben", "ann"] } }), true),
        (json!({ "StringEquals": { "aws:username": "Ann" } }), false),
        (json!({ "StringEquals": { "aws:username": "a*" } }), false),
        (json!({ "StringEquals": { "aws:username": "${aws:username}" } }), true),
        (json!({ "StringEqualsIgnoreCase": { "aws:username": "ANN" } }), true),
        (json!({ "StringNotEqualsIgnoreCase": { "aws:username": "ANN" } }), false),
        (json!({ "StringLike": { "aws:username": "a?n" } }), true),
        (json!({ "StringNotLike": { "aws:username": ["b*", "a*"] } }), false),
        (json!({ "StringNotEquals": { "aws:username": ["ben", "cid"] } }), true),
        (json!({ "StringNotEquals": { "aws:username": ["ben", "ann"] } }), false),
        // A key that the request lacks: nothing is equal to it, and everything differs from it.
        (json!({ "StringEquals": { "aws:userid": "x" } }), false),
        (json!({ "StringNotEquals": { "aws:userid": "x" } }), true),
        (json!({ "StringEqualsIfExists": { "aws:userid": "x" } }), true),
        (json!({ "StringEqualsIfExists": { "aws:username": "x" } }), false),
        (json!({ "Null": { "aws:userid": "true" } }), true),
        (json!({ "Null": { "aws:username": true } }), false),
        (json!({ "Null": { "aws:username": "false" } }), true),
        (json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/work*" } }), true),
        (json!({ "ArnEquals": { "aws:PrincipalArn": "arn:aws:iam::*:role/work*" } }), true),
        (json!({ "ArnEquals": { "aws:PrincipalArn": "arn:aws:iam:*:role/workflow:x" } }), false),
        (json!({ "ArnNotEquals": { "aws:PrincipalArn": "arn:aws:iam::1:role/workflow" } }), true),
        (json!({ "NumericLessThanEquals": { "s3:max-keys": 10 } }), true),
        (json!({ "NumericLessThan": { "s3:max-keys": "10" } }), false),
        (json!({ "NumericGreaterThan": { "s3:max-keys": "9.5" } }), true),
        (json!({ "NumericNotEquals": { "s3:max-keys": 10 } }), false),
        (json!({ "NumericEquals": { "aws:username": 10 } }), false),
        (json!({ "DateGreaterThan": { "aws:CurrentTime": "2026-01-31T13:30:00+02:00" } }), true),
        (json!({ "DateLessThan": { "aws:CurrentTime": "2026-01-31" } }), false),
        (json!({ "DateGreaterThanEquals": { "aws:CurrentTime": 1_769_860_800 } }), true),
        (json!({ "Bool": { "aws:SecureTransport": "true" } }), true),
        (json!({ "Bool": { "aws:SecureTransport": false } }), false),
        (json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": true } }), true),
        (json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), true),
        (json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.7"] } }), true),
        (json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }), true),
        (json!({ "IpAddress": { "aws:SourceIp": "::/0" } }), false),
        (json!({ "NotIpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), false),
        (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["team", "cost", "more"] } }), true),
        (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] } }), false),
        (json!({ "ForAllValues:StringEquals": { "aws:none": ["team"] } }), true),
        (json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": ["team"] } }), true),
        (json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": ["x"] } }), false),
        (json!({ "ForAnyValue:StringEquals": { "aws:none": ["x"] } }), false),
        (json!({ "ForAnyValue:StringNotEquals": { "aws:TagKeys": ["team"] } }), true),
        (json!({ "ForAllValues:StringNotEquals": { "aws:TagKeys": ["team"] } }), false),
        // All operators and keys have to hold.
        (json!({ "StringEquals": { "aws:username": "ann", "aws:userid": "x" } }), false),
        (
            json!({ "StringEquals": { "aws:username": "ann" }, "Bool": { "aws:SecureTransport": "false" } }),
            false,
        ),
        (json!({ "BinaryEquals": { "aws:username": "YW5u" } }), false),
        (json!({}), true),
    ] {
        let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
        let found = decided(&[policy(&statement)], "s3:GetObject", OBJECT) == ALLOWED;
        assert_eq!(found, expected, "{condition}");
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_said_with_its_place() {
    let with = |member: &str, value: Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
        statement[member] = value;
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    for (text, expected) in [
        ("[]".to_owned(), "the policy is no JSON object"),
        ("{".to_owned(), "the policy is not JSON: "),
        ("{}".to_owned(), "the policy has no `Statement`"),
        (
            r#"{"Version": "2020-01-01", "Statement": []}"#.to_owned(),
            "expected \"2012-10-17\" or \"2008-10-17\" at /Version",
        ),
        (
            r#"{"Statement": [], "Statements": []}"#.to_owned(),
            "`Statements` is no member here; expected Version, Id, Statement at /Statements",
        ),
        (r#"{"Statement": {"Effect": "Deny", "Effect": "Allow"}}"#.to_owned(), "`Effect` stands twice"),
        (
            r#"{"Statement": {"Action": "*", "Resource": "*"}}"#.to_owned(),
            "the statement has no `Effect` at /Statement",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow"}]}"#.to_owned(),
            "neither `Action` nor `NotAction` at /Statement/0; the statement has neither `Resource` nor `NotResource` at /Statement/0",
        ),
        (with("Effect", json!("allow")), "neither \"Allow\" nor \"Deny\" at /Statement/0/Effect"),
        (with("NotAction", json!("s3:*")), "both `Action` and `NotAction` at /Statement/0"),
        (with("Action", json!("GetObject")), "`GetObject` is no action"),
        (with("Action", json!(["s3:*", "s3:"])), "at /Statement/0/Action/1"),
        (with("Action", json!([])), "`Action` is empty"),
        (with("Action", json!(7)), "`Action` is 7; expected a string at /Statement/0/Action"),
        (with("Resource", json!("photos")), "`photos` is no resource"),
        (with("Resource", json!("arn:aws:s3:::${aws:username")), "`${` has no `}` at /Statement/0/Resource"),
        (with("Principal", json!("*")), "`Principal` has no place in a role's policy"),
        (with("Sid", json!("a b")), "expected letters and digits at /Statement/0/Sid"),
        (with("Condition", json!([])), "`Condition` is no object"),
        (
            with("Condition", json!({ "StringIs": {} })),
            "`StringIs` is no condition operator at /Statement/0/Condition/StringIs",
        ),
        (with("Condition", json!({ "NullIfExists": {} })), "`NullIfExists` is no condition operator"),
        (with("Condition", json!({ "ForSome:StringLike": {} })), "no condition operator"),
        (with("Condition", json!({ "StringLike": { "username": "a" } })), "`username` is no condition key"),
        (
            with("Condition", json!({ "NumericEquals": { "s3:max-keys": ["1", "many"] } })),
            "`many` is no number at /Statement/0/Condition/NumericEquals/s3:max-keys/1",
        ),
        (with("Condition", json!({ "DateEquals": { "aws:CurrentTime": "soon" } })), "`soon` is no time"),
        (
            with("Condition", json!({ "Bool": { "aws:SecureTransport": "yes" } })),
            "neither `true` nor `false`",
        ),
        (with("Condition", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/33" } })), "is no network"),
        (with("Condition", json!({ "ArnLike": { "aws:SourceArn": "role/x" } })), "is no ARN"),
        (
            with("Condition", json!({ "StringLike": { "aws:a/b": {} } })),
            "at /Statement/0/Condition/StringLike/aws:a~1b",
        ),
    ] {
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    let same = json!([{ "Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*" }, { "Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    assert!(parse(&same).unwrap_err().to_string().contains("two statements have the `Sid` \"A\""));
    let long = format!("{{\"Statement\": [], \"Id\": \"{}\"}}", "x".repeat(darkroom_iam::BYTES_MAX));
    assert!(Policy::parse(&long).unwrap_err().to_string().contains("bytes"));
}

#[test]
fn refusals_have_the_words_of_aws() {
    let user = "arn:aws:sts::123456789012:assumed-role/workflow/session";
    let message = Denial::Implicit.message(user, "lambda:InvokeFunction", FUNCTION);
    assert_eq!(
        message,
        format!(
            "User: {user} is not authorized to perform: lambda:InvokeFunction on resource: {FUNCTION} because no \
             identity-based policy allows the lambda:InvokeFunction action"
        )
    );
    assert!(
        Denial::Explicit
            .message(user, "a:B", "*")
            .ends_with("with an explicit deny in an identity-based policy")
    );
}

fn action() -> impl Strategy<Value = String> {
    "(s3|sqs|lambda):(Get|Put|Send)(Object|Message|)"
}

fn resource() -> impl Strategy<Value = String> {
    "arn:aws:(s3|sqs):[ab]{0,2}:[12]{0,2}:[ab/]{1,4}"
}

/// A pattern that matches the text: pieces of it become wildcards.
fn widened(text: String, at: usize, length: usize, one: bool) -> String {
    let prefix = text.find(':').map_or(0, |colon| colon + 1);
    let at = prefix + at % (text.len() - prefix);
    let end = (at + length).min(text.len());
    if text[at..end].contains(':') || (one && end - at != 1) {
        return text;
    }
    format!("{}{}{}", &text[..at], if one { "?" } else { "*" }, &text[end..])
}

fn statement() -> impl Strategy<Value = Value> {
    let wide = (0..40_usize, 0..4_usize, any::<bool>());
    (any::<bool>(), action(), resource(), wide.clone(), wide, any::<bool>(), any::<bool>()).prop_map(
        |(allows, action, resource, on_action, on_resource, negates, is_conditional)| {
            let resource = widened(resource, on_resource.0, on_resource.1, on_resource.2);
            let action = widened(action, on_action.0, on_action.1, on_action.2);
            let mut statement = json!({
                "Effect": if allows { "Allow" } else { "Deny" }, "Resource": resource,
            });
            statement[if negates { "NotAction" } else { "Action" }] = json!([action]);
            if is_conditional {
                statement["Condition"] = json!({ "StringLike": { "aws:username": "a*" } });
            }
            statement
        },
    )
}

proptest! {
    #[test]
    fn one_deny_that_applies_wins(
        statements in prop::collection::vec(statement(), 0..6), action in action(), resource in resource(),
    ) {
        let before = policy(&json!(statements));
        let deny = policy(&json!({ "Effect": "Deny", "Action": action, "Resource": resource }));
        prop_assert_eq!(decided(&[before.clone(), deny.clone()], &action, &resource), EXPLICIT);
        prop_assert_eq!(decided(&[deny, before], &action, &resource), EXPLICIT);
    }

    #[test]
    fn one_more_allow_takes_nothing_away(
        statements in prop::collection::vec(statement(), 0..6), more in statement(),
        action in action(), resource in resource(),
    ) {
        let before = policy(&json!(statements));
        let mut more = more;
        more["Effect"] = json!("Allow");
        let after = [before.clone(), policy(&more)];
        if decided(&[before], &action, &resource) == ALLOWED {
            prop_assert_eq!(decided(&after, &action, &resource), ALLOWED);
        }
    }

    #[test]
    fn a_wider_pattern_allows_all_that_the_narrow_one_does(
        pattern in resource(), at in 0..40_usize, length in 0..4_usize, one in any::<bool>(),
        action in action(), resource in resource(),
    ) {
        let allow = |resource: &str| policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": resource }));
        let narrow = decided(&[allow(&pattern)], &action, &resource);
        let wide = widened(pattern.clone(), at, length, one);
        prop_assert_eq!(decided(&[allow(&wide)], &action, &pattern), ALLOWED, "{} {}", wide, pattern);
        if narrow == ALLOWED {
            prop_assert_eq!(decided(&[allow(&wide)], &action, &resource), ALLOWED, "{} {}", wide, resource);
        }
    }

    #[test]
    fn the_order_of_statements_does_not_matter(
        statements in prop::collection::vec(statement(), 0..6), action in action(), resource in resource(),
    ) {
        let mut reversed = statements.clone();
        reversed.reverse();
        prop_assert_eq!(
            decided(&[policy(&json!(statements))], &action, &resource),
            decided(&[policy(&json!(reversed))], &action, &resource)
        );
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = Policy::parse(&text);
        let statement = json!({
            "Effect": "Allow", "Action": text, "Resource": text,
            "Condition": { "ArnLike": { "aws:x": text }, "IpAddress": { "aws:x": text }, "DateEquals": { "aws:x": text } },
        });
        let _ = parse(&statement);
    }
}
