//! The leaves of a pattern: what one value is compared with.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::PatternError;

/// One comparison.
#[derive(Debug)]
pub(super) enum Matcher {
    Null,
    Bool(bool),
    Number(f64),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    Cidr(IpAddr, u8),
    Text(Test),
    /// A value that is there and is none of these.
    AnythingBut(Vec<Matcher>),
}

/// A comparison of a text.
#[derive(Debug)]
pub(super) enum Test {
    Equals(String),
    /// In lower case, as the others that ignore case.
    EqualsIgnoringCase(String),
    Prefix(String),
    PrefixIgnoringCase(String),
    Suffix(String),
    SuffixIgnoringCase(String),
    /// The parts between the wildcards.
    Wildcard(Vec<String>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Matcher {
    pub(super) fn parse(value: &Value) -> Result<Self, PatternError> {
        match value {
            Value::Object(members) => Self::operator(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Self::literal(value)),
            Value::Array(_) => refused("Match value must be String, number, true, false, or null"),
        }
    }

    fn literal(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Text(Test::Equals(text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Null,
        }
    }

    fn operator(members: &Map<String, Value>) -> Result<Self, PatternError> {
        let mut members = members.iter();
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return refused("Only one key allowed in match expression");
        };
        match &**name {
            "exists" => match value {
                Value::Bool(exists) => Ok(Self::Exists(*exists)),
                _ => refused("exists match pattern must be either true or false."),
            },
            "numeric" => Ok(Self::Numeric(range(value)?)),
            "cidr" => cidr(value),
            "anything-but" => anything_but(value),
            name => Ok(Self::Text(test(name, value)?)),
        }
    }

    /// Whether the value at the matcher's field is one that it is for. Of an array one element is enough.
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(exists), value) => *exists == value.is_some_and(is_leaf),
            (_, None) => false,
            (_, Some(Value::Array(elements))) => elements.iter().any(|element| self.matches(Some(element))),
            (_, Some(value)) => self.matches_leaf(value),
        }
    }

    fn matches_leaf(&self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Bool(flag) => value.as_bool() == Some(*flag),
            Self::Number(number) => value.as_f64().is_some_and(|found| same(found, *number)),
            Self::Exists(exists) => *exists,
            Self::Numeric(range) => value
                .as_f64()
                .is_some_and(|found| range.iter().all(|(comparison, bound)| comparison.holds(found, *bound))),
            Self::Cidr(network, bits) => value
                .as_str()
                .and_then(|text| text.parse().ok())
                .is_some_and(|address| is_within(address, *network, *bits)),
            Self::Text(test) => value.as_str().is_some_and(|text| test.holds(text)),
            Self::AnythingBut(others) => {
                is_leaf(value) && !others.iter().any(|other| other.matches_leaf(value))
            }
        }
    }
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object()
}

/// AWS: numbers are compared as such, to fifteen digits.
fn same(one: f64, other: f64) -> bool {
    (one - other).abs() <= f64::EPSILON * one.abs().max(other.abs())
}

impl Comparison {
    fn holds(self, found: f64, bound: f64) -> bool {
        match self {
            Self::Equal => same(found, bound),
            Self::Less => found < bound,
            Self::LessOrEqual => found <= bound,
            Self::Greater => found > bound,
            Self::GreaterOrEqual => found >= bound,
        }
    }
}

fn range(value: &Value) -> Result<Vec<(Comparison, f64)>, PatternError> {
    let parts = value.as_array().filter(|parts| !parts.is_empty() && parts.len() <= 4);
    let Some(parts) = parts else {
        return refused("Value of numeric must be an array.");
    };
    let bound = |pair: &[Value]| {
        let Some(operator) = pair.first().and_then(Value::as_str) else {
            return refused("Invalid member in numeric match: an operator is expected");
        };
        let comparison = match operator {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return refused(&format!("Unrecognized numeric range operator: {operator}")),
        };
        match pair.get(1).and_then(Value::as_f64) {
            Some(number) => Ok((comparison, number)),
            None => refused(&format!("Value of {operator} must be numeric")),
        }
    };
    parts.chunks(2).map(bound).collect()
}

