//! The functions from outside: real and broken pictures through the plain functions, and events through the
//! handlers.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a test says what it expects by failing, and its numbers are small"
)]

mod broken;
mod fixtures;
mod handlers;
mod hostile;
mod pictures;
mod records;
mod stamped;
