//! One large buffer a thread, lent from decode to decode.
//!
//! Fresh pages cost a third of a full decode (the kernel zeroes each of them), so the buffer of the last
//! picture is kept for the next. What it holds is overwritten, never read.

use std::cell::RefCell;

/// A larger buffer is given back to the allocator: a thread must not keep 300 MB for one odd picture.
const KEPT_BYTES_MAX: usize = 96 * 1024 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of at least `bytes` bytes with arbitrary content.
pub(super) fn take(bytes: usize) -> Vec<u8> {
    let buffer = SPARE.take();
    if buffer.len() >= bytes {
        return buffer;
    }
    // Growing it in place would copy what nobody reads.
    drop(buffer);
    vec![0; bytes]
}

/// Keeps a picture's buffer for the next decode on this thread.
pub(crate) fn recycle(buffer: Vec<u8>) {
    if buffer.len() <= KEPT_BYTES_MAX {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < buffer.len() {
                *spare = buffer;
            }
        });
    }
}
