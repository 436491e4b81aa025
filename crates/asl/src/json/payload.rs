//! What travels between states: JSON text and its value, each made from the other when first asked for.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ParseError, Text, Value, check, parse};

/// JSON text and its value. Clones share both.
///
/// Text that came from outside is kept byte for byte: Step Functions keeps the white space of an execution's
/// input in its history. A payload that is only passed on is checked, and never built.
///
/// Two payloads are equal when their texts are, or else when their values are.
#[derive(Clone)]
pub struct Payload(Arc<Halves>);

/// At least one of the two is set, from the start.
#[derive(Default)]
struct Halves {
    text: OnceLock<Text>,
    value: OnceLock<Value>,
}

impl Payload {
    /// Takes text from outside, after a check that it is JSON.
    pub fn parse(text: impl Into<Text>) -> Result<Payload, ParseError> {
        let text = text.into();
        check(&text)?;
        Ok(Self::from_trusted(text))
    }

    /// Takes text that is known to be JSON, because this program wrote it or checked it before.
    ///
    /// Nothing is looked at until [`Payload::value`], which panics on anything else.
    pub fn from_trusted(text: impl Into<Text>) -> Payload {
        Payload(Arc::new(Halves { text: OnceLock::from(text.into()), value: OnceLock::new() }))
    }

    /// Takes a value; its text is written when it is asked for.
    pub fn from_value(value: Value) -> Payload {
        Payload(Arc::new(Halves { text: OnceLock::new(), value: OnceLock::from(value) }))
    }

    /// The JSON text.
    #[expect(clippy::missing_panics_doc, reason = "one half is set from the start")]
    pub fn text(&self) -> &Text {
        self.0.text.get_or_init(|| {
            let value = self.0.value.get().expect("a payload without text was made from a value");
            value.to_text().into()
        })
    }

    /// The value.
    ///
    /// # Panics
    ///
    /// When the text given to [`Payload::from_trusted`] was not JSON after all: a broken log.
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| {
            let text = self.0.text.get().expect("a payload without value was made from text");
            parse(text).expect("a payload's text was checked, or written by this program")
        })
    }

    /// Whether the text is longer than this, in UTF-8 bytes. Writes no text to find out.
    pub fn exceeds(&self, bytes_max: usize) -> bool {
        match self.0.text.get() {
            Some(text) => text.len() > bytes_max,
            None => self.value().text_exceeds(bytes_max),
        }
    }

    /// The length of the text in UTF-8 bytes, which is what AWS's payload quotas count.
    pub fn len_bytes(&self) -> usize {
        self.text().len()
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::from_value(value)
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        match (self.0.text.get(), other.0.text.get()) {
            (Some(text), Some(other)) if text == other => true,
            _ => self.value() == other.value(),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(self.text()).finish()
    }
}

/// A string that holds the JSON text, as AWS's API writes `input` and `output`.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// The text is checked: a string that holds no JSON is an error here, and not later.
impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Payload::parse(text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_kept_byte_for_byte() {
        let text = " { \"a\" : 1.50 } ";
        let payload = Payload::parse(text).unwrap();
        assert_eq!(&**payload.text(), text);
        assert_eq!(payload.len_bytes(), text.len());
        assert_eq!(payload.value().to_text(), r#"{"a":1.5}"#);
        assert_eq!(&**payload.text(), text);
    }

    #[test]
    fn equality_is_by_text_or_by_value() {
        let spaced = Payload::parse("[1, 2]").unwrap();
        let built = Payload::from_value(parse("[1,2]").unwrap());
        assert_eq!(spaced, built);
        assert_eq!(spaced, spaced.clone());
        assert_ne!(spaced, Payload::parse("[1, 2.0]").unwrap());
    }

    #[test]
    fn serde_sees_json_in_json() {
        let payload = Payload::parse(r#"{"a": "b"}"#).unwrap();
        let stored = serde_json::to_string(&payload).unwrap();
        assert_eq!(stored, r#""{\"a\": \"b\"}""#);
        assert_eq!(serde_json::from_str::<Payload>(&stored).unwrap().text(), payload.text());
        assert!(serde_json::from_str::<Payload>(r#""{""#).is_err());
        assert!(serde_json::from_str::<Payload>("{}").is_err());
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        for text in ["", "{", "nul", "{} x"] {
            assert!(Payload::parse(text).is_err(), "{text}");
        }
    }
}
