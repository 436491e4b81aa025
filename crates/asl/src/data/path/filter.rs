//! Whether a value passes a filter: `[?(@.a > 1 && @.b == 'x')]`.
//!
//! Comparisons are Jayway's: a path that finds nothing is a value of its own, equal to itself only; numbers and
//! strings compare by their text with `==`; anything else of different kinds is unequal, and never less or greater.

use std::cmp::Ordering;

use super::select::{Search, TooLarge};
use super::syntax::{Comparator, Filter, FilterPath, Operand, Pattern, is_definite};
use crate::data::java_text::JavaText;
use crate::json::{Number, Value};

type Answer = Result<bool, TooLarge>;

/// One side of a comparison.
enum Side<'a> {
    Value(Value),
    Pattern(&'a Pattern),
    Undefined,
}

pub(super) fn accepts(search: &mut Search<'_>, filter: &Filter, tested: &Value) -> Answer {
    match filter {
        Filter::Or(parts) => any(parts, |part| accepts(search, part, tested)),
        Filter::And(parts) => all(parts, |part| accepts(search, part, tested)),
        Filter::Not(inner) => Ok(!accepts(search, inner, tested)?),
        Filter::Exists(path) => Ok(!found(search, path, tested)?.is_empty()),
        Filter::Compare(left, comparator, right) => {
            let left = side(search, left, tested)?;
            let right = side(search, right, tested)?;
            compare(search, &left, *comparator, &right)
        }
    }
}

fn any<T>(items: &[T], mut test: impl FnMut(&T) -> Answer) -> Answer {
    for item in items {
        if test(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn all<T>(items: &[T], mut test: impl FnMut(&T) -> Answer) -> Answer {
    Ok(!any(items, |item| Ok(!test(item)?))?)
}

fn found(search: &mut Search<'_>, path: &FilterPath, tested: &Value) -> Result<Vec<Value>, TooLarge> {
    let from = if path.from_root { search.root } else { tested };
    search.all(from, &path.segments)
}

fn side<'a>(search: &mut Search<'_>, operand: &'a Operand, tested: &Value) -> Result<Side<'a>, TooLarge> {
    Ok(match operand {
        Operand::Literal(value) => Side::Value(value.clone()),
        Operand::Pattern(pattern) => Side::Pattern(pattern),
        Operand::Path(path) => {
            let mut found = found(search, path, tested)?;
            if is_definite(&path.segments) {
                found.pop().map_or(Side::Undefined, Side::Value)
            } else {
                Side::Value(found.into())
            }
        }
    })
}

fn compare(search: &mut Search<'_>, left: &Side<'_>, comparator: Comparator, right: &Side<'_>) -> Answer {
    use Comparator as C;
    let (left, right) = match (left, right) {
        (Side::Value(left), Side::Value(right)) => (left, right),
        (Side::Value(value), Side::Pattern(pattern)) | (Side::Pattern(pattern), Side::Value(value)) => {
            return if comparator == C::Matches { matches(search, pattern, value) } else { Ok(false) };
        }
        (Side::Undefined, Side::Undefined) => return Ok(matches!(comparator, C::Equal | C::SameTypeEqual)),
        _ => {
            return Ok(matches!(comparator, C::NotEqual | C::SameTypeNotEqual | C::NotIn | C::NoneOf));
        }
    };
    search.spend(1)?;
    match comparator {
        C::Equal => equal(search, left, right),
        C::NotEqual => Ok(!equal(search, left, right)?),
        C::SameTypeEqual => Ok(left.type_name() == right.type_name() && equal(search, left, right)?),
        C::SameTypeNotEqual => Ok(left.type_name() != right.type_name() || !equal(search, left, right)?),
        C::Less => ordered(search, left, right, Ordering::is_lt),
        C::LessOrEqual => ordered(search, left, right, Ordering::is_le),
        C::Greater => ordered(search, left, right, Ordering::is_gt),
        C::GreaterOrEqual => ordered(search, left, right, Ordering::is_ge),
        C::In => holds(search, right, left),
        C::NotIn => Ok(!holds(search, right, left)?),
        C::Contains => match (left, right) {
            (Value::String(whole), Value::String(part)) => {
                search.spend(whole.len() / 64)?;
                Ok(whole.contains(&**part))
            }
            _ => holds(search, left, right),
        },
        C::SubsetOf => within(left, right, |items| all(items, |item| holds(search, right, item))),
        C::AnyOf => within(left, right, |items| any(items, |item| holds(search, right, item))),
        C::NoneOf => within(left, right, |items| Ok(!any(items, |item| holds(search, right, item))?)),
        C::Size => Ok(length(left).is_some_and(|length| *right == Value::from(length))),
        C::Empty => Ok(length(left).is_some_and(|length| right.as_bool() == Some(length == 0))),
        C::Matches => Ok(false),
    }
}

fn matches(search: &mut Search<'_>, pattern: &Pattern, value: &Value) -> Answer {
    match value {
        Value::String(text) => {
            search.spend(text.len() / 64)?;
            Ok(pattern.compiled.is_match(text))
        }
        Value::Number(_) | Value::Bool(_) => Ok(pattern.compiled.is_match(&JavaText(value).to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => Ok(false),
    }
}

fn ordered(search: &mut Search<'_>, left: &Value, right: &Value, wanted: fn(Ordering) -> bool) -> Answer {
    Ok(match (left, right) {
        (Value::Number(left), Value::Number(right)) => wanted(left.numeric_cmp(right)),
        (Value::String(left), Value::String(right)) => {
            search.spend(left.len().min(right.len()) / 64)?;
            wanted(left.encode_utf16().cmp(right.encode_utf16()))
        }
        _ => false,
    })
}

/// Whether the first is an array with an item equal to the second.
fn holds(search: &mut Search<'_>, list: &Value, wanted: &Value) -> Answer {
    any(list.as_array().unwrap_or_default(), |item| equal(search, item, wanted))
}

fn within(left: &Value, right: &Value, test: impl FnOnce(&[Value]) -> Answer) -> Answer {
    match (left, right) {
        (Value::Array(items), Value::Array(_)) => test(items),
        _ => Ok(false),
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.encode_utf16().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Equality of JSON values, numbers by their worth; a number and a string that reads as it are equal too.
fn equal(search: &mut Search<'_>, left: &Value, right: &Value) -> Answer {
    search.spend(1)?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => left.numeric_cmp(right).is_eq(),
        (Value::String(left), Value::String(right)) => {
            search.spend(left.len().min(right.len()) / 64)?;
            left == right
        }
        (Value::Number(number), Value::String(text)) => is_worth(number, text),
        (Value::String(text), Value::Number(number)) => **text == *number.to_string(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && {
                let pairs: Vec<_> = left.iter().zip(right.iter()).collect();
                all(&pairs, |(left, right)| equal(search, left, right))?
            }
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len() && {
                let members: Vec<_> = left.iter().collect();
                all(&members, |(key, left)| match right.get(key) {
                    Some(right) => equal(search, left, right),
                    None => Ok(false),
                })?
            }
        }
        _ => false,
    })
}

fn is_worth(number: &Number, text: &str) -> bool {
    match crate::json::parse(text) {
        Ok(Value::Number(other)) => number.numeric_cmp(&other).is_eq(),
        Ok(_) | Err(_) => false,
    }
}
