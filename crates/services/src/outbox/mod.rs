//! What must reach somebody else: written down with what caused it, delivered, retried, and struck off.
//!
//! A delivery is a row that is committed together with the message or event that it is for, so a crash loses
//! none. A queue, topic or bus of this process takes it in and says so here in one transaction, by its [`Ticket`]: it is
//! made once. Elsewhere it may be made twice, when the crash comes between the delivery and the note of it; receivers
//! know messages by their ids.

mod destination;
mod insight;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::database::Database;
use crate::error::ServicesError;

pub(crate) use destination::Destination;
pub use destination::{Deliverer, Mail};
pub use insight::{FailedAttempt, WaitingDelivery};

use insight::Failures;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS deliveries (
        sequence INTEGER PRIMARY KEY, destination TEXT NOT NULL, body TEXT NOT NULL, retry TEXT NOT NULL,
        dead_letter_arn TEXT, attempts INTEGER NOT NULL DEFAULT 0, made_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (taken, due_ms);
    DELETE FROM deliveries WHERE taken = 2;
    UPDATE deliveries SET taken = 0 WHERE taken <> 0;";

/// A delivery that is under way.
const UNDER_WAY: i64 = 1;
/// One that was taken in, until that is noted.
const TAKEN_IN: i64 = 2;

/// Deliveries that are under way at once.
const PARALLEL_MAX: usize = 64;
/// How long to rest where the file cannot be read.
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
}

/// Which delivery a request makes. It travels with requests within this process alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(i64);

impl Ticket {
    /// Notes that the delivery is taken in, in the transaction that does so. Answers whether it was taken in before; what
    /// comes without a ticket never was.
    pub(crate) fn is_repeat(ticket: Option<Self>, connection: &Connection) -> Result<bool, ServicesError> {
        let Some(Self(sequence)) = ticket else { return Ok(false) };
        let noted = connection
            .prepare_cached("UPDATE deliveries SET taken = ?2 WHERE sequence = ?1 AND taken = ?3")?
            .execute([sequence, TAKEN_IN, UNDER_WAY])?;
        Ok(noted == 0)
    }
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whether another attempt may succeed.
    pub(crate) is_final: bool,
    pub(crate) reason: String,
}

struct Taken {
    sequence: i64,
    attempts: u32,
    made_ms: i64,
    delivery: Delivery,
}

impl Taken {
    /// Whether no attempt follows one that failed now.
    fn is_over(&self, failure: &Failure, now_ms: i64) -> bool {
        let retry = self.delivery.retry;
        failure.is_final
            || self.attempts + 1 >= retry.attempts_max
            || now_ms - self.made_ms >= retry.age_ms_max
    }
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
        connection
            .prepare_cached(
                "INSERT INTO deliveries (destination, body, retry, dead_letter_arn, made_ms, due_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
            )?
            .execute(params![
                serde_json::to_string(&delivery.destination)?,
                delivery.body,
                serde_json::to_string(&delivery.retry)?,
                delivery.dead_letter_arn,
                now_ms
            ])?;
        Ok(())
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
        self.database
            .run(move |connection| {
                let taken = connection
                    .prepare_cached(
                        "UPDATE deliveries SET taken = 1 WHERE sequence IN (SELECT sequence FROM deliveries
                             WHERE taken = 0 AND due_ms <= ?1 ORDER BY due_ms LIMIT ?2)
                         RETURNING sequence, attempts, made_ms, destination, body, retry, dead_letter_arn",
                    )?
                    .query_map(params![now_ms, max], |row| Ok(read(row)))?
                    .collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .collect::<Result<Vec<_>, _>>()?;
                let next = connection
                    .prepare_cached("SELECT min(due_ms) FROM deliveries WHERE taken = 0")?
                    .query_row([], |row| row.get(0))?;
                Ok((taken, next))
            })
            .await
    }

    async fn attempt(&self, deliverer: &Deliverer, taken: Taken) {
        let outcome = deliverer.deliver(&taken.delivery, Ticket(taken.sequence)).await;
        let (now_ms, outbox) = (self.clock.now_ms(), self.clone());
        if let Err(failure) = &outcome {
            self.failures.keep(&taken, failure, taken.is_over(failure, now_ms), now_ms);
        }
        let noted = self.database.run(move |connection| note(connection, &taken, outcome, now_ms)).await;
        match noted {
            Ok(()) => outbox.wake(),
            // The row is still taken: it is delivered again after the next start.
            Err(error) => tracing::error!(%error, "a delivery could not be struck off"),
        }
    }
}

fn read(row: &Row<'_>) -> Result<Taken, ServicesError> {
    let destination: String = row.get(3)?;
    let retry: String = row.get(5)?;
    Ok(Taken {
        sequence: row.get(0)?,
        attempts: row.get(1)?,
        made_ms: row.get(2)?,
        delivery: Delivery {
            destination: serde_json::from_str(&destination)?,
            body: row.get(4)?,
            retry: serde_json::from_str(&retry)?,
            dead_letter_arn: row.get(6)?,
        },
    })
}

