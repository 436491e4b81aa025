//! Amazon States Language, on its own: definitions, data flow and the interpreter.
//!
//! Everything here is a function of its arguments. Nothing reads a clock, a file, a socket or a random
//! source, and nothing is `async`: time and chance are passed in. Three parts, each usable without the next:
//!
//! - [`definition`]: text becomes a checked [`definition::machine::StateMachine`], or diagnostics.
//! - [`data`]: paths, templates, intrinsic functions and choice rules.
//! - [`interpreter`]: an execution as a value, driven by stimuli, recorded as AWS's own history events.
//!
//! [`json`] is JSON as Step Functions keeps it, and [`failure`] the errors that a state can end with.

pub mod data;
pub mod definition;
pub mod failure;
pub mod interpreter;
pub mod json;
