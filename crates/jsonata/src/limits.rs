//! What an expression may cost: its text, its evaluation and its result.

use std::time::Duration;

/// The longest expression that is parsed, in bytes. Our own choice: AWS bounds the whole definition at 1 MiB.
pub const EXPRESSION_BYTES_MAX: usize = 256 * 1024;

/// How deep an expression may nest: parentheses, operands, blocks. Our own choice.
pub const EXPRESSION_DEPTH_MAX: usize = 500;

/// How deep a value that comes in or goes out may nest, as the interpreter's own JSON.
pub const VALUE_DEPTH_MAX: usize = 1_000;

/// How long a range may be, where sequences may not be longer. AWS: 873,782 numbers pass, one more fails.
pub(crate) const RANGE_LENGTH_MAX: usize = 873_782;

/// How many evaluations may run within each other: `$replace`, used as a value, calls a function that does so again.
pub(crate) const NESTING_MAX: usize = 50;

/// What one evaluation may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run.
    pub time: Duration,
    /// How much memory it may take beyond the values that it is given.
    pub memory_bytes: usize,
    /// How deep calls and operators may nest while it runs.
    pub depth: usize,
    /// How many items a sequence may have. A range may have 873,782, as on AWS, where this is less.
    pub sequence_length: usize,
    /// The longest string that may be built, in bytes.
    pub string_bytes: usize,
    /// The longest result, as JSON text in bytes.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            time: Duration::from_millis(250),
            memory_bytes: 64 * 1024 * 1024,
            depth: 3_000,
            // A payload of 256 KiB has at most 131,072 items.
            sequence_length: 200_000,
            // AWS: a string of 2^22 characters passes, one of 2^23 fails.
            string_bytes: 4 * 1024 * 1024,
            output_bytes: 8 * 1024 * 1024,
        }
    }
}
