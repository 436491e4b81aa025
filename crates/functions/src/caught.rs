//! Panics of code that is not ours, turned into an answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `work` answers, or `None` where it panics.
///
/// The codecs read hostile input, and a panic in one must not take the worker with it. Unwind safety: `work`
/// sees only what it is lent, and whatever it had half-written is dropped with the panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
