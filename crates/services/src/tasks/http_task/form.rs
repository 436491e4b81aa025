//! A request's body: JSON, or a form.

use serde::Deserialize;
use serde_json::Value;

use crate::tasks::{TaskFault, as_text};
use crate::wire::encoded;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Transform {
    request_body_encoding: Option<String>,
    request_encoding_options: Option<Encoding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Encoding {
    array_format: Option<String>,
}

/// The body's text, and its kind.
pub(super) fn written(
    body: &Value,
    transform: Option<&Transform>,
) -> Result<(String, &'static str), TaskFault> {
    match transform.and_then(|transform| transform.request_body_encoding.as_deref()) {
        None | Some("NONE") => Ok((as_text(body), "application/json")),
        Some("URL_ENCODED") => {
            let options = transform.and_then(|transform| transform.request_encoding_options.as_ref());
            let format = options.and_then(|options| options.array_format.as_deref()).unwrap_or("INDICES");
            let mut fields = Vec::new();
            form_fields("", body, format, &mut fields)?;
            Ok((fields.join("&"), "application/x-www-form-urlencoded"))
        }
        Some(other) => Err(TaskFault::runtime(format!("RequestBodyEncoding {other} is not supported"))),
    }
}

/// A form's fields: members in brackets, arrays as `format` says.
fn form_fields(path: &str, value: &Value, format: &str, fields: &mut Vec<String>) -> Result<(), TaskFault> {
    let field = |path: &str, text: &str| format!("{}={}", encoded(path, "[]"), encoded(text, ""));
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}[{name}]") };
                form_fields(&inner, value, format, fields)?;
            }
        }
        Value::Array(values) if format == "COMMAS" => {
            let texts: Vec<String> = values.iter().map(as_text).collect();
            fields.push(field(path, &texts.join(",")));
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                let inner = match format {
                    "INDICES" => format!("{path}[{at}]"),
                    "BRACKETS" => format!("{path}[]"),
                    "REPEAT" => path.to_owned(),
                    other => return Err(TaskFault::runtime(format!("ArrayFormat {other} is not supported"))),
                };
                form_fields(&inner, value, format, fields)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            fields.push(field(path, &as_text(value)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_say_arrays_in_four_ways() {
        let value = json!({ "a": [1, "b c"], "o": { "x": true } });
        for (format, expected) in [
            ("INDICES", "a[0]=1&a[1]=b%20c&o[x]=true"),
            ("REPEAT", "a=1&a=b%20c&o[x]=true"),
            ("COMMAS", "a=1%2Cb%20c&o[x]=true"),
            ("BRACKETS", "a[]=1&a[]=b%20c&o[x]=true"),
        ] {
            let mut fields = Vec::new();
            form_fields("", &value, format, &mut fields).unwrap();
            assert_eq!(fields.join("&"), expected);
        }
    }
}
