//! The tables, and which files are opened.

use rusqlite::Connection;

use super::failure::Failure;

/// Stands in the file as `user_version`. A change of the tables counts it up and adds a migration; a change
/// of the records counts [`FORMAT`](crate::store::piece::FORMAT) up instead.
const VERSION: i64 = 3;

/// `history` has a row number and an index, though its key could be the table: rows then lie in the order in
/// which they were committed, so that a batch fills a few pages at the table's end and does not touch a page
/// or two for each of its executions. Measured at batches of 128 pieces of 3 KB: twice the commits, half the
/// bytes written.
///
/// `executions` holds short members first and payloads last, so that a look at the status reads no payload.
/// Both indexes end in the row number, which is `key`: each of them gives a list its order.
const TABLES: &str = "
CREATE TABLE definitions (
    key TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE executions (
    key INTEGER PRIMARY KEY NOT NULL,
    status TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state_machine_arn TEXT NOT NULL,
    state_machine_name TEXT NOT NULL,
    role_arn TEXT NOT NULL,
    definition TEXT NOT NULL REFERENCES definitions (key),
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    parked TEXT,
    error TEXT,
    cause TEXT,
    input TEXT NOT NULL,
    output TEXT
) STRICT;
CREATE INDEX executions_by_status ON executions (status);
CREATE INDEX executions_by_state_machine ON executions (state_machine_arn, status);

CREATE TABLE history (
    execution INTEGER NOT NULL,
    first_event INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    format INTEGER NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (execution, first_event)
) STRICT;
";

/// Since version 2.
const STATE_MACHINES: &str = "
CREATE TABLE state_machines (
    arn TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    type TEXT NOT NULL,
    role_arn TEXT NOT NULL,
    definition TEXT NOT NULL REFERENCES definitions (key),
    created_ms INTEGER NOT NULL,
    settings TEXT NOT NULL
) STRICT;
";

/// Since version 3: which task started an execution, and what task tokens are made with.
const TASKS: &str = "
ALTER TABLE executions ADD COLUMN parent INTEGER;
ALTER TABLE executions ADD COLUMN parent_branch INTEGER;
ALTER TABLE executions ADD COLUMN parent_event INTEGER;
ALTER TABLE executions ADD COLUMN parent_waits INTEGER;
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT;
";

/// What a file is, before anything is written to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// A store of this version.
    Store,
    /// A store of an earlier version, which [`migrate`] brings up to this one.
    Earlier {
        /// Its version.
        version: i64,
    },
}

/// Looks at the file. Anything but a store that this version can read is an error.
pub(super) fn inspect(connection: &Connection) -> Result<Found, Failure> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let unreadable = |reason: String| Failure::Unreadable { place: "user_version".into(), reason };
    match version {
        0 if tables == 0 => Ok(Found::Empty),
        VERSION => Ok(Found::Store),
        1..VERSION => Ok(Found::Earlier { version }),
        0 => Err(unreadable("it is an SQLite database, and no store of Darkroom's".into())),
        newer => Err(unreadable(format!(
            "it was written by a newer version: its schema is {newer}, and this version knows up to {VERSION}"
        ))),
    }
}

/// Brings the tables of an earlier version up to this one, all of it or nothing.
pub(super) fn migrate(connection: &mut Connection, version: i64) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    if version < 2 {
        transaction.execute_batch(STATE_MACHINES)?;
    }
    if version < 3 {
        transaction.execute_batch(TASKS)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Makes the tables in an empty file.
pub(super) fn create(connection: &mut Connection) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(STATE_MACHINES)?;
    transaction.execute_batch(TASKS)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}
