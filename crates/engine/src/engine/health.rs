//! Whether the store takes what is written: while it does not (a full disk, an I/O error), nothing new is begun.
//!
//! What was begun waits for the committer, which goes on trying; what can be read is read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::StoreError;

/// What the committer last found. Shared with whoever begins something.
#[derive(Clone, Default)]
pub(super) struct Health {
    trouble: Arc<Mutex<Option<Trouble>>>,
    is_closing: Arc<AtomicBool>,
}

struct Trouble {
    place: String,
    reason: String,
}

impl Health {
    /// The store did not take a commit.
    pub(super) fn fell(&self, error: &StoreError) {
        let (place, reason) = match error {
            StoreError::Unavailable { place, reason } | StoreError::Corrupt { place, reason } => {
                (place.clone(), reason.clone())
            }
            StoreError::Conflict { .. } | StoreError::Refused { .. } => (String::new(), error.to_string()),
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(Trouble { place, reason });
    }

    /// The store takes commits again.
    pub(super) fn rose(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The engine is to end: nobody waits any longer for a store that takes nothing.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Whether something new may begin.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(Trouble { place, reason }) => {
                Err(StoreError::Unavailable { place: place.clone(), reason: reason.clone() })
            }
        }
    }
}
