//! From words to an expression: by precedence, within a bound of depth.

use super::functions::{ARGUMENTS_MAX, Function};
use super::lexer::{Placed, Token, tokens};
use super::{DEPTH_MAX, Expression, MathError, Operator, TEXT_MAX};

pub(super) fn parse(text: &str) -> Result<Expression, MathError> {
    if text.len() > TEXT_MAX {
        return Err(MathError::TooLarge);
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens: &tokens, at: 0, depth: 0 };
    let expression = parser.binary(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected("an operator or the end")),
    }
}

/// How tightly an operator binds.
fn precedence(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 1,
        Operator::And => 2,
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual => 3,
        Operator::Plus | Operator::Minus => 4,
        Operator::Times | Operator::By => 5,
        Operator::Power => 6,
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Placed],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn unexpected(&self, expected: &'static str) -> MathError {
        let start = |at: usize| self.tokens.get(at).map_or(self.text.len(), |(_, start)| *start);
        let (at, end) = (start(self.at), start(self.at + 1));
        let found = match self.text.get(at..end).map(str::trim_end) {
            None | Some("") => "the end".to_owned(),
            Some(word) => format!("`{word}`"),
        };
        MathError::Syntax { found, at, expected }
    }

    /// Operators that bind at least this tightly, and what they stand between.
    fn binary(&mut self, tightness: u8) -> Result<Expression, MathError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(MathError::TooLarge);
        }
        let mut left = self.unary()?;
        let mut chain = 0;
        while let Some(Token::Operator(operator)) = self.peek().cloned()
            && precedence(operator) >= tightness
        {
            // A chain becomes a tree as deep as it is long.
            chain += 1;
            if chain > DEPTH_MAX {
                return Err(MathError::TooLarge);
            }
            self.at += 1;
            let right = self.binary(precedence(operator) + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, MathError> {
        let mut is_negative = false;
        while let Some(Token::Operator(sign @ (Operator::Minus | Operator::Plus))) = self.peek() {
            is_negative ^= *sign == Operator::Minus;
            self.at += 1;
        }
        let operand = self.operand()?;
        Ok(if is_negative { Expression::Negative(Box::new(operand)) } else { operand })
    }

    fn operand(&mut self) -> Result<Expression, MathError> {
        let token = self.peek().cloned().ok_or_else(|| self.unexpected("a value"))?;
        match token {
            Token::Number(number) => {
                self.at += 1;
                Ok(Expression::Number(number))
            }
            Token::Text(text) => {
                self.at += 1;
                Ok(Expression::Text(text))
            }
            Token::Open => {
                self.at += 1;
                let inside = self.binary(0)?;
                self.close(&Token::Close, "`)`")?;
                Ok(inside)
            }
            Token::OpenList => {
                self.at += 1;
                Ok(Expression::List(self.items(&Token::CloseList, "`]`")?))
            }
            Token::Name(name) => {
                self.at += 1;
                self.named(name)
            }
            Token::Operator(_) | Token::Close | Token::CloseList | Token::Comma => {
                Err(self.unexpected("a value"))
            }
        }
    }

    /// AWS: ids begin with a lower-case letter, functions and keywords with a capital.
    fn named(&mut self, name: String) -> Result<Expression, MathError> {
        if name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Ok(Expression::Id(name));
        }
        if self.peek() != Some(&Token::Open) {
            let keyword = Function::keyword(&name).ok_or(MathError::Unsupported(name))?;
            return Ok(Expression::Call(keyword, Vec::new()));
        }
        self.at += 1;
        let function = Function::parse(&name).ok_or(MathError::Unsupported(name))?;
        let arguments = self.items(&Token::Close, "`)`")?;
        function.check(&arguments)?;
        Ok(Expression::Call(function, arguments))
    }

    fn items(&mut self, end: &Token, expected: &'static str) -> Result<Vec<Expression>, MathError> {
        let mut items = Vec::new();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(self.binary(0)?);
            if items.len() > ARGUMENTS_MAX {
                return Err(MathError::TooLarge);
            }
            if self.peek() != Some(&Token::Comma) {
                self.close(end, expected)?;
                return Ok(items);
            }
            self.at += 1;
        }
    }

    fn close(&mut self, end: &Token, expected: &'static str) -> Result<(), MathError> {
        if self.peek() != Some(end) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(())
    }
}
