//! What a call of a built-in function is about to take, judged by its arguments.
//!
//! A built-in function cannot be stopped while it runs, so that what it makes is bounded before it does.

use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::functions::string::build_regex;
use jsonata_core::value::JValue;

use crate::host::Host;
use crate::{Error, ErrorKind};

/// A value in a list. It is the size of the evaluator's value type.
pub(crate) const ITEM_BYTES: usize = size_of::<JValue>();

/// What a string takes beside its bytes: its place in a list, its counts, its block's padding.
const STRING_BYTES: usize = ITEM_BYTES + 32;

/// A member of an object, with its name in a table and in a list.
pub(crate) const MEMBER_BYTES: usize = 120;

/// An object without members.
pub(crate) const OBJECT_BYTES: usize = 120;

/// An array without items.
pub(crate) const ARRAY_BYTES: usize = 72;

/// What a path with `@`, `#` or `%` makes of an item: an object of the item and what is bound.
pub(crate) const TUPLE_BYTES: usize = OBJECT_BYTES + 4 * MEMBER_BYTES;

/// What `$match` makes of one match: an object of four members and an array.
const MATCH_BYTES: usize = 4 * MEMBER_BYTES + OBJECT_BYTES + ARRAY_BYTES;

/// The longest picture of a number or time, in bytes, and the widest field that it may ask for.
const PICTURE_BYTES_MAX: usize = 1_000;
const PICTURE_WIDTH_MAX: usize = 1_000;

/// The functions whose calls are checked, in order.
pub(crate) const CHECKED: &[&str] = &[
    "..",
    "append",
    "base64decode",
    "base64encode",
    "decodeUrl",
    "decodeUrlComponent",
    "each",
    "encodeUrl",
    "encodeUrlComponent",
    "filter",
    "formatBase",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "join",
    "keys",
    "lookup",
    "lowercase",
    "map",
    "match",
    "merge",
    "now",
    "pad",
    "parseInteger",
    "replace",
    "reverse",
    "shuffle",
    "sift",
    "sort",
    "split",
    "spread",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "toMillis",
    "trim",
    "uppercase",
    "zip",
];

/// Fails if a call may take more than is left, or make a longer string or sequence than may be.
pub(crate) fn charge_call(
    host: &Host,
    name: &str,
    context: &JValue,
    mut arguments: Vec<JValue>,
) -> Result<(), EvaluatorError> {
    charge(host, name, &arguments)?;
    // A function that misses its first argument takes the context for it.
    let takes_context = matches!(name, "pad" | "split" | "match" | "replace");
    if takes_context && matches!(context, JValue::String(_)) {
        arguments.insert(0, context.clone());
        charge(host, name, &arguments)?;
    }
    Ok(())
}

