//! JSON text to the evaluator's values, and back as JavaScript prints it.

use std::fmt::{self, Write as _};

use jsonata_core::value::{JValue, with_stack};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::limits::{Limits, VALUE_DEPTH_MAX};
use crate::{Error, ErrorKind, Outcome};

/// Reads JSON text.
pub(crate) fn read(text: &str) -> Result<JValue, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = Level(0).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// A value that stands so many arrays and objects deep.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: serde::de::Error>(self) -> Result<Level, E> {
        if self.0 == VALUE_DEPTH_MAX {
            return Err(E::custom(format_args!(
                "arrays and objects are nested deeper than {VALUE_DEPTH_MAX}"
            )));
        }
        Ok(Level(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = JValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JValue, D::Error> {
        with_stack(|| deserializer.deserialize_any(self))
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = JValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<JValue, E> {
        Ok(JValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JValue, E> {
        Ok(JValue::Bool(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "JSONata's numbers are JavaScript's")]
    fn visit_i64<E>(self, value: i64) -> Result<JValue, E> {
        Ok(JValue::Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "JSONata's numbers are JavaScript's")]
    fn visit_u64<E>(self, value: u64) -> Result<JValue, E> {
        Ok(JValue::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<JValue, E> {
        Ok(JValue::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<JValue, E> {
        Ok(JValue::string(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<JValue, A::Error> {
        let below = self.below()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            array.push(item);
        }
        Ok(JValue::array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JValue, A::Error> {
        let below = self.below()?;
        let mut object = indexmap::IndexMap::new();
        while let Some(name) = members.next_key::<String>()? {
            object.insert(name, members.next_value_seed(below)?);
        }
        Ok(JValue::object(object))
    }
}

/// A text that equal values have in common and different ones have not, or `None` for what is equal only to itself.
pub(crate) fn key(value: &JValue, limits: &Limits) -> Option<String> {
    let mut writer = Writer { text: String::new(), bytes_max: limits.memory_bytes, is_key: true };
    writer.value(value, 0).ok().map(|()| writer.text)
}

/// Writes a result.
pub(crate) fn outcome(value: &JValue, limits: &Limits) -> Result<Outcome, Error> {
    match value {
        JValue::Undefined => return Ok(Outcome::Undefined),
        JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => return Ok(Outcome::Unsupported),
        JValue::Null
        | JValue::Bool(_)
        | JValue::Number(_)
        | JValue::String(_)
        | JValue::Array(_)
        | JValue::Object(_) => {}
    }
    let mut writer = Writer { text: String::new(), bytes_max: limits.output_bytes, is_key: false };
    match writer.value(value, 0) {
        Ok(()) => Ok(Outcome::Json(writer.text)),
        Err(Stop::TooLong | Stop::NoKey) => Err(Error::new(
            ErrorKind::MemoryLimit,
            format!("the result is longer than {} bytes of JSON", limits.output_bytes),
        )),
        Err(Stop::TooDeep) => Err(Error::new(
            ErrorKind::DepthLimit,
            format!("the result is nested deeper than {VALUE_DEPTH_MAX}"),
        )),
    }
}

enum Stop {
    NoKey,
    TooLong,
    TooDeep,
}

struct Writer {
    text: String,
    bytes_max: usize,
    /// Members in the order of their names, and no functions: a text to compare.
    is_key: bool,
}

impl Writer {
    fn value(&mut self, value: &JValue, depth: usize) -> Result<(), Stop> {
        if self.text.len() > self.bytes_max {
            return Err(Stop::TooLong);
        }
        match value {
            JValue::Lambda(_) if self.is_key => return Err(Stop::NoKey),
            // What JavaScript's `JSON.stringify` makes of a function in an array.
            JValue::Null
            | JValue::Undefined
            | JValue::Lambda(_)
            | JValue::Builtin { .. }
            | JValue::Regex { .. } => self.text.push_str("null"),
            JValue::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            JValue::Number(value) => self.text.push_str(&number(*value)),
            JValue::String(value) => self.string(value)?,
            JValue::Array(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.below(item, depth)?;
                }
                self.text.push(']');
            }
            JValue::Object(members) => {
                self.text.push('{');
                let mut is_first = true;
                let mut members: Vec<_> = members.iter().collect();
                if self.is_key {
                    members.sort_unstable_by_key(|(name, _)| *name);
                }
                for (name, member) in members {
                    if member.is_undefined() || member.is_function() {
                        continue;
                    }
                    if !std::mem::take(&mut is_first) {
                        self.text.push(',');
                    }
                    self.string(name)?;
                    self.text.push(':');
                    self.below(member, depth)?;
                }
                self.text.push('}');
            }
        }
        if self.text.len() > self.bytes_max { Err(Stop::TooLong) } else { Ok(()) }
    }

    fn below(&mut self, value: &JValue, depth: usize) -> Result<(), Stop> {
        if depth == VALUE_DEPTH_MAX {
            return Err(Stop::TooDeep);
        }
        with_stack(|| self.value(value, depth + 1))
    }

    fn string(&mut self, value: &str) -> Result<(), Stop> {
        if self.text.len() + value.len() > self.bytes_max {
            return Err(Stop::TooLong);
        }
        self.text.push('"');
        let mut from = 0;
        for (at, byte) in value.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.text.push_str(value.get(from..at).unwrap_or_default());
            from = at + 1;
            match byte {
                b'"' => self.text.push_str("\\\""),
                b'\\' => self.text.push_str("\\\\"),
                b'\n' => self.text.push_str("\\n"),
                b'\r' => self.text.push_str("\\r"),
                b'\t' => self.text.push_str("\\t"),
                0x08 => self.text.push_str("\\b"),
                0x0c => self.text.push_str("\\f"),
                _ => write!(self.text, "\\u{byte:04x}").expect("a string takes every text"),
            }
        }
        self.text.push_str(value.get(from..).unwrap_or_default());
        self.text.push('"');
        Ok(())
    }
}

/// A number as JavaScript prints it: the fewest digits that read back as the same, and no fraction where there is none.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "null".to_owned();
    }
    if (1e-6..1e21).contains(&value.abs()) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replacen('e', "e+", 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_javascript_does() {
        let cases: &[(f64, &str)] = &[
            (1.0, "1"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (9_223_372_036_854_775_807.0, "9223372036854776000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (1e-6, "0.000001"),
            (-1.25e300, "-1.25e+300"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(*value), *expected);
        }
    }
}
