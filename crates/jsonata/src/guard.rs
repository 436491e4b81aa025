//! The calls that are put into a tree so that its evaluation stays within bounds.
//!
//! The evaluator looks at its clock and its depth at every node, and at the length of sequences, but not at memory, and
//! not while a built-in function runs. So the tree is rewritten once, when it is parsed: what is about to be made is
//! announced to [`crate::meter`]. A guard answers with the value that it was given, so that the expression means what
//! it meant. The guards' names have a space in them and no `$name` can call them.

use std::collections::HashSet;

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

use self::calls::{bytes, check, counted_function, function, keep, keep_tails, pay, timed_function, wrap};
use self::shape::{
    FUNCTION_BYTES, called, concatenated, fixed_bytes, is_array, is_plain, is_too_big, makes_sequence,
    makes_tuples,
};
use crate::cost::{ARRAY_BYTES, CHECKED, ITEM_BYTES, MEMBER_BYTES, OBJECT_BYTES};
use crate::host;
use crate::walk::children;

mod calls;
mod shape;

pub(crate) const HOLD: &str = "guard hold";
pub(crate) const KEEP: &str = "guard keep";
pub(crate) const COPY: &str = "guard copy";
pub(crate) const RANGE: &str = "guard range";
pub(crate) const LIST: &str = "guard list";
pub(crate) const TUPLES: &str = "guard tuples";
pub(crate) const SOME: &str = "guard some";
pub(crate) const REFUSE: &str = "guard refuse";
pub(crate) const PAY: &str = "guard pay";
pub(crate) const EMIT: &str = "guard emit";
pub(crate) const ENTER: &str = "guard enter";
pub(crate) const LEAVE: &str = "guard leave";
pub(crate) const CONCATENATE: &str = "guard concatenate";
pub(crate) const DISTINCT: &str = "guard distinct";
pub(crate) const IS_FUNCTION: &str = "guard function";

/// Functions that are checked even where they are used as a value, as in `$map(list, $string)`.
/// With as many arguments as a function that takes it as a value gives it.
pub(crate) const BY_VALUE: &[(&str, usize)] = &[
    ("append", 2),
    ("formatInteger", 2),
    ("formatNumber", 3),
    ("fromMillis", 3),
    ("join", 2),
    ("match", 3),
    ("merge", 1),
    ("pad", 3),
    ("parseInteger", 2),
    ("replace", 4),
    ("split", 3),
    ("spread", 1),
    ("string", 1),
    ("toMillis", 2),
    ("zip", usize::MAX),
];

/// The name of the check of a function's last argument.
pub(crate) fn check_name(function: &str) -> String {
    format!("guard check {function}")
}

/// The name of a checked function as a value.
pub(crate) fn value_name(function: &str) -> String {
    format!("guard value {function}")
}

fn is_checked_value(name: &str) -> bool {
    BY_VALUE.iter().any(|(checked, _)| *checked == name)
}

/// What an expression does that its evaluation has to get ready for.
#[derive(Debug, Default)]
pub(crate) struct Traits {
    /// The functions that it calls and the variables that it reads, guards among them.
    pub names: HashSet<String>,
    /// It makes functions, which may hold each other in a long chain.
    pub makes_functions: bool,
    /// It has a path with `@`, `#` or `%`, which makes an object of each item of its lists.
    pub makes_tuples: bool,
}

/// Puts the guards in.
pub(crate) fn guard(tree: &mut AstNode) -> Traits {
    let makes_functions = fixed_bytes(tree) >= FUNCTION_BYTES;
    let mut walk = Walk { bound: Vec::new(), is_guarded: false, makes_tuples: false };
    walk.node(tree);
    let mut names = HashSet::new();
    collect_names(tree, &mut names);
    Traits { names, makes_functions, makes_tuples: walk.makes_tuples }
}

fn collect_names(node: &AstNode, names: &mut HashSet<String>) {
    with_stack(|| {
        if let AstNode::Function { name, .. } | AstNode::Variable(name) = node {
            names.insert(name.clone());
        }
        for child in children(node) {
            collect_names(child, names);
        }
    });
}

struct Walk {
    /// Names that are bound where the walk stands: a function of that name is the expression's own.
    bound: Vec<String>,
    /// Whether something was guarded since it was last cleared.
    is_guarded: bool,
    makes_tuples: bool,
}

impl Walk {
    fn node(&mut self, node: &mut AstNode) {
        with_stack(|| self.node_here(node));
    }

    fn nodes(&mut self, nodes: &mut [AstNode]) {
        for node in nodes {
            self.node(node);
        }
    }

