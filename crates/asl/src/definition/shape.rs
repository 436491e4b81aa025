//! What is known of a value's top-level names: the domain of the data-flow check.
//!
//! A shape says which names are there, and whether others may be. Two routes that meet are joined: what
//! both have is there; what only one has is there sometimes; and a name that merely was read before, and so
//! must have come with the input, is no evidence against the route that did not read it.

use std::collections::BTreeMap;

use super::machine::StateIndex;
use crate::json::{Node, Spanned, Text};

/// The top-level names of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    names: BTreeMap<Text, Presence>,
    /// Whether, on some route, names beside `names` may be there.
    is_open: bool,
    /// Who, on some route, left nothing but names that are known.
    replaced: Option<Replaced>,
}

/// What is known of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// A state put it there, on every route.
    Written,
    /// It has been read or tested for, or comes from the input on one route and from a state on another.
    Seen,
    /// On one route it was put there and on another it was not, so that it may have come with the input.
    Sometimes,
    /// On one route it was there and on another everything was replaced.
    Lost,
}

/// A state that left nothing of what was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) by: StateIndex,
    pub(super) how: How,
    /// What is there now, for people: `{MessageId, SequenceNumber}`.
    pub(super) with: String,
}

/// By what everything was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A state's result, without a `ResultPath`.
    Result,
    /// A catcher's error output, without a `ResultPath`.
    ErrorOutput,
    /// What a Map or Parallel state gives its processor or branches.
    HandedDown,
    /// An `InputPath` or `OutputPath` that is `null`.
    Nothing,
}

/// The answer to "is this name there?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Yes, or nothing speaks against it.
    Yes,
    /// Only on some of the routes that lead here.
    Sometimes,
    /// Not on the route through this state.
    No(Replaced),
}

impl Shape {
    /// A value of which nothing is known, such as an execution's input.
    pub(super) fn unknown() -> Self {
        Self { names: BTreeMap::new(), is_open: true, replaced: None }
    }

    /// A value that has these names and no others.
    pub(super) fn exactly(names: impl IntoIterator<Item = Text>) -> Self {
        let names = names.into_iter().map(|name| (name, Presence::Written)).collect();
        Self { names, is_open: false, replaced: None }
    }

    /// A JSON value as written.
    pub(super) fn of_literal(value: &Spanned) -> Self {
        match &value.node {
            Node::Object(members) => Self::exactly(members.iter().map(|member| member.key.clone())),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) | Node::Array(_) => {
                Self::exactly([])
            }
        }
    }

    /// The same, remembering whose result this is if that says which names are missing.
    pub(super) fn replaced_by(mut self, by: StateIndex, how: How) -> Self {
        if !self.is_open {
            let names: Vec<&str> = self.names.keys().map(|name| &**name).collect();
            self.replaced = Some(Replaced { by, how, with: format!("{{{}}}", names.join(", ")) });
        }
        self
    }

    /// An array, which has no names.
    pub(super) fn array_by(by: StateIndex) -> Self {
        let replaced = Some(Replaced { by, how: How::Result, with: "an array".to_owned() });
        Self { names: BTreeMap::new(), is_open: false, replaced }
    }

    /// A state puts a name there.
    pub(super) fn write(&mut self, name: &Text) {
        self.names.insert(name.clone(), Presence::Written);
    }

    /// A name must be there, because it was read or tested for.
    pub(super) fn see(&mut self, name: &Text) {
        let presence = self.names.entry(name.clone()).or_insert(Presence::Seen);
        if *presence != Presence::Written {
            *presence = Presence::Seen;
        }
    }

    /// Forgets the names that nobody reads.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Text) -> bool) {
        self.names.retain(|name, _| wanted(name));
    }

    /// Whether a name is there.
    pub(super) fn has(&self, name: &Text) -> Answer {
        match (self.names.get(name), &self.replaced) {
            (Some(Presence::Lost) | None, Some(replaced)) => Answer::No(replaced.clone()),
            (Some(Presence::Sometimes | Presence::Lost), _) => Answer::Sometimes,
            (Some(Presence::Written | Presence::Seen), _) | (None, None) => Answer::Yes,
        }
    }

    /// Whether a name is there on every route, whoever brought it.
    pub(super) fn has_surely(&self, name: &Text) -> bool {
        matches!(self.names.get(name), Some(Presence::Written | Presence::Seen))
    }

    /// Whether a state has put a name there on every route.
    pub(super) fn has_written(&self, name: &Text) -> bool {
        self.names.get(name) == Some(&Presence::Written)
    }

    /// Takes in another route. Answers whether that changed anything.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let before = self.clone();
        self.names = before
            .names
            .keys()
            .chain(other.names.keys())
            .filter_map(|name| {
                let here = before.names.get(name).copied().map_or(absence(&before), Known::Present);
                let there = other.names.get(name).copied().map_or(absence(other), Known::Present);
                Some((name.clone(), meet(here, there)?))
            })
            .collect();
        self.is_open |= other.is_open;
        if self.replaced.is_none() {
            self.replaced.clone_from(&other.replaced);
        }
        *self != before
    }
}

