//! What an expression reads: the variables that it does not bind itself, and its context.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};

use crate::scan::{Token, TokenKind};

/// A variable or a field that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The variable without its `$`. In a context reference: `$`, `$$`, `*`, `**` or the field's name.
    pub name: String,
    /// The fields that are read of it, up to the first step that is not just a name.
    pub path: Vec<String>,
    /// Where it stands in the source, in bytes.
    pub offset: usize,
}

/// What an expression reads from outside itself.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// Variables that it does not bind.
    pub variables: Vec<Reference>,
    /// Its context item, by `$`, `$$` or a bare field name.
    pub context: Vec<Reference>,
}

/// Finds what `tree` reads. `tokens` are those of its source; `is_function` knows the functions that need no binding.
pub(crate) fn references(
    tree: &AstNode,
    tokens: &[Token<'_>],
    is_function: &dyn Fn(&str) -> bool,
) -> References {
    let mut walk =
        Walk { bound: Vec::new(), found: References::default(), places: Places::new(tokens), is_function };
    walk.node(tree, true);
    walk.found.variables.sort_by_key(|reference| reference.offset);
    walk.found.context.sort_by_key(|reference| reference.offset);
    walk.found
}

struct Walk<'a> {
    /// Names bound where the walk stands, innermost last.
    bound: Vec<String>,
    found: References,
    places: Places<'a>,
    is_function: &'a dyn Fn(&str) -> bool,
}

impl Walk<'_> {
    /// `at_top`: the context here is the one that the whole expression is evaluated with.
    fn node(&mut self, node: &AstNode, at_top: bool) {
        jsonata_core::value::with_stack(|| self.node_here(node, at_top));
    }

    fn node_here(&mut self, node: &AstNode, at_top: bool) {
        match node {
            AstNode::String(_)
            | AstNode::Number(_)
            | AstNode::Boolean(_)
            | AstNode::Null
            | AstNode::Undefined
            | AstNode::Placeholder
            | AstNode::Regex { .. }
            | AstNode::Parent(_) => {}
            AstNode::Name(name) => self.context(name, at_top),
            AstNode::Wildcard => self.context("*", at_top),
            AstNode::Descendant => self.context("**", at_top),
            AstNode::ParentVariable(_) => self.context("$$", at_top),
            AstNode::Variable(name) if name.is_empty() => self.context("$", at_top),
            AstNode::Variable(name) => self.variable(name, Vec::new(), false),
            AstNode::Path { steps } => self.path(steps, at_top),
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, rhs } => self.binding(lhs, rhs, at_top),
            AstNode::Binary { lhs, rhs, .. } => {
                self.node(lhs, at_top);
                self.node(rhs, at_top);
            }
            AstNode::Unary { operand, .. } => self.node(operand, at_top),
            AstNode::Function { name, args, is_builtin } => {
                if *is_builtin {
                    self.variable(name, Vec::new(), true);
                }
                self.nodes(args, at_top);
            }
            AstNode::Call { procedure, args } => {
                self.node(procedure, at_top);
                self.nodes(args, at_top);
            }
            AstNode::Lambda { params, body, .. } => self.scoped(|walk| {
                walk.bound.extend(params.iter().cloned());
                walk.node(body, false);
            }),
            AstNode::Array(items) | AstNode::ArrayGroup(items) => self.nodes(items, at_top),
            AstNode::Block(items) => self.scoped(|walk| walk.nodes(items, at_top)),
            AstNode::Object(pairs) => self.pairs(pairs, at_top),
            AstNode::ObjectTransform { input, pattern } => self.scoped(|walk| {
                walk.node(input, at_top);
                walk.pairs(pattern, false);
            }),
            AstNode::Conditional { condition, then_branch, else_branch } => {
                self.node(condition, at_top);
                self.node(then_branch, at_top);
                if let Some(branch) = else_branch {
                    self.node(branch, at_top);
                }
            }
            AstNode::FunctionApplication(inner) => self.node(inner, at_top),
            AstNode::Sort { input, terms } => {
                self.node(input, at_top);
                for (term, _) in terms {
                    self.node(term, false);
                }
            }
            AstNode::Transform { location, update, delete } => {
                self.node(location, false);
                self.node(update, false);
                if let Some(delete) = delete {
                    self.node(delete, false);
                }
            }
        }
    }

    fn nodes(&mut self, nodes: &[AstNode], at_top: bool) {
        for node in nodes {
            self.node(node, at_top);
        }
    }

    fn pairs(&mut self, pairs: &[(AstNode, AstNode)], at_top: bool) {
        for (key, value) in pairs {
            self.node(key, at_top);
            self.node(value, at_top);
        }
    }

    /// `$name := value`. A function may call itself by the name that it gets.
    fn binding(&mut self, lhs: &AstNode, rhs: &AstNode, at_top: bool) {
        let AstNode::Variable(name) = lhs else {
            self.node(lhs, at_top);
            self.node(rhs, at_top);
            return;
        };
        self.places.bind(name);
        if matches!(rhs, AstNode::Lambda { .. }) {
            self.bound.push(name.clone());
            self.node(rhs, at_top);
        } else {
            self.node(rhs, at_top);
            self.bound.push(name.clone());
        }
    }

    /// The steps after the first have the step before as their context. What `@` and `#` bind is bound up to the end
    /// of the block: the sort and the group of a path read it.
    fn path(&mut self, steps: &[PathStep], at_top: bool) {
        for (index, step) in steps.iter().enumerate() {
            match (&step.node, index) {
                (AstNode::Variable(name), 0) if !name.is_empty() => {
                    self.variable(name, static_path(steps), false);
                }
                (AstNode::Name(_), 1..) => {}
                (node, _) => self.node(node, at_top && index == 0),
            }
            for stage in &step.stages {
                match stage {
                    Stage::Filter(filter) => self.node(filter, false),
                    Stage::Index(name) => self.bound.push(name.clone()),
                    Stage::KeepArray => {}
                }
            }
            self.bound.extend(step.focus.iter().chain(&step.index_var).cloned());
        }
    }

    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        let depth = self.bound.len();
        visit(self);
        self.bound.truncate(depth);
    }

    fn variable(&mut self, name: &str, path: Vec<String>, is_called: bool) {
        let offset = self.places.variable(name, &path);
        let is_known = self.bound.iter().any(|bound| bound == name) || (self.is_function)(name);
        // A variable of JSON holds no function, so that a call reads none.
        if !is_known && !is_called {
            self.found.variables.push(Reference { name: name.to_owned(), path, offset });
        }
    }

    fn context(&mut self, name: &str, at_top: bool) {
        let offset = self.places.context(name);
        if at_top {
            self.found.context.push(Reference { name: name.to_owned(), path: Vec::new(), offset });
        }
    }
}

