//! The time, which a test may set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Where the services read the time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's own.
    System,
    /// Milliseconds since 1970, set by whoever holds the other end.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }
}

/// `2026-01-31T12:00:00.000Z`.
pub(crate) fn iso_ms(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.3}")
}

/// `2026-01-31T12:00:00Z`.
pub(crate) fn iso_seconds(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.0}")
}
