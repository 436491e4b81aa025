//! The pages, a file each.

pub mod alarms;
pub mod dead_letters;
pub mod event_table;
pub mod execution;
pub mod executions;
pub mod functions;
pub mod machine;
pub mod machines;
pub mod overview;
pub mod photos;
pub mod picture;
pub mod queues;
pub mod state_panel;
pub mod timeline;
pub mod topics;
pub mod trace;
