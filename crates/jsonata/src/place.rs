//! Where an error stands: the evaluator tells what went wrong, and not where.
//!
//! The place of a syntax error is found by parsing the beginnings of the source: the shortest one that fails in the same
//! way ends with the token that is wrong. For an error of an evaluation, the expression is evaluated once more with a
//! mark on the last operand of every operator or call that can have raised it: what was marked last did.

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::parser;
use jsonata_core::value::with_stack;

use crate::guard::{DISTINCT, LIST, RANGE};
use crate::host;
use crate::scan::{Token, TokenKind};
use crate::walk::children_mut;
use crate::{Error, ErrorKind};

/// The function that a mark calls, with the number of what is marked and the operand.
pub(crate) const MARK: &str = "guard mark";

/// A longer source is not parsed again and again.
const SEARCHED_BYTES_MAX: usize = 16 * 1024;

/// Puts the place into a syntax error.
pub(crate) fn syntax(error: Error, source: &str, tokens: &[Token<'_>]) -> Error {
    let at = |token: &Token<'_>, error: Error| Error {
        position: Some(token.start),
        token: source.get(token.start..token.end).map(str::to_owned),
        ..error
    };
    match error.code.as_deref() {
        Some("S0203" | "S0207") => Error { position: Some(source.trim_end().len()), ..error },
        Some("S0101" | "S0105" | "S0106") => match tokens.last() {
            Some(last) => at(last, error),
            None => error,
        },
        _ if source.len() > SEARCHED_BYTES_MAX => error,
        _ => {
            let fails_alike = |token: &Token<'_>| {
                let beginning = source.get(..token.end).unwrap_or_default();
                parser::parse(beginning).err().is_some_and(|other| {
                    let other = Error::from_text(error.kind, &other.to_string());
                    (&other.code, &other.message) == (&error.code, &error.message)
                })
            };
            match tokens.get(tokens.partition_point(|token| !fails_alike(token))) {
                Some(token) => at(token, error),
                None => error,
            }
        }
    }
}

/// Refuses `:=` after what is no variable, which the evaluator does only when it gets there.
pub(crate) fn bindings(tokens: &[Token<'_>]) -> Result<(), Error> {
    for pair in tokens.windows(2) {
        let [before, operator] = pair else { continue };
        if operator.text == ":=" && before.kind != TokenKind::Variable {
            let text = "The left side of := must be a variable name (start with $)";
            return Err(Error {
                code: Some("S0212".to_owned()),
                position: Some(operator.start),
                token: Some(operator.text.to_owned()),
                ..Error::new(ErrorKind::Syntax, text)
            });
        }
    }
    Ok(())
}

/// A tree in which what can have raised an error is marked, with the tokens by their marks.
pub(crate) struct Traced<'a> {
    pub tree: AstNode,
    tokens: Vec<Token<'a>>,
}

impl Traced<'_> {
    /// Puts the place of what was marked last into the error.
    pub(crate) fn place(&self, error: Error, marked: Option<usize>) -> Error {
        match marked.and_then(|mark| self.tokens.get(mark)) {
            Some(token) => Error { position: Some(token.start), token: Some(written(token)), ..error },
            None => error,
        }
    }

    /// The mark, if there is but one: then it need not be evaluated to know it.
    pub(crate) fn only(&self) -> Option<usize> {
        (self.tokens.len() == 1).then_some(0)
    }
}

/// Marks what can have raised an error, or nothing where the tree and the tokens do not agree.
pub(crate) fn traced<'a>(error: &Error, tree: &AstNode, tokens: &[Token<'a>]) -> Option<Traced<'a>> {
    let code = error.code.as_deref()?;
    // Operators have codes of their own; anything else is raised by a call.
    let wanted: fn(&str, &Error) -> bool = match code {
        "T2003" | "T2004" => |text, _| text == "..",
        "T2001" | "T2002" | "D1001" => |text, error| {
            "+-*/%".contains(text) && (error.code.as_deref() == Some("D1001") || names(&error.message, text))
        },
        "T2009" | "T2010" => |text, _| matches!(text, "<" | "<=" | ">" | ">="),
        "T2006" => |text, _| text == "~>",
        _ if code.starts_with("T0") || code.starts_with("T1") || code.starts_with("D3") => |text, error| {
            text.starts_with('$')
                && (error.code.as_deref() != Some("T1006")
                    || !host::is_function(text.trim_start_matches('$')))
        },
        _ => return None,
    };
    let mut tree = tree.clone();
    let mut marks = Marks { texts: Vec::new(), is_wanted: &|text| wanted(text, error) };
    marks.node(&mut tree);
    let found: Vec<Token<'a>> = (0..tokens.len())
        .filter(|index| can_raise(tokens, *index))
        .filter_map(|index| tokens.get(index).copied())
        .filter(|token| wanted(&written(token), error))
        .collect();
    let agree = found.iter().map(written).eq(marks.texts.iter().cloned());
    agree.then_some(Traced { tree, tokens: found })
}

