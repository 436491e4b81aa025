//! Deliveries as rows: written down, taken when they are due, struck off.
//!
//! Deliveries of one *lane* are made in the order in which they were written down. One of them may be taken; the others are
//! *behind* it, until it is struck off, however often it is tried. What is in no lane is behind nothing.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Delivery, Failure};
use crate::error::ServicesError;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS deliveries (
        sequence INTEGER PRIMARY KEY, destination TEXT NOT NULL, body TEXT NOT NULL, retry TEXT NOT NULL,
        dead_letter_arn TEXT, attempts INTEGER NOT NULL DEFAULT 0, made_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0, lane TEXT,
        trace_header TEXT
    );
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (taken, due_ms);
    CREATE INDEX IF NOT EXISTS deliveries_lanes ON deliveries (lane, sequence) WHERE lane IS NOT NULL;
    DELETE FROM deliveries WHERE taken = 2;
    UPDATE deliveries SET taken = 0 WHERE taken = 1;
    UPDATE deliveries SET taken = 0 WHERE taken = 3 AND sequence IN
        (SELECT min(sequence) FROM deliveries WHERE lane IS NOT NULL GROUP BY lane);";

/// Columns that the table did not have from the beginning, and their types.
pub(crate) const LATER_COLUMNS: [(&str, &str); 2] = [("lane", "TEXT"), ("trace_header", "TEXT")];

// What `taken` says.

/// It may be taken when it is due.
const FREE: i64 = 0;
/// It is under way.
const UNDER_WAY: i64 = 1;
/// It was taken in, and that is not noted yet.
const TAKEN_IN: i64 = 2;
/// Another one of its lane comes first.
pub(super) const BEHIND: i64 = 3;

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

/// A delivery that is under way.
pub(super) struct Taken {
    sequence: i64,
    /// Attempts before this one.
    pub(super) attempts: u32,
    made_ms: i64,
    pub(super) delivery: Delivery,
}

impl Taken {
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.sequence)
    }

    /// Whether no attempt follows one that failed now.
    pub(super) fn is_over(&self, failure: &Failure, now_ms: i64) -> bool {
        let retry = self.delivery.retry;
        failure.is_final
            || self.attempts + 1 >= retry.attempts_max
            || now_ms - self.made_ms >= retry.age_ms_max
    }

    fn read(row: &Row<'_>) -> Result<Self, ServicesError> {
        let destination: String = row.get(3)?;
        let retry: String = row.get(5)?;
        let trace_header: Option<String> = row.get(8)?;
        Ok(Self {
            sequence: row.get(0)?,
            attempts: row.get(1)?,
            made_ms: row.get(2)?,
            delivery: Delivery {
                destination: serde_json::from_str(&destination)?,
                body: row.get(4)?,
                retry: serde_json::from_str(&retry)?,
                dead_letter_arn: row.get(6)?,
                lane: row.get(7)?,
                // What was written down can be read, but for a file that somebody else changed.
                trace_header: trace_header.and_then(|text| text.parse().ok()),
            },
        })
    }
}

/// Writes a delivery down.
pub(super) fn add(connection: &Connection, delivery: &Delivery, now_ms: i64) -> Result<(), ServicesError> {
    connection
        .prepare_cached(
            "INSERT INTO deliveries (destination, body, retry, dead_letter_arn, made_ms, due_ms, lane, trace_header, taken)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?9,
                 CASE WHEN EXISTS (SELECT 1 FROM deliveries WHERE lane = ?6) THEN ?7 ELSE ?8 END)",
        )?
        .execute(params![
            serde_json::to_string(&delivery.destination)?,
            delivery.body,
            serde_json::to_string(&delivery.retry)?,
            delivery.dead_letter_arn,
            now_ms,
            delivery.lane,
            BEHIND,
            FREE,
            delivery.trace_header.map(|header| header.to_string())
        ])?;
    Ok(())
}

/// Takes deliveries that are due, and answers when the next of the others is.
pub(super) fn take(
    connection: &Connection,
    max: usize,
    now_ms: i64,
) -> Result<(Vec<Taken>, Option<i64>), ServicesError> {
    let taken = connection
        .prepare_cached(
            "UPDATE deliveries SET taken = ?3 WHERE sequence IN (SELECT sequence FROM deliveries
                 WHERE taken = ?4 AND due_ms <= ?1 ORDER BY due_ms LIMIT ?2)
             RETURNING sequence, attempts, made_ms, destination, body, retry, dead_letter_arn, lane,
                 trace_header",
        )?
        .query_map(params![now_ms, max, UNDER_WAY, FREE], |row| Ok(Taken::read(row)))?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let next = connection
        .prepare_cached("SELECT min(due_ms) FROM deliveries WHERE taken = ?1")?
        .query_row([FREE], |row| row.get(0))?;
    Ok((taken, next))
}

