//! Reference paths: the paths that name one place and can be written to.
//!
//! Spec: States Language, "Reference Paths": only `.name`, `['name']` and `[index]`.

use std::fmt;
use std::sync::Arc;

use super::syntax::{Root, Segment, Selector};
use super::{Path, PathMiss, PathSyntaxError};
use crate::data::{Environment, SyntaxError};
use crate::failure::{Failure, names};
use crate::json::{DEPTH_MAX, Object, Text, Value};

/// A path to one place.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath(Path);

/// Why a value cannot be put at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the texts below say it")]
pub enum PutError {
    NotAnObject { at: String, found: &'static str },
    NotAnArray { at: String, found: &'static str },
    NoSuchItem { at: String, length: usize },
    TooDeep,
}

impl ReferencePath {
    /// Compiles a reference path, from any root.
    pub fn parse(text: &str) -> Result<ReferencePath, PathSyntaxError> {
        let path = Path::parse(text)?;
        let is_reference = |segment: &Segment| match segment {
            Segment::Child(Selector::Name(_)) => true,
            Segment::Child(Selector::Index(index)) => *index >= 0,
            Segment::Child(_) | Segment::Descendant(_) => false,
        };
        if path.segments.iter().all(is_reference) {
            return Ok(ReferencePath(path));
        }
        Err(SyntaxError {
            offset: 0,
            message: "a reference path has only `.name`, `['name']` and `[index]`".into(),
        })
    }

    /// The path as it was written.
    pub fn text(&self) -> &Text {
        self.0.text()
    }

    /// The same as a path, to read from.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The same, as a path.
    pub fn into_path(self) -> Path {
        self.0
    }

    /// Whether this is the root alone, `$`.
    pub fn is_root(&self) -> bool {
        self.0.root == Root::Input && self.0.segments.is_empty()
    }

    /// The value at this place.
    pub fn select(&self, environment: &dyn Environment) -> Result<Value, PathMiss> {
        self.0.select(environment)
    }

    /// `into` with `value` put at this place; the root stands for `into`, whatever root is written.
    ///
    /// Objects that are missing on the way are made; items of arrays must be there. Only the objects and arrays
    /// on the way are copied, and one level of each; everything beside them is shared with `into`.
    ///
    /// Spec: States Language, "`ResultPath`".
    pub fn put(&self, into: &Value, value: Value) -> Result<Value, PutError> {
        let segments = &self.0.segments;
        if DEPTH_MAX.checked_sub(segments.len()).is_none_or(|levels| value.nests_deeper_than(levels)) {
            return Err(PutError::TooDeep);
        }
        let mut result = into.clone();
        let mut place = &mut result;
        for (index, segment) in segments.iter().enumerate() {
            let at = || super::print::jayway(&segments[..index]);
            place = match segment {
                Segment::Child(Selector::Name(name)) => {
                    if place.is_null() && index > 0 {
                        // Made on the way, below.
                        *place = Object::new().into();
                    }
                    let found = place.type_name();
                    let Value::Object(members) = place else {
                        return Err(PutError::NotAnObject { at: at(), found });
                    };
                    Arc::make_mut(members).entry(name)
                }
                Segment::Child(Selector::Index(position)) => {
                    let found = place.type_name();
                    let Value::Array(items) = place else {
                        return Err(PutError::NotAnArray { at: at(), found });
                    };
                    let length = items.len();
                    let position = usize::try_from(*position).unwrap_or(usize::MAX);
                    if position >= length {
                        return Err(PutError::NoSuchItem {
                            at: super::print::jayway(&segments[..=index]),
                            length,
                        });
                    }
                    &mut Arc::make_mut(items)[position]
                }
                Segment::Child(_) | Segment::Descendant(_) => unreachable!("refused when it was parsed"),
            };
        }
        *place = value;
        Ok(result)
    }
}

impl fmt::Display for ReferencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PutError {
    /// The failure of a state whose `ResultPath` this is.
    pub fn failure(&self, path: &ReferencePath) -> Failure {
        Failure::new(
            names::RESULT_PATH_MATCH_FAILURE,
            format!("Unable to apply ReferencePath {}: {self}", path.text()),
        )
    }
}

/// AWS: no recording; the texts are ours.
impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject { at, found } => write!(f, "expected an object at {at}, found {found}"),
            Self::NotAnArray { at, found } => write!(f, "expected an array at {at}, found {found}"),
            Self::NoSuchItem { at, length } => write!(f, "there is no {at}; the array has {length} items"),
            Self::TooDeep => write!(f, "the value would nest deeper than {DEPTH_MAX}"),
        }
    }
}

impl std::error::Error for PutError {}
