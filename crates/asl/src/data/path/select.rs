//! Finding what a path names.
//!
//! A definite path is followed step by step, and what it misses is told as Jayway tells it. An indefinite one
//! is searched for: every branch is tried, and one that leads nowhere is no error.

use std::fmt;

use super::filter;
use super::print::jayway;
use super::syntax::{Segment, Selector, is_definite};
use crate::data::java_text::{JavaText, java_class};
use crate::failure::{Failure, names};
use crate::json::{DEPTH_MAX, Object, Text, Value};

/// How many values one evaluation may look at, counting again what it comes back to. Our choice: a payload of
/// 256 KiB holds at most 131,072 values, so a plain deep scan uses a fraction of it.
pub const VISITS_MAX: usize = 1_000_000;

/// Why a path has no value. `Display` is Jayway's text, without the path as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMiss {
    /// The last member or item is not there. The path is the whole one, in Jayway's style.
    NoResults {
        /// `$['a']['b']`
        path: String,
    },
    /// A member on the way is not there. The path ends with it.
    MissingProperty {
        /// `$['a']`
        path: String,
    },
    /// A member of something that has none.
    NotAnObject {
        /// `['b']`
        property: String,
        /// `$['a']`
        path: String,
        /// The Java class of what is there.
        found: &'static str,
    },
    /// An item of `null`.
    Null {
        /// `$['a']`
        path: String,
    },
    /// An item of something that has none.
    NotAnArray {
        /// The rest of the path: `[0]['b']`
        rest: String,
        /// What is there, as Java shows it.
        found: String,
    },
    /// No variable of this name was assigned.
    UndefinedVariable {
        /// Without the `$`.
        name: Text,
    },
    /// The path looks at more than [`VISITS_MAX`] values, or what it makes nests too deep.
    TooLarge,
}

impl PathMiss {
    /// The failure of a state whose field holds this path: `Invalid path '$.x' : No results for path: $['x']`.
    ///
    /// AWS: recorded for `InputPath`, `OutputPath` and the `...Path` fields; templates have a text of their own.
    pub fn failure(&self, path: &super::Path) -> Failure {
        Failure::new(names::RUNTIME, format!("Invalid path '{}' : {self}", path.text()))
    }
}

/// AWS: the first two are recorded; the others are Jayway 2's own texts; the last two are ours.
impl fmt::Display for PathMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResults { path } => write!(f, "No results for path: {path}"),
            Self::MissingProperty { path } => write!(f, "Missing property in path {path}"),
            Self::NotAnObject { property, path, found } => write!(
                f,
                "Expected to find an object with property {property} in path {path} but found '{found}'. \
                 This is not a json object according to the JsonProvider: \
                 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'."
            ),
            Self::Null { path } => write!(f, "The path {path} is null"),
            Self::NotAnArray { rest, found } => {
                write!(f, "Filter: {rest} can only be applied to arrays. Current context is: {found}")
            }
            Self::UndefinedVariable { name } => write!(f, "The variable '${name}' is not defined"),
            Self::TooLarge => write!(f, "The path visits more than {VISITS_MAX} values"),
        }
    }
}

impl std::error::Error for PathMiss {}

/// The budget of an evaluation is used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLarge;

pub(super) fn select(root: &Value, segments: &[Segment]) -> Result<Value, PathMiss> {
    if is_definite(segments) {
        return follow(root, segments);
    }
    let found = Search::new(root).all(root, segments).map_err(|TooLarge| PathMiss::TooLarge)?;
    let found = Value::from(found);
    // Several names make a new object, and `..` finds it beside what it was made from: it can nest deeper than
    // the document did. What `..` finds within each other can be more than the document was.
    if found.fits(DEPTH_MAX, &mut { VISITS_MAX }) { Ok(found) } else { Err(PathMiss::TooLarge) }
}

/// A definite path, step by step.
fn follow(root: &Value, segments: &[Segment]) -> Result<Value, PathMiss> {
    let mut value = root;
    for (index, segment) in segments.iter().enumerate() {
        let Segment::Child(selector) = segment else { unreachable!("`..` is not definite") };
        let next = match selector {
            Selector::Name(name) => members(value, segments, index)?.get(name),
            Selector::Index(position) => item(items(value, segments, index)?, *position),
            Selector::Names(names) => return Ok(merged(members(value, segments, index)?, names)),
            Selector::Indices(_) | Selector::Slice(..) | Selector::Wildcard | Selector::Filter(_) => {
                unreachable!("not definite")
            }
        };
        let is_last = index + 1 == segments.len();
        let is_name = matches!(selector, Selector::Name(_));
        value = match next {
            Some(next) => next,
            None if is_name && !is_last => {
                return Err(PathMiss::MissingProperty { path: jayway(&segments[..=index]) });
            }
            None => return Err(PathMiss::NoResults { path: jayway(segments) }),
        };
    }
    Ok(value.clone())
}

fn members<'a>(value: &'a Value, segments: &[Segment], index: usize) -> Result<&'a Object, PathMiss> {
    value.as_object().ok_or_else(|| PathMiss::NotAnObject {
        property: jayway(&segments[index..=index])[1..].to_owned(),
        path: jayway(&segments[..index]),
        found: java_class(value),
    })
}

fn items<'a>(value: &'a Value, segments: &[Segment], index: usize) -> Result<&'a [Value], PathMiss> {
    value.as_array().ok_or_else(|| match value {
        Value::Null => PathMiss::Null { path: jayway(&segments[..index]) },
        _ => PathMiss::NotAnArray {
            rest: jayway(&segments[index..])[1..].to_owned(),
            found: JavaText(value).to_string(),
        },
    })
}

