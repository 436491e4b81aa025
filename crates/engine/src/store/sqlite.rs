//! The embedded store: one SQLite file and its write-ahead log.
//!
//! **A commit** is one transaction and one sync of the log. Before it returns nothing of it is seen by a
//! reader; after a crash SQLite finds the log's last whole transaction by its checksums. Where the sync
//! itself fails, the transaction is taken back here, but its pages may have reached the disk: a machine that
//! crashes before the next commit may come up with that batch in place, all of it. That is the same as a
//! crash before the answer, and harmless for the same reason: nothing was let out.
//!
//! **Text** is what the tables hold, so that SQLite's own shell can answer questions:
//!
//! ```sql
//! SELECT value ->> 'type', value ->> 'timestamp' FROM history, json_each(events)
//! WHERE execution = 7 ORDER BY first_event, key;
//! ```

mod append;
mod connections;
mod failure;
mod resources;
mod rows;
mod schema;
mod select;
mod state_machines;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent};
use darkroom_asl::json::Text;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use self::connections::{Lock, Reader, Readers};
use self::failure::Failure;
use self::schema::Found;
use self::select::{row_limit, select};
use super::piece::{Reading, Span};
use super::{
    Batch, Change, DefinitionKey, ExecutionKey, ExecutionSummary, Filter, Revision, Store, StoreError,
    StoredActivity, StoredAlias, StoredExecution, StoredStateMachine, StoredVersion, Tag, Traced,
};
use crate::token::TokenSecret;

/// A store in an SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    readers: Readers,
    /// Dropped after the readers: the last connection to go empties the log into the file, and only one that
    /// writes can. `None` where the store is only read.
    writer: Option<Mutex<Connection>>,
    /// Dropped last.
    _lock: Option<Lock>,
}

impl SqliteStore {
    /// Opens the store in this file, for this process alone to write; makes it where there is none.
    ///
    /// `Unavailable` where another process has it, or the file cannot be opened; `Corrupt` where the file is
    /// not a store or a newer version's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = connections::lock(path).map_err(|failure| failure.at(path))?;
        let writer = connections::open_writer(path).map_err(|failure| failure.at(path))?;
        Ok(Self {
            path: path.to_owned(),
            readers: Readers::new(path),
            writer: Some(Mutex::new(writer)),
            _lock: Some(lock),
        })
    }

    /// The same without syncs: what a commit writes is left to the system, and a machine that crashes may lose it or
    /// leave the file corrupt; a process that crashes loses nothing. It is there to measure what syncs cost.
    pub fn open_unsynced(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let store = Self::open(path)?;
        if let Some(writer) = &store.writer {
            let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer
                .execute_batch("PRAGMA synchronous = OFF;")
                .map_err(|error| Failure::from(error).at(&store.path))?;
        }
        Ok(store)
    }

    /// Opens the store in this file to read it, whoever writes it meanwhile.
    ///
    /// Writing to it is an error, `Unavailable`. Beside the errors of [`SqliteStore::open`], a file that is not
    /// there is `Unavailable`, one of an earlier version too, and an empty one `Corrupt`.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let store = Self { path: path.to_owned(), readers: Readers::new(path), writer: None, _lock: None };
        match store.read(|reader| schema::inspect(reader))? {
            Found::Store => Ok(store),
            Found::Earlier { version } => Err(Failure::Unavailable(format!(
                "an earlier version wrote it (its schema is {version}); it is brought up to date when this \
                 version first opens it to write"
            ))
            .at(path)),
            Found::Empty => {
                Err(StoreError::Corrupt { place: path.display().to_string(), reason: "it is empty".into() })
            }
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.readers.lend().and_then(|reader| read(&reader)).map_err(|failure| failure.at(&self.path))
    }

    /// Runs `write` in a transaction of its own, which is taken back on any error.
    fn write(&self, write: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else {
            return Err(Failure::Unavailable("it is opened for reading only".into()).at(&self.path));
        };
        // A panic while it was held has taken its transaction back.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        in_transaction(&mut writer, write).map_err(|failure| failure.at(&self.path))
    }
}

