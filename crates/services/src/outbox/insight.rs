//! What people see of deliveries: those that wait, and the attempts that failed last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::params;

use super::{Destination, Failure, Outbox, Taken};
use crate::error::ServicesError;

/// Failed attempts that are kept, in memory alone. Our choice.
const FAILURES_MAX: usize = 100;

/// A delivery that has not been made yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// What kind of receiver, and which.
    pub to: (&'static str, String),
    /// Attempts that have failed.
    pub attempts: u32,
    /// When it was written down, in milliseconds since 1970.
    pub made_ms: i64,
    /// When it is tried next.
    pub due_ms: i64,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What kind of receiver, and which.
    pub to: (&'static str, String),
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Why.
    pub reason: String,
    /// Whether it was the last one: the message is lost, or a dead letter.
    pub is_last: bool,
}

/// The attempts that failed last.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures(Arc<Mutex<VecDeque<FailedAttempt>>>);

impl Failures {
    pub(super) fn keep(&self, taken: &Taken, failure: &Failure, is_last: bool, at_ms: i64) {
        let mut failures = self.lock();
        if failures.len() == FAILURES_MAX {
            failures.pop_front();
        }
        let to = taken.delivery.destination.in_words();
        let (attempt, reason) = (taken.attempts + 1, failure.reason.clone());
        failures.push_back(FailedAttempt { at_ms, to, attempt, reason, is_last });
    }

    /// Nothing that holds the lock can panic half-way.
    fn lock(&self) -> MutexGuard<'_, VecDeque<FailedAttempt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// At most so many deliveries that wait, those first that are due first, and how many there are.
    pub async fn waiting(&self, max: usize) -> Result<(Vec<WaitingDelivery>, u64), ServicesError> {
        self.database
            .read(move |connection| {
                let count = connection
                    .prepare_cached("SELECT count(*) FROM deliveries")?
                    .query_row([], |row| row.get(0))?;
                let mut statement = connection.prepare_cached(
                    "SELECT destination, attempts, made_ms, due_ms FROM deliveries ORDER BY due_ms LIMIT ?1",
                )?;
                let mut rows = statement.query(params![max])?;
                let mut waiting = Vec::new();
                while let Some(row) = rows.next()? {
                    let destination: String = row.get(0)?;
                    let destination: Destination = serde_json::from_str(&destination)?;
                    waiting.push(WaitingDelivery {
                        to: destination.in_words(),
                        attempts: row.get(1)?,
                        made_ms: row.get(2)?,
                        due_ms: row.get(3)?,
                    });
                }
                Ok((waiting, count))
            })
            .await
    }

    /// The attempts that failed last since the start of the process, the newest first.
    pub fn failures(&self) -> Vec<FailedAttempt> {
        self.failures.lock().iter().rev().cloned().collect()
    }
}

impl Destination {
    /// What kind of receiver, as SNS names its protocols where it has one, and which.
    fn in_words(&self) -> (&'static str, String) {
        let (kind, which) = match self {
            Self::Queue { arn, .. } => ("sqs", arn),
            Self::Topic { arn, .. } => ("sns", arn),
            Self::Function { arn } | Self::Invocation { arn } => ("lambda", arn),
            Self::StateMachine { arn, .. } => ("states", arn),
            Self::Bus { arn, .. } => ("events", arn),
            Self::Http { url, .. } => ("http", url),
            Self::Mail { address, .. } => ("email", address),
            Self::File { name } => ("file", name),
        };
        (kind, which.clone())
    }
}
