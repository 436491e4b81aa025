//! `Condition`: what has to be known of a request for a statement to apply.
//!
//! All operators and all keys of a condition must hold; of a key's values, one; of a negated operator's, none.
//!
//! Documentation: IAM, "IAM JSON policy elements: Condition operators" and "Conditions with multiple context keys
//! or values".

use std::net::IpAddr;

use serde_json::Value;

use crate::context::Context;
use crate::diagnostic::{Diagnostics, member};
use crate::pattern::{Pattern, Reach, is_condition_key};
use crate::time;

/// One operator on one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    operator: Operator,
    key: String,
    expected: Vec<Expected>,
}

/// `ForAnyValue:StringNotLikeIfExists` is all of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator {
    quantifier: Quantifier,
    comparison: Comparison,
    is_negated: bool,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// None: the key has one value.
    One,
    ForAnyValue,
    ForAllValues,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    StringEquals { ignores_case: bool },
    StringLike,
    Arn,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
}

/// A value of the policy, parsed as its operator has it.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Text(Pattern),
    Arn(Vec<Pattern>),
    Number(f64),
    TimeMs(i64),
    Bool(bool),
    Binary(String),
    Network { address: IpAddr, bits: u8 },
}

impl Condition {
    /// The conditions of a `Condition` element.
    pub(crate) fn parse_all(
        value: &Value,
        pointer: &str,
        has_variables: bool,
        wrong: &mut Diagnostics,
    ) -> Vec<Self> {
        let mut conditions = Vec::new();
        let Value::Object(operators) = value else {
            wrong.add(pointer, "`Condition` is no object; expected operators with their keys");
            return conditions;
        };
        for (name, keys) in operators {
            let pointer = member(pointer, name);
            let Some(operator) = Operator::parse(name) else {
                wrong.add(&pointer, format!("`{name}` is no condition operator"));
                continue;
            };
            let Value::Object(keys) = keys else {
                wrong.add(
                    &pointer,
                    format!("`{name}` is no object; expected condition keys with their values"),
                );
                continue;
            };
            for (key, values) in keys {
                let pointer = member(&pointer, key);
                if !is_condition_key(key) {
                    wrong.add(
                        &pointer,
                        format!("`{key}` is no condition key; expected one such as `aws:SourceIp`"),
                    );
                    continue;
                }
                let expected = values_of(values, &pointer, wrong)
                    .into_iter()
                    .filter_map(|(pointer, text)| {
                        let parsed = operator.expected(&text, has_variables);
                        parsed.map_err(|problem| wrong.add(&pointer, problem)).ok()
                    })
                    .collect();
                conditions.push(Self { operator, key: key.clone(), expected });
            }
        }
        conditions
    }

    /// Whether it holds for this request.
    pub(crate) fn holds(&self, context: &Context) -> bool {
        let found = context.values(&self.key);
        let Operator { quantifier, comparison, is_negated, if_exists } = self.operator;
        if comparison == Comparison::Null {
            return self.expected.contains(&Expected::Bool(found.is_empty()));
        }
        if found.is_empty() {
            return match quantifier {
                Quantifier::One => is_negated || if_exists,
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => if_exists,
            };
        }
        let matches = |value: &String| {
            let is_one = |expected: &Expected| compare(comparison, expected, value, context);
            self.expected.iter().any(is_one) != is_negated
        };
        match (quantifier, is_negated) {
            (Quantifier::ForAnyValue, _) | (Quantifier::One, false) => found.iter().any(matches),
            (Quantifier::ForAllValues, _) | (Quantifier::One, true) => found.iter().all(matches),
        }
    }
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (Quantifier::One, name),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(("ForAllValues", rest)) => (Quantifier::ForAllValues, rest),
            Some(_) => return None,
        };
        let (stem, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |stem| (stem, true));
        let (comparison, is_negated) = match stem {
            "StringEquals" => (Comparison::StringEquals { ignores_case: false }, false),
            "StringNotEquals" => (Comparison::StringEquals { ignores_case: false }, true),
            "StringEqualsIgnoreCase" => (Comparison::StringEquals { ignores_case: true }, false),
            "StringNotEqualsIgnoreCase" => (Comparison::StringEquals { ignores_case: true }, true),
            "StringLike" => (Comparison::StringLike, false),
            "StringNotLike" => (Comparison::StringLike, true),
            // The two of each pair are the same.
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "NumericEquals" => (Comparison::Numeric(Order::Equals), false),
            "NumericNotEquals" => (Comparison::Numeric(Order::Equals), true),
            "NumericLessThan" => (Comparison::Numeric(Order::Less), false),
            "NumericLessThanEquals" => (Comparison::Numeric(Order::LessOrEquals), false),
            "NumericGreaterThan" => (Comparison::Numeric(Order::Greater), false),
            "NumericGreaterThanEquals" => (Comparison::Numeric(Order::GreaterOrEquals), false),
            "DateEquals" => (Comparison::Date(Order::Equals), false),
            "DateNotEquals" => (Comparison::Date(Order::Equals), true),
            "DateLessThan" => (Comparison::Date(Order::Less), false),
            "DateLessThanEquals" => (Comparison::Date(Order::LessOrEquals), false),
            "DateGreaterThan" => (Comparison::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Comparison::Date(Order::GreaterOrEquals), false),
            "Bool" => (Comparison::Bool, false),
            "BinaryEquals" => (Comparison::Binary, false),
            "IpAddress" => (Comparison::IpAddress, false),
            "NotIpAddress" => (Comparison::IpAddress, true),
            // AWS: it asks whether there is a key, so that it has neither form.
            "Null" if !if_exists && quantifier == Quantifier::One => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self { quantifier, comparison, is_negated, if_exists })
    }

    fn expected(self, text: &str, has_variables: bool) -> Result<Expected, String> {
        match self.comparison {
            Comparison::StringEquals { .. } => Pattern::literal(text, has_variables).map(Expected::Text),
            Comparison::StringLike => Pattern::parse(text, has_variables).map(Expected::Text),
            Comparison::Arn => arn_pattern(text, has_variables),
            Comparison::Numeric(_) => number(text).map(Expected::Number),
            Comparison::Date(_) => time::parse_ms(text)
                .map(Expected::TimeMs)
                .ok_or_else(|| format!("`{text}` is no time; expected one such as `2026-01-31T12:00:00Z`")),
            Comparison::Bool | Comparison::Null => match bool_of(text) {
                Some(truth) => Ok(Expected::Bool(truth)),
                None => Err(format!("`{text}` is neither `true` nor `false`")),
            },
            Comparison::Binary => Ok(Expected::Binary(text.to_owned())),
            Comparison::IpAddress => network(text),
        }
    }
}

