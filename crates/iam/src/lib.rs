//! IAM's policies: what a role may do, decided from the policies' text and the request alone.
//!
//! [`Policy::parse`] makes a policy of its JSON, or says all that is wrong with it, and where. [`decide`] holds a
//! request against a role's policies. Nothing here reads a clock, a file or a socket: what a condition asks about
//! comes in as the request's [`Context`].
//!
//! These are identity-based policies. Trust policies, boundaries and resource-based policies are not here.
//!
//! Documentation: IAM, "IAM JSON policy elements reference" and "Policy evaluation logic".

mod condition;
mod context;
mod decision;
mod diagnostic;
mod pattern;
mod policy;
mod strict;
mod time;

pub use context::Context;
pub use decision::{Decision, Denial, Request, decide};
pub use diagnostic::{Diagnostic, PolicyError};
pub use policy::{BYTES_MAX, Effect, Policy, Statement};
