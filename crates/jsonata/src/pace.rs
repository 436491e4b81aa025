//! Which expressions are quick: their cost grows with what they read, and no faster.
//!
//! A caller with other work waiting evaluates those at once, and takes the others elsewhere. Nothing else depends
//! on it, so the answer is a plain one: what is not known to be quick is not.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

/// A longer expression may say the same thing often enough to be slow. Our own choice.
const QUICK_SOURCE_BYTES_MAX: usize = 4 * 1024;

/// Functions whose cost grows with their arguments and no faster, whatever those are.
const QUICK_FUNCTIONS: &[&str] = &[
    "abs",
    "append",
    "average",
    "base64decode",
    "base64encode",
    "boolean",
    "ceil",
    "contains",
    "count",
    "exists",
    "floor",
    "fromMillis",
    "hash",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "max",
    "merge",
    "millis",
    "min",
    "not",
    "now",
    "number",
    "parse",
    "power",
    "random",
    "reverse",
    "round",
    "split",
    "sqrt",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "toMillis",
    "trim",
    "type",
    "uppercase",
    "uuid",
];

/// Whether the expression is known to be quick.
pub(crate) fn is_quick(source: &str, tree: &AstNode) -> bool {
    source.len() <= QUICK_SOURCE_BYTES_MAX && node_is_quick(tree)
}

fn node_is_quick(node: &AstNode) -> bool {
    with_stack(|| match node {
        AstNode::String(_)
        | AstNode::Name(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Variable(_)
        | AstNode::ParentVariable(_) => true,
        AstNode::Path { steps } => path_is_quick(steps),
        AstNode::Binary { op, lhs, rhs } => {
            // Not a range, which makes what was not there, and not a chain, which calls what it is given.
            let is_quick = matches!(
                op,
                BinaryOp::Add
                    | BinaryOp::Subtract
                    | BinaryOp::Multiply
                    | BinaryOp::Divide
                    | BinaryOp::Modulo
                    | BinaryOp::Equal
                    | BinaryOp::NotEqual
                    | BinaryOp::LessThan
                    | BinaryOp::LessThanOrEqual
                    | BinaryOp::GreaterThan
                    | BinaryOp::GreaterThanOrEqual
                    | BinaryOp::And
                    | BinaryOp::Or
                    | BinaryOp::Concatenate
                    | BinaryOp::In
            );
            is_quick && node_is_quick(lhs) && node_is_quick(rhs)
        }
        AstNode::Unary { operand, .. } => node_is_quick(operand),
        AstNode::Function { name, args, .. } => {
            QUICK_FUNCTIONS.binary_search(&name.as_str()).is_ok() && args.iter().all(node_is_quick)
        }
        AstNode::Array(items) | AstNode::Block(items) => items.iter().all(node_is_quick),
        AstNode::Object(members) => {
            members.iter().all(|(name, value)| node_is_quick(name) && node_is_quick(value))
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            node_is_quick(condition)
                && node_is_quick(then_branch)
                && else_branch.as_deref().is_none_or(node_is_quick)
        }
        AstNode::Placeholder
        | AstNode::Regex { .. }
        | AstNode::Call { .. }
        | AstNode::Lambda { .. }
        | AstNode::ObjectTransform { .. }
        | AstNode::Wildcard
        | AstNode::Descendant
        | AstNode::Parent(_)
        | AstNode::ArrayGroup(_)
        | AstNode::FunctionApplication(_)
        | AstNode::Sort { .. }
        | AstNode::Transform { .. } => false,
    })
}

/// A path that only follows names. What it does for each item must not look at anything else, which it would do as
/// often as there are items.
fn path_is_quick(steps: &[PathStep]) -> bool {
    let Some((first, rest)) = steps.split_first() else { return true };
    node_is_quick(&first.node)
        && steps.iter().all(|step| step.stages.iter().all(is_position))
        && rest.iter().all(|step| matches!(step.node, AstNode::Name(_) | AstNode::String(_)))
}

/// `[0]`, `[-1]`: a predicate that picks one item by its place.
fn is_position(stage: &Stage) -> bool {
    match stage {
        Stage::Filter(predicate) => match &**predicate {
            AstNode::Number(_) => true,
            AstNode::Unary { operand, .. } => matches!(**operand, AstNode::Number(_)),
            _ => false,
        },
        Stage::KeepArray => true,
        Stage::Index(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expression;

    #[test]
    fn functions_are_listed_in_order() {
        assert!(QUICK_FUNCTIONS.is_sorted());
    }

    #[test]
    fn what_follows_names_and_computes_is_quick() {
        for (source, expected) in [
            ("$states.input.a.b", true),
            ("$states.input.a > 1 and $x.y = 'z'", true),
            ("{'a': $states.input.a & '!', 'b': [1, $sum($states.result.n)]}", true),
            ("$merge([$states.input, {'r': $states.result}])", true),
            ("$states.input.a ? $uppercase('x') : -1", true),
            ("$states.input.list[0].a[-1]", true),
            ("$states.input.list[n > 1]", false),
            ("[1..10]", false),
            ("$map($states.input, function($x) { $x })", false),
            ("$states.input.list.(n * $count($states.input.list))", false),
            ("$match('a', /a/)", false),
            ("$pad('x', 10)", false),
            ("$states.input.**", false),
            ("$states.input ~> $sum()", false),
            ("($x := 1; $x)", false),
            ("$f(1)", false),
        ] {
            assert_eq!(Expression::parse(source).unwrap().is_quick(), expected, "{source}");
        }
        let long = format!("1{}", " + 1".repeat(2_000));
        assert!(!Expression::parse(&long).is_ok_and(|expression| expression.is_quick()));
    }
}
