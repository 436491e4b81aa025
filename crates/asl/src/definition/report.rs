//! Where problems are gathered while a definition is read.
//!
//! A definition of the greatest size can hold a hundred thousand faults, in places whose names are half a
//! megabyte long; what is kept of them has a bound in number and in length.

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::location::Location;
use crate::json::Span;

/// How many errors, and how many warnings, are kept. Our choice: ten times what AWS tells at most.
pub const DIAGNOSTICS_MAX: usize = 1000;

/// Bytes of a message or help. Our choice.
const TEXT_BYTES_MAX: usize = 4096;

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Takes what is beyond the bound, one after the other.
    surplus: Option<Diagnostic>,
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
        !self.errors.is_empty()
    }

    /// Whether another error would not be kept, so that it is not worth a thought how to mend it.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= DIAGNOSTICS_MAX
    }

    /// Everything that was kept, errors before warnings, each in the order of the text.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let Self { mut errors, mut warnings, surplus: _ } = self;
        for list in [&mut errors, &mut warnings] {
            list.sort_by_key(|diagnostic| diagnostic.span.map_or(0, |span| span.start));
        }
        errors.append(&mut warnings);
        for diagnostic in &mut errors {
            diagnostic.help = diagnostic.help.take().map(shortened);
        }
        errors
    }

    fn push(
        &mut self,
        severity: Severity,
        code: DiagnosticCode,
        location: Option<&Location>,
        span: Option<Span>,
        message: String,
    ) -> &mut Diagnostic {
        let list = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        let is_kept = list.len() < DIAGNOSTICS_MAX;
        let location = location.filter(|_| is_kept).map(Location::to_string);
        let message = shortened(message);
        let diagnostic = Diagnostic { severity, code, message, location, span, help: None };
        if is_kept {
            list.push(diagnostic);
            list.last_mut().expect("one was just pushed")
        } else {
            self.surplus.insert(diagnostic)
        }
    }
}

impl Diagnostic {
    /// Says how to mend it.
    pub(super) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}
