//! Paths back into text: in our own style, and in Jayway's, for its messages.

use std::fmt::{self, Display, Formatter, Write};

use super::super::cursor::Cursor;
use super::parse::quoted_name;
use super::syntax::{Comparator, Filter, FilterPath, Operand, Root, Segment, Selector, is_name_char};
use crate::json::Value;

/// `$.a['b c'][0]`: dots where they can be read back, else brackets.
pub(super) fn path(f: &mut Formatter<'_>, root: &Root, segments: &[Segment]) -> fmt::Result {
    match root {
        Root::Input => f.write_str("$")?,
        Root::Context => f.write_str("$$")?,
        Root::Variable(name) => write!(f, "${name}")?,
    }
    self::segments(f, segments)
}

/// `$['a']['b c'][0]`, as Jayway writes compiled paths. A filter is `[?]`, as it is there.
pub(super) fn jayway(segments: &[Segment]) -> String {
    let mut out = String::from("$");
    for segment in segments {
        let selector = match segment {
            Segment::Child(selector) => selector,
            Segment::Descendant(selector) => {
                out.push_str("..");
                selector
            }
        };
        match selector {
            Selector::Name(name) => write!(out, "['{name}']"),
            Selector::Names(names) => {
                let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
                write!(out, "[{}]", quoted.join(","))
            }
            Selector::Filter(_) => write!(out, "[?]"),
            Selector::Index(_) | Selector::Indices(_) | Selector::Slice(..) | Selector::Wildcard => {
                write!(out, "{}", Shown(selector))
            }
        }
        .expect("a String takes all text");
    }
    out
}

fn segments(f: &mut Formatter<'_>, segments: &[Segment]) -> fmt::Result {
    for segment in segments {
        let (dot, selector) = match segment {
            Segment::Child(selector) => (".", selector),
            Segment::Descendant(selector) => ("..", selector),
        };
        match selector {
            Selector::Name(name) if !name.is_empty() && name.chars().all(is_name_char) => {
                write!(f, "{dot}{name}")?;
            }
            _ if dot == ".." => write!(f, "..{}", Shown(selector))?,
            _ => write!(f, "{}", Shown(selector))?,
        }
    }
    Ok(())
}

/// A selector in brackets.
struct Shown<T>(T);

impl Display for Shown<&Selector> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Selector::Name(name) => write!(f, "[{}]", Shown(&**name)),
            Selector::Names(names) => write!(f, "[{}]", listed(names, |name| Shown(&**name).to_string())),
            Selector::Index(index) => write!(f, "[{index}]"),
            Selector::Indices(indices) => write!(f, "[{}]", listed(indices, ToString::to_string)),
            Selector::Slice(start, end) => {
                let bound = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                write!(f, "[{}:{}]", bound(start), bound(end))
            }
            Selector::Wildcard => f.write_str("[*]"),
            Selector::Filter(filter) => write!(f, "[?({})]", Shown(filter)),
        }
    }
}

/// A name in quotes, such that it reads back as itself: one kind of quotes or the other always does.
impl Display for Shown<&str> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let quoted = |quote: char| {
            let mut escape = String::from('\\');
            escape.push(quote);
            format!("{quote}{}{quote}", self.0.replace(quote, &escape))
        };
        let single = quoted('\'');
        let reads_back = quoted_name(&mut Cursor::new(&single)).is_ok_and(|name| &*name == self.0);
        f.write_str(&if reads_back { single } else { quoted('"') })
    }
}

impl Display for Shown<&Filter> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Filter::Or(parts) => self::parts(f, parts, " || "),
            Filter::And(parts) => self::parts(f, parts, " && "),
            Filter::Not(inner) => match **inner {
                Filter::Exists(_) | Filter::Not(_) => write!(f, "!{}", Shown(&**inner)),
                Filter::Or(_) | Filter::And(_) | Filter::Compare(..) => write!(f, "!({})", Shown(&**inner)),
            },
            Filter::Exists(path) => Shown(path).fmt(f),
            Filter::Compare(left, comparator, right) => {
                write!(f, "{} {} {}", Shown(left), Comparator::text(*comparator), Shown(right))
            }
        }
    }
}

fn parts(f: &mut Formatter<'_>, parts: &[Filter], sign: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index > 0 { sign } else { "" })?;
        match part {
            Filter::Or(_) | Filter::And(_) => write!(f, "({})", Shown(part))?,
            Filter::Not(_) | Filter::Exists(_) | Filter::Compare(..) => Shown(part).fmt(f)?,
        }
    }
    Ok(())
}

impl Display for Shown<&FilterPath> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.from_root { "$" } else { "@" })?;
        segments(f, &self.0.segments)
    }
}

impl Display for Shown<&Operand> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operand::Path(path) => Shown(path).fmt(f),
            Operand::Literal(value) => Shown(value).fmt(f),
            Operand::Pattern(pattern) => write!(f, "/{}/{}", pattern.source, pattern.flags),
        }
    }
}

impl Display for Shown<&Value> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Value::Array(items) => write!(f, "[{}]", listed(items, |item| Shown(item).to_string())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                f.write_str(&self.0.to_text())
            }
        }
    }
}

fn listed<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}
