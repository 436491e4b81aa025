//! Patterns: `*`, `?` and policy variables such as `${aws:username}`.
//!
//! Documentation: IAM, "Resource", "Using wildcards in resource ARNs" and "Policy variables".

use crate::context::Context;

/// A pattern, parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `?`
    One,
    /// `*`
    Many,
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// What a `*` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any characters.
    Anything,
    /// Those of one segment of an ARN, and more only where it ends the segment.
    Segment,
}

/// A pattern with its variables filled in.
#[derive(Clone, Copy)]
enum Token {
    Character(char),
    One,
    Many { crosses_colons: bool },
}

impl Pattern {
    /// Parses a pattern. Variables are told from text only where the policy's version has them.
    pub(crate) fn parse(text: &str, has_variables: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if has_variables && let Some(after) = rest.strip_prefix("${") {
                let (variable, after) = after.split_once('}').ok_or("`${` has no `}`")?;
                pieces.push(self::variable(variable)?);
                rest = after;
                continue;
            }
            match character {
                '*' => pieces.push(Piece::Many),
                '?' => pieces.push(Piece::One),
                other => match pieces.last_mut() {
                    Some(Piece::Text(text)) => text.push(other),
                    _ => pieces.push(Piece::Text(other.to_string())),
                },
            }
            rest = &rest[character.len_utf8()..];
        }
        Ok(Self(pieces))
    }

    /// A pattern that matches this text alone, its variables filled in.
    pub(crate) fn literal(text: &str, has_variables: bool) -> Result<Self, String> {
        let Self(pieces) = Self::parse(text, has_variables)?;
        let plain = |piece| match piece {
            Piece::Many => Piece::Text("*".to_owned()),
            Piece::One => Piece::Text("?".to_owned()),
            piece @ (Piece::Text(_) | Piece::Variable { .. }) => piece,
        };
        Ok(Self(pieces.into_iter().map(plain).collect()))
    }

    /// Whether the text matches; `None` where a variable has no value, so that the pattern is none.
    pub(crate) fn matches(
        &self,
        text: &str,
        reach: Reach,
        ignores_case: bool,
        context: &Context,
    ) -> Option<bool> {
        let mut tokens = self.tokens(context)?;
        for at in 0..tokens.len() {
            let ends_segment = match tokens.get(at + 1) {
                None | Some(Token::Character(':') | Token::Many { .. }) => true,
                Some(Token::Character(_) | Token::One) => false,
            };
            if let Some(Token::Many { crosses_colons }) = tokens.get_mut(at) {
                *crosses_colons = reach == Reach::Anything || ends_segment;
            }
        }
        Some(matches(&tokens, text, ignores_case))
    }

    fn tokens(&self, context: &Context) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => tokens.extend(text.chars().map(Token::Character)),
                Piece::One => tokens.push(Token::One),
                Piece::Many => tokens.push(Token::Many { crosses_colons: false }),
                // What a variable holds is no pattern.
                Piece::Variable { key, default } => {
                    let value = context.single(key).or(default.as_deref())?;
                    tokens.extend(value.chars().map(Token::Character));
                }
            }
        }
        Some(tokens)
    }
}

/// What stands between `${` and `}`.
fn variable(text: &str) -> Result<Piece, String> {
    if matches!(text, "*" | "?" | "$") {
        return Ok(Piece::Text(text.to_owned()));
    }
    let (key, default) = match text.split_once(',') {
        None => (text.trim(), None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            let default = quoted.ok_or_else(|| {
                format!("the default of the variable `{}` is not in single quotes", key.trim())
            })?;
            (key.trim(), Some(default.to_owned()))
        }
    };
    if !is_condition_key(key) {
        return Err(format!(
            "`${{{text}}}` is no policy variable; expected a condition key such as `aws:username`"
        ));
    }
    Ok(Piece::Variable { key: key.to_owned(), default })
}

/// `aws:PrincipalTag/team`, `s3:prefix`.
pub(crate) fn is_condition_key(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.split_once(':').is_some_and(|(service, key)| {
        !service.is_empty()
            && service.bytes().all(is_word)
            && !key.is_empty()
            && !key.bytes().any(|byte| byte.is_ascii_control() || b"${}".contains(&byte))
    })
}

