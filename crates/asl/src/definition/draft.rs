//! A state as it is being read: what it will become, and what the checks of the whole machine need to know.
//!
//! A draft exists for every member of `States`, however wrong, so that one fault does not hide the next.
//! Its transitions and reads stand beside its [`StateKind`] because they are known even when that is not.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::location::Location;
use super::machine::{StateIndex, StateKind};
use super::shape::Shape;
use crate::json::{Span, Text};

/// A state of the definition.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: Text,
    /// `/States/A`.
    pub(super) location: Location,
    /// The state's name, where it is defined.
    pub(super) span: Span,
    /// `None` where an error was reported, or for a language that is not supported yet.
    pub(super) kind: Option<StateKind>,
    pub(super) transitions: Vec<Edge>,
    /// Whether the workflow or branch can end here.
    pub(super) is_terminal: bool,
    /// Whether it is not known where the state goes, because it could not be read so far.
    pub(super) is_unclear: bool,
    /// Where `End` stands, for a state that ends well.
    pub(super) end: Option<(Location, Span)>,
    pub(super) flow: Flow,
    /// The variables that its fields read, by name.
    pub(super) variables: BTreeSet<Text>,
    /// Whether one of its expressions is not known to be quick.
    pub(super) may_take_long: bool,
}

/// One way out of a state.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) role: Role,
    pub(super) target: StateIndex,
    /// Top-level names that are in the input whenever a Choice goes this way.
    pub(super) present: Vec<Text>,
}

/// By which field a state is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Next,
    /// `Choices[n]`.
    Choice(usize),
    Default,
    /// `Catch[n]`, the faulty ones not counted.
    Catch(usize),
}

/// What a state reads of its input and what it makes of it, as far as top-level names go.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Reads of the state's input, by path.
    pub(super) reads: Vec<Read>,
    /// What `Parameters` or `ItemSelector` makes.
    pub(super) payload: Option<Shape>,
    /// What a Pass state's `Result` is.
    pub(super) literal: Option<Shape>,
    /// What `ResultSelector` makes.
    pub(super) selected: Option<Shape>,
}

/// A path into the state's input.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// The top-level name: `error` for `$.error.Cause`.
    pub(super) name: Text,
    /// As it is written.
    pub(super) path: Text,
    pub(super) location: Location,
    pub(super) span: Span,
}

/// The names of the variables that a scope's states assign.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) own: HashSet<Text>,
    /// Those of the scope around, which states in here may read but not assign.
    pub(super) around: Option<Arc<Variables>>,
}

/// One `States` object: the machine's, a branch's or an item processor's.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) start: Option<StateIndex>,
    /// In the order written.
    pub(super) states: Vec<StateIndex>,
    pub(super) by_name: HashMap<Text, StateIndex>,
    pub(super) variables: Arc<Variables>,
    /// How many scopes are around this one.
    pub(super) depth: usize,
    /// The Map or Parallel state that runs this scope.
    pub(super) owner: Option<StateIndex>,
}

impl Variables {
    /// Whether a scope around this one assigns a variable of that name.
    pub(super) fn is_taken_around(&self, name: &str) -> bool {
        let scopes = std::iter::successors(self.around.as_deref(), |scope| scope.around.as_deref());
        scopes.into_iter().any(|scope| scope.own.contains(name))
    }
}

impl Draft {
    /// A state of which nothing is known but its name.
    pub(super) fn new(name: Text, location: Location, span: Span) -> Self {
        Self {
            name,
            location,
            span,
            kind: None,
            transitions: Vec::new(),
            is_terminal: false,
            is_unclear: false,
            end: None,
            flow: Flow::default(),
            variables: BTreeSet::new(),
            may_take_long: false,
        }
    }
}
