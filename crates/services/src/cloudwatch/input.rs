//! A call's input, from any of the three protocols, into one model.
//!
//! AWS JSON and CBOR say what is a number and what a text; a form has texts alone, and an empty one for an empty list.
//! So a shape's member is read as what it is, from whatever it came as.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Value;

use super::fault;
use crate::wire::Fault;

/// Reads an input.
pub(super) fn read<T: DeserializeOwned>(input: Value) -> Result<T, Fault> {
    T::deserialize(Input(input)).map_err(|error| match error {
        Problem::Missing(member) => fault::missing(member),
        Problem::Wrong(message) => {
            Fault::sender(400, "SerializationException", message).in_query("MalformedInput")
        }
    })
}

/// A time of the API: seconds since 1970 in JSON and CBOR, ISO 8601 in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) ms: i64,
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time")
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Time, E> {
        seconds.checked_mul(1000).map(|ms| Time { ms }).ok_or_else(|| E::custom("the time is too far away"))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Time, E> {
        let ms = (seconds * 1000.0).round();
        if !(-1e15..=1e15).contains(&ms) {
            return Err(E::custom("the time is too far away"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within bounds")]
        Ok(Time { ms: ms as i64 })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Time { ms: time.as_millisecond() });
        }
        match text.parse::<f64>() {
            Ok(seconds) => self.visit_f64(seconds),
            Err(_) => Err(E::custom(format!("`{text}` is no time; expected one as 2026-01-31T12:00:00Z"))),
        }
    }
}

struct Input(Value);

#[derive(Debug)]
enum Problem {
    Missing(&'static str),
    Wrong(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(member) => write!(formatter, "{member} is missing"),
            Self::Wrong(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Wrong(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

impl Input {
    fn integer(&self) -> Result<i64, Problem> {
        let whole = |number: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within bounds")]
            let integer = number as i64;
            (number.fract() == 0.0 && number.abs() < 1e15).then_some(integer)
        };
        let found = match &self.0 {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        found.ok_or_else(|| Problem::Wrong(format!("{} is no integer", self.0)))
    }

    fn number(&self) -> Result<f64, Problem> {
        let found = match &self.0 {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        found.ok_or_else(|| Problem::Wrong(format!("{} is no number", self.0)))
    }
}

impl IntoDeserializer<'_, Problem> for Input {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Input {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(is) => visitor.visit_bool(is),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => visitor.visit_i64(integer),
                (None, Some(number)) => visitor.visit_f64(number),
                (None, None) => Err(Problem::Wrong(format!("{number} is no number"))),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self))),
            Value::Object(members) => {
                let members = members.into_iter().filter(|(_, value)| !value.is_null());
                visitor.visit_map(MapDeserializer::new(members.map(|(name, value)| (name, Self(value)))))
            }
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_i64(self.integer()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.0 {
            Value::String(text) if text == "true" => visitor.visit_bool(true),
            Value::String(text) if text == "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.0 {
            Value::String(text) if text.is_empty() => Self(Value::Array(Vec::new())).deserialize_any(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Shape {
        name: String,
        period: Option<i64>,
        value: Option<f64>,
        is_on: Option<bool>,
        at: Option<Time>,
        #[serde(default)]
        items: Vec<String>,
    }

    #[test]
    fn a_member_is_read_from_what_each_protocol_has_for_it() {
        let typed = json!({
            "Name": "n", "Period": 300, "Value": 1.5, "IsOn": true, "At": 1_800_000_000.5, "Items": ["a"],
        });
        let form = json!({
            "Name": "n", "Period": "300", "Value": "1.5", "IsOn": "true", "At": "2027-01-15T08:00:00.500Z",
            "Items": ["a"],
        });
        let expected: Shape = read(typed).unwrap();
        assert_eq!(expected.at, Some(Time { ms: 1_800_000_000_500 }));
        assert_eq!(read::<Shape>(form).unwrap(), expected);
        let sparse: Shape = read(json!({ "Name": "5", "Items": "", "Value": 2, "Period": null })).unwrap();
        assert_eq!((sparse.items.len(), sparse.value, sparse.period), (0, Some(2.0), None));
        for (input, code) in [
            (json!({}), "MissingRequiredParameterException"),
            (json!({ "Name": "n", "Period": 1.5 }), "SerializationException"),
            (json!({ "Name": "n", "Period": "x" }), "SerializationException"),
            (json!({ "Name": "n", "At": "yesterday" }), "SerializationException"),
            (json!({ "Name": 1 }), "SerializationException"),
        ] {
            assert_eq!(read::<Shape>(input.clone()).unwrap_err().code, code, "{input}");
        }
    }
}
