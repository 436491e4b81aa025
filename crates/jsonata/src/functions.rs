//! AWS's functions, and those whose answer depends on time or chance.
//!
//! Spec: AWS Step Functions Developer Guide, "JSONata functions provided by Step Functions". An undefined argument
//! makes an undefined result, as with JSONata's own functions.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::rc::Rc;

use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::functions::string::string;
use jsonata_core::value::{JArray, JValue};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::cost::{self, ITEM_BYTES};
use crate::host::{Answer, Host, call};
use crate::value;
use crate::{Error, ErrorKind};

/// AWS: `$eval` is not there.
pub(crate) fn eval(host: &Rc<Host>, _: &[JValue]) -> Answer {
    Err(host.fail(error("T1006", "eval", "Attempted to invoke a non-function".to_owned())))
}

/// `$now(picture?, timezone?)`.
pub(crate) fn now(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let mut all = vec![millis(host, &[])?];
    all.extend_from_slice(arguments);
    cost::charge_call(host, "now", &JValue::Null, all.clone())?;
    call(host, "fromMillis", &all)
}

/// `$millis()`.
#[expect(clippy::unnecessary_wraps, reason = "it is one of the functions of a table")]
#[expect(clippy::cast_precision_loss, reason = "a time is far below 2^53 milliseconds")]
pub(crate) fn millis(host: &Rc<Host>, _: &[JValue]) -> Answer {
    Ok(JValue::Number(host.now_millis() as f64))
}

/// `$random(seed?)`: at least 0 and below 1.
///
/// AWS: the same seed makes the same number. That it is the first that `java.util.Random` draws is not verified.
pub(crate) fn random(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let number = match arguments {
        [] | [JValue::Undefined] => fraction(host.random_u64() >> 11),
        [seed] => match integer(seed) {
            Some(seed) => fraction(java_bits(seed)),
            None => return Err(host.fail(mismatch("random", 1))),
        },
        _ => return Err(host.fail(mismatch("random", 2))),
    };
    Ok(JValue::Number(number))
}

/// `$shuffle(array)`, by Fisher and Yates.
pub(crate) fn shuffle(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let mut items = match arguments {
        [JValue::Undefined] => return Ok(JValue::Undefined),
        [JValue::Array(items)] => {
            host.charge(items.len() * ITEM_BYTES)?;
            items.to_vec()
        }
        [one] => vec![one.clone()],
        _ => return Err(host.fail(mismatch("shuffle", arguments.len().min(2)))),
    };
    for last in (1..items.len()).rev() {
        let below = u128::from(host.random_u64()) * (last as u128 + 1);
        items.swap(last, usize::try_from(below >> 64).unwrap_or(last));
    }
    Ok(JValue::array(items))
}

/// `$uuid()`: version 4 of RFC 9562.
pub(crate) fn uuid(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    if !arguments.is_empty() {
        return Err(host.fail(mismatch("uuid", 1)));
    }
    let high = host.random_u64() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000;
    let low = host.random_u64() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000;
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    );
    Ok(JValue::from(text))
}

/// `$partition(array, size)`: its items in arrays of that size, the last one maybe shorter.
pub(crate) fn partition(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let [array, size] = arguments else {
        return Err(host.fail(mismatch("partition", arguments.len().clamp(1, 3))));
    };
    let items = match array {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::Array(items) => items.to_vec(),
        one => vec![one.clone()],
    };
    let size = match integer(size).map(usize::try_from) {
        Some(Ok(size)) if size > 0 => size,
        Some(_) => {
            let text = "the second argument of `$partition` must be a positive integer".to_owned();
            return Err(host.fail(error("D3000", "partition", text)));
        }
        None => return Err(host.fail(mismatch("partition", 2))),
    };
    let parts = items.len() / size + 1;
    host.charge(items.len() * ITEM_BYTES + parts * (ITEM_BYTES + cost::ARRAY_BYTES))?;
    Ok(JValue::array(items.chunks(size).map(|part| JValue::array(part.to_vec())).collect()))
}

