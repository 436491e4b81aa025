//! A value as Java's `toString` writes it, which is how it shows in `States.Format` and in some messages.
//!
//! AWS: recorded: `{Id=arn:..., Name=Machine}` for an object. Lists follow the same Java rule.

use std::fmt::{self, Display};

use crate::json::{Number, Value};

/// Displays a value the way Java would: strings bare, `{key=value, ...}`, `[item, ...]`.
pub(crate) struct JavaText<'a>(pub(crate) &'a Value);

impl Display for JavaText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::String(text) => f.write_str(text),
            Value::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if index > 0 { ", " } else { "" }, JavaText(item))?;
                }
                f.write_str("]")
            }
            Value::Object(members) => {
                f.write_str("{")?;
                for (index, (key, value)) in members.iter().enumerate() {
                    write!(f, "{}{key}={}", if index > 0 { ", " } else { "" }, JavaText(value))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// The Java class that Jackson reads such a value into.
pub(crate) fn java_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) => number_class(number),
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}

fn number_class(number: &Number) -> &'static str {
    match number.as_i64() {
        Some(value) if i32::try_from(value).is_ok() => "java.lang.Integer",
        Some(_) => "java.lang.Long",
        None if number.is_integer() => "java.math.BigInteger",
        None => "java.lang.Double",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn values_show_as_in_java() {
        for (json, text, class) in [
            ("null", "null", "null"),
            ("1.50", "1.5", "java.lang.Double"),
            ("2147483647", "2147483647", "java.lang.Integer"),
            ("2147483648", "2147483648", "java.lang.Long"),
            ("9223372036854775808", "9223372036854775808", "java.math.BigInteger"),
            (r#""a \"b\"""#, "a \"b\"", "java.lang.String"),
            (r#"[1,"a",[],null]"#, "[1, a, [], null]", "java.util.ArrayList"),
            (r#"{"Id":"x","n":{"m":true}}"#, "{Id=x, n={m=true}}", "java.util.LinkedHashMap"),
        ] {
            let value = parse(json).unwrap();
            assert_eq!((JavaText(&value).to_string().as_str(), java_class(&value)), (text, class));
        }
    }
}
