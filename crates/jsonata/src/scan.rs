//! The tokens of an expression with their places, which the evaluator's tree does not keep.
//!
//! Only as fine as errors and references need: what a text is, where it begins and where it ends. A text that is no
//! expression has tokens too, up to where one has no end.

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub kind: TokenKind,
    /// A variable without its `$`, a quoted name without its quotes, anything else as it is written.
    pub text: &'a str,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `$name`, `$` and `$$`.
    Variable,
    /// A field's name, a keyword, `function`.
    Name,
    /// A number, a string or a regular expression.
    Literal,
    /// An operator or a bracket.
    Symbol,
}

/// Operators of two characters, which are one token.
const DOUBLE: &[&str] = &["..", ":=", "!=", ">=", "<=", "~>", "**", "??", "?:"];

/// The tokens of `source`.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = blank(rest);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        let (kind, length, trim) = token(rest, tokens.last());
        let text = rest.get(trim.0..length - trim.1).unwrap_or_default();
        tokens.push(Token { kind, text, start: at, end: at + length });
        at += length;
    }
    tokens
}

/// How much of `rest` is white space or a comment.
fn blank(rest: &str) -> usize {
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    rest.len() - rest.trim_start().len()
}

/// The kind and length of the token that `rest` begins with, and how much of each end is not its text.
fn token(rest: &str, before: Option<&Token<'_>>) -> (TokenKind, usize, (usize, usize)) {
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        '$' => (TokenKind::Variable, 1 + word(rest.get(1..).unwrap_or_default()), (1, 0)),
        '"' | '\'' => (TokenKind::Literal, quoted(rest, first), (0, 0)),
        '`' => match rest.get(1..).and_then(|tail| tail.find('`')) {
            Some(end) => (TokenKind::Name, end + 2, (1, 1)),
            None => (TokenKind::Name, rest.len(), (1, 0)),
        },
        '/' if before.is_none_or(begins_operand) => {
            let pattern = quoted(rest, '/');
            let flags = rest.get(pattern..).unwrap_or_default();
            let flags = flags.len() - flags.trim_start_matches(char::is_alphabetic).len();
            (TokenKind::Literal, pattern + flags, (0, 0))
        }
        _ if first.is_ascii_digit() => (TokenKind::Literal, number(rest), (0, 0)),
        _ if DOUBLE.iter().any(|operator| rest.starts_with(operator)) => (TokenKind::Symbol, 2, (0, 0)),
        _ => match word(rest) {
            0 => (TokenKind::Symbol, first.len_utf8(), (0, 0)),
            length => (TokenKind::Name, length, (0, 0)),
        },
    }
}

/// After this token a `/` begins a regular expression: it stands where a value is expected.
fn begins_operand(before: &Token<'_>) -> bool {
    match before.kind {
        TokenKind::Variable | TokenKind::Literal => false,
        TokenKind::Name => matches!(before.text, "and" | "or" | "in"),
        TokenKind::Symbol => !matches!(before.text, ")" | "]" | "}" | "*" | "**" | "%"),
    }
}

/// The length of what stands between two of `quote`, with both, or of all of it where the second is missing.
fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn number(rest: &str) -> usize {
    let digits = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        tail.len() - tail.trim_start_matches(|digit: char| digit.is_ascii_digit()).len()
    };
    let mut length = digits(0);
    if rest.get(length..).is_some_and(|tail| tail.starts_with('.')) && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if rest.get(length..).is_some_and(|tail| tail.starts_with(['e', 'E'])) {
        let sign = usize::from(rest.get(length + 1..).is_some_and(|tail| tail.starts_with(['+', '-'])));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// A name goes on up to white space or a symbol.
fn word(rest: &str) -> usize {
    let is_end = |it: char| it.is_whitespace() || ".[]{}()@#;:,?+-*/%|=<>^&!~'\"`".contains(it);
    rest.find(is_end).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[&str]) {
        let found: Vec<&str> = tokens(source).iter().map(|token| token.text).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn tokens_of_expressions() {
        check("$a.b", &["a", ".", "b"]);
        check("$ + $$ + $a$b", &["", "+", "$", "+", "a$b"]);
        check("`a b`.'x\\'y' /* no */ & \"z\"", &["a b", ".", "'x\\'y'", "&", "\"z\""]);
        check("[1..2.5e-3]", &["[", "1", "..", "2.5e-3", "]"]);
        check("$match(a, /x\\/[y]/i) / 2", &["match", "(", "a", ",", "/x\\/[y]/i", ")", "/", "2"]);
        check("a := b ~> $c ?: d ?? e", &["a", ":=", "b", "~>", "c", "?:", "d", "??", "e"]);
        check("λ($x){$x}", &["λ", "(", "x", ")", "{", "x", "}"]);
        check("'no end", &["'no end"]);
        check("`no end", &["no end"]);
        check("/* no end", &[]);
    }

    #[test]
    fn tokens_know_their_places() {
        for source in ["ä.$b & 'ö' ^ (c)", "a /* ß */ + /ü/"] {
            for token in tokens(source) {
                assert!(source[token.start..token.end].contains(token.text), "{token:?}");
            }
        }
    }
}
