//! Metric math: expressions over time series, such as `100 * FILL(failed, 0) / started`.
//!
//! [`Expression::parse`] reads a text, and [`evaluate`] computes it from the values of what it names. A function that
//! is not known here is refused by its name when the expression is read; nothing is computed otherwise than CloudWatch
//! would. Nothing here reads a clock.
//!
//! AWS: "Using math expressions with CloudWatch metrics".

mod evaluate;
mod functions;
mod lexer;
mod parse;

use std::collections::BTreeMap;

use super::store::Minute;
use functions::Function;

pub(super) use evaluate::{Frame, evaluate};

/// Characters of an expression. AWS's own bound.
pub(super) const TEXT_MAX: usize = 2048;
/// Expressions within expressions. Our choice.
const DEPTH_MAX: usize = 32;

/// Values by the minute that their period begins with.
pub(super) type Points = BTreeMap<Minute, f64>;

/// An expression's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number.
    Scalar(f64),
    /// A time series.
    Series(Points),
    /// Several.
    List(Vec<Points>),
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MathError {
    /// The text is no expression.
    #[error("{found} at character {at}; expected {expected}")]
    Syntax { found: String, at: usize, expected: &'static str },
    /// CloudWatch may know it.
    #[error("the function {0} is not supported here")]
    Unsupported(String),
    /// The text is too long, or its parts lie too deep within each other.
    #[error("the expression is too long or too deep")]
    TooLarge,
    /// No query of this id.
    #[error("`{0}` is not the id of a query in this request")]
    UnknownId(String),
    /// A function got what it cannot take.
    #[error("{function} expects {expected}")]
    Argument { function: &'static str, expected: &'static str },
    /// Two lists of series cannot be combined.
    #[error("an operator cannot combine two arrays of time series")]
    TwoLists,
}

/// An expression, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    /// The id of a query.
    Id(String),
    /// A quoted text, which METRICS alone takes.
    Text(String),
    List(Vec<Self>),
    Call(Function, Vec<Self>),
    Negative(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
}

/// What stands between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    By,
    Power,
}

impl Expression {
    /// Reads an expression.
    pub(super) fn parse(text: &str) -> Result<Self, MathError> {
        parse::parse(text)
    }

    /// Shows every id that the expression names.
    pub(super) fn ids<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Id(id) => see(id),
            Self::Number(_) | Self::Text(_) => {}
            Self::List(items) | Self::Call(_, items) => items.iter().for_each(|item| item.ids(see)),
            Self::Negative(inner) => inner.ids(see),
            Self::Binary(_, left, right) => {
                left.ids(see);
                right.ids(see);
            }
        }
    }

    /// Whether it means all metrics of its request.
    pub(super) fn takes_all_metrics(&self) -> bool {
        match self {
            Self::Call(Function::Metrics, _) => true,
            Self::Number(_) | Self::Text(_) | Self::Id(_) => false,
            Self::List(items) | Self::Call(_, items) => items.iter().any(Self::takes_all_metrics),
            Self::Negative(inner) => inner.takes_all_metrics(),
            Self::Binary(_, left, right) => left.takes_all_metrics() || right.takes_all_metrics(),
        }
    }
}

impl Operator {
    /// What it makes of two numbers. What is not finite is no value.
    fn of(self, left: f64, right: f64) -> f64 {
        let truth = |is: bool| f64::from(u8::from(is));
        #[expect(clippy::float_cmp, reason = "the language compares as it does")]
        match self {
            Self::Or => truth(left != 0.0 || right != 0.0),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Equal => truth(left == right),
            Self::NotEqual => truth(left != right),
            Self::Less => truth(left < right),
            Self::LessOrEqual => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::Plus => left + right,
            Self::Minus => left - right,
            Self::Times => left * right,
            Self::By => left / right,
            Self::Power => left.powf(right),
        }
    }
}
