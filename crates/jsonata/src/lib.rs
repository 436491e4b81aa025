//! JSONata: expressions over JSON, compiled once and evaluated within bounds.
//!
//! JSON text goes in and comes out. *Undefined*, which JSON does not have, is kept apart from `null` as
//! [`Outcome::Undefined`]. An [`Expression`] is parsed once and shared between threads. A [`Session`] holds what the
//! expressions of one state may read, and converts a value only when an expression that is evaluated reads it.
//! No evaluation exceeds its [`Limits`], whatever the expression is.
//!
//! The crate reads no clock and makes no random number: both come from [`Surroundings`].
//!
//! AWS: the functions are JSONata's but for `$eval`, with `$partition`, `$range`, `$hash`, `$random(seed)`, `$uuid`
//! and `$parse` beside them.
//!
//! The evaluator behind it is a dependency that no other crate names, and `tests/cases` says what it must answer.

mod cost;
mod error;
mod expression;
mod functions;
mod guard;
mod host;
mod limits;
mod meter;
mod pace;
mod place;
mod plain;
mod reference;
mod scan;
mod session;
mod value;
mod walk;

pub use error::{BROKEN, Error, ErrorKind};
pub use expression::Expression;
pub use limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, Limits, VALUE_DEPTH_MAX};
pub use plain::{Comparison, Plain};
pub use reference::Reference;
pub use session::{Outcome, Session, Surroundings};
