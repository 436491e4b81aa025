//! What must reach somebody else: written down with what caused it, delivered, retried, and struck off.
//!
//! A delivery is a row that is committed together with the message or event that it is for, so a crash loses
//! none. A queue, topic or bus of this process takes it in and says so here in one transaction, by its [`Ticket`]: it is
//! made once. Elsewhere it may be made twice, when the crash comes between the delivery and the note of it; receivers
//! know messages by their ids. Deliveries of one lane are made in their order, whatever fails.

mod destination;
mod insight;
mod smtp;
mod table;

use std::sync::Arc;
use std::time::Duration;

use darkroom_trace::TraceHeader;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::database::Database;
use crate::error::ServicesError;

pub(crate) use destination::Destination;
pub use destination::{Deliverer, Mail};
pub use insight::{FailedAttempt, WaitingDelivery};
pub(crate) use table::{LATER_COLUMNS, SCHEMA, Ticket};

use insight::Failures;
use table::Taken;

/// Deliveries that are under way at once.
const PARALLEL_MAX: usize = 64;
/// How long to rest where the file cannot be read or written.
const PAUSE: Duration = Duration::from_secs(1);

/// How often and how long a delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retry {
    pub(crate) attempts_max: u32,
    pub(crate) delay_ms_min: u64,
    pub(crate) delay_ms_max: u64,
    pub(crate) age_ms_max: i64,
}

impl Retry {
    /// For endpoints of AWS's own kind. AWS: some 100,000 attempts over 23 days; here two weeks, as long as a
    /// queue keeps a message.
    pub(crate) const SERVICE: Self =
        Self { attempts_max: 100_000, delay_ms_min: 1000, delay_ms_max: 60_000, age_ms_max: 14 * 86_400_000 };
    /// For everybody else's. AWS gives an HTTP endpoint up after a minute unless told otherwise; here a
    /// restart of it loses nothing.
    pub(crate) const CUSTOMER: Self =
        Self { attempts_max: 50, delay_ms_min: 1000, delay_ms_max: 600_000, age_ms_max: 6 * 3_600_000 };

    /// The delay after the attempt of this number, from 1: doubled each time, up to the longest.
    fn delay_ms(&self, attempts: u32) -> u64 {
        let doubled = 2_u64.saturating_pow(attempts.saturating_sub(1));
        self.delay_ms_min.saturating_mul(doubled).min(self.delay_ms_max.max(self.delay_ms_min))
    }
}

/// Something to deliver.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) destination: Destination,
    pub(crate) body: String,
    pub(crate) retry: Retry,
    /// The queue that gets the body when all attempts have failed.
    pub(crate) dead_letter_arn: Option<String>,
    /// Deliveries of the same lane are made one after another, in the order in which they were written down.
    pub(crate) lane: Option<String>,
    /// The trace that goes on with it.
    pub(crate) trace_header: Option<TraceHeader>,
}

impl Delivery {
    /// One in no order and no trace, without dead letters.
    pub(crate) fn new(destination: Destination, body: String, retry: Retry) -> Self {
        Self { destination, body, retry, dead_letter_arn: None, lane: None, trace_header: None }
    }

    /// What the queue of dead letters gets of it, where there is one: those of a lane in order.
    fn dead_letter(&self) -> Option<Self> {
        let arn = self.dead_letter_arn.as_ref()?;
        let lane = self.lane.as_ref().map(|lane| format!("{arn} {lane}"));
        let queue = self.destination.dead_letters_in(arn);
        let trace_header = self.trace_header;
        Some(Self { lane, trace_header, ..Self::new(queue, self.body.clone(), Retry::SERVICE) })
    }
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whether another attempt may succeed.
    pub(crate) is_final: bool,
    pub(crate) reason: String,
}

/// The deliveries of one file.
#[derive(Clone, Debug)]
pub struct Outbox {
    database: Database,
    clock: Clock,
    changed: Arc<Notify>,
    failures: Failures,
}

