//! Filled in by the commits that follow.

pub mod data;
pub mod definition;
pub mod failure;
pub mod json;