/// The names that follow a path's first step, with the first of them that has a predicate as the last.
fn static_path(steps: &[PathStep]) -> Vec<String> {
    let mut path = Vec::new();
    let mut before = steps.first();
    for step in steps.iter().skip(1) {
        let is_open =
            before.is_some_and(|it| it.stages.is_empty() && it.focus.is_none() && it.index_var.is_none());
        let AstNode::Name(name) = &step.node else { break };
        if !is_open {
            break;
        }
        path.push(name.clone());
        before = Some(step);
    }
    path
}

/// Finds the token of each reference: the tree has no places, but the same names in about the same order.
struct Places<'a> {
    tokens: &'a [Token<'a>],
    is_used: Vec<bool>,
}

impl<'a> Places<'a> {
    fn new(tokens: &'a [Token<'a>]) -> Places<'a> {
        Places { tokens, is_used: vec![false; tokens.len()] }
    }

    /// The next variable of that name which these fields follow.
    fn variable(&mut self, name: &str, path: &[String]) -> usize {
        let tokens = self.tokens;
        self.take(|at| {
            let fields = tokens.get(at + 1..).unwrap_or_default().chunks(2);
            let is_followed = || {
                fields.zip(path).filter(|(pair, field)| matches!(pair, [dot, name] if dot.text == "." && name.text.trim_matches(['"', '\'']) == field.as_str())).count()
                    == path.len()
            };
            tokens.get(at).is_some_and(|it| it.kind == TokenKind::Variable && it.text == name) && is_followed()
        })
    }

    /// Uses up the token that binds the name.
    fn bind(&mut self, name: &str) {
        let tokens = self.tokens;
        self.take(|at| {
            tokens.get(at).is_some_and(|it| it.kind == TokenKind::Variable && it.text == name)
                && tokens.get(at + 1).is_some_and(|next| next.text == ":=")
        });
    }

    fn context(&mut self, name: &str) -> usize {
        let tokens = self.tokens;
        let (kind, text) = match name {
            "$" => (TokenKind::Variable, ""),
            "$$" => (TokenKind::Variable, "$"),
            "*" | "**" => (TokenKind::Symbol, name),
            _ => (TokenKind::Name, name),
        };
        self.take(|at| {
            let is_step = at > 0 && tokens.get(at - 1).is_some_and(|before| before.text == ".");
            !is_step && tokens.get(at).is_some_and(|it| it.kind == kind && it.text == text)
        })
    }

    fn take(&mut self, is_it: impl Fn(usize) -> bool) -> usize {
        let found =
            (0..self.tokens.len()).find(|at| !self.is_used.get(*at).copied().unwrap_or(true) && is_it(*at));
        let Some(at) = found else { return 0 };
        if let Some(used) = self.is_used.get_mut(at) {
            *used = true;
        }
        self.tokens.get(at).map_or(0, |token| token.start)
    }
}
