//! What is wrong with a text that is not JSON, and where.

use std::fmt;

use super::spanned::line_column;

/// The first place at which a text stops being JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Bytes from the start of the text.
    pub offset: usize,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the texts below say it")]
pub enum ParseErrorKind {
    UnexpectedEnd { expected: &'static str },
    Unexpected { found: char, expected: &'static str },
    TrailingText { found: char },
    ControlCharacter { found: char },
    InvalidEscape { found: char },
    InvalidUnicodeEscape,
    NumberOutOfRange,
    NumberTooLong,
    TooDeep,
}

impl ParseError {
    pub(super) fn new(text: &str, offset: usize, kind: ParseErrorKind) -> ParseError {
        let (line, column) = line_column(text, offset);
        ParseError { offset, line, column, kind }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.kind, self.line, self.column)
    }
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::{DEPTH_MAX, NUMBER_LENGTH_MAX};
        match self {
            Self::UnexpectedEnd { expected } => write!(f, "the text ends; expected {expected}"),
            Self::Unexpected { found, expected } => write!(f, "found {found:?}; expected {expected}"),
            Self::TrailingText { found } => write!(f, "found {found:?} after the value; expected the end"),
            Self::ControlCharacter { found } => {
                write!(f, "found the control character {found:?} in a string; expected it escaped")
            }
            Self::InvalidEscape { found } => {
                write!(
                    f,
                    "found the escape `\\{}`; expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u",
                    found.escape_debug()
                )
            }
            Self::InvalidUnicodeEscape => f.write_str("expected four hexadecimal digits after `\\u`"),
            Self::NumberOutOfRange => f.write_str("the number is too large for a double"),
            Self::NumberTooLong => write!(f, "the number has more than {NUMBER_LENGTH_MAX} characters"),
            Self::TooDeep => write!(f, "arrays and objects are nested deeper than {DEPTH_MAX}"),
        }
    }
}

impl std::error::Error for ParseError {}
