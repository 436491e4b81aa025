//! The running engine, with its threads: on stores that take everything, and on some that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod refused;
mod resources;
mod sleep;
mod starts;
mod tasks;
mod traces;
