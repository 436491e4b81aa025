//! Event patterns: which events a rule is for. SNS's filter policies are written in the same language.
//!
//! A pattern is parsed once, into a tree of fields with matchers at its leaves, or refused with EventBridge's
//! reason. Matching allocates nothing that grows with the pattern.
//!
//! Documentation: EventBridge, "Event patterns" and "Comparison operators".

mod matcher;

use serde_json::{Map, Value};

use matcher::Matcher;

/// Patterns within patterns.
const DEPTH_MAX: usize = 50;
/// Bytes of a pattern. AWS's own bound.
const BYTES_MAX: usize = 4096;

/// Why a pattern is none, in EventBridge's words where they are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PatternError(pub(crate) String);

/// A checked pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    root: Node,
}

/// Fields that must all match, and alternatives of which one must.
#[derive(Debug, Default)]
struct Node {
    fields: Vec<(String, Field)>,
    alternatives: Vec<Vec<Node>>,
}

#[derive(Debug)]
enum Field {
    /// One of these must hold.
    Leaf(Vec<Matcher>),
    Nested(Node),
}

impl Pattern {
    /// Parses a pattern's text.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > BYTES_MAX {
            return Err(PatternError(format!("the pattern has more than {BYTES_MAX} bytes")));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| PatternError(error.to_string()))?;
        match value {
            Value::Object(members) if members.is_empty() => {
                Err(PatternError("Empty objects are not allowed".to_owned()))
            }
            Value::Object(members) => Ok(Self { root: node(&members, 0)? }),
            _ => Err(PatternError("Filter is not an object".to_owned())),
        }
    }

    /// Whether the event is one of the pattern's.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.root.matches(event)
    }

    /// Whether an event that has these members, and others that are not known, may be one of the pattern's.
    pub(crate) fn may_match(&self, part: &Value) -> bool {
        self.root.may_match(part)
    }
}