fn item(items: &[Value], position: i64) -> Option<&Value> {
    let length = i64::try_from(items.len()).ok()?;
    let position = if position < 0 { length + position } else { position };
    items.get(usize::try_from(position).ok()?)
}

/// One object of the members that are there.
fn merged(members: &Object, names: &[Text]) -> Value {
    let members = names.iter().filter_map(|name| Some((name.clone(), members.get(name)?.clone())));
    members.collect::<Object>().into()
}

/// The positions a slice names in an array of this length, and where to stop.
///
/// Jayway: with both bounds written they are counted from the end only where they are used, so `[1:-1]` is
/// empty, and `[-2:1]` goes from the second last item through the end to the first.
fn slice(start: Option<i64>, end: Option<i64>, length: usize) -> std::ops::Range<i64> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from_end = |bound: i64| if bound < 0 { length + bound } else { bound };
    match (start, end) {
        (Some(start), None) => from_end(start).max(0)..length,
        (None, Some(end)) => 0..from_end(end).min(length),
        (Some(start), Some(end)) => start.max(-length)..end.min(length),
        (None, None) => 0..length,
    }
}

/// One evaluation, with what is left of its budget.
pub(super) struct Search<'a> {
    pub(super) root: &'a Value,
    visits_left: usize,
}

impl<'a> Search<'a> {
    fn new(root: &'a Value) -> Self {
        Self { root, visits_left: VISITS_MAX }
    }

    pub(super) fn spend(&mut self, visits: usize) -> Result<(), TooLarge> {
        self.visits_left = self.visits_left.checked_sub(visits).ok_or(TooLarge)?;
        Ok(())
    }

    /// Everything the segments lead to, in the order of the document.
    pub(super) fn all(&mut self, value: &Value, segments: &[Segment]) -> Result<Vec<Value>, TooLarge> {
        let mut found = Vec::new();
        self.walk(value, segments, &mut found)?;
        Ok(found)
    }

    /// Recurses once a segment, and below `..` once a level of the document.
    fn walk(&mut self, value: &Value, segments: &[Segment], found: &mut Vec<Value>) -> Result<(), TooLarge> {
        self.spend(1)?;
        match segments.split_first() {
            None => {
                found.push(value.clone());
                Ok(())
            }
            Some((Segment::Child(selector), rest)) => self.apply(value, selector, rest, found),
            Some((Segment::Descendant(selector), rest)) => self.descend(value, selector, rest, found),
        }
    }

    fn descend(
        &mut self,
        value: &Value,
        selector: &Selector,
        rest: &[Segment],
        found: &mut Vec<Value>,
    ) -> Result<(), TooLarge> {
        self.spend(1)?;
        match value {
            Value::Array(items) => {
                self.apply_if_scanned(value, selector, rest, found)?;
                items.iter().try_for_each(|item| self.descend(item, selector, rest, found))
            }
            Value::Object(members) => {
                self.apply_if_scanned(value, selector, rest, found)?;
                members.values().try_for_each(|member| self.descend(member, selector, rest, found))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// Jayway: `..` stops at an object for several names only where it has them all, and for a filter only
    /// where the array or object itself passes it.
    fn apply_if_scanned(
        &mut self,
        value: &Value,
        selector: &Selector,
        rest: &[Segment],
        found: &mut Vec<Value>,
    ) -> Result<(), TooLarge> {
        let is_stop = match selector {
            Selector::Names(names) if rest.is_empty() => {
                value.as_object().is_some_and(|object| names.iter().all(|name| object.contains_key(name)))
            }
            Selector::Filter(filter) => filter::accepts(self, filter, value)?,
            Selector::Name(_)
            | Selector::Names(_)
            | Selector::Index(_)
            | Selector::Indices(_)
            | Selector::Slice(..)
            | Selector::Wildcard => true,
        };
        if is_stop { self.apply(value, selector, rest, found) } else { Ok(()) }
    }

    fn apply(
        &mut self,
        value: &Value,
        selector: &Selector,
        rest: &[Segment],
        found: &mut Vec<Value>,
    ) -> Result<(), TooLarge> {
        match (selector, value) {
            (Selector::Name(name), Value::Object(members)) => {
                members.get(name).map_or(Ok(()), |member| self.walk(member, rest, found))
            }
            (Selector::Names(names), Value::Object(members)) if rest.is_empty() => {
                self.spend(names.len())?;
                found.push(merged(members, names));
                Ok(())
            }
            (Selector::Names(names), Value::Object(members)) => names
                .iter()
                .filter_map(|name| members.get(name))
                .try_for_each(|member| self.walk(member, rest, found)),
            (Selector::Index(position), Value::Array(items)) => {
                item(items, *position).map_or(Ok(()), |item| self.walk(item, rest, found))
            }
            (Selector::Indices(positions), Value::Array(items)) => positions
                .iter()
                .filter_map(|position| item(items, *position))
                .try_for_each(|item| self.walk(item, rest, found)),
            (Selector::Slice(start, end), Value::Array(items)) => slice(*start, *end, items.len())
                .filter_map(|position| item(items, position))
                .try_for_each(|item| self.walk(item, rest, found)),
            (Selector::Wildcard, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.walk(item, rest, found))
            }
            (Selector::Wildcard, Value::Object(members)) => {
                members.values().try_for_each(|member| self.walk(member, rest, found))
            }
            (Selector::Filter(filter), Value::Array(items)) => {
                for item in items.iter() {
                    self.spend(1)?;
                    if filter::accepts(self, filter, item)? {
                        self.walk(item, rest, found)?;
                    }
                }
                Ok(())
            }
            // Jayway: a filter tests an object itself, and not its members.
            (Selector::Filter(filter), Value::Object(_)) => {
                if filter::accepts(self, filter, value)? {
                    self.walk(value, rest, found)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }
}