/// `$range(first, last, step)`: from the first to the last, which is in it where a step meets it.
#[expect(clippy::cast_precision_loss, reason = "arguments are integers that a number holds")]
pub(crate) fn range(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    if let Some(undefined) = arguments.iter().find(|argument| argument.is_undefined()) {
        return Ok(undefined.clone());
    }
    let [first, last, step] = arguments else {
        return Err(host.fail(mismatch("range", arguments.len().clamp(1, 4))));
    };
    let mut integers = [0; 3];
    for (index, (argument, slot)) in [first, last, step].into_iter().zip(&mut integers).enumerate() {
        *slot = integer(argument).ok_or_else(|| host.fail(mismatch("range", index + 1)))?;
    }
    let [first, last, step] = integers;
    if step == 0 {
        let text = "the third argument of `$range` must not be 0".to_owned();
        return Err(host.fail(error("D3000", "range", text)));
    }
    let steps = (i128::from(last) - i128::from(first)) / i128::from(step);
    let runs_away = (last > first) != (step > 0) && last != first;
    let count = if runs_away { 0 } else { usize::try_from(steps).unwrap_or(usize::MAX).saturating_add(1) };
    host.check_range(count)?;
    host.charge(count.saturating_mul(ITEM_BYTES))?;
    let numbers = (0..count).map(|index| JValue::Number(first as f64 + index as f64 * step as f64));
    Ok(JValue::array(numbers.collect()))
}

/// `$hash(text, algorithm)`: the digest in hexadecimal.
pub(crate) fn hash(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let (text, algorithm) = match arguments {
        [JValue::Undefined, _] => return Ok(JValue::Undefined),
        [JValue::String(text), JValue::String(algorithm)] => (text.as_bytes(), &**algorithm),
        [JValue::String(_), _] => return Err(host.fail(mismatch("hash", 2))),
        _ => return Err(host.fail(mismatch("hash", 1))),
    };
    let digest = match algorithm {
        "MD5" => Md5::digest(text).to_vec(),
        "SHA-1" => Sha1::digest(text).to_vec(),
        "SHA-256" => Sha256::digest(text).to_vec(),
        "SHA-384" => Sha384::digest(text).to_vec(),
        "SHA-512" => Sha512::digest(text).to_vec(),
        other => {
            let text = format!(
                "`{other}` is no algorithm; expected `MD5`, `SHA-1`, `SHA-256`, `SHA-384` or `SHA-512`"
            );
            return Err(host.fail(error("D3000", "hash", text)));
        }
    };
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        write!(text, "{byte:02x}").expect("a string takes every text");
    }
    Ok(JValue::from(text))
}

/// `$parse(text)`: the value of JSON text.
pub(crate) fn parse(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    match arguments {
        [JValue::Undefined] => Ok(JValue::Undefined),
        [JValue::String(text)] => {
            // An item takes two bytes of text or more, and a list may have room for as many again.
            host.charge(text.len().saturating_mul(ITEM_BYTES))?;
            value::read(text).map_err(|problem| {
                host.fail(error("D3000", "parse", format!("the argument of `$parse` is not JSON: {problem}")))
            })
        }
        _ => Err(host.fail(mismatch("parse", arguments.len().clamp(1, 2)))),
    }
}

/// `a & b & …`: undefined is nothing in a text, and what is no text becomes one as by `$string`.
pub(crate) fn concatenate(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let bytes = arguments.iter().map(|part| cost::text_bytes(host, part)).fold(0, usize::saturating_add);
    host.charge_text(bytes)?;
    let mut text = String::with_capacity(bytes);
    for part in arguments {
        match part {
            JValue::Undefined => {}
            JValue::String(part) => text.push_str(part),
            other => text.push_str(string(other, None)?.as_str().unwrap_or_default()),
        }
    }
    Ok(JValue::from(text))
}

/// `first..last`, as a sequence.
pub(crate) fn range_sequence(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let mut range = JValue::Array(JArray::new_flat(range_items(host, arguments)?, true));
    range.mark_sequence();
    Ok(range)
}

/// `[first..last]`.
pub(crate) fn range_list(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    Ok(JValue::Array(JArray::new_flat(range_items(host, arguments)?, true)))
}

