//! Text into calls.

use super::table::Function;
use super::{ARGUMENTS_MAX, Argument, Invocation, NESTING_MAX};
use crate::data::SyntaxError;
use crate::data::cursor::Cursor;
use crate::data::path::Path;
use crate::json::{self, Text, Value};

type Parsed<T> = Result<T, SyntaxError>;

/// A call, from `States.` to its closing parenthesis.
pub(super) fn call(cursor: &mut Cursor<'_>) -> Parsed<Invocation> {
    Parser { cursor, arguments: 0 }.call(1)
}

struct Parser<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    /// How many there are so far, in all.
    arguments: usize,
}

impl Parser<'_, '_> {
    fn call(&mut self, nesting: usize) -> Parsed<Invocation> {
        let start = self.cursor.at;
        let name = self.cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '.');
        let fault = |message| SyntaxError { offset: start, message };
        if nesting > NESTING_MAX {
            return Err(fault(format!("calls are nested deeper than {NESTING_MAX}")));
        }
        let Some(function) = Function::find(name) else {
            return Err(fault(format!("`{name}` is not an intrinsic function")));
        };
        if !self.cursor.take("(") {
            return Err(self.cursor.unexpected("`(`"));
        }
        let mut arguments = Vec::new();
        if !self.cursor.take_spaced(")") {
            loop {
                self.cursor.skip_space();
                arguments.push(self.argument(nesting)?);
                if !self.cursor.take_spaced(",") {
                    break;
                }
            }
            self.cursor.expect_spaced(")")?;
        }
        Ok(Invocation { function, arguments })
    }

    fn argument(&mut self, nesting: usize) -> Parsed<Argument> {
        if self.arguments == ARGUMENTS_MAX {
            return Err(self.cursor.error(format!("there are more than {ARGUMENTS_MAX} arguments")));
        }
        self.arguments += 1;
        match self.cursor.peek() {
            Some('\'') => self.text(),
            Some('$') => Path::parse_prefix(self.cursor).map(Argument::Path),
            Some('S') => self.call(nesting + 1).map(Argument::Call),
            _ => self.constant(),
        }
    }

    fn constant(&mut self) -> Parsed<Argument> {
        let start = self.cursor.at;
        let word = self.cursor.take_while(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if let Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) = json::parse(word) {
            return Ok(Argument::Constant(value));
        }
        self.cursor.at = start;
        Err(self
            .cursor
            .unexpected("a string in single quotes, a number, `true`, `false`, `null`, a path or a call"))
    }

    /// A string. Spec: `\'`, `\{`, `\}` and `\\` are its only escapes. AWS: any other is refused at creation.
    fn text(&mut self) -> Parsed<Argument> {
        self.cursor.next();
        let start = self.cursor.at;
        let mut text = String::new();
        loop {
            match self.cursor.next() {
                Some('\'') => {
                    let source: Text = self.cursor.text[start..self.cursor.at - 1].into();
                    return Ok(Argument::Text { text: text.into(), source });
                }
                Some('\\') => match self.cursor.peek() {
                    Some(escaped @ ('\'' | '{' | '}' | '\\')) => {
                        self.cursor.next();
                        text.push(escaped);
                    }
                    _ => return Err(self.cursor.unexpected("`'`, `{`, `}` or `\\` after a backslash")),
                },
                Some(c) => text.push(c),
                None => return Err(self.cursor.unexpected("the closing `'`")),
            }
        }
    }
}
