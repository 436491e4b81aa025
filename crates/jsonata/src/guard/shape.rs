//! What the guards have to know of a tree.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

use crate::walk::children;

/// A string literal of so many bytes is counted each time that it is evaluated.
const LITERAL_BYTES: usize = 64;

/// What a function takes when it is made: what it keeps of its surroundings, and the stack that is needed to free a
/// chain of functions that hold each other. That, and a copy of its body, for each node.
pub(super) const FUNCTION_BYTES: usize = 4 * 1024;
const NODE_BYTES: usize = 160;

/// How big a compiled regular expression may be. Ours: it bounds how long it takes to compile and to match.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// The operands of `a & b & c`, which are put together at once.
pub(super) fn concatenated(node: AstNode, operands: &mut Vec<AstNode>) {
    with_stack(|| match node {
        AstNode::Binary { op: BinaryOp::Concatenate, lhs, rhs } => {
            concatenated(*lhs, operands);
            concatenated(*rhs, operands);
        }
        other => operands.push(other),
    });
}

/// The function that the right side of `~>` calls, and its arguments.
pub(super) fn called(node: &mut AstNode) -> Option<(&mut String, &mut Vec<AstNode>)> {
    match node {
        AstNode::Path { steps } => match steps.as_mut_slice() {
            [PathStep { node: step @ AstNode::Function { .. }, .. }] => called(step),
            _ => None,
        },
        AstNode::Function { name, args, is_builtin: true } if !args.contains(&AstNode::Placeholder) => {
            Some((name, args))
        }
        _ => None,
    }
}

/// Whether a step makes an object of each item.
pub(super) fn makes_tuples(step: &PathStep) -> bool {
    step.is_tuple
        || step.focus.is_some()
        || step.index_var.is_some()
        || step.ancestor_label.is_some()
        || step.stages.iter().any(|stage| matches!(stage, Stage::Index(_)))
}

/// Whether the evaluator tells an array by the node that makes it, so that the node must stay as it is.
pub(super) fn is_array(node: &AstNode) -> bool {
    match node {
        AstNode::Array(_) | AstNode::ArrayGroup(_) => true,
        AstNode::Path { steps } => steps.first().is_some_and(|step| steps.len() == 1 && is_array(&step.node)),
        _ => false,
    }
}

/// Whether a node's value can be no array or object.
pub(super) fn is_plain(node: &AstNode) -> bool {
    matches!(
        node,
        AstNode::String(_) | AstNode::Number(_) | AstNode::Boolean(_) | AstNode::Null | AstNode::Undefined
    )
}

/// Whether a regular expression is bigger than may be when it is compiled.
pub(super) fn is_too_big(pattern: &str) -> bool {
    let built = regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
    matches!(built, Err(regex::Error::CompiledTooBig(_)))
}

/// Whether a node makes a list of what others hold.
pub(super) fn makes_sequence(node: &AstNode) -> bool {
    match node {
        AstNode::Path { steps } => !is_array(node) && !steps.is_empty(),
        AstNode::Wildcard | AstNode::Descendant | AstNode::Sort { .. } | AstNode::ObjectTransform { .. } => {
            true
        }
        AstNode::Block(items) => items.last().is_some_and(makes_sequence),
        AstNode::Conditional { then_branch, else_branch, .. } => {
            makes_sequence(then_branch) || else_branch.as_ref().is_some_and(|branch| makes_sequence(branch))
        }
        _ => false,
    }
}

/// What the functions and literals of a body take each time that it runs.
pub(super) fn fixed_bytes(node: &AstNode) -> usize {
    with_stack(|| match node {
        AstNode::String(text) => {
            if text.len() > LITERAL_BYTES {
                text.len()
            } else {
                0
            }
        }
        AstNode::Lambda { body, .. } => FUNCTION_BYTES + NODE_BYTES * count_nodes(body),
        other => {
            let own = if makes_function(other) { FUNCTION_BYTES } else { 0 };
            own + children(other).into_iter().map(fixed_bytes).sum::<usize>()
        }
    })
}

/// Whether a node that is no `function` makes one: a partial call, a composition, a transformation.
pub(super) fn makes_function(node: &AstNode) -> bool {
    match node {
        AstNode::Function { args, .. } | AstNode::Call { args, .. } => args.contains(&AstNode::Placeholder),
        AstNode::Binary { op: BinaryOp::ChainPipe, rhs, .. } => !matches!(**rhs, AstNode::Function { .. }),
        AstNode::Transform { .. } => true,
        _ => false,
    }
}

pub(super) fn count_nodes(node: &AstNode) -> usize {
    with_stack(|| 1 + children(node).into_iter().map(count_nodes).sum::<usize>())
}
