//! The grammar of JSON (RFC 8259), read once from the front.
//!
//! What is made of it is up to a [`Build`]: values, a tree with positions, or nothing (a check). There is one
//! grammar, so a text that one of them takes is a text that all of them take.

use std::sync::Arc;

use super::error::ParseErrorKind;
use super::{DEPTH_MAX, NUMBER_LENGTH_MAX, Number, ParseError, Span, Text};

/// What a text is read into. Called from the inside out, in the order of the text.
pub(super) trait Build {
    type Node;
    type Members: Default;

    fn null(&mut self, span: Span) -> Self::Node;
    fn bool(&mut self, span: Span, value: bool) -> Self::Node;
    fn number(&mut self, span: Span, value: Number) -> Self::Node;
    fn string(&mut self, span: Span, value: RawString<'_>) -> Self::Node;
    fn array(&mut self, span: Span, items: Vec<Self::Node>) -> Self::Node;
    fn member(&mut self, members: &mut Self::Members, key: RawString<'_>, key_span: Span, value: Self::Node);
    fn object(&mut self, span: Span, members: Self::Members) -> Self::Node;
}

/// Reads a whole text: one value and white space around it.
pub(super) fn read<B: Build>(text: &str, build: &mut B) -> Result<B::Node, ParseError> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(build)?;
    reader.skip_white_space();
    match reader.found() {
        None => Ok(node),
        Some(found) => Err(reader.error(ParseErrorKind::TrailingText { found })),
    }
}

/// A string between its quotes, its escapes already checked.
#[derive(Clone, Copy)]
pub(super) struct RawString<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> RawString<'a> {
    /// The string itself, when it is written as it is.
    pub(super) fn plain(self) -> Option<&'a str> {
        (!self.has_escapes).then_some(self.raw)
    }

    /// The string that is meant. A surrogate without its partner, which UTF-8 cannot hold, becomes U+FFFD.
    pub(super) fn to_text(self) -> Text {
        match self.plain() {
            Some(plain) => Arc::from(plain),
            None => unescape(self.raw).into(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// An array or object that has begun, and the place of its bracket.
enum Open<B: Build> {
    Array(usize, Vec<B::Node>),
    Object(usize, B::Members),
}

/// The name of the member whose value comes next, for each open object that waits for one.
type Key<'a> = (RawString<'a>, Span);

impl<'a> Reader<'a> {
    /// One value. What is open is on a stack of our own, so that depth costs memory and never the thread's stack.
    fn value<B: Build>(&mut self, build: &mut B) -> Result<B::Node, ParseError> {
        let mut open: Vec<Open<B>> = Vec::new();
        let mut keys: Vec<Key<'a>> = Vec::new();
        loop {
            self.skip_white_space();
            let start = self.at;
            let mut node = match self.peek() {
                Some(b'[') => {
                    self.step_in(open.len())?;
                    if !self.take(b']') {
                        open.push(Open::Array(start, Vec::new()));
                        continue;
                    }
                    build.array(self.span_from(start), Vec::new())
                }
                Some(b'{') => {
                    self.step_in(open.len())?;
                    if !self.take(b'}') {
                        open.push(Open::Object(start, B::Members::default()));
                        keys.push(self.key()?);
                        continue;
                    }
                    build.object(self.span_from(start), B::Members::default())
                }
                _ => self.scalar(build)?,
            };
            // A value is complete: it belongs to what is open, and may complete that too.
            loop {
                match open.last_mut() {
                    None => return Ok(node),
                    Some(Open::Array(start, items)) => {
                        items.push(node);
                        if !self.take(b']') {
                            self.expect(b',', "`,` or `]`")?;
                            break;
                        }
                        node = build.array(self.span_from(*start), std::mem::take(items));
                    }
                    Some(Open::Object(start, members)) => {
                        let (key, key_span) = keys.pop().expect("an open object has its next key");
                        build.member(members, key, key_span, node);
                        if !self.take(b'}') {
                            self.expect(b',', "`,` or `}`")?;
                            keys.push(self.key()?);
                            break;
                        }
                        node = build.object(self.span_from(*start), std::mem::take(members));
                    }
                }
                open.pop();
            }
        }
    }

    fn scalar<B: Build>(&mut self, build: &mut B) -> Result<B::Node, ParseError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let string = self.string()?;
                Ok(build.string(self.span_from(start), string))
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                Ok(build.number(self.span_from(start), number))
            }
            Some(b't') => self.word("true").map(|()| build.bool(self.span_from(start), true)),
            Some(b'f') => self.word("false").map(|()| build.bool(self.span_from(start), false)),
            Some(b'n') => self.word("null").map(|()| build.null(self.span_from(start))),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A member's name and the colon after it.
    fn key(&mut self) -> Result<Key<'a>, ParseError> {
        self.skip_white_space();
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a member's name in quotes"));
        }
        let key = self.string()?;
        let span = self.span_from(start);
        self.expect(b':', "`:`")?;
        Ok((key, span))
    }

    /// Steps over an opening bracket when there is room for it.
    fn step_in(&mut self, depth: usize) -> Result<(), ParseError> {
        if depth == DEPTH_MAX {
            return Err(self.error(ParseErrorKind::TooDeep));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &'static str) -> Result<(), ParseError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<Number, ParseError> {
        let start = self.at;
        self.take_byte(|byte| byte == b'-');
        if !self.take_byte(|byte| byte == b'0') {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.take_byte(|byte| byte == b'.') {
            is_integer = false;
            self.digits()?;
        }
        if self.take_byte(|byte| matches!(byte, b'e' | b'E')) {
            is_integer = false;
            self.take_byte(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        let fault = |kind| ParseError::new(self.text, start, kind);
        if self.at - start > NUMBER_LENGTH_MAX {
            return Err(fault(ParseErrorKind::NumberTooLong));
        }
        Number::from_json(&self.text[start..self.at], is_integer)
            .ok_or_else(|| fault(ParseErrorKind::NumberOutOfRange))
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while self.take_byte(|byte| byte.is_ascii_digit()) {}
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    /// A string, from its opening to its closing quote.
    fn string(&mut self) -> Result<RawString<'a>, ParseError> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        self.at = start;
        let mut has_escapes = false;
        loop {
            self.at = end_of_plain(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                Some(&control) => {
                    return Err(self.error(ParseErrorKind::ControlCharacter { found: char::from(control) }));
                }
                None => return Err(self.unexpected("`\"`")),
            }
        }
        self.at += 1;
        Ok(RawString { raw: &self.text[start..self.at - 1], has_escapes })
    }

    fn escape(&mut self) -> Result<(), ParseError> {
        let escape = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => match self.text.as_bytes().get(self.at + 1..self.at + 5) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => self.at += 5,
                _ => return Err(ParseError::new(self.text, escape, ParseErrorKind::InvalidUnicodeEscape)),
            },
            _ => {
                return Err(match self.found() {
                    Some(found) => {
                        ParseError::new(self.text, escape, ParseErrorKind::InvalidEscape { found })
                    }
                    None => self.unexpected("an escape"),
                });
            }
        }
        Ok(())
    }

    fn skip_white_space(&mut self) {
        while self.take_byte(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {}
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        self.take_byte(|found| found == byte)
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ParseError> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn take_byte(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        let taken = self.peek().is_some_and(wanted);
        self.at += usize::from(taken);
        taken
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn found(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    #[cold]
    fn unexpected(&self, expected: &'static str) -> ParseError {
        self.error(match self.found() {
            Some(found) => ParseErrorKind::Unexpected { found, expected },
            None => ParseErrorKind::UnexpectedEnd { expected },
        })
    }

    #[cold]
    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.text, self.at, kind)
    }
}

/// Where the run of characters that stand for themselves ends: at a quote, a backslash or a control character.
///
/// Looks at eight bytes at once. `(x - 1) & !x` has its high bit set in the lowest byte of `x` that is zero;
/// a borrow can only spoil the bytes above it, and only the lowest is asked for.
fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let zero_at = |word: u64| word.wrapping_sub(ONES) & !word;
        let quote = zero_at(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_at(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let special = (quote | backslash | control) & HIGHS;
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(backslash) = rest.find('\\') {
        out.push_str(&rest[..backslash]);
        let escape = rest.as_bytes()[backslash + 1];
        rest = &rest[backslash + 2..];
        match escape {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let first = hex4(rest).expect("the escapes were checked");
                rest = &rest[4..];
                let second = rest.strip_prefix("\\u").and_then(hex4);
                match (first, second) {
                    (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) => {
                        rest = &rest[6..];
                        let code = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
                        out.push(char::from_u32(code).expect("a surrogate pair is a character"));
                    }
                    _ => out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)),
                }
            }
            itself => out.push(char::from(itself)),
        }
    }
    out.push_str(rest);
    out
}

fn hex4(text: &str) -> Option<u32> {
    u32::from_str_radix(text.get(..4)?, 16).ok()
}