/// Strikes a delivery off, or where its attempt failed puts it down for another one, or into its dead letters.
pub(super) fn note(
    connection: &Connection,
    taken: &Taken,
    failure: Option<&Failure>,
    now_ms: i64,
) -> Result<(), ServicesError> {
    let Some(failure) = failure else { return strike(connection, taken.sequence) };
    if is_taken_in(connection, taken.sequence)? {
        return strike(connection, taken.sequence);
    }
    let (delivery, attempts) = (&taken.delivery, taken.attempts + 1);
    if !taken.is_over(failure, now_ms) {
        let due_ms = now_ms.saturating_add_unsigned(delivery.retry.delay_ms(attempts));
        connection
            .prepare_cached(
                "UPDATE deliveries SET attempts = ?2, due_ms = ?3, taken = ?4 WHERE sequence = ?1",
            )?
            .execute(params![taken.sequence, attempts, due_ms, FREE])?;
        return Ok(());
    }
    let destination = delivery.destination.place();
    tracing::warn!(destination, reason = failure.reason, attempts, "a delivery failed for good");
    if let Some(dead) = delivery.dead_letter() {
        add(connection, &dead, now_ms)?;
    }
    strike(connection, taken.sequence)
}

/// Whether it was taken in, though its answer may have been lost.
fn is_taken_in(connection: &Connection, sequence: i64) -> Result<bool, ServicesError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM deliveries WHERE sequence = ?1 AND taken = ?2")?
        .exists([sequence, TAKEN_IN])?)
}

