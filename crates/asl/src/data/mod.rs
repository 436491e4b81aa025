//! Data on its way through a state machine: what is picked out, computed, compared and put back.
//!
//! Paths, intrinsic functions and templates are compiled once, from the definition, and evaluated against an
//! [`Environment`]: the input, the context object and the variables. Nothing here knows of states. [`query`] does the
//! same for `JSONata`, against a [`query::QueryEnvironment`].

pub mod choice;
mod cursor;
mod environment;
mod expression;
#[cfg(test)]
mod fixture;
pub mod intrinsic;
mod java_hash;
mod java_text;
pub mod path;
mod plain;
pub mod query;
pub mod template;
pub mod timestamp;

pub use cursor::SyntaxError;
pub use environment::Environment;
pub use expression::Expression;
pub use intrinsic::Call;
pub use path::{Path, ReferencePath};
pub use query::{Query, QueryTemplate};
pub use template::Template;
pub use timestamp::Timestamp;
