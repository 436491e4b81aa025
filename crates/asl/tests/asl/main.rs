//! The language from outside: definitions, executions of them, and what both must hold for whatever is drawn.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod definition;
mod definition_properties;
mod execution;
mod interpreter;
mod outside;
mod random_machines;
mod redrive;
mod test_state;
mod workflow_twins;
mod world;