impl Store for SqliteStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.appends.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            batch.appends.iter().try_for_each(|append| append::write(transaction, append))
        })
    }

    fn put_definition(&self, key: &DefinitionKey, text: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT INTO definitions (key, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute(params![key, text])?;
            Ok(())
        })
    }

    fn definition(&self, key: &DefinitionKey) -> Result<Option<Text>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.prepare_cached("SELECT text FROM definitions WHERE key = ?1")?;
            Ok(statement.query_row([key], |row| row.get(0)).optional()?)
        })
    }

    fn last_key(&self) -> Result<ExecutionKey, StoreError> {
        self.read(|reader| {
            let last: Option<i64> =
                reader.query_row("SELECT max(key) FROM executions", [], |row| row.get(0))?;
            Ok(last.map(ExecutionKey).unwrap_or_default())
        })
    }

    fn open_executions(
        &self,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let after = after.map_or(i64::MIN, |key| key.0);
        self.read(|reader| rows::executions(reader, rows::OPEN, params![after, row_limit(limit)]))
    }

    fn ended_since(
        &self,
        time: Timestamp,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let after = after.map_or(i64::MIN, |key| key.0);
        let arguments = params![time.as_millis(), after, row_limit(limit)];
        self.read(|reader| rows::executions(reader, rows::ENDED_SINCE, arguments))
    }

    fn sleepers(
        &self,
        after: (Timestamp, ExecutionKey),
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let (until, key) = (after.0.as_millis(), after.1.0);
        self.read(|reader| rows::executions(reader, rows::SLEEPERS, params![until, key, row_limit(limit)]))
    }

    fn sleeping(&self) -> Result<usize, StoreError> {
        self.read(|reader| {
            let count =
                select(reader, "SELECT count(*) FROM sleepers", [], |row| Ok(row.get::<_, i64>(0)?))?.pop();
            Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
        })
    }

    fn execution(&self, arn: &str) -> Result<Option<StoredExecution>, StoreError> {
        self.read(|reader| Ok(rows::executions(reader, rows::BY_ARN, [arn])?.pop()))
    }

    fn execution_by_key(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, StoreError> {
        self.read(|reader| Ok(rows::executions(reader, rows::BY_KEY, [key.0])?.pop()))
    }

    fn executions(&self, filter: &Filter) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.read(|reader| rows::list(reader, filter))
    }

    fn traced(&self, traced: Traced, limit: usize) -> Result<Vec<ExecutionSummary>, StoreError> {
        self.read(|reader| rows::traced(reader, traced, limit))
    }

    fn delete_ended(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut deleted = 0;
        self.write(|transaction| {
            deleted = rows::delete_ended(transaction, ended_before, limit)?;
            Ok(())
        })?;
        Ok(deleted)
    }

    fn history(&self, key: ExecutionKey) -> Result<Vec<HistoryEvent>, StoreError> {
        self.read(|reader| Ok(read_pieces(reader, key, &(EventId(1)..=EventId(u32::MAX)))?.finish()))
    }

    fn history_part(
        &self,
        key: ExecutionKey,
        ids: RangeInclusive<EventId>,
    ) -> Result<Vec<HistoryEvent>, StoreError> {
        self.read(|reader| Ok(read_pieces(reader, key, &ids)?.part(&ids)))
    }

    fn last_event(&self, key: ExecutionKey) -> Result<EventId, StoreError> {
        self.read(|reader| {
            let mut statement = reader.prepare_cached(
                "SELECT last_event FROM history WHERE execution = ?1 ORDER BY first_event DESC LIMIT 1",
            )?;
            let last: Option<u32> = statement.query_row([key.0], |row| row.get(0)).optional()?;
            Ok(EventId(last.unwrap_or(0)))
        })
    }

    fn change(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.write(|transaction| changes.iter().try_for_each(|change| resources::change(transaction, change)))
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StoredStateMachine>, StoreError> {
        self.read(|reader| state_machines::by_arn(reader, arn))
    }

    fn state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredStateMachine>, StoreError> {
        self.read(|reader| state_machines::list(reader, after, limit))
    }

    fn revision(&self, id: &str) -> Result<Option<Revision>, StoreError> {
        self.read(|reader| state_machines::revision(reader, id))
    }

    fn version(&self, state_machine_arn: &str, number: u32) -> Result<Option<StoredVersion>, StoreError> {
        self.read(|reader| state_machines::version(reader, state_machine_arn, number))
    }

    fn versions(
        &self,
        state_machine_arn: &str,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<StoredVersion>, StoreError> {
        self.read(|reader| state_machines::versions(reader, state_machine_arn, before, limit))
    }

    fn alias(&self, arn: &str) -> Result<Option<StoredAlias>, StoreError> {
        self.read(|reader| state_machines::alias(reader, arn))
    }

    fn aliases(&self, state_machine_arn: &str) -> Result<Vec<StoredAlias>, StoreError> {
        self.read(|reader| state_machines::aliases(reader, state_machine_arn))
    }

    fn activity(&self, arn: &str) -> Result<Option<StoredActivity>, StoreError> {
        self.read(|reader| resources::activity(reader, arn))
    }

    fn activities(&self, after: Option<&str>, limit: usize) -> Result<Vec<StoredActivity>, StoreError> {
        self.read(|reader| resources::activities(reader, after, limit))
    }

    fn tags(&self, resource_arn: &str) -> Result<Vec<Tag>, StoreError> {
        self.read(|reader| resources::tags(reader, resource_arn))
    }

    fn token_secret(&self, fresh: TokenSecret) -> Result<TokenSecret, StoreError> {
        let mut kept = fresh;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO secrets VALUES ('task tokens', ?1) ON CONFLICT DO NOTHING",
                [fresh.0],
            )?;
            let select = "SELECT value FROM secrets WHERE name = 'task tokens'";
            kept = TokenSecret(transaction.query_row(select, [], |row| row.get(0))?);
            Ok(())
        })?;
        Ok(kept)
    }

    fn park(&self, key: ExecutionKey, reason: Option<&str>) -> Result<(), StoreError> {
        self.write(|transaction| {
            let parked = transaction
                .prepare_cached("UPDATE executions SET parked = ?2 WHERE key = ?1")?
                .execute(params![key.0, reason])?;
            append::one_row(parked, key)
        })
    }
}

