//! The running engine, with its threads: on stores that take everything, and on some that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod refused;
mod resources;
mod sleep;
mod starts;
mod tasks;
mod traces;

use std::sync::Arc;

use darkroom_asl::interpreter::{Identity, Qualifiers};

/// Who an execution of this name is.
fn identity(name: &str) -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: name.into(),
        execution_name: name.into(),
        state_machine_arn: "machine".into(),
        state_machine_name: "machine".into(),
        role_arn: "role".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}
