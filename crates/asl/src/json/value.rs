//! The value, and text into values.

use std::sync::Arc;

use super::reader::{Build, RawString, read};
use super::{Number, Object, ParseError, Span, Text};

/// A JSON value. Clones share what they hold.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the words are JSON's own")]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Arc<Vec<Value>>),
    Object(Arc<Object>),
}

/// Reads JSON text. The first fault ends it.
pub fn parse(text: &str) -> Result<Value, ParseError> {
    read(text, &mut Values::default())
}

/// Whether [`parse`] would take this text. Builds nothing.
pub fn check(text: &str) -> Result<(), ParseError> {
    read(text, &mut Nothing)
}

impl Value {
    /// `null`, `boolean`, `number`, `string`, `array` or `object`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The boolean that this is.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number that this is.
    pub fn as_number(&self) -> Option<&Number> {
        if let Value::Number(number) = self { Some(number) } else { None }
    }

    /// The string that this is.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = self { Some(text) } else { None }
    }

    /// The items of the array that this is.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    /// The object that this is.
    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(object) = self { Some(object) } else { None }
    }

    /// Whether some array or object in here is nested deeper than `levels`: `1` is `[1]`, `2` is `[[1]]`.
    ///
    /// Goes no deeper than that itself.
    pub fn nests_deeper_than(&self, levels: usize) -> bool {
        let deeper = |inside: &Value| levels == 0 || inside.nests_deeper_than(levels - 1);
        match self {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            Value::Array(items) => levels == 0 || items.iter().any(deeper),
            Value::Object(object) => levels == 0 || object.values().any(deeper),
        }
    }
}

impl Value {
    /// Whether this nests no deeper than `levels` and holds no more than `*values_left` values, itself among
    /// them, which are counted off. Looks no further than that.
    ///
    /// A value that shares its parts can be small in memory, and huge for everything that walks through it.
    pub fn fits(&self, levels: usize, values_left: &mut usize) -> bool {
        let Some(left) = values_left.checked_sub(1) else { return false };
        *values_left = left;
        match self {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            Value::Array(items) => levels > 0 && items.iter().all(|item| item.fits(levels - 1, values_left)),
            Value::Object(object) => {
                levels > 0 && object.values().all(|value| value.fits(levels - 1, values_left))
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Value::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Number(value.into())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        i64::from(value).into()
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Number(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

/// `null` for what JSON has no word for, the infinities and NaN; [`Number::from_f64`] tells them apart.
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Value::Number(number)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::Array(Arc::new(items))
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(Arc::new(object))
    }
}

/// Builds values. Names that come again, as in an array of alike objects, share one text.
struct Values {
    keys: [Option<Text>; KEYS],
}

/// How many names are remembered: a handful of alike objects' worth. A power of two.
const KEYS: usize = 64;

impl Default for Values {
    fn default() -> Self {
        Self { keys: [const { None }; KEYS] }
    }
}

impl Values {
    fn key(&mut self, raw: RawString<'_>) -> Text {
        let Some(plain) = raw.plain() else { return raw.to_text() };
        let hash = plain.bytes().fold(plain.len(), |hash, byte| hash.wrapping_mul(31) ^ usize::from(byte));
        let slot = &mut self.keys[(hash ^ (hash >> 6)) % KEYS];
        match slot {
            Some(known) if &**known == plain => known.clone(),
            _ => slot.insert(plain.into()).clone(),
        }
    }
}

impl Build for Values {
    type Node = Value;
    type Members = Object;

    fn null(&mut self, _: Span) -> Value {
        Value::Null
    }

    fn bool(&mut self, _: Span, value: bool) -> Value {
        Value::Bool(value)
    }

    fn number(&mut self, _: Span, value: Number) -> Value {
        Value::Number(value)
    }

    fn string(&mut self, _: Span, value: RawString<'_>) -> Value {
        Value::String(value.to_text())
    }

    fn array(&mut self, _: Span, items: Vec<Value>) -> Value {
        items.into()
    }

    fn member(&mut self, members: &mut Object, key: RawString<'_>, _: Span, value: Value) {
        members.insert(self.key(key), value);
    }

    fn object(&mut self, _: Span, members: Object) -> Value {
        members.into()
    }
}

/// Builds nothing.
struct Nothing;

impl Build for Nothing {
    type Node = ();
    type Members = ();

    fn null(&mut self, _: Span) {}
    fn bool(&mut self, _: Span, _: bool) {}
    fn number(&mut self, _: Span, _: Number) {}
    fn string(&mut self, _: Span, _: RawString<'_>) {}
    fn array(&mut self, _: Span, _: Vec<()>) {}
    fn member(&mut self, (): &mut (), _: RawString<'_>, _: Span, (): ()) {}
    fn object(&mut self, _: Span, (): ()) {}
}
