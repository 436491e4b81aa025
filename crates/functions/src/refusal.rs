//! Why a picture is not taken: one sentence for a person, and which check it failed.

/// The three questions that validation answers about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Is its size on disk acceptable?
    FileSize,
    /// Is it, from its bytes, a whole and decodable picture of a kind we read, and what its name says?
    Format,
    /// Are its sides and its pixel count acceptable?
    Dimensions,
}

/// A failed check. The reason is written for the person who uploaded the picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The check that failed.
    pub check: Check,
    /// What was found, and what would have been accepted.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(check: Check, reason: impl Into<String>) -> Self {
        Self { check, reason: reason.into() }
    }

    pub(crate) fn format(reason: impl Into<String>) -> Self {
        Self::new(Check::Format, reason)
    }
}
