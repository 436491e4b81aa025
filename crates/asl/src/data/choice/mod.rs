//! What a Choice state decides by: comparisons, and `And`, `Or` and `Not` of them.
//!
//! A comparison of things of different kinds is false. A path that finds nothing fails the state, except under
//! `IsPresent`. Which rule comes first, and what it leads to, is not here.
//!
//! Spec: States Language, "Choice State".

mod operator;
mod pattern;

use std::cmp::Ordering;

pub use operator::{Operand, OperandError, Operator, OperatorKind, Order, Test};
pub use pattern::Pattern;

use super::Environment;
use super::path::{Path, PathMiss};
use super::timestamp::Instant;
use crate::failure::{Failure, names};
use crate::json::{Number, Object, Text, Value};

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// True when all are. The first that is not ends it, so `IsPresent` can guard what follows.
    And(Vec<Rule>),
    /// True when one is. The first that is ends it.
    Or(Vec<Rule>),
    /// True when it is not.
    Not(Box<Rule>),
    /// One comparison.
    Comparison(Comparison),
}

/// A variable and what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// `Variable`.
    pub variable: Path,
    /// The comparison's one other field.
    pub operator: Operator,
}

impl Rule {
    /// Whether the condition holds. Recurses as deep as the rules nest.
    pub fn evaluate(&self, environment: &dyn Environment) -> Result<bool, Failure> {
        match self {
            Rule::And(rules) => {
                for rule in rules {
                    if !rule.evaluate(environment)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Rule::Or(rules) => {
                for rule in rules {
                    if rule.evaluate(environment)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Rule::Not(rule) => Ok(!rule.evaluate(environment)?),
            Rule::Comparison(comparison) => comparison.evaluate(environment),
        }
    }

    /// The rule as a definition has it, without `Next`.
    pub fn to_json(&self) -> Object {
        let mut members = Object::new();
        let nested = |rules: &[Rule]| rules.iter().map(|rule| rule.to_json().into()).collect::<Vec<Value>>();
        match self {
            Rule::And(rules) => members.insert("And", nested(rules)),
            Rule::Or(rules) => members.insert("Or", nested(rules)),
            Rule::Not(rule) => members.insert("Not", rule.to_json()),
            Rule::Comparison(Comparison { variable, operator }) => {
                let (name, operand) = operator.to_field();
                members.insert("Variable", variable.text().clone());
                members.insert(name, operand)
            }
        };
        members
    }

    /// Shows every path in it.
    pub fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        match self {
            Rule::And(rules) | Rule::Or(rules) => rules.iter().for_each(|rule| rule.visit_paths(visit)),
            Rule::Not(rule) => rule.visit_paths(visit),
            Rule::Comparison(comparison) => {
                visit(&comparison.variable);
                if let Some(path) = comparison.operator.path() {
                    visit(path);
                }
            }
        }
    }
}

impl Comparison {
    fn evaluate(&self, environment: &dyn Environment) -> Result<bool, Failure> {
        let variable = match self.variable.select(environment) {
            Err(PathMiss::TooLarge) => return Err(PathMiss::TooLarge.failure(&self.variable)),
            found => found.ok(),
        };
        if let Operator::Is(Test::Present, expected) = self.operator {
            return Ok(variable.is_some() == expected);
        }
        let variable = variable.ok_or_else(|| missing(&self.variable))?;
        match &self.operator {
            Operator::String(order, operand) => {
                compare(&variable, *order, operand, environment, text, compare_text)
            }
            Operator::Numeric(order, operand) => {
                compare(&variable, *order, operand, environment, number, Number::numeric_cmp)
            }
            Operator::Boolean(operand) => {
                compare(&variable, Order::Equals, operand, environment, Value::as_bool, bool::cmp)
            }
            Operator::Timestamp(order, operand) => {
                compare(&variable, *order, operand, environment, instant, Instant::cmp)
            }
            Operator::StringMatches(pattern) => match pattern {
                Ok(pattern) => Ok(variable.as_str().is_some_and(|text| pattern.matches(text))),
                Err(fault) => Err(Failure::new(names::RUNTIME, fault.to_string())),
            },
            Operator::Is(test, expected) => Ok(test.holds(&variable) == *expected),
        }
    }
}

/// AWS: seen in the field, for `Variable` and for the `...Path` operand.
fn missing(path: &Path) -> Failure {
    let cause = format!(
        "Invalid path '{}': The choice state's condition path references an invalid value.",
        path.text()
    );
    Failure::new(names::RUNTIME, cause)
}

fn compare<T>(
    variable: &Value,
    order: Order,
    operand: &Operand<T>,
    environment: &dyn Environment,
    read: impl Fn(&Value) -> Option<T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<bool, Failure> {
    let found;
    let operand = match operand {
        Operand::Value(value) => Some(value),
        Operand::Path(path) => {
            found = match path.select(environment) {
                Err(PathMiss::TooLarge) => return Err(PathMiss::TooLarge.failure(path)),
                Err(_) => return Err(missing(path)),
                Ok(value) => read(&value),
            };
            found.as_ref()
        }
    };
    Ok(match (read(variable), operand) {
        (Some(variable), Some(operand)) => order.holds(compare(&variable, operand)),
        _ => false,
    })
}

fn text(value: &Value) -> Option<Text> {
    if let Value::String(text) = value { Some(text.clone()) } else { None }
}

fn number(value: &Value) -> Option<Number> {
    value.as_number().cloned()
}

fn instant(value: &Value) -> Option<Instant> {
    Instant::parse(value.as_str()?)
}

/// Java's order, by UTF-16 units.
fn compare_text(a: &Text, b: &Text) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests;