fn cidr(value: &Value) -> Result<Matcher, PatternError> {
    let Some(text) = value.as_str() else {
        return refused("prefix match pattern must be a string");
    };
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let Ok(address) = address.parse::<IpAddr>() else {
        return refused(&format!("Malformed IP address: {address}"));
    };
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    let bits = if bits.is_empty() { Ok(bits_max) } else { bits.parse() };
    match bits {
        Ok(bits) if bits <= bits_max => Ok(Matcher::Cidr(address, bits)),
        Ok(_) => refused(&format!("Malformed CIDR, mask bits must not be more than {bits_max}")),
        Err(_) => refused("Malformed CIDR, mask bits must be an integer"),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (one, other, width) = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let host_bits = u32::from(width - bits);
    one.checked_shr(host_bits) == other.checked_shr(host_bits)
}

fn anything_but(value: &Value) -> Result<Matcher, PatternError> {
    let others = match value {
        Value::String(_) | Value::Number(_) => vec![Matcher::literal(value)],
        Value::Array(values) if !values.is_empty() => {
            if values.iter().any(|value| !value.is_string() && !value.is_number()) {
                return refused(
                    "Inside anything but list, either all values are number or string, mixed type is not supported",
                );
            }
            values.iter().map(Matcher::literal).collect()
        }
        Value::Object(members) => {
            let mut members = members.iter();
            let (Some((name, value)), None) = (members.next(), members.next()) else {
                return refused("Only one key allowed in match expression");
            };
            let single;
            let values = match value {
                Value::Array(values) => values.as_slice(),
                other => {
                    single = [other.clone()];
                    &single
                }
            };
            let tests: Result<Vec<Test>, _> = values.iter().map(|value| test(name, value)).collect();
            tests?.into_iter().map(Matcher::Text).collect()
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => {
            return refused("Value of anything-but must be an array or single string/number value.");
        }
    };
    Ok(Matcher::AnythingBut(others))
}

fn test(name: &str, value: &Value) -> Result<Test, PatternError> {
    if !matches!(name, "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
        return refused(&format!("Unrecognized match type {name}"));
    }
    let ignored = value.get("equals-ignore-case").and_then(Value::as_str).map(str::to_lowercase);
    match (name, value.as_str(), ignored) {
        ("prefix", Some(text), _) => Ok(Test::Prefix(text.to_owned())),
        ("prefix", None, Some(text)) => Ok(Test::PrefixIgnoringCase(text)),
        ("suffix", Some(text), _) => Ok(Test::Suffix(text.to_owned())),
        ("suffix", None, Some(text)) => Ok(Test::SuffixIgnoringCase(text)),
        ("equals-ignore-case", Some(text), _) => Ok(Test::EqualsIgnoringCase(text.to_lowercase())),
        ("wildcard", Some(text), _) => Ok(Test::Wildcard(wildcard(text)?)),
        _ => refused(&format!("{name} match pattern must be a string")),
    }
}

/// The parts between wildcards. A backslash takes the meaning from `*` and from itself.
fn wildcard(text: &str) -> Result<Vec<String>, PatternError> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().enumerate().peekable();
    while let Some((at, character)) = characters.next() {
        let mut plain = character;
        match (character, characters.peek().map(|(_, next)| *next)) {
            ('*', Some('*')) => {
                return refused(&format!("Consecutive wildcard characters at pos {at}"));
            }
            ('*', _) => {
                parts.push(String::new());
                continue;
            }
            ('\\', Some(next @ ('*' | '\\'))) => {
                plain = next;
                characters.next();
            }
            ('\\', _) => return refused(&format!("Invalid escape character at pos {at}")),
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(plain);
        }
    }
    Ok(parts)
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Equals(wanted) => text == wanted,
            Self::EqualsIgnoringCase(wanted) => text.to_lowercase() == *wanted,
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::PrefixIgnoringCase(prefix) => text.to_lowercase().starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::SuffixIgnoringCase(suffix) => text.to_lowercase().ends_with(suffix),
            Self::Wildcard(parts) => fits(text, parts),
        }
    }
}

/// The first part at the start, the last at the end, the others in between, each as early as it can be.
fn fits(text: &str, parts: &[String]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return text.is_empty() };
    let Some((last, between)) = rest.split_last() else { return text == first };
    let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
    for part in between {
        let Some(at) = text.find(part.as_str()) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last.as_str())
}

fn refused<T>(reason: &str) -> Result<T, PatternError> {
    Err(PatternError(reason.to_owned()))
}
