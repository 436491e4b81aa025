//! Where problems are gathered while a definition is read, and how their places are written.

use std::fmt;

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use crate::json::Span;

/// A place in the definition, in AWS's notation: `/States/C/Choices[0]/Next`, `/` for the top.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Location(String);

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Location {
    /// The whole definition.
    pub(super) fn top() -> Self {
        Self::default()
    }

    /// A member of the object here.
    pub(super) fn field(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    /// An element of the array here.
    pub(super) fn item(&self, position: usize) -> Self {
        Self(format!("{}[{position}]", self.0))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

impl Report {
    /// Adds an error. The answer takes a `help`.
    pub(super) fn error(
        &mut self,
        code: DiagnosticCode,
        location: &Location,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Error, code, Some(location), Some(span), message.into())
    }

    /// Adds an error of the commonest kind: the shape is wrong.
    pub(super) fn schema(
        &mut self,
        location: &Location,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.error(DiagnosticCode::SchemaValidationFailed, location, span, message)
    }

    /// Adds an error about the whole text, which AWS gives no place.
    pub(super) fn error_without_place(
        &mut self,
        code: DiagnosticCode,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Error, code, None, None, message.into())
    }

    /// Adds a warning.
    pub(super) fn warning(
        &mut self,
        code: DiagnosticCode,
        location: &Location,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Warning, code, Some(location), Some(span), message.into())
    }

    /// Whether the definition is refused.
    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Everything found, errors before warnings, each in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics
            .sort_by_key(|diagnostic| (diagnostic.severity, diagnostic.span.map_or(0, |span| span.start)));
        self.diagnostics
    }

    fn push(
        &mut self,
        severity: Severity,
        code: DiagnosticCode,
        location: Option<&Location>,
        span: Option<Span>,
        message: String,
    ) -> &mut Diagnostic {
        let location = location.map(Location::to_string);
        self.diagnostics.push(Diagnostic { severity, code, message, location, span, help: None });
        self.diagnostics.last_mut().expect("one was just pushed")
    }
}

impl Diagnostic {
    /// Says how to mend it.
    pub(super) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }
}
