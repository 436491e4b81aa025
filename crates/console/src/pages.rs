//! The pages, a file each.

pub mod event_table;
pub mod execution;
pub mod executions;
pub mod machine;
pub mod machines;
pub mod overview;
pub mod photos;
pub mod picture;
pub mod services;
pub mod state_panel;
pub mod timeline;
pub mod trace;
