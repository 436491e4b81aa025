//! How long ended executions are kept.

use std::time::Duration;

use darkroom_asl::data::Timestamp;

use super::Engine;
use crate::store::StoreError;

/// How many days AWS keeps an execution after its end.
pub const RETENTION_DAYS: u32 = 90;

/// Executions that one transaction deletes, so that a commit does not wait long for it.
const DELETED_AT_ONCE_MAX: usize = 256;

impl Engine {
    /// Deletes executions that ended longer ago than this, and their histories, and answers how many. To be
    /// called now and then, by whoever looks after the engine. A name is free again when its execution is gone.
    pub fn delete_ended_executions(&self, kept_for: Duration) -> Result<usize, StoreError> {
        let kept_ms = i64::try_from(kept_for.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(self.clock.now().as_millis().saturating_sub(kept_ms));
        let mut deleted = 0;
        loop {
            let count = self.store.delete_ended(before, DELETED_AT_ONCE_MAX)?;
            deleted += count;
            self.known_executions.forget_all();
            if count < DELETED_AT_ONCE_MAX {
                return Ok(deleted);
            }
        }
    }
}