/// A key's values: one or a list, each a text, a number or a truth. With the pointer to each.
fn values_of(value: &Value, pointer: &str, wrong: &mut Diagnostics) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut add = |value: &Value, pointer: String| match value {
        Value::String(text) => texts.push((pointer, text.clone())),
        Value::Number(number) => texts.push((pointer, number.to_string())),
        Value::Bool(truth) => texts.push((pointer, truth.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            wrong.add(&pointer, "a condition's value is a string, a number or a truth, or a list of them");
        }
    };
    match value {
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                add(value, format!("{pointer}/{at}"));
            }
        }
        one => add(one, pointer.to_owned()),
    }
    texts
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("`{text}` is no number"))
}

fn bool_of(text: &str) -> Option<bool> {
    match () {
        () if text.eq_ignore_ascii_case("true") => Some(true),
        () if text.eq_ignore_ascii_case("false") => Some(false),
        () => None,
    }
}

/// The six parts of an ARN are compared one by one.
fn arn_pattern(text: &str, has_variables: bool) -> Result<Expected, String> {
    if text == "*" {
        return Ok(Expected::Arn(vec![Pattern::parse("*", false)?; ARN_PARTS]));
    }
    let parts = arn_parts(text).ok_or_else(|| format!("`{text}` is no ARN"))?;
    let parse = |part| Pattern::parse(part, has_variables);
    parts.into_iter().map(parse).collect::<Result<_, _>>().map(Expected::Arn)
}

/// `arn`, partition, service, region, account, and what is left.
const ARN_PARTS: usize = 6;

/// An ARN's parts. The colons of a variable (`${aws:username}`) part nothing.
fn arn_parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::with_capacity(ARN_PARTS);
    let (mut begin, mut is_variable) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            '{' => is_variable |= text[..at].ends_with('$'),
            '}' => is_variable = false,
            ':' if !is_variable && parts.len() + 1 < ARN_PARTS => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (parts.len() == ARN_PARTS && parts.first() == Some(&"arn")).then_some(parts)
}

fn network(text: &str) -> Result<Expected, String> {
    let wrong = || format!("`{text}` is no network; expected one such as `203.0.113.0/24`");
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits =
        bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most)).ok_or_else(wrong)?;
    Ok(Expected::Network { address, bits })
}

/// Whether a request's value is the policy's.
fn compare(comparison: Comparison, expected: &Expected, found: &str, context: &Context) -> bool {
    let in_order = |order, ordering| match order {
        Order::Equals => ordering == std::cmp::Ordering::Equal,
        Order::Less => ordering == std::cmp::Ordering::Less,
        Order::LessOrEquals => ordering != std::cmp::Ordering::Greater,
        Order::Greater => ordering == std::cmp::Ordering::Greater,
        Order::GreaterOrEquals => ordering != std::cmp::Ordering::Less,
    };
    let ignores_case = comparison == Comparison::StringEquals { ignores_case: true };
    match (comparison, expected) {
        (_, Expected::Text(pattern)) => {
            pattern.matches(found, Reach::Anything, ignores_case, context) == Some(true)
        }
        (_, Expected::Arn(patterns)) => arn_parts(found).is_some_and(|parts| {
            let is_part = |(pattern, part): (&Pattern, &str)| {
                pattern.matches(part, Reach::Anything, false, context) == Some(true)
            };
            patterns.iter().zip(parts).all(is_part)
        }),
        (Comparison::Numeric(order), Expected::Number(expected)) => number(found)
            .ok()
            .and_then(|found| found.partial_cmp(expected))
            .is_some_and(|it| in_order(order, it)),
        (Comparison::Date(order), Expected::TimeMs(expected)) => {
            time::parse_ms(found).is_some_and(|found| in_order(order, found.cmp(expected)))
        }
        (_, Expected::Bool(expected)) => bool_of(found) == Some(*expected),
        (_, Expected::Binary(expected)) => found == expected,
        (_, Expected::Network { address, bits }) => {
            found.parse().is_ok_and(|found: IpAddr| is_within(found, *address, *bits))
        }
        // A value was parsed for its own operator.
        (_, Expected::Number(_) | Expected::TimeMs(_)) => false,
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let shift = |width: u8| u32::from(width - bits);
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (address.to_bits() ^ network.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (address.to_bits() ^ network.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