fn charge(host: &Host, name: &str, arguments: &[JValue]) -> Result<(), EvaluatorError> {
    let at = |index: usize| arguments.get(index).unwrap_or(&JValue::Undefined);
    match name {
        "string" => host.charge_text(json_bytes(host, at(0), at(1) == &JValue::Bool(true))),
        "pad" => match at(1) {
            JValue::Number(width) => {
                let widest =
                    at(2).as_str().and_then(|text| text.chars().map(char::len_utf8).max()).unwrap_or(1);
                let length = at(0).as_str().map_or(0, str::len);
                host.charge_text(count(width.abs()).saturating_mul(widest).saturating_add(length))
            }
            _ => Ok(()),
        },
        "join" => {
            let separator = at(1).as_str().map_or(0, str::len);
            let parts = items(at(0));
            let text =
                parts.iter().map(|part| part.as_str().map_or(0, str::len)).fold(0, usize::saturating_add);
            host.charge_text(text.saturating_add(separator.saturating_mul(parts.len())))
        }
        "split" => {
            let Some(text) = at(0).as_str() else { return Ok(()) };
            let parts = occurrences(host, text, at(1), at(2))?.saturating_add(1);
            host.check_length(parts)?;
            host.charge(parts.saturating_mul(STRING_BYTES).saturating_add(text.len()))
        }
        "match" => {
            let Some(text) = at(0).as_str() else { return Ok(()) };
            let matches = occurrences(host, text, at(1), at(2))?;
            host.check_length(matches)?;
            host.charge(matches.saturating_mul(MATCH_BYTES).saturating_add(text.len()))
        }
        "replace" => replacement(host, at(0), at(1), at(2), at(3)),
        "zip" => {
            let rows = arguments.iter().map(|list| items(list).len()).min().unwrap_or(0);
            let row = ARRAY_BYTES + ITEM_BYTES * (arguments.len() + 1);
            host.charge(rows.saturating_mul(row))
        }
        "append" => {
            host.check_length(items(at(0)).len().saturating_add(items(at(1)).len()))?;
            host.charge((items(at(0)).len() + items(at(1)).len()).saturating_mul(2 * ITEM_BYTES))
        }
        "spread" | "merge" | "keys" | "each" | "sift" => {
            let members: usize = items(at(0)).iter().map(members).sum();
            host.charge(members.saturating_mul(MEMBER_BYTES + OBJECT_BYTES))
        }
        "map" | "filter" | "sort" | "reverse" | "shuffle" | "lookup" => {
            host.charge(items(at(0)).len().saturating_mul(ITEM_BYTES))
        }
        "formatNumber" | "formatInteger" | "formatBase" | "fromMillis" | "toMillis" | "now"
        | "parseInteger" => {
            // The evaluator has no words for what is no number, and looks for them without an end.
            if at(0).as_f64().is_some_and(|number| !number.is_finite()) {
                let text = "Number out of range: NaN".to_owned();
                let code = Some("D1001".to_owned());
                return Err(host.fail(Error { code, ..Error::new(ErrorKind::Evaluation, text) }));
            }
            // Roman numerals have an M for each thousand.
            if name == "formatInteger" && at(1).as_str().is_some_and(|text| text.contains(['i', 'I'])) {
                host.charge_text(at(0).as_f64().map_or(0, |number| count(number.abs() / 1000.0)))?;
            }
            if matches!(name, "fromMillis" | "now" | "toMillis") {
                check_markers(host, at(1).as_str().unwrap_or_default())?;
            }
            arguments.iter().try_for_each(|argument| picture(host, argument))
        }
        // A character becomes at most nine.
        "encodeUrl" | "encodeUrlComponent" => {
            host.charge_text(at(0).as_str().map_or(0, |text| 3 * text.len()))
        }
        _ => host.charge(at(0).as_str().map_or(0, |text| 2 * text.len())),
    }
}

/// The bytes that `$replace` makes.
fn replacement(
    host: &Host,
    text: &JValue,
    pattern: &JValue,
    by: &JValue,
    limit: &JValue,
) -> Result<(), EvaluatorError> {
    let Some(text) = text.as_str() else { return Ok(()) };
    let matches = occurrences(host, text, pattern, limit)?;
    // What a function answers is counted as it answers.
    let each = by.as_str().map_or(0, str::len);
    // `$1` puts in what was matched, all of which together is no more than the text.
    let groups = by.as_str().map_or(0, |by| by.matches('$').count());
    let put = matches.saturating_mul(each);
    host.charge_text(text.len().saturating_mul(groups + 1).saturating_add(put))
}

/// How often a pattern is found, at most `limit` times.
fn occurrences(host: &Host, text: &str, pattern: &JValue, limit: &JValue) -> Result<usize, EvaluatorError> {
    let limit = limit.as_f64().map_or(usize::MAX, count);
    Ok(match pattern {
        JValue::String(pattern) if pattern.is_empty() => text.chars().count().saturating_add(1).min(limit),
        JValue::String(pattern) => text.matches(&**pattern).take(limit).count(),
        JValue::Regex { pattern, flags } => {
            let bound = text.len().saturating_add(1).min(limit);
            if bound.saturating_mul(MATCH_BYTES) <= host.limits.memory_bytes / 64 {
                return Ok(bound);
            }
            let Ok(regex) = build_regex(pattern, flags) else { return Ok(0) };
            let mut found = 0;
            for _ in regex.find_iter(text).take(limit) {
                found += 1;
                if found % 1024 == 0 {
                    host.check_time()?;
                }
            }
            found
        }
        // A matcher of the expression's own.
        _ => text.len().min(limit),
    })
}

