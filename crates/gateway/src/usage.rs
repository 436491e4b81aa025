//! How often each action is called, and how often it is refused because too much is under way.
//!
//! Counted where the calls are answered, without a lock, and taken by whoever keeps metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::actions::ACTIONS;

/// The counts of all actions, since they were last taken.
pub struct Usage([Counts; ACTIONS.len()]);

#[derive(Default)]
struct Counts {
    calls: AtomicU64,
    throttled: AtomicU64,
}

/// An action's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The action's name.
    pub action: &'static str,
    /// Calls of it, those that were refused among them.
    pub calls: u64,
    /// Calls that may be made again, since too much was under way or the store took nothing.
    pub throttled: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counts::default()))
    }
}

impl Usage {
    /// The actions that were called since this was last asked.
    pub fn take(&self) -> Vec<Used> {
        let taken = ACTIONS.iter().zip(&self.0).map(|((action, _), counts)| Used {
            action,
            // The refused ones first: they are called before they are refused, and never the other way round.
            throttled: counts.throttled.swap(0, Ordering::Relaxed),
            calls: counts.calls.swap(0, Ordering::Relaxed),
        });
        taken.filter(|used| used.calls > 0 || used.throttled > 0).collect()
    }

    /// The action that stands at this place of the table is called.
    pub(crate) fn called(&self, place: usize) {
        if let Some(counts) = self.0.get(place) {
            counts.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A call of it is refused.
    pub(crate) fn throttled(&self, place: usize) {
        if let Some(counts) = self.0.get(place) {
            counts.throttled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_once() {
        let usage = Usage::default();
        let place = ACTIONS.iter().position(|(action, _)| *action == "StartExecution").unwrap();
        usage.called(place);
        usage.called(place);
        usage.throttled(place);
        usage.called(ACTIONS.len());
        assert_eq!(usage.take(), [Used { action: "StartExecution", calls: 2, throttled: 1 }]);
        assert_eq!(usage.take(), []);
    }
}
