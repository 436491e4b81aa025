//! An expression, parsed once.

use std::fmt;
use std::panic::catch_unwind;
use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::parser;

use crate::guard::Traits;
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX};
use crate::reference::{Reference, References, references};
use crate::scan::{TokenKind, tokens};
use crate::{Error, ErrorKind, Plain, guard, host, pace, place, plain};

/// A parsed expression. Cheap to clone, and shared between threads.
#[derive(Clone)]
pub struct Expression(Arc<Parsed>);

struct Parsed {
    source: String,
    tree: AstNode,
    references: References,
    is_quick: bool,
    plain: Option<Plain>,
    traits: Traits,
}

impl Expression {
    /// Parses an expression of at most [`EXPRESSION_BYTES_MAX`] that nests no deeper than [`EXPRESSION_DEPTH_MAX`].
    pub fn parse(source: &str) -> Result<Expression, Error> {
        if source.len() > EXPRESSION_BYTES_MAX {
            let text = format!("the expression is longer than {EXPRESSION_BYTES_MAX} bytes");
            return Err(Error::new(ErrorKind::Syntax, text));
        }
        let tokens = tokens(source);
        let mut depth = 0_usize;
        for token in tokens.iter().filter(|token| token.kind == TokenKind::Symbol) {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > EXPRESSION_DEPTH_MAX {
                let text = format!("the expression is nested deeper than {EXPRESSION_DEPTH_MAX}");
                return Err(Error { position: Some(token.start), ..Error::new(ErrorKind::Syntax, text) });
            }
        }
        let mut tree = catch_unwind(|| parser::parse(source))
            .map_err(|_| Error { kind: ErrorKind::Syntax, ..Error::broken() })?
            .map_err(|error| {
                place::syntax(Error::from_text(ErrorKind::Syntax, &error.to_string()), source, &tokens)
            })?;
        place::bindings(&tokens)?;
        let references = references(&tree, &tokens, &host::is_function);
        let is_quick = pace::is_quick(source, &tree);
        let plain = plain::plain(source, &tree);
        let traits = guard::guard(&mut tree);
        let source = source.to_owned();
        Ok(Expression(Arc::new(Parsed { source, tree, references, is_quick, plain, traits })))
    }

    /// The text that it was parsed from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The variables that it reads and does not bind itself, in the order of the source. Functions are none of them.
    pub fn references(&self) -> &[Reference] {
        &self.0.references.variables
    }

    /// Where it reads its context item: `$`, `$$`, or a field without a variable before it. Not what stands in a
    /// predicate, a later step of a path or a function, where the context is another.
    pub fn context_references(&self) -> &[Reference] {
        &self.0.references.context
    }

    /// The expression as one that needs no evaluator, if it is of that kind.
    pub fn plain(&self) -> Option<&Plain> {
        self.0.plain.as_ref()
    }

    /// Whether it is known that evaluating it costs no more than its data is large. A caller with other work waiting
    /// evaluates such an expression at once.
    pub fn is_quick(&self) -> bool {
        self.0.is_quick
    }

    /// What its evaluation has to get ready for.
    pub(crate) fn traits(&self) -> &Traits {
        &self.0.traits
    }

    pub(crate) fn tree(&self) -> &AstNode {
        &self.0.tree
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}