/// A picture that asks for no field wider than may be.
fn picture(host: &Host, picture: &JValue) -> Result<(), EvaluatorError> {
    let Some(text) = picture.as_str() else { return Ok(()) };
    let is_wide =
        |digits: &str| digits.parse::<usize>().map_or(!digits.is_empty(), |width| width > PICTURE_WIDTH_MAX);
    let widths = text.split([',', '-']).skip(1).map(|rest| {
        let rest = rest.trim_start();
        rest.get(..rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len())
            .unwrap_or_default()
    });
    if text.len() > PICTURE_BYTES_MAX && widths.clone().any(is_wide) || text.len() > 16 * PICTURE_BYTES_MAX {
        return Err(host.fail(Error::memory_limit()));
    }
    if text.contains('[') && widths.into_iter().any(is_wide) {
        return Err(host.fail(Error::memory_limit()));
    }
    host.charge(text.len() * 4)
}

/// Refuses a component of a date's picture that is none, before the evaluator takes the rest of it apart.
fn check_markers(host: &Host, picture: &str) -> Result<(), EvaluatorError> {
    for marker in picture.split('[').skip(1) {
        let component = marker.split(']').next().and_then(|marker| marker.trim_start().chars().next());
        let Some(component) = component.filter(|it| !it.is_ascii() || *it == ',') else { continue };
        let error = Error {
            code: Some("D3132".to_owned()),
            ..Error::new(
                ErrorKind::Evaluation,
                format!("Unknown component specifier {component} in date/time picture string"),
            )
        };
        return Err(host.fail(error));
    }
    Ok(())
}

/// The bytes of a value in a text: a string is itself, undefined is nothing, anything else is JSON.
pub(crate) fn text_bytes(host: &Host, value: &JValue) -> usize {
    match value {
        JValue::Undefined => 0,
        JValue::String(text) => text.len(),
        JValue::Bool(_) | JValue::Null | JValue::Number(_) => 24,
        _ => json_bytes(host, value, false),
    }
}

/// The bytes of a value's JSON, or more than a string may have.
fn json_bytes(host: &Host, value: &JValue, is_pretty: bool) -> usize {
    let mut bytes = 0_usize;
    let mut to_visit = vec![(value, 1_usize)];
    while let Some((value, depth)) = to_visit.pop() {
        if bytes > host.limits.string_bytes {
            return bytes;
        }
        let margin = if is_pretty { 2 * depth + 1 } else { 1 };
        bytes = bytes.saturating_add(margin);
        match value {
            JValue::String(text) => bytes = bytes.saturating_add(text.len() + 2),
            JValue::Array(items) => {
                bytes = bytes.saturating_add(2);
                to_visit.extend(items.iter().map(|item| (item, depth + 1)));
            }
            JValue::Object(members) => {
                for (name, member) in members.iter() {
                    bytes = bytes.saturating_add(name.len() + 4);
                    to_visit.push((member, depth + 1));
                }
            }
            _ => bytes = bytes.saturating_add(8),
        }
    }
    bytes
}

/// How many values a value consists of, each counted as often as it is reached; `limit` where they are more.
pub(crate) fn nodes(value: &JValue, limit: usize) -> usize {
    let mut count = 0;
    let mut to_visit = vec![value];
    while let Some(value) = to_visit.pop() {
        let below = match value {
            JValue::Array(items) => {
                to_visit
                    .extend(items.iter().filter(|item| matches!(item, JValue::Array(_) | JValue::Object(_))));
                items.len()
            }
            JValue::Object(members) => {
                to_visit.extend(
                    members.values().filter(|item| matches!(item, JValue::Array(_) | JValue::Object(_))),
                );
                members.len()
            }
            _ => 0,
        };
        count += 1 + below;
        if count >= limit {
            return limit;
        }
    }
    count
}

fn items(value: &JValue) -> &[JValue] {
    match value {
        JValue::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

fn members(value: &JValue) -> usize {
    value.as_object().map_or(0, indexmap::IndexMap::len)
}

/// A number as a count: nothing below 0, and as many as there can be above.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, as is meant"
)]
pub(crate) fn count(number: f64) -> usize {
    number as usize
}
