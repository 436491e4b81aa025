//! What each state type does when it is entered, and when what it waited for has come.
//!
//! One file a type. Each is an `impl` of the turn: it emits the entry, evaluates the state's fields and
//! either leaves, fails, or waits.

mod choice;
mod fail;
pub(super) mod map;
mod parallel;
mod pass;
mod succeed;
mod task;
mod wait;