    fn node_here(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Name(_)
            | AstNode::Number(_)
            | AstNode::Boolean(_)
            | AstNode::Null
            | AstNode::Undefined
            | AstNode::Placeholder
            | AstNode::ParentVariable(_)
            | AstNode::Wildcard
            | AstNode::Descendant
            | AstNode::Parent(_)
            | AstNode::String(_) => {}
            AstNode::Regex { pattern, .. } => {
                if is_too_big(pattern) {
                    *node = function(REFUSE, vec![]);
                }
            }
            AstNode::Variable(name) => {
                if name == "distinct" && !self.is_bound(name) {
                    DISTINCT.clone_into(name);
                } else if is_checked_value(name) && !self.is_bound(name) {
                    *name = value_name(name);
                }
            }
            AstNode::Path { steps } => self.path(steps),
            AstNode::Binary { op: BinaryOp::Range, .. } => self.range(node, RANGE),
            AstNode::Binary { op: BinaryOp::Concatenate, .. } => {
                let mut operands = Vec::new();
                concatenated(std::mem::replace(node, AstNode::Null), &mut operands);
                self.nodes(&mut operands);
                *node = function(CONCATENATE, operands);
                self.is_guarded = true;
            }
            AstNode::Binary { op, lhs, rhs } => self.binary(*op, lhs, rhs),
            AstNode::Unary { operand, .. } => self.node(operand),
            AstNode::Function { .. } => self.call(node),
            AstNode::Call { procedure, args } => {
                self.node(procedure);
                self.nodes(args);
            }
            AstNode::Lambda { params, body, thunk, .. } => self.lambda(params, body, *thunk),
            AstNode::Array(items)
                if matches!(items.as_slice(), [AstNode::Binary { op: BinaryOp::Range, .. }]) =>
            {
                if let Some(range) = items.pop() {
                    *node = range;
                    self.range(node, LIST);
                }
            }
            AstNode::Array(items) | AstNode::ArrayGroup(items) => self.array(items),
            AstNode::Block(items) => self.scoped(|walk| {
                for item in items {
                    walk.node(item);
                    walk.bind(item);
                }
            }),
            AstNode::Object(pairs) => self.object(pairs),
            AstNode::ObjectTransform { input, pattern } => self.scoped(|walk| {
                walk.node(input);
                walk.object(pattern);
            }),
            AstNode::Conditional { condition, then_branch, else_branch } => {
                self.node(condition);
                self.node(then_branch);
                if let Some(branch) = else_branch {
                    self.node(branch);
                }
            }
            AstNode::FunctionApplication(inner) => self.node(inner),
            AstNode::Sort { input, terms } => {
                self.node(input);
                for (term, _) in terms {
                    self.region(term);
                }
            }
            AstNode::Transform { location, update, delete } => {
                self.node(location);
                self.node(update);
                if let Some(delete) = delete {
                    self.node(delete);
                }
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, lhs: &mut AstNode, rhs: &mut AstNode) {
        match op {
            BinaryOp::ColonEqual => {
                let depth = self.bound.len();
                if let (AstNode::Variable(name), AstNode::Lambda { .. }) = (lhs, &*rhs) {
                    // A function may call itself by the name that it gets.
                    self.bound.push(name.clone());
                }
                self.node(rhs);
                self.bound.truncate(depth);
                keep(rhs);
            }
            BinaryOp::ChainPipe => self.chain(lhs, rhs),
            BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::In => {
                for operand in [lhs, rhs] {
                    self.node(operand);
                    if matches!(operand, AstNode::Array(_) | AstNode::Object(_)) {
                        wrap(KEEP, operand);
                    }
                }
            }
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo
            | BinaryOp::LessThan
            | BinaryOp::LessThanOrEqual
            | BinaryOp::GreaterThan
            | BinaryOp::GreaterThanOrEqual
            | BinaryOp::And
            | BinaryOp::Or
            | BinaryOp::FocusBind
            | BinaryOp::IndexBind
            | BinaryOp::Concatenate
            | BinaryOp::Range
            | BinaryOp::Coalesce
            | BinaryOp::Default => {
                self.node(lhs);
                self.node(rhs);
            }
        }
    }

    /// A statement of a block that binds a name: what follows in the block sees it. A binding anywhere else may not come
    /// to be, so that the function of that name is still the built-in one.
    fn bind(&mut self, statement: &AstNode) {
        if let AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } = statement
            && let AstNode::Variable(name) = &**lhs
        {
            self.bound.push(name.clone());
        }
    }