/// What one route says of a name.
#[derive(Clone, Copy)]
enum Known {
    Present(Presence),
    /// Not put there, but the input may have it.
    Unheard,
    /// Not there.
    Missing,
}

fn absence(shape: &Shape) -> Known {
    if shape.replaced.is_some() || !shape.is_open { Known::Missing } else { Known::Unheard }
}

fn meet(here: Known, there: Known) -> Option<Presence> {
    use Known::{Missing, Present, Unheard};
    use Presence::{Lost, Seen, Sometimes, Written};
    match (here, there) {
        (Present(Lost), _) | (_, Present(Lost)) | (Present(_), Missing) | (Missing, Present(_)) => Some(Lost),
        (Present(Written), Present(Written)) => Some(Written),
        (Present(Written | Seen), Present(Written | Seen)) => Some(Seen),
        (Present(Seen), Unheard) | (Unheard, Present(Seen)) | (Unheard | Missing, Unheard | Missing) => None,
        (Present(_), _) | (_, Present(_)) => Some(Sometimes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> Text {
        Text::from(name)
    }

    fn unknown_with(name: &str) -> Shape {
        let mut shape = Shape::unknown();
        shape.write(&text(name));
        shape
    }

    #[test]
    fn what_only_one_route_puts_there_is_there_sometimes() {
        let mut shape = unknown_with("error");
        assert!(shape.join(&Shape::unknown()));
        assert_eq!(shape.has(&text("error")), Answer::Sometimes);
        assert!(!shape.join(&Shape::unknown()), "joining again changes nothing");
        shape.see(&text("error"));
        assert_eq!(shape.has(&text("error")), Answer::Yes, "a read that worked proves it");
    }

    #[test]
    fn what_one_route_read_may_have_come_with_the_input() {
        let mut shape = Shape::unknown();
        shape.see(&text("imageId"));
        shape.join(&Shape::unknown());
        assert_eq!(shape.has(&text("imageId")), Answer::Yes);
    }

    #[test]
    fn what_one_route_replaced_is_lost() {
        let mut shape = Shape::unknown();
        shape.see(&text("imageId"));
        shape.join(&Shape::exactly([]).replaced_by(StateIndex::new(3), How::Result));
        assert!(matches!(shape.has(&text("imageId")), Answer::No(_)));
        shape.join(&Shape::unknown());
        assert!(matches!(shape.has(&text("imageId")), Answer::No(_)), "a third route does not bring it back");
    }

    #[test]
    fn a_known_result_has_nothing_else() {
        let published = Shape::exactly([text("MessageId")]).replaced_by(StateIndex::new(3), How::Result);
        assert_eq!(published.has(&text("MessageId")), Answer::Yes);
        let Answer::No(replaced) = published.has(&text("imageId")) else { panic!("{published:?}") };
        assert_eq!((replaced.by, replaced.with.as_str()), (StateIndex::new(3), "{MessageId}"));
        let mut joined = Shape::unknown();
        joined.join(&published);
        assert!(matches!(joined.has(&text("imageId")), Answer::No(_)), "still missing on that route");
    }
}
