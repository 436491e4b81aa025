//! JSON with positions: the same grammar, kept as it was written, for diagnostics.
//!
//! Repeated members stay, in order, so that they can be named; [`Spanned::to_value`] merges them as
//! [`super::parse`] does.

use super::reader::{Build, RawString, read};
use super::{Number, Object, ParseError, Text, Value};

/// A stretch of a text, in bytes: from `start` to before `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "said above")]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "said above")]
pub struct Spanned {
    pub span: Span,
    pub node: Node,
}

/// A value whose parts have positions.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the words are JSON's own")]
pub enum Node {
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Vec<Spanned>),
    Object(Vec<Member>),
}

/// A member of an object. `key_span` covers the quotes.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "said above")]
pub struct Member {
    pub key: Text,
    pub key_span: Span,
    pub value: Spanned,
}

/// Reads JSON and keeps every position. Takes exactly the texts that [`super::parse`] takes.
pub fn parse_spanned(text: &str) -> Result<Spanned, ParseError> {
    read(text, &mut Tree)
}

impl Spanned {
    /// The value without positions; of repeated members the last is kept, at the place of the first.
    pub fn to_value(&self) -> Value {
        match &self.node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(number) => Value::Number(number.clone()),
            Node::String(text) => Value::String(text.clone()),
            Node::Array(items) => Value::from(items.iter().map(Spanned::to_value).collect::<Vec<_>>()),
            Node::Object(members) => {
                let members = members.iter().map(|member| (member.key.clone(), member.value.to_value()));
                Value::from(members.collect::<Object>())
            }
        }
    }

    /// A member by name, the last where it is repeated; `None` on anything but an object.
    pub fn get(&self, key: &str) -> Option<&Member> {
        match &self.node {
            Node::Object(members) => members.iter().rev().find(|member| &*member.key == key),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) | Node::Array(_) => None,
        }
    }

    /// `null`, `boolean`, `number`, `string`, `array` or `object`.
    pub fn type_name(&self) -> &'static str {
        match &self.node {
            Node::Null => "null",
            Node::Bool(_) => "boolean",
            Node::Number(_) => "number",
            Node::String(_) => "string",
            Node::Array(_) => "array",
            Node::Object(_) => "object",
        }
    }
}

/// Line and column of a byte offset, both from 1, the column in characters. An offset beyond the text is its end.
pub fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    let count = |n| u32::try_from(n).unwrap_or(u32::MAX);
    (count(line), count(column))
}

struct Tree;

impl Build for Tree {
    type Node = Spanned;
    type Members = Vec<Member>;

    fn null(&mut self, span: Span) -> Spanned {
        Spanned { span, node: Node::Null }
    }

    fn bool(&mut self, span: Span, value: bool) -> Spanned {
        Spanned { span, node: Node::Bool(value) }
    }

    fn number(&mut self, span: Span, value: Number) -> Spanned {
        Spanned { span, node: Node::Number(value) }
    }

    fn string(&mut self, span: Span, value: RawString<'_>) -> Spanned {
        Spanned { span, node: Node::String(value.to_text()) }
    }

    fn array(&mut self, span: Span, items: Vec<Spanned>) -> Spanned {
        Spanned { span, node: Node::Array(items) }
    }

    fn member(&mut self, members: &mut Vec<Member>, key: RawString<'_>, key_span: Span, value: Spanned) {
        members.push(Member { key: key.to_text(), key_span, value });
    }

    fn object(&mut self, span: Span, members: Vec<Member>) -> Spanned {
        Spanned { span, node: Node::Object(members) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_what_was_written() {
        let text = r#" { "a" : [1, "x"], "a": null } "#;
        let root = parse_spanned(text).unwrap();
        let shown = |span: Span| &text[span.start..span.end];
        assert_eq!(shown(root.span), text.trim());
        let Node::Object(members) = &root.node else { panic!("{root:?}") };
        assert_eq!(members.len(), 2, "a repeated member is kept");
        assert_eq!(shown(members[0].key_span), r#""a""#);
        assert_eq!(shown(members[0].value.span), r#"[1, "x"]"#);
        let Node::Array(items) = &members[0].value.node else { panic!("{members:?}") };
        assert_eq!(shown(items[0].span), "1");
        assert_eq!(shown(items[1].span), r#""x""#);
        assert_eq!(root.get("a").unwrap().value.node, Node::Null, "the last one counts");
        assert_eq!(root.get("b"), None);
        assert_eq!(root.to_value().to_text(), r#"{"a":null}"#);
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "ab\nÄöü\n\nx";
        for (offset, expected) in [
            (0, (1, 1)),
            (1, (1, 2)),
            (3, (2, 1)),
            (5, (2, 2)),
            (6, (2, 2)),
            (10, (3, 1)),
            (11, (4, 1)),
            (99, (4, 2)),
        ] {
            assert_eq!(line_column(text, offset), expected, "{offset}");
        }
    }
}
