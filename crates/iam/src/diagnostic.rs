//! What is wrong with a policy, and where.

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A JSON pointer into the policy; empty for the whole of it.
    pub pointer: String,
    /// In words: what was found, and what was expected.
    pub message: String,
}

/// A text that is no policy: all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", shown(.0))]
pub struct PolicyError(pub Vec<Diagnostic>);

fn shown(diagnostics: &[Diagnostic]) -> String {
    let line = |Diagnostic { pointer, message }: &Diagnostic| match &**pointer {
        "" => message.clone(),
        pointer => format!("{message} at {pointer}"),
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// Collects what is wrong while a policy is read on.
#[derive(Default)]
pub(crate) struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub(crate) fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.0.push(Diagnostic { pointer: pointer.to_owned(), message: message.into() });
    }

    /// The value, where nothing is wrong.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T, PolicyError> {
        if self.0.is_empty() { Ok(value) } else { Err(PolicyError(self.0)) }
    }
}

/// A member's pointer.
pub(crate) fn member(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
