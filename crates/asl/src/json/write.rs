//! A value as JSON text, as Jackson writes it: no white space, members in order, few escapes.

use std::fmt::Write;

use super::Value;

impl Value {
    /// The JSON text of this value.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Whether the JSON text of this value is longer than this, in bytes. Stops looking where it is.
    ///
    /// To be asked before [`Value::to_text`] wherever a value was made by an expression: a value that shares its
    /// parts can be small in memory and huge as text.
    pub fn text_exceeds(&self, bytes_max: usize) -> bool {
        self.subtract_text(bytes_max).is_none()
    }

    /// What is left of `bytes` when this value is written.
    fn subtract_text(&self, bytes: usize) -> Option<usize> {
        match self {
            Value::Null | Value::Bool(true) => bytes.checked_sub(4),
            Value::Bool(false) => bytes.checked_sub(5),
            Value::Number(number) => bytes.checked_sub(number.text_bytes()),
            Value::String(text) => subtract_string(text, bytes),
            Value::Array(items) => {
                let signs = items.len().max(1) + 1;
                items.iter().try_fold(bytes.checked_sub(signs)?, |bytes, item| item.subtract_text(bytes))
            }
            Value::Object(members) => {
                let signs = members.len() * 2 + usize::from(members.is_empty()) + 1;
                members.iter().try_fold(bytes.checked_sub(signs)?, |bytes, (key, value)| {
                    value.subtract_text(subtract_string(key, bytes)?)
                })
            }
        }
    }

    /// Appends the JSON text of this value.
    ///
    /// Recurses as deep as the value nests. [`super::parse`] and everything under `data/` make no value that
    /// nests deeper than [`super::DEPTH_MAX`].
    pub fn write(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(number) => write!(out, "{number}").expect("a String takes all text"),
            Value::String(text) => write_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Appends a string in quotes. Only `"`, `\` and control characters are escaped.
fn write_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => write!(out, "\\u{control:04X}").expect("a String takes all text"),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn subtract_string(text: &str, bytes: usize) -> Option<usize> {
    // The length without escapes first: a long string is refused without a look at it.
    let bytes = bytes.checked_sub(text.len() + 2)?;
    let escapes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x0c | b'\n' | b'\r' | b'\t' => 1,
        0x00..0x20 => 5,
        _ => 0,
    });
    bytes.checked_sub(escapes.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_jackson_does() {
        for (text, expected) in [
            ("", r#""""#),
            ("plain", r#""plain""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
            ("\u{0}\u{1f}\u{7f}", "\"\\u0000\\u001F\u{7f}\""),
            ("Grüße 🎞", "\"Grüße 🎞\""),
        ] {
            assert_eq!(Value::from(text).to_text(), expected);
        }
    }

    #[test]
    fn containers_have_no_white_space() {
        let value =
            super::super::parse(r#" { "a" : [ 1 , 2.50 , null , true , false ] , "b" : { } , "c" : [ ] } "#);
        assert_eq!(value.unwrap().to_text(), r#"{"a":[1,2.5,null,true,false],"b":{},"c":[]}"#);
    }
}