/// Strikes a delivery off, and lets the next of its lane go.
fn strike(connection: &Connection, sequence: i64) -> Result<(), ServicesError> {
    let lane: Option<Option<String>> = connection
        .prepare_cached("DELETE FROM deliveries WHERE sequence = ?1 RETURNING lane")?
        .query_row([sequence], |row| row.get(0))
        .optional()?;
    if let Some(lane) = lane.flatten() {
        connection
            .prepare_cached(
                "UPDATE deliveries SET taken = ?2 WHERE taken = ?3
                     AND sequence = (SELECT min(sequence) FROM deliveries WHERE lane = ?1)",
            )?
            .execute(params![lane, FREE, BEHIND])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::clock::Clock;
    use crate::database::Database;
    use crate::outbox::{Destination, Outbox, Retry};

    const RETRY: Retry = Retry { attempts_max: 2, delay_ms_min: 100, delay_ms_max: 100, age_ms_max: 10_000 };

    fn to(function: &str) -> Delivery {
        Delivery::new(Destination::function(function), "b".to_owned(), RETRY)
    }

    fn down() -> Failure {
        Failure { is_final: false, reason: "down".to_owned() }
    }

    fn file() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection
    }

    /// The receivers of what can be taken now.
    fn taken(connection: &Connection, now_ms: i64) -> Vec<(String, Taken)> {
        let (taken, _) = take(connection, 10, now_ms).unwrap();
        let mut named: Vec<_> =
            taken.into_iter().map(|taken| (taken.delivery.destination.place(), taken)).collect();
        named.sort_by_key(|(_, taken)| taken.sequence);
        named
    }

    fn names(taken: &[(String, Taken)]) -> Vec<&str> {
        taken.iter().map(|(name, _)| &**name).collect()
    }

    #[tokio::test]
    async fn a_delivery_is_taken_in_once_whatever_the_outbox_notes_of_it() {
        let database = Database::in_memory().unwrap();
        let outbox = Outbox::new(database.clone(), Clock::Manual(Arc::default()));
        let delivery = Delivery::new(Destination::queue("q"), "b".to_owned(), Retry::SERVICE);
        database.run(move |connection| Outbox::add(connection, &delivery, 0)).await.unwrap();
        let taken = outbox.take(10).await.unwrap().0.remove(0);
        let ticket = Some(taken.ticket());
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
        database.run(move |connection| note(connection, &taken, Some(&failure), 0)).await.unwrap();
        assert_eq!(outbox.take(10).await.unwrap().0.len(), 0);
    }

    #[tokio::test]
    async fn a_failed_delivery_is_due_again_and_a_spent_one_is_a_dead_letter() {
        let database = Database::in_memory().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let outbox = Outbox::new(database.clone(), Clock::Manual(clock.clone()));
        let delivery = Delivery { dead_letter_arn: Some("dead".to_owned()), ..to("f") };
        let add = move |connection: &Connection| Outbox::add(connection, &delivery, 0);
        database.run(add).await.unwrap();
        for now_ms in [0, 100] {
            clock.store(now_ms, Ordering::SeqCst);
            let (taken, _) = outbox.take(10).await.unwrap();
            let [taken] = <[Taken; 1]>::try_from(taken).ok().unwrap();
            assert_eq!(outbox.take(10).await.unwrap().0.len(), 0, "what is taken is not taken twice");
            database.run(move |connection| note(connection, &taken, Some(&down()), now_ms)).await.unwrap();
        }
        let (taken, next) = outbox.take(10).await.unwrap();
        assert_eq!(taken.len(), 1);
        let dead = &taken[0].delivery.destination;
        assert!(matches!(dead, Destination::Queue { arn, .. } if arn == "dead"), "{dead:?}");
        assert_eq!(next, None);
    }

    #[test]
    fn deliveries_of_a_lane_are_made_one_after_another_however_they_fail() {
        let connection = file();
        for (function, lane) in
            [("a1", Some("a")), ("a2", Some("a")), ("b1", Some("b")), ("a3", Some("a")), ("alone", None)]
        {
            add(&connection, &Delivery { lane: lane.map(str::to_owned), ..to(function) }, 0).unwrap();
        }
        let first = taken(&connection, 0);
        assert_eq!(names(&first), ["a1", "b1", "alone"]);
        assert_eq!(names(&taken(&connection, 0)), [""; 0]);
        note(&connection, &first[0].1, Some(&down()), 0).unwrap();
        assert_eq!(names(&taken(&connection, 99)), [""; 0], "nobody overtakes one that is tried again");
        let again = taken(&connection, 100);
        assert_eq!(names(&again), ["a1"]);
        note(&connection, &again[0].1, Some(&down()), 100).unwrap();
        let second = taken(&connection, 100);
        assert_eq!(names(&second), ["a2"], "one that failed for good is out of the way");
        add(&connection, &Delivery { lane: Some("a".to_owned()), ..to("a4") }, 100).unwrap();
        note(&connection, &second[0].1, None, 100).unwrap();
        assert_eq!(names(&taken(&connection, 100)), ["a3"]);
    }

    #[test]
    fn a_restart_keeps_the_order_of_a_lane() {
        for (was_taken_in, next) in [(false, "a1"), (true, "a2")] {
            let connection = file();
            for function in ["a1", "a2", "a3"] {
                add(&connection, &Delivery { lane: Some("a".to_owned()), ..to(function) }, 0).unwrap();
            }
            let under_way = taken(&connection, 0);
            if was_taken_in {
                assert!(!Ticket::is_repeat(Some(under_way[0].1.ticket()), &connection).unwrap());
            }
            connection.execute_batch(SCHEMA).unwrap();
            assert_eq!(names(&taken(&connection, 0)), [next], "taken in: {was_taken_in}");
        }
    }

    #[test]
    fn dead_letters_of_a_lane_stay_in_order_and_in_their_group() {
        let connection = file();
        for body in ["1", "2"] {
            let queue = Destination::Queue {
                arn: "arn:aws:sqs:us-east-1:0:gone.fifo".to_owned(),
                attributes: serde_json::Map::new(),
                group_id: Some("g".to_owned()),
                is_group_for_fifo: true,
                deduplication_id: body.to_owned(),
            };
            let delivery = Delivery {
                lane: Some("l".to_owned()),
                dead_letter_arn: Some("dead.fifo".to_owned()),
                ..Delivery::new(queue, body.to_owned(), RETRY)
            };
            add(&connection, &delivery, 0).unwrap();
        }
        let gone = || Failure { is_final: true, reason: "gone".to_owned() };
        let first = taken(&connection, 0);
        note(&connection, &first[0].1, Some(&gone()), 0).unwrap();
        let both = taken(&connection, 0);
        assert_eq!(names(&both), ["arn:aws:sqs:us-east-1:0:gone.fifo", "dead.fifo"]);
        note(&connection, &both[0].1, Some(&gone()), 0).unwrap();
        assert_eq!(names(&taken(&connection, 0)), [""; 0], "the second is behind the first there, too");
        note(&connection, &both[1].1, None, 0).unwrap();
        let last = taken(&connection, 0);
        let dead = &last[0].1.delivery.destination;
        assert!(
            matches!(dead, Destination::Queue { arn, group_id: Some(group), deduplication_id, .. }
                if arn == "dead.fifo" && group == "g" && deduplication_id == "2"),
            "{dead:?}"
        );
    }
}
