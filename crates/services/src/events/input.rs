//! What a target is given of an event: all of it, a part, something fixed, or a text made of its parts.
//!
//! Documentation: EventBridge, "Input transformation".

use serde_json::{Value, json};

use super::path;
use super::put::Event;
use super::rule::Rule;
use super::target::{Target, Transformer};
use crate::clock::iso_ms;

/// Parts that a transformer names. AWS's own bound.
const PATHS_MAX: usize = 100;
/// What a transformer may name without a path.
const RESERVED: [&str; 5] = [
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
];

/// The text that this target gets.
pub(super) fn of(target: &Target, rule: &Rule, event: &Value, now_ms: i64) -> String {
    if let Some(input) = &target.input {
        return input.clone();
    }
    if let Some(transformer) = &target.input_transformer {
        return transformed(transformer, rule, event, now_ms);
    }
    match target.input_path.as_deref().and_then(path::parse) {
        Some(steps) => path::find(&steps, event).unwrap_or(&json!({})).to_string(),
        None => event.to_string(),
    }
}

/// Why the template cannot be used.
pub(super) fn check_template(transformer: &Transformer) -> Result<(), String> {
    if transformer.input_paths_map.len() > PATHS_MAX {
        return Err(format!("InputPathsMap has more than {PATHS_MAX} keys"));
    }
    let names = variables(&transformer.input_template).filter_map(|piece| match piece {
        Piece::Variable { name, .. } => Some(name),
        Piece::Text(_) => None,
    });
    let is_known = |name: &str| RESERVED.contains(&name) || transformer.input_paths_map.contains_key(name);
    match names.into_iter().find(|name| !is_known(name)) {
        Some(name) => {
            Err(format!("InputTemplate for target contains placeholder {name} that is not in InputPathsMap"))
        }
        None => Ok(()),
    }
}

/// AWS: within quotes a string stands as its characters, elsewhere as JSON; what a path does not find is an
/// empty text.
fn transformed(transformer: &Transformer, rule: &Rule, event: &Value, now_ms: i64) -> String {
    let mut text = String::new();
    for piece in variables(&transformer.input_template) {
        let (name, is_quoted) = match piece {
            Piece::Text(piece) => {
                text.push_str(piece);
                continue;
            }
            Piece::Variable { name, is_quoted } => (name, is_quoted),
        };
        let value = value_of(name, transformer, rule, event, now_ms);
        match (value, is_quoted) {
            (Some(Value::String(value)), true) => {
                let quoted = json!(value).to_string();
                text.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            // AWS: an object or array within a string loses its quotes.
            (Some(value), true) => text.push_str(&value.to_string().replace('"', "\\\"")),
            (Some(value), false) => text.push_str(&value.to_string()),
            (None, true) => {}
            (None, false) => text.push_str("\"\""),
        }
    }
    text
}

fn value_of(name: &str, transformer: &Transformer, rule: &Rule, event: &Value, now_ms: i64) -> Option<Value> {
    match name {
        "aws.events.rule-arn" => Some(json!(rule.arn)),
        "aws.events.rule-name" => Some(json!(rule.name)),
        "aws.events.event.ingestion-time" => Some(json!(iso_ms(now_ms))),
        "aws.events.event.json" => Some(event.clone()),
        // AWS: the event without its detail.
        "aws.events.event" => {
            let mut event = event.clone();
            event.as_object_mut()?.shift_remove("detail");
            Some(event)
        }
        name => {
            let steps = path::parse(transformer.input_paths_map.get(name)?.as_str()?)?;
            path::find(&steps, event).cloned()
        }
    }
}

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    Variable { name: &'a str, is_quoted: bool },
}

/// A template's pieces, in order.
fn variables(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    let mut is_quoted = false;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = variable(rest) {
            rest = after;
            return Some(Piece::Variable { name, is_quoted });
        }
        let mut was_escape = false;
        let end = rest.char_indices().position(|(at, character)| {
            let begins = at > 0 && variable(&rest[at..]).is_some();
            if begins {
                return true;
            }
            if character == '"' && !was_escape {
                is_quoted = !is_quoted;
            }
            was_escape = character == '\\' && !was_escape;
            false
        });
        let end = end.and_then(|position| rest.char_indices().nth(position)).map_or(rest.len(), |(at, _)| at);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// `<name>` at the start of the text.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_word)).then_some((name, after))
}

impl Event {
    /// The event as rules see it and targets get it.
    pub(super) fn enveloped(&self, id: &str, now_ms: i64) -> Value {
        json!({
            "version": "0", "id": id, "detail-type": self.detail_type, "source": self.source,
            "account": self.caller.account, "time": crate::clock::iso_seconds(self.time_ms.unwrap_or(now_ms)),
            "region": self.caller.region, "resources": self.resources, "detail": self.detail,
        })
    }
}
