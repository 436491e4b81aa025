//! The tables, and which files are opened.

use rusqlite::Connection;

use super::failure::Failure;

/// Stands in the file as `user_version`. A change of the tables counts it up and adds a migration; a change
/// of the records counts [`FORMAT`](crate::store::piece::FORMAT) up instead.
const VERSION: i64 = 6;

const DEFINITIONS: &str = "
CREATE TABLE definitions (
    key TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL
) STRICT;
";

/// It holds short members first and payloads last, so that a look at the status reads no payload.
///
/// The indexes of a list end in the row number, which is `key`: each of them gives the list its order. Few
/// executions have a version or an alias, and none that runs an end: what is not there costs no index.
const EXECUTIONS: &str = "
CREATE TABLE executions (
    key INTEGER PRIMARY KEY NOT NULL,
    status TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state_machine_arn TEXT NOT NULL,
    state_machine_name TEXT NOT NULL,
    version_arn TEXT,
    alias_arn TEXT,
    role_arn TEXT NOT NULL,
    definition TEXT NOT NULL REFERENCES definitions (key),
    revision TEXT,
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
CREATE INDEX executions_by_version ON executions (version_arn) WHERE version_arn IS NOT NULL;
CREATE INDEX executions_by_alias ON executions (alias_arn) WHERE alias_arn IS NOT NULL;
CREATE INDEX executions_by_end ON executions (ended_ms) WHERE ended_ms IS NOT NULL;
";

/// It has a row number and an index, though its key could be the table: rows then lie in the order in which
/// they were committed, so that a batch fills a few pages at the table's end and does not touch a page or two
/// for each of its executions. Measured at batches of 128 pieces of 3 KB: twice the commits, half the bytes
/// written.
const HISTORY: &str = "
CREATE TABLE history (
    execution INTEGER NOT NULL,
    first_event INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    format INTEGER NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (execution, first_event)
) STRICT;
";

/// A revision is referred to for as long as an execution of it is there: it has no key of its state machine's.
const RESOURCES: &str = "
CREATE TABLE revisions (
    id TEXT PRIMARY KEY NOT NULL,
    is_initial INTEGER NOT NULL,
    definition TEXT NOT NULL REFERENCES definitions (key),
    role_arn TEXT NOT NULL,
    logging TEXT NOT NULL,
    tracing TEXT NOT NULL,
    encryption TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE state_machines (
    arn TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    type TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    creation TEXT NOT NULL,
    last_version INTEGER NOT NULL,
    revision TEXT NOT NULL REFERENCES revisions (id)
) STRICT;
CREATE TABLE versions (
    state_machine_arn TEXT NOT NULL REFERENCES state_machines (arn),
    number INTEGER NOT NULL,
    description TEXT,
    created_ms INTEGER NOT NULL,
    revision TEXT NOT NULL REFERENCES revisions (id),
    PRIMARY KEY (state_machine_arn, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE aliases (
    arn TEXT PRIMARY KEY NOT NULL,
    state_machine_arn TEXT NOT NULL REFERENCES state_machines (arn),
    name TEXT NOT NULL,
    description TEXT,
    routes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX aliases_by_state_machine ON aliases (state_machine_arn, arn);
CREATE TABLE activities (
    arn TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE tags (
    resource_arn TEXT PRIMARY KEY NOT NULL,
    tags TEXT NOT NULL
) STRICT;
";

/// From version 1, which had no state machines, to version 2.
const STATE_MACHINES_OF_2: &str = "
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

/// From version 2 to version 3, before the new tables are there.
const SET_ASIDE_2: &str = "
DROP INDEX executions_by_status;
DROP INDEX executions_by_state_machine;
ALTER TABLE executions RENAME TO executions_of_2;
ALTER TABLE state_machines RENAME TO state_machines_of_2;
";

/// And after. A state machine's one revision is known by its ARN; later ones have random ids.
const TAKE_OVER_2: &str = "
INSERT INTO executions
    SELECT key, status, arn, name, state_machine_arn, state_machine_name, NULL, NULL, role_arn, definition,
           NULL, started_ms, ended_ms, parked, error, cause, input, output
    FROM executions_of_2 ORDER BY key;
INSERT INTO revisions
    SELECT 'first of ' || arn, 1, definition, role_arn, settings -> 'loggingConfiguration',
           settings -> 'tracingConfiguration', settings -> 'encryptionConfiguration', created_ms
    FROM state_machines_of_2;
INSERT INTO state_machines
    SELECT arn, name, status, type, created_ms, '{}', 0, 'first of ' || arn FROM state_machines_of_2;
DROP TABLE executions_of_2;
DROP TABLE state_machines_of_2;
";

/// Since version 4: which task started an execution, how often it was redriven, and what task tokens are made with.
const TASKS: &str = "
ALTER TABLE executions ADD COLUMN parent INTEGER;
ALTER TABLE executions ADD COLUMN parent_branch INTEGER;
ALTER TABLE executions ADD COLUMN parent_event INTEGER;
ALTER TABLE executions ADD COLUMN parent_waits INTEGER;
ALTER TABLE executions ADD COLUMN redrive_count INTEGER;
ALTER TABLE executions ADD COLUMN redriven_ms INTEGER;
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT;
";

/// Since version 5: executions that only wait, and until when. A table of its own, so that those that never sleep cost
/// nothing, and what is awake is told from what sleeps without a look at the executions' rows.
const SLEEPERS: &str = "
CREATE TABLE sleepers (
    execution INTEGER PRIMARY KEY NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sleepers_by_time ON sleepers (until_ms);
";

/// Since version 6: the trace that an execution belongs to, and its id where the trace is kept. What is not traced costs
/// no index.
const TRACES: &str = "
ALTER TABLE executions ADD COLUMN trace_header TEXT;
ALTER TABLE executions ADD COLUMN trace_id TEXT;
CREATE INDEX executions_by_trace ON executions (trace_id, started_ms) WHERE trace_id IS NOT NULL;
CREATE INDEX executions_by_traced_start ON executions (started_ms) WHERE trace_id IS NOT NULL;
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
        transaction.execute_batch(STATE_MACHINES_OF_2)?;
    }
    if version < 3 {
        for step in [SET_ASIDE_2, EXECUTIONS, RESOURCES, TAKE_OVER_2] {
            transaction.execute_batch(step)?;
        }
    }
    if version < 4 {
        transaction.execute_batch(TASKS)?;
    }
    if version < 5 {
        transaction.execute_batch(SLEEPERS)?;
    }
    if version < 6 {
        transaction.execute_batch(TRACES)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Makes the tables in an empty file.
pub(super) fn create(connection: &mut Connection) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    for tables in [DEFINITIONS, EXECUTIONS, HISTORY, RESOURCES, TASKS, SLEEPERS, TRACES] {
        transaction.execute_batch(tables)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}
