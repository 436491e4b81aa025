//! Filled in by the commits that follow.

pub mod data;
pub mod failure;
pub mod json;
