//! The 39 comparisons, by name and by meaning.
//!
//! Spec: States Language, "Choice State" and "Data-test Expression".

use std::cmp::Ordering;
use std::fmt;

use super::pattern::{OpenEscape, Pattern};
use crate::data::SyntaxError;
use crate::data::path::Path;
use crate::data::timestamp::Instant;
use crate::json::{Number, Text, Value};

/// A comparison with its operand.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the States Language's own")]
pub enum Operator {
    String(Order, Operand<Text>),
    Numeric(Order, Operand<Number>),
    Boolean(Operand<bool>),
    Timestamp(Order, Operand<Instant>),
    /// A pattern with an open escape fails when it is evaluated.
    StringMatches(Result<Pattern, OpenEscape>),
    /// Whether the test comes out as expected.
    Is(Test, bool),
}

/// What a variable is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<T> {
    /// What stands in the definition.
    Value(T),
    /// What a path finds: the comparisons that end in `Path`.
    Path(Path),
}

/// How two values that have an order are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the States Language's own")]
pub enum Order {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

/// What a value can be tested for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the States Language's own")]
pub enum Test {
    Null,
    Present,
    Numeric,
    String,
    Boolean,
    Timestamp,
}

/// A comparison's field without its value. `is_path` is whether the field ends in `Path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the States Language's own")]
pub enum OperatorKind {
    String { order: Order, is_path: bool },
    Numeric { order: Order, is_path: bool },
    Boolean { is_path: bool },
    Timestamp { order: Order, is_path: bool },
    StringMatches,
    Is(Test),
}

/// Why a JSON value cannot be a comparison's operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperandError {
    /// It is of another kind.
    Kind {
        /// `string`, `number`, `boolean` or `path`.
        expected: &'static str,
        /// A JSON type.
        found: &'static str,
    },
    /// A string that is no timestamp.
    NotATimestamp,
    /// A string that is no path.
    Path(SyntaxError),
}

const ORDERS: [(&str, Order); 5] = [
    ("Equals", Order::Equals),
    ("LessThan", Order::LessThan),
    ("GreaterThan", Order::GreaterThan),
    ("LessThanEquals", Order::LessThanEquals),
    ("GreaterThanEquals", Order::GreaterThanEquals),
];

const TESTS: [(&str, Test); 6] = [
    ("IsNull", Test::Null),
    ("IsPresent", Test::Present),
    ("IsNumeric", Test::Numeric),
    ("IsString", Test::String),
    ("IsBoolean", Test::Boolean),
    ("IsTimestamp", Test::Timestamp),
];

