//! JSONPath as Step Functions evaluates it: a dialect of Jayway `JsonPath`, compiled once.
//!
//! A [`Path`] picks values out of the input (`$`), the context object (`$$`) or a variable (`$name`). A
//! definite path has exactly one value or misses; an indefinite one (wildcards, slices, filters, `..`) has an
//! array of what it finds. A [`ReferencePath`] names one place, and can put a value there.
//!
//! Spec: States Language, "Paths" and "Reference Paths". The dialect is Jayway's where the language leaves it
//! open; functions such as `.length()` are not part of it.

mod filter;
mod parse;
mod print;
mod reference;
mod select;
mod syntax;

use std::fmt;

pub use reference::{PutError, ReferencePath};
pub use select::{PathMiss, VISITS_MAX};

use self::syntax::{Root, Segment, Selector};
use super::cursor::Cursor;
use super::{Environment, SyntaxError};
use crate::json::{Text, Value};

/// Why a text is not a path.
pub type PathSyntaxError = SyntaxError;

/// A compiled path.
///
/// `Display` prints it in one fixed style, which reads back as the same path; [`Path::text`] is what was written.
#[derive(Clone, Debug)]
pub struct Path {
    text: Text,
    root: Root,
    segments: Vec<Segment>,
}

impl Path {
    /// Compiles a path.
    pub fn parse(text: &str) -> Result<Path, PathSyntaxError> {
        let mut cursor = Cursor::new(text);
        let path = Path::parse_prefix(&mut cursor)?;
        if cursor.is_at_end() { Ok(path) } else { Err(cursor.unexpected("`.`, `[` or the end of the path")) }
    }

    /// Compiles the path that begins here, and steps over it.
    pub(super) fn parse_prefix(cursor: &mut Cursor<'_>) -> Result<Path, PathSyntaxError> {
        let start = cursor.at;
        let (root, segments) = parse::path(cursor)?;
        Ok(Path { text: cursor.text[start..cursor.at].into(), root, segments })
    }

    /// The path as it was written.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Whether it names one place, rather than any number of them.
    pub fn is_definite(&self) -> bool {
        syntax::is_definite(&self.segments)
    }

    /// Whether its last step is a single index.
    pub(super) fn ends_in_index(&self) -> bool {
        matches!(self.segments.last(), Some(Segment::Child(Selector::Index(_))))
    }

    /// Whether it begins in the context object, `$$`.
    pub fn is_context(&self) -> bool {
        matches!(self.root, Root::Context)
    }

    /// The top-level name of the input that a definite path leads through: `error` for `$.error.Cause`.
    pub fn input_name(&self) -> Option<&Text> {
        match (&self.root, self.segments.first()) {
            (Root::Input, Some(Segment::Child(Selector::Name(name)))) if self.is_definite() => Some(name),
            _ => None,
        }
    }

    /// The variable it begins in.
    pub fn variable(&self) -> Option<&Text> {
        match &self.root {
            Root::Variable(name) => Some(name),
            Root::Input | Root::Context => None,
        }
    }

    /// The value of a definite path, or the array of an indefinite one.
    ///
    /// An indefinite path never misses: a parent that is not there has no matches.
    pub fn select(&self, environment: &dyn Environment) -> Result<Value, PathMiss> {
        match &self.root {
            Root::Input => self.select_in(environment.input()),
            Root::Context => self.select_in(environment.context()),
            Root::Variable(name) => match environment.variable(name) {
                Some(value) => self.select_in(&value),
                None => Err(PathMiss::UndefinedVariable { name: name.clone() }),
            },
        }
    }

    /// The same, from a given root, whatever root is written.
    pub fn select_in(&self, root: &Value) -> Result<Value, PathMiss> {
        select::select(root, &self.segments)
    }
}

/// Equal when they mean the same: `$['a']` is `$.a`.
impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.segments == other.segments
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::path(f, &self.root, &self.segments)
    }
}

#[cfg(test)]
mod tests;