    /// A range is made by a function of ours, and once: the evaluator copies it into the array around it.
    fn range(&mut self, node: &mut AstNode, name: &str) {
        let AstNode::Binary { lhs, rhs, .. } = std::mem::replace(node, AstNode::Null) else { return };
        let (mut first, mut last) = (*lhs, *rhs);
        self.node(&mut first);
        self.node(&mut last);
        *node = function(name, vec![first, last]);
        self.is_guarded = true;
    }

    /// `lhs ~> $f(…)`: the left side is the call's first argument.
    fn chain(&mut self, lhs: &mut AstNode, rhs: &mut AstNode) {
        self.node(lhs);
        let Some((name, args)) = called(rhs).filter(|(name, _)| !self.is_bound(name)) else {
            self.node(rhs);
            return;
        };
        self.nodes(args);
        if name == "distinct" && args.is_empty() {
            DISTINCT.clone_into(name);
        }
        if name == "reduce" && args.len() == 1 {
            wrap(SOME, lhs);
        }
        if !CHECKED.contains(&name.as_str()) {
            return;
        }
        self.is_guarded = true;
        match (name.as_str(), args.as_mut_slice()) {
            ("replace", [_, by, ..]) => counted_function(by),
            ("sort", [comparator]) => timed_function(comparator),
            _ => {}
        }
        let guarded = if host::takes_function(name) { 0 } else { args.len() };
        if guarded == 0 {
            check(name, lhs, 0);
            return;
        }
        wrap(HOLD, lhs);
        for (index, argument) in args.iter_mut().enumerate() {
            if index + 1 == guarded {
                check(name, argument, guarded);
            } else {
                wrap(HOLD, argument);
            }
        }
    }

    fn call(&mut self, node: &mut AstNode) {
        let AstNode::Function { name, args, is_builtin } = node else { return };
        let is_own = self.is_bound(name) || !*is_builtin;
        if !*is_builtin && name.starts_with("guard ") {
            // A quoted name may have a space in it. It is no function.
            name.insert_str(0, "no ");
        }
        self.nodes(args);
        if is_own {
            return;
        }
        if name == "distinct" && args.len() == 1 {
            DISTINCT.clone_into(name);
            return;
        }
        if args.contains(&AstNode::Placeholder) {
            if is_checked_value(name) {
                *name = value_name(name);
            }
            return;
        }
        if let ("reduce", [list, _]) = (name.as_str(), args.as_mut_slice()) {
            wrap(SOME, list);
        }
        if !CHECKED.contains(&name.as_str()) {
            return;
        }
        self.is_guarded = true;
        match (name.as_str(), args.as_mut_slice()) {
            ("replace", [_, _, by, ..]) => counted_function(by),
            ("sort", [_, comparator]) => timed_function(comparator),
            _ => {}
        }
        // A function that is given to another cannot be held: the call is faster where it stands in the tree as it is.
        let guarded = if host::takes_function(name) { args.len().min(1) } else { args.len() };
        if guarded == 0 {
            // The context is the argument.
            if matches!(name.as_str(), "string" | "base64encode" | "encodeUrl" | "encodeUrlComponent") {
                let mut context = AstNode::Variable(String::new());
                check(name, &mut context, 0);
                args.push(context);
            }
            return;
        }
        for (index, argument) in args.iter_mut().take(guarded).enumerate() {
            if index + 1 == guarded {
                check(name, argument, index);
            } else {
                wrap(HOLD, argument);
            }
        }
    }

    /// A body that makes something is counted as long as it runs; what it answers stays counted.
    fn lambda(&mut self, params: &[String], body: &mut AstNode, is_thunk: bool) {
        let depth = self.bound.len();
        self.bound.extend(params.iter().cloned());
        if is_thunk {
            // A tail call stays one. What else the body may answer with is counted where it stands.
            let fixed = fixed_bytes(body);
            self.node(body);
            keep_tails(body);
            if fixed > 0 {
                let mut paid = AstNode::Null;
                pay(fixed, &mut paid);
                let result = std::mem::replace(body, AstNode::Null);
                *body = AstNode::Block(vec![paid, result]);
            }
        } else {
            self.region(body);
        }
        self.bound.truncate(depth);
    }

