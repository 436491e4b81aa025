//! Events of a service that may tell them twice, after a crash: which were handed out, and how far it has come.
//!
//! A teller gives each event an id that is the same whenever it is told, and now and then notes a mark, the time up
//! to which it has told all. After a crash it tells again from there on. Both are written with what the events'
//! targets get, in one commit.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ServicesError;

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events_told (id TEXT PRIMARY KEY, told_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS events_told_by_time ON events_told (told_ms);
    CREATE TABLE IF NOT EXISTS events_marks (teller TEXT PRIMARY KEY, mark_ms INTEGER NOT NULL) WITHOUT ROWID;";

/// How much older than a teller's mark an event may be that it tells again: events of two sources within it may
/// come in another order than they happened in.
pub(super) const OVERLAP_MS: i64 = 5_000;
/// How far a mark may be behind where nothing else is written: a mark alone costs a sync of the disk.
const BEHIND_MS_MAX: i64 = 1_000;

/// Notes that the event is handed out; answers whether it was not before.
pub(super) fn is_new(connection: &Connection, id: &str, now_ms: i64) -> Result<bool, ServicesError> {
    let inserted = connection
        .prepare_cached("INSERT INTO events_told VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![id, now_ms])?;
    Ok(inserted == 1)
}

/// Notes how far the teller has come, and forgets the ids of events that it will not tell again. Where nothing else
/// is written with it, not every time.
pub(super) fn set_mark(
    connection: &Connection,
    teller: &str,
    mark_ms: i64,
    is_written: bool,
) -> Result<(), ServicesError> {
    let before = mark(connection, teller)?.unwrap_or(i64::MIN);
    if mark_ms <= before || (!is_written && mark_ms.saturating_sub(before) < BEHIND_MS_MAX) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO events_marks VALUES (?1, ?2) ON CONFLICT DO UPDATE SET mark_ms = excluded.mark_ms",
        )?
        .execute(params![teller, mark_ms])?;
    connection
        .prepare_cached("DELETE FROM events_told WHERE told_ms < ?1")?
        .execute([mark_ms.saturating_sub(2 * OVERLAP_MS)])?;
    Ok(())
}

/// How far the teller has come; nothing where it has told nothing yet.
pub(super) fn mark(connection: &Connection, teller: &str) -> Result<Option<i64>, ServicesError> {
    Ok(connection
        .prepare_cached("SELECT mark_ms FROM events_marks WHERE teller = ?1")?
        .query_row([teller], |row| row.get(0))
        .optional()?)
}
