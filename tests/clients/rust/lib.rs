//! Nothing but tests: see `tests/sfn.rs`.