    /// An expression that is evaluated over and over.
    fn region(&mut self, body: &mut AstNode) {
        let fixed = fixed_bytes(body);
        if fixed == 0 && matches!(body, AstNode::Object(_)) {
            // All that it makes is kept, and each of its values is counted.
            self.scoped(|walk| walk.node(body));
            return;
        }
        let before = std::mem::take(&mut self.is_guarded);
        self.scoped(|walk| walk.node(body));
        if self.is_guarded || fixed > 0 || makes_sequence(body) {
            let result = std::mem::replace(body, AstNode::Null);
            *body = function(LEAVE, vec![function(ENTER, vec![bytes(fixed)]), result]);
            self.is_guarded = true;
        }
        self.is_guarded |= before;
    }

    fn path(&mut self, steps: &mut [PathStep]) {
        let depth = self.bound.len();
        let mut is_stream = false;
        for (index, step) in steps.iter_mut().enumerate() {
            self.in_place(&mut step.node);
            // Each item of each list that a step makes becomes an object with what is bound so far.
            let is_list = matches!(
                step.node,
                AstNode::Name(_)
                    | AstNode::Variable(_)
                    | AstNode::Function { .. }
                    | AstNode::Wildcard
                    | AstNode::Descendant
            );
            is_stream |= makes_tuples(step);
            if is_stream {
                self.makes_tuples = true;
                if index > 0 && is_list {
                    wrap(TUPLES, &mut step.node);
                }
            }
            for stage in &mut step.stages {
                match stage {
                    Stage::Filter(filter) => {
                        if !matches!(**filter, AstNode::Number(_)) {
                            self.region(filter);
                        }
                    }
                    Stage::Index(name) => self.bound.push(name.clone()),
                    Stage::KeepArray => {}
                }
            }
            self.bound.extend(step.focus.iter().chain(&step.index_var).cloned());
        }
        self.bound.truncate(depth);
    }

    /// A node that must stay an array if it is one.
    fn in_place(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Array(items) | AstNode::ArrayGroup(items) => self.array(items),
            other => self.node(other),
        }
    }

    fn array(&mut self, items: &mut [AstNode]) {
        for item in &mut *items {
            self.in_place(item);
        }
        let cost = ARRAY_BYTES + items.len() * ITEM_BYTES;
        let mut has_paid = false;
        for item in items.iter_mut().filter(|item| !is_array(item)) {
            // The items of an array are copied into the one around it.
            if !is_plain(item) {
                wrap(COPY, item);
            }
            if !std::mem::replace(&mut has_paid, true) {
                pay(cost, item);
            }
        }
        self.is_guarded = true;
    }

    fn object(&mut self, pairs: &mut [(AstNode, AstNode)]) {
        let cost = OBJECT_BYTES + pairs.len() * MEMBER_BYTES;
        let mut has_paid = false;
        for (key, value) in pairs {
            self.node(key);
            self.node(value);
            keep(value);
            if !has_paid && !is_array(value) {
                pay(cost, value);
                has_paid = true;
            }
        }
        self.is_guarded = true;
    }

    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        let depth = self.bound.len();
        visit(self);
        self.bound.truncate(depth);
    }

    fn is_bound(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| bound == name)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use jsonata_core::evaluator::{Context, Evaluator};
    use jsonata_core::parser;

    use super::*;
    use crate::host::{Host, register};
    use crate::session::Surroundings;
    use crate::{Limits, value};

    struct Still;

    impl Surroundings for Still {
        fn now_millis(&self) -> i64 {
            0
        }

        fn random_u64(&self) -> u64 {
            7
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn evaluate(tree: &AstNode, data: Option<&serde_json::Value>) -> String {
        let limits = Limits { sequence_length: 300_000, ..Limits::default() };
        let host = Rc::new(Host::new(limits.clone(), Rc::new(Still)));
        let mut evaluator = Evaluator::with_options(Context::new(), host.options());
        register(&mut evaluator, &host, None).expect("the names are free");
        let data = data.map_or(jsonata_core::value::JValue::Undefined, |data| {
            value::read(&data.to_string()).expect("it is JSON")
        });
        match evaluator.evaluate(tree, &data) {
            Ok(value) => format!("{:?}", value::outcome(&value, &limits)),
            Err(error) => error.code().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn a_guarded_expression_means_what_it_meant() {
        let lines = include_str!("../tests/cases/reference.jsonl").lines();
        let cases = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let bounded = |case: &serde_json::Value| case.get("depth").is_none();
        for case in cases.filter(bounded) {
            let source = case["expr"].as_str().expect("a case has an expression");
            let Ok(tree) = parser::parse(source) else { continue };
            let mut guarded = tree.clone();
            guard(&mut guarded);
            assert_eq!(evaluate(&guarded, case.get("data")), evaluate(&tree, case.get("data")), "{source}");
        }
    }
}
