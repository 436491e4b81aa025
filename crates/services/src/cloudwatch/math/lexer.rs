//! The words of an expression.

use super::{MathError, Operator};

/// A word, and where it begins.
pub(super) type Placed = (Token, usize);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Name(String),
    Text(String),
    Operator(Operator),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, MathError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token(rest, first).ok_or_else(|| MathError::Syntax {
            found: format!("`{first}`"),
            at,
            expected: "an expression",
        })?;
        tokens.push((token, at));
        at += length;
    }
    Ok(tokens)
}

/// The first word of a text, and its length.
fn token(rest: &str, first: char) -> Option<(Token, usize)> {
    const SIGNS: [(&str, Token); 18] = [
        ("||", Token::Operator(Operator::Or)),
        ("&&", Token::Operator(Operator::And)),
        ("==", Token::Operator(Operator::Equal)),
        ("!=", Token::Operator(Operator::NotEqual)),
        ("<=", Token::Operator(Operator::LessOrEqual)),
        (">=", Token::Operator(Operator::GreaterOrEqual)),
        ("<", Token::Operator(Operator::Less)),
        (">", Token::Operator(Operator::Greater)),
        ("+", Token::Operator(Operator::Plus)),
        ("-", Token::Operator(Operator::Minus)),
        ("*", Token::Operator(Operator::Times)),
        ("/", Token::Operator(Operator::By)),
        ("^", Token::Operator(Operator::Power)),
        ("(", Token::Open),
        (")", Token::Close),
        ("[", Token::OpenList),
        ("]", Token::CloseList),
        (",", Token::Comma),
    ];
    if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Some((token.clone(), sign.len()));
    }
    if first.is_ascii_digit() || first == '.' {
        return number(rest);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let token = match rest.get(..length)? {
            "AND" => Token::Operator(Operator::And),
            "OR" => Token::Operator(Operator::Or),
            name => Token::Name(name.to_owned()),
        };
        return Some((token, length));
    }
    if first == '"' || first == '\'' {
        let inside = rest.get(1..)?;
        let length = inside.find(first)?;
        return Some((Token::Text(inside.get(..length)?.to_owned()), length + 2));
    }
    None
}

fn number(rest: &str) -> Option<(Token, usize)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut length = digits(rest);
    if rest.get(length..)?.starts_with('.') {
        length += 1 + digits(rest.get(length + 1..)?);
    }
    let exponent = rest.get(length..)?;
    if exponent.starts_with(['e', 'E']) {
        let sign = usize::from(exponent.get(1..)?.starts_with(['+', '-']));
        let figures = digits(exponent.get(1 + sign..)?);
        if figures > 0 {
            length += 1 + sign + figures;
        }
    }
    let number: f64 = rest.get(..length)?.parse().ok()?;
    number.is_finite().then_some((Token::Number(number), length))
}