#[expect(clippy::cast_precision_loss, reason = "a range has fewer items than a number can count")]
fn range_items(host: &Rc<Host>, arguments: &[JValue]) -> Result<Vec<JValue>, EvaluatorError> {
    let mut ends = [None; 2];
    let names = [("T2003", "left"), ("T2004", "right")];
    for ((argument, end), (code, side)) in arguments.iter().zip(&mut ends).zip(names) {
        *end = match argument {
            JValue::Undefined | JValue::Null => None,
            JValue::Number(number) if number.fract() == 0.0 => Some(*number),
            _ => {
                let text = format!("The {side} side of the range operator (..) must evaluate to an integer");
                return Err(host.fail(error(code, "..", text)));
            }
        };
    }
    let [Some(first), Some(last)] = ends else { return Ok(Vec::new()) };
    let count = cost::count(last - first + 1.0);
    host.check_range(count)?;
    host.charge(count.saturating_mul(ITEM_BYTES))?;
    Ok((0..count).map(|index| JValue::Number(first + index as f64)).collect())
}

/// `$distinct(array)`: each value once, in the order of the first of each. The evaluator's own compares each with all.
pub(crate) fn distinct(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let Some(JValue::Array(array)) = arguments.first() else {
        return Ok(arguments.first().cloned().unwrap_or(JValue::Undefined));
    };
    if array.len() < 2 {
        return Ok(JValue::Array(array.clone()));
    }
    host.charge(array.len() * ITEM_BYTES)?;
    let mut seen = HashSet::new();
    let mut items = Vec::new();
    for (index, item) in array.iter().enumerate() {
        if index % 1024 == 0 {
            host.check_time()?;
        }
        // A function is only the same as itself.
        let is_new = match value::key(item, &host.limits) {
            Some(key) => {
                host.charge(key.len())?;
                seen.insert(key)
            }
            None => true,
        };
        if is_new {
            items.push(item.clone());
        }
    }
    let mut distinct = JValue::array(items);
    if array.sequence {
        distinct.mark_sequence();
    }
    Ok(distinct)
}

/// A list for `$reduce` to begin with the first of: of an empty one it makes undefined, but the evaluator null.
#[expect(clippy::unnecessary_wraps, reason = "it is one of the functions of a table")]
pub(crate) fn some(_: &Rc<Host>, arguments: &[JValue]) -> Answer {
    Ok(match arguments {
        [JValue::Array(items)] if items.is_empty() => JValue::Undefined,
        [value] => value.clone(),
        _ => JValue::Undefined,
    })
}

/// Whether a value is a function: a guard asks.
#[expect(clippy::unnecessary_wraps, reason = "it is one of the functions of a table")]
pub(crate) fn is_function(_: &Rc<Host>, arguments: &[JValue]) -> Answer {
    Ok(JValue::Bool(arguments.first().is_some_and(JValue::is_function)))
}

/// A whole number that is exact.
#[expect(clippy::cast_possible_truncation, reason = "it is a whole number below 2^53")]
fn integer(value: &JValue) -> Option<i64> {
    match value {
        JValue::Number(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

/// The first 53 bits that `java.util.Random` draws with a seed: a linear congruence of 48 bits, laid down by Java's
/// documentation.
fn java_bits(seed: i64) -> u64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let next = |state: u64| state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
    let first = next((seed.cast_unsigned() ^ MULTIPLIER) & MASK);
    let second = next(first);
    ((first >> 22) << 27) + (second >> 21)
}

/// 53 bits as a number below 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a number holds")]
fn fraction(bits: u64) -> f64 {
    bits as f64 / (1_u64 << 53) as f64
}

fn mismatch(function: &str, argument: usize) -> Error {
    let text = format!("Argument {argument} of function \"{function}\" does not match function signature");
    error("T0410", function, text)
}

fn error(code: &str, token: &str, message: String) -> Error {
    Error {
        code: Some(code.to_owned()),
        token: Some(token.to_owned()),
        ..Error::new(ErrorKind::Evaluation, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_fractions_are_javas() {
        // What Java's `new Random(42).nextDouble()` is known to draw.
        assert!((fraction(java_bits(42)) - 0.727_563_680_032_868_8).abs() < 1e-15);
    }
}
