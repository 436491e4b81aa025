//! The plain part of the language: names followed into variables, texts joined, values compared, objects built.
//!
//! Most of what a workflow says is of this kind, and needs no evaluator: whoever holds the data as values of its own
//! evaluates a [`Plain`] on them as they are, without a conversion. What is not plain, or meets data for which the
//! language has a rule that is not written here, is the evaluator's.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep};
use jsonata_core::value::with_stack;

/// A longer expression is the evaluator's. Our own choice: with it, the work on one is bounded.
const PLAIN_SOURCE_BYTES_MAX: usize = 4 * 1024;

/// The largest whole number that every program reads as the same.
const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;

/// A plain expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// `null`.
    Null,
    /// `true`, `false`.
    Boolean(bool),
    /// A whole number of at most 2^53 - 1.
    Number(i64),
    /// A text.
    String(String),
    /// `$variable.name.name`: a member of a member of a variable's value.
    Path {
        /// Without its `$`.
        variable: String,
        /// From the outside in; none for the variable itself.
        names: Vec<String>,
    },
    /// `{'name': …}`. No name stands twice.
    Object(Vec<(String, Plain)>),
    /// `[…]`. An item that is itself written as an array stays one; another's items are put in one by one.
    Array(Vec<Plain>),
    /// `… & …`.
    Concatenate(Box<[Plain; 2]>),
    /// `… = …` and its like.
    Compare(Comparison, Box<[Plain; 2]>),
    /// `… and …`.
    And(Box<[Plain; 2]>),
    /// `… or …`.
    Or(Box<[Plain; 2]>),
    /// `$not(…)`.
    Not(Box<Plain>),
    /// `$exists(…)`.
    Exists(Box<Plain>),
    /// `$merge(…)`.
    Merge(Box<Plain>),
    /// `… ? … : …`, the last of which may be missing.
    Conditional(Box<(Plain, Plain, Option<Plain>)>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The expression as a plain one, if it is.
pub(crate) fn plain(source: &str, tree: &AstNode) -> Option<Plain> {
    if source.len() > PLAIN_SOURCE_BYTES_MAX { None } else { node(tree) }
}

fn node(tree: &AstNode) -> Option<Plain> {
    with_stack(|| match tree {
        AstNode::Null => Some(Plain::Null),
        AstNode::Boolean(value) => Some(Plain::Boolean(*value)),
        AstNode::Number(value) => whole(*value).map(Plain::Number),
        AstNode::String(text) => Some(Plain::String(text.clone())),
        AstNode::Variable(name) if is_name(name) => {
            Some(Plain::Path { variable: name.clone(), names: Vec::new() })
        }
        AstNode::Path { steps } => path(steps),
        AstNode::Object(members) => object(members),
        AstNode::Array(items) => items.iter().map(node).collect::<Option<_>>().map(Plain::Array),
        AstNode::Block(parts) => match parts.as_slice() {
            [part] => node(part),
            _ => None,
        },
        AstNode::Binary { op, lhs, rhs } => binary(*op, lhs, rhs),
        AstNode::Function { name, args, is_builtin: true } => function(name, args),
        AstNode::Conditional { condition, then_branch, else_branch } => {
            let otherwise = match else_branch {
                None => None,
                Some(branch) => Some(node(branch)?),
            };
            Some(Plain::Conditional(Box::new((node(condition)?, node(then_branch)?, otherwise))))
        }
        _ => None,
    })
}

/// `$` and `$$` are no variables.
fn is_name(variable: &str) -> bool {
    !variable.is_empty() && variable != "$"
}

#[expect(clippy::cast_possible_truncation, reason = "whole, and of at most 53 bits")]
fn whole(value: f64) -> Option<i64> {
    // Minus zero is another number.
    let is_whole =
        value.fract() == 0.0 && value.abs() <= WHOLE_MAX && !(value == 0.0 && value.is_sign_negative());
    is_whole.then_some(value as i64)
}

fn path(steps: &[PathStep]) -> Option<Plain> {
    let is_bare = |step: &PathStep| {
        step.stages.is_empty()
            && step.focus.is_none()
            && step.index_var.is_none()
            && step.ancestor_label.is_none()
            && !step.is_tuple
    };
    let (first, rest) = steps.split_first()?;
    let AstNode::Variable(variable) = &first.node else { return None };
    if !is_name(variable) || !steps.iter().all(is_bare) {
        return None;
    }
    let names = rest.iter().map(|step| match &step.node {
        AstNode::Name(name) => Some(name.clone()),
        _ => None,
    });
    Some(Plain::Path { variable: variable.clone(), names: names.collect::<Option<_>>()? })
}

fn object(members: &[(AstNode, AstNode)]) -> Option<Plain> {
    let mut plain: Vec<(String, Plain)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let AstNode::String(name) = name else { return None };
        if plain.iter().any(|(known, _)| known == name) {
            return None;
        }
        plain.push((name.clone(), node(value)?));
    }
    Some(Plain::Object(plain))
}

fn binary(op: BinaryOp, lhs: &AstNode, rhs: &AstNode) -> Option<Plain> {
    let operands = || Some(Box::new([node(lhs)?, node(rhs)?]));
    let comparison = match op {
        BinaryOp::Concatenate => return operands().map(Plain::Concatenate),
        BinaryOp::And => return operands().map(Plain::And),
        BinaryOp::Or => return operands().map(Plain::Or),
        BinaryOp::Equal => Comparison::Equal,
        BinaryOp::NotEqual => Comparison::NotEqual,
        BinaryOp::LessThan => Comparison::Less,
        BinaryOp::LessThanOrEqual => Comparison::LessOrEqual,
        BinaryOp::GreaterThan => Comparison::Greater,
        BinaryOp::GreaterThanOrEqual => Comparison::GreaterOrEqual,
        _ => return None,
    };
    Some(Plain::Compare(comparison, operands()?))
}

fn function(name: &str, arguments: &[AstNode]) -> Option<Plain> {
    let [argument] = arguments else { return None };
    let argument = Box::new(node(argument)?);
    match name {
        "not" => Some(Plain::Not(argument)),
        "exists" => Some(Plain::Exists(argument)),
        "merge" => Some(Plain::Merge(argument)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::Expression;

    #[test]
    fn what_is_plain() {
        for (source, expected) in [
            ("$states.input.a.`b c`", true),
            ("$x", true),
            ("{'a': $x.y & 'z', 'b': [1, [null]]}", true),
            ("$merge([$states.input, {'r': $states.result}])", true),
            ("$a.b = 'x' and $not($c) or 1 < 2", true),
            ("($a) ? 1 : $exists($b)", true),
            ("$", false),
            ("$$.a", false),
            ("a.b", false),
            ("$a.b[0]", false),
            ("$a.*", false),
            ("$a.(b)", false),
            ("{'a': 1, 'a': 2}", false),
            ("{$a: 1}", false),
            ("1.5", false),
            ("-1", false),
            ("1 + 1", false),
            ("$a := 1", false),
            ("$sum($a)", false),
            ("$a@$b.c", false),
            ("$a#$i.b", false),
            ("$a.b.%", false),
        ] {
            assert_eq!(Expression::parse(source).unwrap().plain().is_some(), expected, "{source}");
        }
        let long = format!("{}$x", " ".repeat(super::PLAIN_SOURCE_BYTES_MAX));
        assert!(Expression::parse(&long).is_ok_and(|expression| expression.plain().is_none()));
    }
}