fn strike(connection: &Connection, sequence: i64) -> Result<(), ServicesError> {
    connection.prepare_cached("DELETE FROM deliveries WHERE sequence = ?1")?.execute([sequence])?;
    Ok(())
}

/// Whether it was taken in, though its answer may have been lost.
fn is_taken_in(connection: &Connection, sequence: i64) -> Result<bool, ServicesError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM deliveries WHERE sequence = ?1 AND taken = ?2")?
        .exists([sequence, TAKEN_IN])?)
}

/// Strikes a delivery off, or puts it down for another attempt, or into its dead letters.
fn note(
    connection: &Connection,
    taken: &Taken,
    outcome: Result<(), Failure>,
    now_ms: i64,
) -> Result<(), ServicesError> {
    let Err(failure) = outcome else { return strike(connection, taken.sequence) };
    if is_taken_in(connection, taken.sequence)? {
        return strike(connection, taken.sequence);
    }
    let (delivery, attempts) = (&taken.delivery, taken.attempts + 1);
    if !taken.is_over(&failure, now_ms) {
        let due_ms = now_ms.saturating_add_unsigned(delivery.retry.delay_ms(attempts));
        connection
            .prepare_cached(
                "UPDATE deliveries SET attempts = ?2, due_ms = ?3, taken = 0 WHERE sequence = ?1",
            )?
            .execute(params![taken.sequence, attempts, due_ms])?;
        return Ok(());
    }
    let destination = delivery.destination.place();
    tracing::warn!(destination, reason = failure.reason, attempts, "a delivery failed for good");
    if let Some(arn) = &delivery.dead_letter_arn {
        let dead = Delivery {
            destination: Destination::queue(arn),
            body: delivery.body.clone(),
            retry: Retry::SERVICE,
            dead_letter_arn: None,
        };
        Outbox::add(connection, &dead, now_ms)?;
    }
    strike(connection, taken.sequence)
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
    async fn a_delivery_is_taken_in_once_whatever_the_outbox_notes_of_it() {
        let database = Database::in_memory().unwrap();
        let outbox = Outbox::new(database.clone(), Clock::Manual(Arc::default()));
        let delivery = Delivery {
            destination: Destination::queue("q"),
            body: "b".to_owned(),
            retry: Retry::SERVICE,
            dead_letter_arn: None,
        };
        database.run(move |connection| Outbox::add(connection, &delivery, 0)).await.unwrap();
        let taken = outbox.take(10).await.unwrap().0.remove(0);
        let ticket = Some(Ticket(taken.sequence));
        let take_in = |ticket| database.run(move |connection| Ticket::is_repeat(ticket, connection));
        let lost = database.run(move |connection| {
            Ticket::is_repeat(ticket, connection)?;
            Err::<(), _>(ServicesError::Unavailable)
        });
        assert!(lost.await.is_err());
        assert!(!take_in(ticket).await.unwrap(), "what was taken in and rolled back was not taken in");
        assert!(take_in(ticket).await.unwrap());
        assert!(!take_in(None).await.unwrap());
        // The answer was lost: it is not tried again.
        let failure = Failure { is_final: false, reason: "gone".to_owned() };
        database.run(move |connection| note(connection, &taken, Err(failure), 0)).await.unwrap();
        assert_eq!(outbox.take(10).await.unwrap().0.len(), 0);
    }

    #[tokio::test]
    async fn a_failed_delivery_is_due_again_and_a_spent_one_is_a_dead_letter() {
        let database = Database::in_memory().unwrap();
        let clock = Arc::new(std::sync::atomic::AtomicI64::new(0));
        let outbox = Outbox::new(database.clone(), Clock::Manual(clock.clone()));
        let retry = Retry { attempts_max: 2, delay_ms_min: 100, delay_ms_max: 100, age_ms_max: 10_000 };
        let delivery = Delivery {
            destination: Destination::function("f"),
            body: "b".to_owned(),
            retry,
            dead_letter_arn: Some("dead".to_owned()),
        };
        let add = move |connection: &Connection| Outbox::add(connection, &delivery, 0);
        database.run(add).await.unwrap();
        let failure = || Failure { is_final: false, reason: "down".to_owned() };
        for now_ms in [0, 100] {
            clock.store(now_ms, std::sync::atomic::Ordering::SeqCst);
            let (taken, _) = outbox.take(10).await.unwrap();
            let [taken] = <[Taken; 1]>::try_from(taken).ok().unwrap();
            assert_eq!(outbox.take(10).await.unwrap().0.len(), 0, "what is taken is not taken twice");
            database.run(move |connection| note(connection, &taken, Err(failure()), now_ms)).await.unwrap();
        }
        let (taken, next) = outbox.take(10).await.unwrap();
        assert_eq!(taken.len(), 1);
        let dead = &taken[0].delivery.destination;
        assert!(matches!(dead, Destination::Queue { arn, .. } if arn == "dead"), "{dead:?}");
        assert_eq!(next, None);
    }
}
