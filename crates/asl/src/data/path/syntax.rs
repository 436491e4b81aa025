//! The parts of a path, after parsing.

use regex::Regex;

use crate::json::{Text, Value};

/// How many segments a path may have. Our choice.
pub(super) const SEGMENTS_MAX: usize = 500;

/// How deep filters, their parentheses and the paths inside of them may nest. Our choice.
pub(super) const FILTER_DEPTH_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Root {
    Input,
    Context,
    Variable(Text),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Segment {
    /// Of this value.
    Child(Selector),
    /// Of this value and of everything below it: `..`.
    Descendant(Selector),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selector {
    Name(Text),
    /// At least two. At the end of a path: one object with these members.
    Names(Vec<Text>),
    /// From the end when negative.
    Index(i64),
    /// At least two.
    Indices(Vec<i64>),
    /// At least one bound is there.
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    Filter(Filter),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// At least two.
    Or(Vec<Filter>),
    /// At least two.
    And(Vec<Filter>),
    Not(Box<Filter>),
    Exists(FilterPath),
    Compare(Operand, Comparator, Operand),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Path(FilterPath),
    Literal(Value),
    Pattern(Pattern),
}

/// A path inside a filter, from the tested value (`@`) or from the root (`$`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FilterPath {
    pub(super) from_root: bool,
    pub(super) segments: Vec<Segment>,
}

/// A regular expression as written, and compiled.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) source: Text,
    pub(super) flags: Text,
    pub(super) compiled: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.flags == other.flags
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    SameTypeEqual,
    SameTypeNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Contains,
    Size,
    Empty,
}

impl Comparator {
    /// Signs, longest first, then words.
    pub(super) const ALL: [(&'static str, Comparator); 17] = [
        ("===", Comparator::SameTypeEqual),
        ("!==", Comparator::SameTypeNotEqual),
        ("==", Comparator::Equal),
        ("!=", Comparator::NotEqual),
        ("=~", Comparator::Matches),
        ("<=", Comparator::LessOrEqual),
        (">=", Comparator::GreaterOrEqual),
        ("<", Comparator::Less),
        (">", Comparator::Greater),
        ("in", Comparator::In),
        ("nin", Comparator::NotIn),
        ("subsetof", Comparator::SubsetOf),
        ("anyof", Comparator::AnyOf),
        ("noneof", Comparator::NoneOf),
        ("contains", Comparator::Contains),
        ("size", Comparator::Size),
        ("empty", Comparator::Empty),
    ];

    pub(super) fn text(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, comparator)| *comparator == self);
        found.expect("every comparator is in the table").0
    }
}

/// Jayway: names and single indices are definite, and so are several names at the very end, which make one object.
pub(super) fn is_definite(segments: &[Segment]) -> bool {
    segments.iter().enumerate().all(|(index, segment)| match segment {
        Segment::Child(Selector::Name(_) | Selector::Index(_)) => true,
        Segment::Child(Selector::Names(_)) => index + 1 == segments.len(),
        Segment::Child(
            Selector::Indices(_) | Selector::Slice(..) | Selector::Wildcard | Selector::Filter(_),
        )
        | Segment::Descendant(_) => false,
    })
}

/// Whether a character can stand in a name after a dot. The rest belongs to the path's own signs, to a
/// filter's, or to an intrinsic function's list of arguments.
pub(super) fn is_name_char(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !".[](){},'\"=<>!&|~*?".contains(c)
}
