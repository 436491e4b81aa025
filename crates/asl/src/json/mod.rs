//! JSON as Step Functions keeps it: members in order, integers exact, doubles printed as Java prints them.
//!
//! Text goes in, [`Value`]s come out and go back into text. A value is cheap to clone: arrays, objects and
//! strings are shared, and copied only where they are changed. [`Spanned`] is the same with positions, for
//! diagnostics; [`Payload`] is text and value in one. Everything reads one grammar, in `reader.rs`.
//!
//! Spec: RFC 8259, strictly. AWS: Jackson on Java, as far as its habits are seen in recorded payloads.

mod error;
mod jackson;
mod number;
mod object;
mod payload;
mod reader;
mod spanned;
mod value;
mod write;

pub use error::{ParseError, ParseErrorKind};
pub use jackson::JacksonError;
pub use number::{NUMBER_LENGTH_MAX, Number};
pub use object::{Iter, Object};
pub use payload::Payload;
pub use spanned::{Member, Node, Span, Spanned, line_column, parse_spanned};
pub use value::{Value, check, parse};

/// Shared text.
pub type Text = std::sync::Arc<str>;

/// How deep arrays and objects may nest. Our choice, and Jackson's own default.
pub const DEPTH_MAX: usize = 1000;

#[cfg(test)]
mod tests;
