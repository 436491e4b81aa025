//! The calls that are put around nodes of a tree.

use jsonata_core::ast::{AstNode, BinaryOp};

use super::shape::{is_plain, makes_sequence};
use super::{EMIT, IS_FUNCTION, KEEP, PAY, check_name};

/// Counts a value that is about to be held, where it may be new or may hold others twice.
pub(super) fn keep(node: &mut AstNode) {
    if makes_sequence(node) || matches!(node, AstNode::Variable(name) if !name.starts_with("guard ")) {
        wrap(KEEP, node);
    }
}

/// The answers of a body that are no calls.
pub(super) fn keep_tails(body: &mut AstNode) {
    match body {
        AstNode::Conditional { then_branch, else_branch, .. } => {
            keep_tails(then_branch);
            if let Some(branch) = else_branch {
                keep_tails(branch);
            }
        }
        AstNode::Block(items) => {
            if let Some(last) = items.last_mut() {
                keep_tails(last);
            }
        }
        other => {
            if matches!(other, AstNode::Array(_) | AstNode::Object(_)) {
                wrap(KEEP, other);
            } else {
                keep(other);
            }
        }
    }
}

/// `$replace(…, by)` where `by` may be a function: each of its answers is counted.
pub(super) fn counted_function(by: &mut AstNode) {
    const VARIABLE: &str = "guard by";
    const PARAMETER: &str = "guard match";
    match by {
        AstNode::String(_) | AstNode::Path { .. } | AstNode::Binary { .. } => {}
        AstNode::Lambda { body, thunk, .. } => {
            *thunk = false;
            wrap(EMIT, body);
        }
        other => {
            let variable = || AstNode::Variable(VARIABLE.to_owned());
            let value = std::mem::replace(other, AstNode::Null);
            let called = AstNode::Function {
                name: VARIABLE.to_owned(),
                args: vec![AstNode::Variable(PARAMETER.to_owned())],
                is_builtin: true,
            };
            let counted = AstNode::Lambda {
                params: vec![PARAMETER.to_owned()],
                body: Box::new(function(EMIT, vec![called])),
                signature: None,
                thunk: false,
            };
            *other = AstNode::Block(vec![
                AstNode::Binary { op: BinaryOp::ColonEqual, lhs: Box::new(variable()), rhs: Box::new(value) },
                AstNode::Conditional {
                    condition: Box::new(function(IS_FUNCTION, vec![variable()])),
                    then_branch: Box::new(counted),
                    else_branch: Some(Box::new(variable())),
                },
            ]);
        }
    }
}

/// `$sort(…, comparator)`: the evaluator looks at no clock while a body is but one value.
pub(super) fn timed_function(comparator: &mut AstNode) {
    if let AstNode::Lambda { body, .. } = comparator
        && (is_plain(body) || matches!(**body, AstNode::Variable(_) | AstNode::Name(_)))
    {
        wrap(KEEP, body);
    }
}

pub(super) fn pay(cost: usize, node: &mut AstNode) {
    let value = std::mem::replace(node, AstNode::Null);
    *node = function(PAY, vec![bytes(cost), value]);
}

pub(super) fn wrap(guard: &str, node: &mut AstNode) {
    let value = std::mem::replace(node, AstNode::Null);
    *node = function(guard, vec![value]);
}

/// Wraps the last of a call's arguments, before which so many are held.
pub(super) fn check(name: &str, node: &mut AstNode, held: usize) {
    let value = std::mem::replace(node, AstNode::Null);
    *node = function(&check_name(name), vec![value, bytes(held), AstNode::Variable(String::new())]);
}

pub(super) fn function(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_owned(), args, is_builtin: true }
}

#[expect(clippy::cast_precision_loss, reason = "a size of a tree is small")]
pub(super) fn bytes(count: usize) -> AstNode {
    AstNode::Number(count as f64)
}
