//! What an observer is told of the engine itself: how it is, and not what it does.

use std::time::Duration;

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vital {
    /// A commit is on disk.
    Commit {
        /// How long the store took, tries that failed left out.
        took: Duration,
        /// Executions that it wrote.
        appends: usize,
    },
    /// A shard came to a deadline, later than it was due.
    Lag(Duration),
    /// The executions that were open are read back.
    Recovery {
        /// How long that took.
        took: Duration,
        /// How many they are, those that sleep left out.
        executions: usize,
    },
}
