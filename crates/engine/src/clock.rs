//! Time and chance, as the engine is handed them.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Random;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now. Never earlier than an answer before.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, kept from going backwards.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest_ms: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        let latest = self.latest_ms.fetch_max(now, Ordering::Relaxed);
        Timestamp::from_millis(now.max(latest))
    }
}

/// How long the process has been running, by a clock that only goes forward.
pub fn stopwatch() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn next_u64(&self) -> u64 {
        getrandom::u64().expect("an operating system that this runs on has a random source")
    }
}
