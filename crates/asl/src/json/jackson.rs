//! Syntax errors in Jackson's words, which AWS shows as they are.
//!
//! Jackson stops a little later than our reader: behind the word or the character that it cannot use. Where
//! its words are not known for certain, ours stand.

use super::{ParseError, ParseErrorKind};

/// Characters of a text that Jackson shows.
const SHOWN_CHARACTERS_MAX: usize = 500;
/// Characters of a word that Jackson shows.
const WORD_CHARACTERS_MAX: usize = 256;
/// What may stand where a value is expected.
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// A syntax error as Jackson tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JacksonError {
    /// What is wrong.
    pub message: String,
    /// `[Source: (String)"…"; line: 1, column: 4]`.
    pub location: String,
}

impl JacksonError {
    /// The error of parsing this text.
    pub fn new(text: &str, error: &ParseError) -> Self {
        let (message, passed) = described(text, error);
        let shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
        let left_out = text.chars().skip(SHOWN_CHARACTERS_MAX).count();
        let note = if left_out > 0 { format!("[truncated {left_out} chars]") } else { String::new() };
        let column = usize::try_from(error.column).unwrap_or(usize::MAX).saturating_add(passed);
        let location = format!("[Source: (String)\"{shown}\"{note}; line: {}, column: {column}]", error.line);
        Self { message, location }
    }
}

/// The message and its place, on two lines.
impl std::fmt::Display for JacksonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n at {}", self.message, self.location)
    }
}

/// The message, and how many characters Jackson has read beyond the place of the error.
fn described(text: &str, error: &ParseError) -> (String, usize) {
    let ParseErrorKind::Unexpected { found, expected } = error.kind else {
        return (error.kind.to_string(), 0);
    };
    let rest = text.get(error.offset..).unwrap_or_default();
    let expectation = match expected {
        "a value" if is_word(found) && !found.is_ascii_digit() => {
            let word: String = rest.chars().take_while(|c| is_word(*c)).take(WORD_CHARACTERS_MAX).collect();
            let length = word.chars().count();
            return (format!("Unrecognized token '{word}': was expecting {VALUES}"), length);
        }
        "a value" => format!("expected a valid value {VALUES}"),
        "a member's name in quotes" => "was expecting double-quote to start field name".to_owned(),
        "`:`" => "was expecting a colon to separate field name and value".to_owned(),
        "`,` or `]`" => "was expecting comma to separate Array entries".to_owned(),
        "`,` or `}`" => "was expecting comma to separate Object entries".to_owned(),
        _ => return (error.kind.to_string(), 0),
    };
    (format!("Unexpected character ('{found}' (code {})): {expectation}", u32::from(found)), 1)
}

/// Whether Java lets the character stand in an identifier.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn errors_are_told_as_jackson_tells_them() {
        for (text, message, column) in [
            (
                "not some json",
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', \
                 'true' or 'false')",
                4,
            ),
            (
                "{a: 1}",
                "Unexpected character ('a' (code 97)): was expecting double-quote to start field name",
                3,
            ),
            (
                "[1 2]",
                "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
                5,
            ),
            (
                "{\"a\" 1}",
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
                7,
            ),
        ] {
            let error = JacksonError::new(text, &parse(text).unwrap_err());
            assert_eq!(error.message, message);
            assert_eq!(error.location, format!("[Source: (String)\"{text}\"; line: 1, column: {column}]"));
        }
    }
}