impl OperatorKind {
    /// The comparison that a field of a choice rule asks for; `None` for any other field.
    pub fn from_field_name(name: &str) -> Option<OperatorKind> {
        if name == "StringMatches" {
            return Some(OperatorKind::StringMatches);
        }
        if let Some((_, test)) = TESTS.iter().find(|(field, _)| *field == name) {
            return Some(OperatorKind::Is(*test));
        }
        let (plain, is_path) = match name.strip_suffix("Path") {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        let order = |rest: &str| Some(ORDERS.iter().find(|(word, _)| *word == rest)?.1);
        if let Some(rest) = plain.strip_prefix("String") {
            Some(OperatorKind::String { order: order(rest)?, is_path })
        } else if let Some(rest) = plain.strip_prefix("Numeric") {
            Some(OperatorKind::Numeric { order: order(rest)?, is_path })
        } else if let Some(rest) = plain.strip_prefix("Timestamp") {
            Some(OperatorKind::Timestamp { order: order(rest)?, is_path })
        } else {
            (plain == "BooleanEquals").then_some(OperatorKind::Boolean { is_path })
        }
    }

    /// The names of all 39 fields.
    pub fn field_names() -> impl Iterator<Item = String> {
        let ordered = ["String", "Numeric", "Timestamp"]
            .into_iter()
            .flat_map(|kind| ORDERS.iter().map(move |(order, _)| format!("{kind}{order}")))
            .chain(["BooleanEquals".to_owned()]);
        let with_paths = ordered.flat_map(|name| [name.clone(), format!("{name}Path")]);
        with_paths.chain(TESTS.iter().map(|(name, _)| (*name).to_owned())).chain(["StringMatches".to_owned()])
    }

    /// The comparison with its operand, as it stands in the definition.
    pub fn with_operand(self, operand: &Value) -> Result<Operator, OperandError> {
        Ok(match self {
            OperatorKind::String { order, is_path } => {
                Operator::String(order, read(operand, is_path, |value| Ok(string(value)?.into()))?)
            }
            OperatorKind::Numeric { order, is_path } => {
                Operator::Numeric(order, read(operand, is_path, number)?)
            }
            OperatorKind::Boolean { is_path } => Operator::Boolean(read(operand, is_path, boolean)?),
            OperatorKind::Timestamp { order, is_path } => {
                Operator::Timestamp(order, read(operand, is_path, instant)?)
            }
            OperatorKind::StringMatches => Operator::StringMatches(Pattern::parse(string(operand)?)),
            OperatorKind::Is(test) => Operator::Is(test, boolean(operand)?),
        })
    }
}

impl Operator {
    /// The field that asks for it, `StringEqualsPath` and the like, and what stands there.
    ///
    /// A pattern with an open escape is told as the shortest such pattern.
    pub fn to_field(&self) -> (String, Value) {
        let ordered = |kind: &str, order: &Order| {
            let word = ORDERS.iter().find(|(_, known)| known == order).map_or("", |(word, _)| word);
            format!("{kind}{word}")
        };
        match self {
            Operator::String(order, operand) => operand.to_field(ordered("String", order), Value::from),
            Operator::Numeric(order, operand) => operand.to_field(ordered("Numeric", order), Value::from),
            Operator::Boolean(operand) => operand.to_field("BooleanEquals".to_owned(), Value::from),
            Operator::Timestamp(order, operand) => {
                operand.to_field(ordered("Timestamp", order), |instant| instant.to_string().into())
            }
            Operator::StringMatches(pattern) => {
                let text = pattern.as_ref().map_or_else(|_| r"\".to_owned(), ToString::to_string);
                ("StringMatches".to_owned(), text.into())
            }
            Operator::Is(test, expected) => {
                let name = TESTS.iter().find(|(_, known)| known == test).map_or("", |(name, _)| name);
                (name.to_owned(), Value::from(*expected))
            }
        }
    }

    /// The path that it compares with.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Operator::String(_, Operand::Path(path))
            | Operator::Numeric(_, Operand::Path(path))
            | Operator::Boolean(Operand::Path(path))
            | Operator::Timestamp(_, Operand::Path(path)) => Some(path),
            Operator::String(..)
            | Operator::Numeric(..)
            | Operator::Boolean(_)
            | Operator::Timestamp(..)
            | Operator::StringMatches(_)
            | Operator::Is(..) => None,
        }
    }
}

impl<T: Clone> Operand<T> {
    fn to_field(&self, name: String, value: impl FnOnce(T) -> Value) -> (String, Value) {
        match self {
            Operand::Value(constant) => (name, value(constant.clone())),
            Operand::Path(path) => (format!("{name}Path"), path.text().clone().into()),
        }
    }
}

impl Order {
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equals => ordering.is_eq(),
            Order::LessThan => ordering.is_lt(),
            Order::GreaterThan => ordering.is_gt(),
            Order::LessThanEquals => ordering.is_le(),
            Order::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

impl Test {
    /// Of a value that is there.
    pub(super) fn holds(self, value: &Value) -> bool {
        match self {
            Test::Null => value.is_null(),
            Test::Present => true,
            Test::Numeric => value.as_number().is_some(),
            Test::String => value.as_str().is_some(),
            Test::Boolean => value.as_bool().is_some(),
            Test::Timestamp => value.as_str().and_then(Instant::parse).is_some(),
        }
    }
}

fn read<T>(
    operand: &Value,
    is_path: bool,
    constant: impl FnOnce(&Value) -> Result<T, OperandError>,
) -> Result<Operand<T>, OperandError> {
    if !is_path {
        return constant(operand).map(Operand::Value);
    }
    let text = operand.as_str().ok_or_else(|| kind("path", operand))?;
    Path::parse(text).map(Operand::Path).map_err(OperandError::Path)
}

fn string(value: &Value) -> Result<&str, OperandError> {
    value.as_str().ok_or_else(|| kind("string", value))
}

fn number(value: &Value) -> Result<Number, OperandError> {
    value.as_number().cloned().ok_or_else(|| kind("number", value))
}

fn boolean(value: &Value) -> Result<bool, OperandError> {
    value.as_bool().ok_or_else(|| kind("boolean", value))
}

fn instant(value: &Value) -> Result<Instant, OperandError> {
    Instant::parse(string(value)?).ok_or(OperandError::NotATimestamp)
}

fn kind(expected: &'static str, found: &Value) -> OperandError {
    OperandError::Kind { expected, found: found.type_name() }
}

/// AWS: the timestamp's text is recorded; the others are ours.
impl fmt::Display for OperandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OperandError::Kind { expected, found } => write!(f, "found a {found}; expected a {expected}"),
            OperandError::NotATimestamp => f.write_str("String does not match RFC3339 timestamp"),
            OperandError::Path(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OperandError {}
