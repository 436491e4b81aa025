//! Strings: put together and taken apart.

use super::{Argument, Arguments, BoundedText, Evaluated, Fault};
use crate::json::Value;

/// The template with each `{}` replaced by the next argument, as Java shows it.
///
/// AWS: recorded: an object shows as `{Id=x, Name=y}`, and `null` as `null`. What `States.StringToJson` makes
/// was seen to show as JSON.
pub(super) fn format(arguments: &Arguments<'_>) -> Evaluated {
    let template = match arguments.written.first() {
        Some(Argument::Text { source, .. }) => source,
        _ => arguments.text(0)?,
    };
    let mut out = BoundedText::default();
    let mut places = 0;
    let mut rest = template;
    while let Some(sign) = rest.find(['\\', '{', '}']) {
        push(&mut out, &rest[..sign])?;
        let (sign, after) = rest[sign..].split_at(1);
        match (sign, after.chars().next()) {
            ("\\", Some(escaped @ ('\'' | '{' | '}' | '\\'))) => {
                push(&mut out, escaped.encode_utf8(&mut [0; 4]))?;
                rest = &after[1..];
            }
            // Only a template that came by a path can hold one; it stands for itself.
            ("\\", _) => {
                push(&mut out, sign)?;
                rest = after;
            }
            ("{", Some('}')) => {
                places += 1;
                if let Some(value) = arguments.values.get(places) {
                    show(&mut out, &arguments.written[places], value)?;
                }
                rest = &after[1..];
            }
            ("{", _) => return Err(Fault::Template("matching '}' not found for '{'.")),
            _ => return Err(Fault::Template("matching '{' not found for '}'.")),
        }
    }
    push(&mut out, rest)?;
    if places + 1 != arguments.values.len() {
        return Err(Fault::ArgumentsBecause("number of arguments do not match the occurrences of {}."));
    }
    Ok(out.0.into())
}

fn push(out: &mut BoundedText, text: &str) -> Result<(), Fault> {
    std::fmt::Write::write_str(out, text).map_err(|_| Fault::TooLarge)
}

fn show(out: &mut BoundedText, written: &Argument, value: &Value) -> Result<(), Fault> {
    match written {
        Argument::Call(call) if call.function.is_string_to_json() => out.push_json(value),
        Argument::Call(_) | Argument::Constant(_) | Argument::Text { .. } | Argument::Path(_) => {
            out.push(value)
        }
    }
}

/// The parts between the delimiters, of which every character is one. Empty parts are dropped.
pub(super) fn split(arguments: &Arguments<'_>) -> Evaluated {
    let (text, delimiters) = (arguments.text(0)?, arguments.text(1)?);
    let parts = text.split(|c| delimiters.contains(c)).filter(|part| !part.is_empty());
    Ok(parts.map(Value::from).collect::<Vec<_>>().into())
}
