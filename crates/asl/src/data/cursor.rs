//! Reading expressions from left to right: what paths and intrinsic functions share.

use std::fmt;

/// Why a text is not a path or not an intrinsic function, and from which byte on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Bytes from the start of the expression.
    pub offset: usize,
    /// What was found, and what was expected.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.message, self.offset)
    }
}

impl std::error::Error for SyntaxError {}

/// A place in an expression.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Steps over a token if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// The same with white space before it.
    pub(super) fn take_spaced(&mut self, token: &str) -> bool {
        let mut ahead = self.clone();
        ahead.skip_space();
        let found = ahead.take(token);
        if found {
            self.at = ahead.at;
        }
        found
    }

    pub(super) fn expect_spaced(&mut self, token: &str) -> Result<(), SyntaxError> {
        if self.take_spaced(token) {
            return Ok(());
        }
        self.skip_space();
        Err(self.unexpected(&format!("`{token}`")))
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { offset: self.at, message: message.into() }
    }

    /// "found this, expected that", here.
    pub(super) fn unexpected(&self, expected: &str) -> SyntaxError {
        self.error(match self.peek() {
            Some(found) => format!("found `{found}`; expected {expected}"),
            None => format!("the text ends; expected {expected}"),
        })
    }
}