/// Whether an operator is named in a message: `the + operator`.
fn names(message: &str, operator: &str) -> bool {
    message.split([' ', '"']).any(|word| word == operator)
}

/// Whether a token is an operator between operands, or the name of a function that is called.
fn can_raise(tokens: &[Token<'_>], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
    match tokens.get(index).map(|token| token.kind) {
        Some(TokenKind::Variable) => tokens.get(index + 1).is_some_and(|next| next.text == "("),
        Some(TokenKind::Symbol) => before.is_some_and(|before| match before.kind {
            TokenKind::Symbol => matches!(before.text, ")" | "]" | "}" | "*" | "**" | "%"),
            TokenKind::Name => !matches!(before.text, "and" | "or" | "in"),
            TokenKind::Variable | TokenKind::Literal => true,
        }),
        Some(TokenKind::Name | TokenKind::Literal) | None => false,
    }
}

/// A token as the source has it.
fn written(token: &Token<'_>) -> String {
    match token.kind {
        TokenKind::Variable => format!("${}", token.text),
        TokenKind::Name | TokenKind::Literal | TokenKind::Symbol => token.text.to_owned(),
    }
}

struct Marks<'a> {
    texts: Vec<String>,
    is_wanted: &'a dyn Fn(&str) -> bool,
}

impl Marks<'_> {
    fn node(&mut self, node: &mut AstNode) {
        with_stack(|| self.node_here(node));
    }

    fn node_here(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Binary { op, lhs, rhs } => {
                self.node(lhs);
                let mark = self.found(operator(*op));
                self.node(rhs);
                if *op != BinaryOp::ChainPipe {
                    put(mark, rhs);
                }
            }
            AstNode::Function { name, args, is_builtin: true } if matches!(name.as_str(), RANGE | LIST) => {
                if let [first, last] = args.as_mut_slice() {
                    self.node(first);
                    let mark = self.found("..");
                    self.node(last);
                    put(mark, last);
                }
            }
            AstNode::Function { name, args, is_builtin: true } => {
                let own = if name == DISTINCT { "distinct" } else { name.as_str() };
                let mark = if own.starts_with("guard ") { None } else { self.found(&format!("${own}")) };
                for argument in args.iter_mut() {
                    self.node(argument);
                }
                if let Some(last) = args.last_mut() {
                    put(mark, last);
                }
            }
            other => children_mut(other).into_iter().for_each(|child| self.node(child)),
        }
    }

    /// The number of the next mark, if it is wanted.
    fn found(&mut self, text: &str) -> Option<usize> {
        if !(self.is_wanted)(text) {
            return None;
        }
        self.texts.push(text.to_owned());
        Some(self.texts.len() - 1)
    }
}

/// Marks an operand. A function that stands in the tree as it is stays so: the evaluator tells it by its node.
#[expect(clippy::cast_precision_loss, reason = "a tree has few marks")]
fn put(mark: Option<usize>, node: &mut AstNode) {
    let is_kept = matches!(node, AstNode::Lambda { .. } | AstNode::Placeholder);
    let Some(mark) = mark.filter(|_| !is_kept) else { return };
    let operand = std::mem::replace(node, AstNode::Null);
    let args = vec![AstNode::Number(mark as f64), operand];
    *node = AstNode::Function { name: MARK.to_owned(), args, is_builtin: true };
}

fn operator(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Modulo => "%",
        BinaryOp::Equal => "=",
        BinaryOp::NotEqual => "!=",
        BinaryOp::LessThan => "<",
        BinaryOp::LessThanOrEqual => "<=",
        BinaryOp::GreaterThan => ">",
        BinaryOp::GreaterThanOrEqual => ">=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Concatenate => "&",
        BinaryOp::Range => "..",
        BinaryOp::In => "in",
        BinaryOp::ColonEqual => ":=",
        BinaryOp::FocusBind => "@",
        BinaryOp::IndexBind => "#",
        BinaryOp::Coalesce => "??",
        BinaryOp::Default => "?:",
        BinaryOp::ChainPipe => "~>",
    }
}
