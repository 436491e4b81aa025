//! Which shard owns which execution.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The executions that a shard owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which of the parts it is, counted from 0.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Part {
    /// The only shard's, which owns all.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// Whether the execution of this ARN is among them.
    pub fn owns(self, execution_arn: &str) -> bool {
        self.of <= 1 || Self::number_of(execution_arn, self.of) == self.number
    }

    /// Whose the execution of this ARN is, of so many. The same in every run of one process; needs no more.
    pub(crate) fn number_of(execution_arn: &str, of: usize) -> usize {
        let mut hasher = DefaultHasher::new();
        execution_arn.hash(&mut hasher);
        let of = u64::try_from(of).unwrap_or(1).max(1);
        usize::try_from(hasher.finish() % of).unwrap_or(0)
    }
}
