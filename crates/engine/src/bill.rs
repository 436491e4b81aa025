//! What an Express execution is billed: `StartSyncExecution` tells its caller, and the metrics everybody.
//!
//! AWS: time is billed in steps of 100 ms, memory in steps of 64 MB. What memory an execution takes is estimated as AWS's
//! price list does it, as far as that holds here: a base, and the execution's data. Its definition and the branches of
//! Parallel and Map are left out, since executions share the one and branches their data.

use darkroom_asl::data::Timestamp;

/// AWS: bytes of every execution, whatever it does.
const MEMORY_BASE: u64 = 50 * MEGABYTE;
/// AWS: memory is billed in steps of so many megabytes.
const MEMORY_STEP_MB: u64 = 64;
/// AWS: time is billed in steps of so many milliseconds.
const DURATION_STEP_MS: u64 = 100;
const MEGABYTE: u64 = 1024 * 1024;

/// What an Express execution is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// The memory that it is taken to have used, in bytes.
    pub memory_bytes: u64,
    /// The same in whole steps, in megabytes.
    pub billed_memory_mb: u64,
    /// How long it took, in whole steps, in milliseconds. What ends within its first millisecond is billed a step too.
    pub billed_duration_ms: u64,
}

impl Bill {
    /// The bill of an execution with an input of so many bytes.
    pub fn of(input_bytes: usize, started_at: Timestamp, ended_at: Timestamp) -> Self {
        let took_ms = ended_at.as_millis().saturating_sub(started_at.as_millis());
        let took_ms = u64::try_from(took_ms).unwrap_or(0).max(1);
        let memory_bytes = MEMORY_BASE.saturating_add(u64::try_from(input_bytes).unwrap_or(u64::MAX));
        let megabytes = memory_bytes.div_ceil(MEGABYTE);
        Self {
            memory_bytes,
            billed_memory_mb: megabytes.div_ceil(MEMORY_STEP_MB) * MEMORY_STEP_MB,
            billed_duration_ms: took_ms.div_ceil(DURATION_STEP_MS).saturating_mul(DURATION_STEP_MS),
        }
    }

    /// The billed memory in bytes.
    pub fn billed_memory_bytes(&self) -> u64 {
        self.billed_memory_mb * MEGABYTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_billed_in_whole_steps() {
        const MB: usize = 1024 * 1024;
        for (input_bytes, took_ms, memory_mb, duration_ms) in [
            (2, 0, 64, 100),
            (2, -5, 64, 100),
            (2, 1, 64, 100),
            (2, 100, 64, 100),
            (262_144, 101, 64, 200),
            (14 * MB, 250, 64, 300),
            (14 * MB + 1, 300_000, 128, 300_000),
        ] {
            let at = Timestamp::from_millis;
            let bill = Bill::of(input_bytes, at(1_000), at(1_000 + took_ms));
            assert_eq!(
                (bill.billed_memory_mb, bill.billed_duration_ms),
                (memory_mb, duration_ms),
                "{input_bytes} bytes for {took_ms} ms"
            );
            assert_eq!(bill.memory_bytes, 50 * 1024 * 1024 + input_bytes as u64);
            assert!(bill.billed_memory_bytes() >= bill.memory_bytes);
        }
    }
}