fn in_transaction(
    connection: &mut Connection,
    write: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !connection.is_autocommit() {
        // An earlier transaction could not be taken back at the time: the disk may have failed then.
        connection.execute_batch("ROLLBACK")?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Reads the pieces that hold any of these ids: from the last that starts at or before the first of them.
fn read_pieces(
    connection: &Connection,
    key: ExecutionKey,
    ids: &RangeInclusive<EventId>,
) -> Result<Reading, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT first_event, last_event, format, events FROM history
         WHERE execution = ?1 AND first_event <= ?3
           AND first_event >= coalesce((SELECT max(first_event) FROM history
                                        WHERE execution = ?1 AND first_event <= ?2), 1)
         ORDER BY first_event",
    )?;
    let mut rows = statement.query(params![key.0, ids.start().0, ids.end().0])?;
    let mut reading: Option<Reading> = None;
    while let Some(row) = rows.next()? {
        let span = Span { first: EventId(row.get(0)?), last: EventId(row.get(1)?) };
        let of_piece = Failure::of_piece(key, span.first.0);
        let text = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        let reading = match &mut reading {
            Some(reading) => reading,
            // A history that is read from its start must start at 1.
            None if ids.start().0 <= 1 => reading.insert(Reading::default()),
            None => reading.insert(Reading::from(span.first)),
        };
        reading.push(span, row.get(2)?, text).map_err(of_piece)?;
    }
    Ok(reading.unwrap_or_default())
}

#[cfg(test)]
mod tests;