impl Outbox {
    /// The outbox of this file.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, changed: Arc::new(Notify::new()), failures: Failures::default() }
    }

    /// Writes a delivery down, in the transaction of what causes it. [`Self::wake`] is due when that is committed.
    pub(crate) fn add(
        connection: &Connection,
        delivery: &Delivery,
        now_ms: i64,
    ) -> Result<(), ServicesError> {
        table::add(connection, delivery, now_ms)
    }

    /// There is something new.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Delivers, until it is dropped. What is under way then is done again by the next one.
    pub async fn run(self, deliverer: Deliverer) {
        let deliverer = Arc::new(deliverer);
        let mut under_way = JoinSet::new();
        loop {
            let next_due_ms = match self.take(PARALLEL_MAX - under_way.len()).await {
                Ok((taken, next_due_ms)) => {
                    for taken in taken {
                        let deliverer = deliverer.clone();
                        let outbox = self.clone();
                        under_way.spawn(async move { outbox.attempt(&deliverer, taken).await });
                    }
                    next_due_ms
                }
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    Some(self.clock.now_ms() + i64::try_from(PAUSE.as_millis()).unwrap_or(i64::MAX))
                }
            };
            let pause = next_due_ms.map_or(Duration::MAX, |at| {
                Duration::from_millis((at - self.clock.now_ms()).max(1).unsigned_abs())
            });
            tokio::select! {
                () = self.changed.notified() => {}
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(pause), if next_due_ms.is_some() && under_way.len() < PARALLEL_MAX => {}
            }
        }
    }

    /// Takes deliveries that are due, and answers when the next of the others is.
    async fn take(&self, max: usize) -> Result<(Vec<Taken>, Option<i64>), ServicesError> {
        let now_ms = self.clock.now_ms();
        self.database.run(move |connection| table::take(connection, max, now_ms)).await
    }

    async fn attempt(&self, deliverer: &Deliverer, taken: Taken) {
        let outcome = deliverer.deliver(&taken.delivery, taken.ticket()).await;
        if let Err(failure) = &outcome {
            let now_ms = self.clock.now_ms();
            self.failures.keep(&taken, failure, taken.is_over(failure, now_ms), now_ms);
        }
        self.note(taken, outcome).await;
    }

    /// Notes what came of an attempt, as soon as the file can be written: until then nobody takes the delivery again, nor
    /// one that is behind it.
    async fn note(&self, taken: Taken, outcome: Result<(), Failure>) {
        let attempted = Arc::new((taken, outcome));
        loop {
            let (attempted, now_ms) = (attempted.clone(), self.clock.now_ms());
            let note = move |connection: &Connection| {
                let (taken, outcome) = &*attempted;
                table::note(connection, taken, outcome.as_ref().err(), now_ms)
            };
            match self.database.run(note).await {
                Ok(()) => return self.wake(),
                Err(error) => tracing::error!(%error, "what came of a delivery cannot be noted"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let retry = Retry { attempts_max: 9, delay_ms_min: 1000, delay_ms_max: 5000, age_ms_max: 0 };
        let delays: Vec<u64> = (1..=5).map(|attempts| retry.delay_ms(attempts)).collect();
        assert_eq!(delays, [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(retry.delay_ms(u32::MAX), 5000);
    }

    #[tokio::test]
    async fn what_came_of_a_delivery_is_noted_as_soon_as_the_file_can_be_written() {
        let database = Database::in_memory().unwrap();
        let outbox = Outbox::new(database.clone(), Clock::Manual(Arc::default()));
        let run = |sql: &'static str| {
            database.run(move |connection| Ok::<_, ServicesError>(connection.execute_batch(sql)?))
        };
        let delivery = Delivery::new(Destination::queue("q"), String::new(), Retry::SERVICE);
        database.run(move |connection| Outbox::add(connection, &delivery, 0)).await.unwrap();
        let taken = outbox.take(1).await.unwrap().0.remove(0);
        run("CREATE TRIGGER full BEFORE DELETE ON deliveries BEGIN SELECT RAISE(ABORT, 'full'); END")
            .await
            .unwrap();
        let ((), made) = tokio::join!(outbox.note(taken, Ok(())), run("DROP TRIGGER full"));
        made.unwrap();
        assert_eq!(outbox.waiting(10).await.unwrap().1, 0);
    }
}
