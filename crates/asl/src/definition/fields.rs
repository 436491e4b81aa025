//! The tables that say which fields an object of the language may have.
//!
//! Each state type has its table beside its parser; so have retriers, catchers, branches and the rest. A
//! row says in which query language the field stands, whether it must be there, and of what JSON type it is.
//! [`super::reader`] holds an object against its table; what a value means is the parser's business.

use std::fmt;

/// The language in which a state's fields refer to data. Spec: States Language, "Query Languages".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum QueryLanguage {
    #[default]
    JsonPath,
    Jsonata,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The one language that has the field, or both.
    pub(super) language: Option<QueryLanguage>,
    pub(super) required: bool,
    /// Whether a `JSONata` expression may stand for the value.
    pub(super) or_expression: bool,
}

/// What JSON a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Text,
    Boolean,
    Integer,
    Number,
    Object,
    Array,
    /// An array with something in it.
    Items,
    /// A path as text, or `null`.
    Path,
}

/// A field that both query languages have.
pub(super) const fn both(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, language: None, required: false, or_expression: false }
}

/// A field that only `JSONPath` states have.
pub(super) const fn json_path(name: &'static str, kind: Kind) -> Field {
    Field { language: Some(QueryLanguage::JsonPath), ..both(name, kind) }
}

/// A field that only `JSONata` states have.
pub(super) const fn jsonata(name: &'static str, kind: Kind) -> Field {
    Field { language: Some(QueryLanguage::Jsonata), or_expression: true, ..both(name, kind) }
}

impl Field {
    /// The field must be there.
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// A `JSONata` state may compute the value.
    pub(super) const fn or_expression(self) -> Self {
        Self { or_expression: true, ..self }
    }

    /// Whether a state in `language` has the field.
    pub(super) fn stands_in(&self, language: QueryLanguage) -> bool {
        self.language.is_none_or(|only| only == language)
    }
}

impl fmt::Display for QueryLanguage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::JsonPath => "JSONPath",
            Self::Jsonata => "JSONata",
        })
    }
}

impl Kind {
    /// The type as AWS names it in `Expected value of type …`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Text | Self::Path => "String",
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::Object => "Object",
            Self::Array | Self::Items => "Array",
        }
    }
}