/// Follows all the ways in which the tokens can be taken at once: `reached[n]` says that the text so far matches
/// the first `n` of them. A step for each pair of a character and a token, whatever the pattern.
fn matches(tokens: &[Token], text: &str, ignores_case: bool) -> bool {
    let same = |one: char, other: char| one == other || (ignores_case && one.eq_ignore_ascii_case(&other));
    let mut reached = vec![false; tokens.len() + 1];
    reached[0] = true;
    skip_empty(tokens, &mut reached);
    for character in text.chars() {
        let mut next = vec![false; tokens.len() + 1];
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| reached[*at]) {
            match token {
                Token::Character(expected) => next[at + 1] |= same(*expected, character),
                Token::One => next[at + 1] = true,
                Token::Many { crosses_colons } => next[at] |= *crosses_colons || character != ':',
            }
        }
        skip_empty(tokens, &mut next);
        reached = next;
    }
    reached[tokens.len()]
}

/// A `*` may stand for nothing.
fn skip_empty(tokens: &[Token], reached: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if reached[at] && matches!(token, Token::Many { .. }) {
            reached[at + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_variables() {
        let context =
            Context::default().with("aws:username", "a*n").with("aws:two", "1").with("aws:two", "2");
        for (pattern, text, reach, expected) in [
            ("*", "", Reach::Segment, Some(true)),
            ("*", "arn:aws:s3:::b/k", Reach::Segment, Some(true)),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k:l", Reach::Segment, Some(true)),
            ("arn:aws:sqs:*:1:q", "arn:aws:sqs:eu:1:q", Reach::Segment, Some(true)),
            ("arn:aws:sqs:*:q", "arn:aws:sqs:eu:1:q", Reach::Segment, Some(true)),
            ("arn:aws:sqs:e*u:1:q", "arn:aws:sqs:e:u:1:q", Reach::Segment, Some(false)),
            ("arn:aws:sqs:e*u:1:q", "arn:aws:sqs:e:u:1:q", Reach::Anything, Some(true)),
            ("arn:aws:sns:?", "arn:aws:sns:a", Reach::Segment, Some(true)),
            ("arn:aws:sns:?", "arn:aws:sns:", Reach::Segment, Some(false)),
            ("a*b*c", "aXbYbZc", Reach::Anything, Some(true)),
            ("a*b*c", "aXbYbZ", Reach::Anything, Some(false)),
            ("b/${aws:username}/*", "b/a*n/x", Reach::Segment, Some(true)),
            ("b/${aws:username}/*", "b/ann/x", Reach::Segment, Some(false)),
            ("b/${AWS:UserName}", "b/a*n", Reach::Segment, Some(true)),
            ("b/${aws:missing}", "b/", Reach::Segment, None),
            ("b/${aws:two}", "b/1", Reach::Segment, None),
            ("b/${aws:missing, 'all'}", "b/all", Reach::Segment, Some(true)),
            ("${*}${?}${$}", "*?$", Reach::Segment, Some(true)),
            ("${*}", "x", Reach::Segment, Some(false)),
        ] {
            let found = Pattern::parse(pattern, true).unwrap().matches(text, reach, false, &context);
            assert_eq!(found, expected, "{pattern} {text}");
        }
        for (pattern, words) in [
            ("${aws:username", "has no `}`"),
            ("${username}", "is no policy variable"),
            ("${aws:a, b}", "single quotes"),
            ("${}", "is no policy variable"),
        ] {
            assert!(Pattern::parse(pattern, true).unwrap_err().contains(words), "{pattern}");
        }
        // The older version of policies has no variables.
        let older = Pattern::parse("${aws:username}", false).unwrap();
        assert_eq!(older.matches("${aws:username}", Reach::Segment, false, &context), Some(true));
        let literal = Pattern::literal("*?${aws:username}", true).unwrap();
        assert_eq!(literal.matches("*?a*n", Reach::Anything, false, &context), Some(true));
        assert_eq!(literal.matches("xya*n", Reach::Anything, false, &context), Some(false));
    }
}