fn node(members: &Map<String, Value>, depth: usize) -> Result<Node, PatternError> {
    if depth == DEPTH_MAX {
        return Err(PatternError(format!("the pattern is deeper than {DEPTH_MAX}")));
    }
    let mut node_made = Node::default();
    for (name, value) in members {
        match value {
            Value::Array(choices)
                if name == "$or" && choices.len() > 1 && choices.iter().all(Value::is_object) =>
            {
                let choices = choices.iter().filter_map(Value::as_object);
                let choices: Result<_, _> = choices.map(|choice| node(choice, depth + 1)).collect();
                node_made.alternatives.push(choices?);
            }
            Value::Array(matchers) if matchers.is_empty() => {
                return Err(PatternError("Empty arrays are not allowed".to_owned()));
            }
            Value::Array(matchers) => {
                let matchers: Result<_, _> = matchers.iter().map(Matcher::parse).collect();
                node_made.fields.push((name.clone(), Field::Leaf(matchers?)));
            }
            Value::Object(inner) if inner.is_empty() => {
                return Err(PatternError("Empty objects are not allowed".to_owned()));
            }
            Value::Object(inner) => {
                node_made.fields.push((name.clone(), Field::Nested(node(inner, depth + 1)?)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(PatternError(format!("\"{name}\" must be an object or an array")));
            }
        }
    }
    Ok(node_made)
}

impl Node {
    /// Of an array one element must match, as a whole.
    fn matches(&self, value: &Value) -> bool {
        match value {
            Value::Array(elements) => elements.iter().any(|element| self.matches(element)),
            Value::Object(members) => self.matches_object(members),
            // Only the absence of fields can hold of a value that has none.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.matches_object(&Map::new())
            }
        }
    }

    fn matches_object(&self, members: &Map<String, Value>) -> bool {
        let fields = self.fields.iter().all(|(name, field)| field.matches(members.get(name)));
        fields
            && self
                .alternatives
                .iter()
                .all(|choices| choices.iter().any(|choice| choice.matches_object(members)))
    }
}

impl Node {
    fn may_match(&self, part: &Value) -> bool {
        let Value::Object(members) = part else { return self.matches(part) };
        self.fields.iter().all(|(name, field)| members.get(name).is_none_or(|value| field.may_match(value)))
            && self.alternatives.iter().all(|choices| choices.iter().any(|choice| choice.may_match(part)))
    }
}

impl Field {
    fn may_match(&self, part: &Value) -> bool {
        match self {
            Self::Leaf(_) => self.matches(Some(part)),
            Self::Nested(node) => node.may_match(part),
        }
    }

    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Leaf(matchers), value) => matchers.iter().any(|matcher| matcher.matches(value)),
            (Self::Nested(node), Some(value)) => node.matches(value),
            (Self::Nested(node), None) => node.matches_object(&Map::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(pattern: &Value, event: &Value, expected: bool) {
        let parsed = Pattern::parse(&pattern.to_string()).unwrap();
        assert_eq!(parsed.matches(event), expected, "{pattern} of {event}");
    }

    #[test]
    fn fields_nest_and_arrays_are_searched() {
        let event = json!({
            "source": "aws.s3", "n": 5, "none": null, "yes": true, "tags": ["a", "b"],
            "detail": {"bucket": {"name": "input"}, "key": "u1/p.jpg"},
            "list": [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
        });
        for (pattern, expected) in [
            (json!({"source": ["aws.s3"]}), true),
            (json!({"source": ["aws.ec2", "aws.s3"]}), true),
            (json!({"source": ["aws.ec2"]}), false),
            (json!({"source": ["aws.s3"], "detail": {"bucket": {"name": ["input"]}}}), true),
            (json!({"source": ["aws.s3"], "detail": {"bucket": {"name": ["output"]}}}), false),
            (json!({"n": [5]}), true),
            (json!({"n": [5.0]}), true),
            (json!({"n": ["5"]}), false),
            (json!({"none": [null]}), true),
            (json!({"missing": [null]}), false),
            (json!({"yes": [true]}), true),
            (json!({"tags": ["b"]}), true),
            (json!({"tags": ["c"]}), false),
            (json!({"list": {"a": [1], "b": [2]}}), true),
            (json!({"list": {"a": [1], "b": [4]}}), false),
            (json!({"detail": {"missing": {"deep": [{"exists": false}]}}}), true),
            (json!({"detail": {"key": [{"exists": true}]}}), true),
            (json!({"detail": [{"exists": true}]}), false),
            (json!({"$or": [{"n": [1]}, {"source": ["aws.s3"]}]}), true),
            (json!({"$or": [{"n": [1]}, {"source": ["x"]}]}), false),
            (json!({"n": [5], "$or": [{"n": [1]}, {"tags": ["a"]}]}), true),
        ] {
            check(&pattern, &event, expected);
        }
    }

    #[test]
    fn comparison_operators() {
        for (matcher, value, expected) in [
            (json!({"prefix": "eu-"}), json!("eu-west-1"), true),
            (json!({"prefix": "eu-"}), json!("us-east-1"), false),
            (json!({"prefix": {"equals-ignore-case": "EU"}}), json!("eu-west-1"), true),
            (json!({"suffix": ".png"}), json!("a.png"), true),
            (json!({"suffix": {"equals-ignore-case": ".PNG"}}), json!("a.png"), true),
            (json!({"anything-but": "a"}), json!("b"), true),
            (json!({"anything-but": "a"}), json!("a"), false),
            (json!({"anything-but": ["a", "b"]}), json!("b"), false),
            (json!({"anything-but": [1, 2]}), json!(3), true),
            (json!({"anything-but": {"prefix": "in"}}), json!("init"), false),
            (json!({"anything-but": {"prefix": ["in", "ex"]}}), json!("exit"), false),
            (json!({"anything-but": {"suffix": ".txt"}}), json!("a.png"), true),
            (json!({"anything-but": {"equals-ignore-case": ["ALICE"]}}), json!("alice"), false),
            (json!({"anything-but": {"wildcard": "*/lib/*"}}), json!("a/lib/b"), false),
            (json!({"numeric": [">", 0, "<=", 5]}), json!(5), true),
            (json!({"numeric": [">", 0, "<=", 5]}), json!(0), false),
            (json!({"numeric": ["=", 3.018e2]}), json!(301.8), true),
            (json!({"numeric": ["<", 10]}), json!("5"), false),
            (json!({"equals-ignore-case": "Alice"}), json!("aLICE"), true),
            (json!({"wildcard": "a*c"}), json!("abbc"), true),
            (json!({"wildcard": "a*c"}), json!("abbcd"), false),
            (json!({"wildcard": "*/bin/*.sh"}), json!("x/bin/bin/y.sh"), true),
            (json!({"wildcard": "a\\*b"}), json!("a*b"), true),
            (json!({"wildcard": "a\\*b"}), json!("axb"), false),
            (json!({"cidr": "10.0.0.0/24"}), json!("10.0.0.255"), true),
            (json!({"cidr": "10.0.0.0/24"}), json!("10.0.1.0"), false),
            (json!({"cidr": "2001:db8::/32"}), json!("2001:db8::1"), true),
            (json!({"cidr": "0.0.0.0/0"}), json!("not an address"), false),
            (json!({"exists": true}), json!(""), true),
            (json!({"exists": false}), json!("x"), false),
        ] {
            check(&json!({"f": [matcher]}), &json!({"f": value}), expected);
        }
        check(&json!({"f": [{"anything-but": "a"}]}), &json!({}), false);
        check(&json!({"f": [{"exists": false}]}), &json!({}), true);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, reason) in [
            ("[]", "Filter is not an object"),
            ("{}", "Empty objects are not allowed"),
            ("{\"a\": 1}", "\"a\" must be an object or an array"),
            ("{\"a\": []}", "Empty arrays are not allowed"),
            ("{\"a\": [{\"colour\": 1}]}", "Unrecognized match type colour"),
            ("{\"a\": [{\"prefix\": 1}]}", "prefix match pattern must be a string"),
            ("{\"a\": [{\"numeric\": [\"~\", 1]}]}", "Unrecognized numeric range operator: ~"),
            ("{\"a\": [{\"numeric\": [\">\"]}]}", "Value of > must be numeric"),
            ("{\"a\": [{\"wildcard\": \"a**\"}]}", "Consecutive wildcard characters at pos 1"),
            ("{\"a\": [{\"cidr\": \"10.0.0.0/33\"}]}", "Malformed CIDR, mask bits must not be more than 32"),
            ("{\"a\": [[1]]}", "Match value must be String, number, true, false, or null"),
        ] {
            assert_eq!(Pattern::parse(pattern).err(), Some(PatternError(reason.to_owned())), "{pattern}");
        }
    }

    /// Events of few members and few values, so that patterns match now and then.
    fn events() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("a")), Just(json!("b"))];
        leaf.prop_recursive(2, 12, 3, |inner| {
            proptest::collection::btree_map("[xyz]", inner, 0..3).prop_map(|members| json!(members))
        })
    }

    fn patterns() -> impl Strategy<Value = Value> {
        let matcher = prop_oneof![
            Just(json!("a")),
            Just(json!(1)),
            Just(json!({"exists": false})),
            Just(json!({"exists": true})),
            Just(json!({"anything-but": "a"})),
        ];
        let leaf = proptest::collection::vec(matcher, 1..3).prop_map(|matchers| json!(matchers));
        let nested = leaf.prop_recursive(2, 12, 3, |inner| {
            proptest::collection::btree_map("[xyz]", inner, 1..3).prop_map(|members| json!(members))
        });
        proptest::collection::btree_map("[xyz]", nested, 1..3).prop_map(|members| json!(members))
    }

    /// The event without some of its members: `left_out` decides of each in turn.
    fn part_of(event: &Value, left_out: &mut impl Iterator<Item = bool>) -> Value {
        let Value::Object(members) = event else { return event.clone() };
        let kept = members.iter().filter(|_| !left_out.next().unwrap_or(false));
        let kept: Vec<_> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        Value::Object(kept.into_iter().map(|(name, value)| (name, part_of(&value, left_out))).collect())
    }

    #[test]
    fn a_part_tells_what_an_event_cannot_be() {
        let pattern =
            json!({ "source": ["s"], "$or": [{ "detail": { "status": ["FAILED"] } }, { "n": [1] }] });
        let pattern = Pattern::parse(&pattern.to_string()).unwrap();
        for (part, expected) in [
            (json!({}), true),
            (json!({ "source": "s" }), true),
            (json!({ "source": "t" }), false),
            (json!({ "source": "s", "n": 2 }), true),
            (json!({ "source": "s", "n": 2, "detail": {} }), true),
            (json!({ "source": "s", "n": 2, "detail": { "status": "FAILED" } }), true),
            (json!({ "source": "s", "n": 2, "detail": { "status": "SUCCEEDED" } }), false),
        ] {
            assert_eq!(pattern.may_match(&part), expected, "{part}");
        }
    }

    proptest! {
        #[test]
        fn what_matches_may_match_whatever_is_known_of_it(
            event in events(), pattern in patterns(), left_out in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let pattern = Pattern::parse(&pattern.to_string()).unwrap();
            let part = part_of(&event, &mut left_out.into_iter());
            prop_assert!(!pattern.matches(&event) || pattern.may_match(&part));
        }

        #[test]
        fn a_wildcard_matches_what_it_was_made_from(parts in proptest::collection::vec("[a-c]{0,3}", 1..5), fill in "[a-c]{0,4}") {
            let pattern = parts.join("*").replace("**", "*").replace("**", "*");
            let text = pattern.replace('*', &fill);
            check(&json!({"f": [{"wildcard": pattern}]}), &json!({"f": text}), true);
        }

        #[test]
        fn no_text_panics(text in ".{0,100}") {
            let _: Result<_, _> = Pattern::parse(&text);
        }
    }
}
