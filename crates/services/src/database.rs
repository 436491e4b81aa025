//! The services' SQLite file: one thread works on it, and one commit serves all the jobs that wait for it.
//!
//! A job is a closure over the connection. Its caller is answered when the commit that holds it is on disk; a
//! crash before that leaves nothing of it. A job that fails is taken back alone, by its savepoint. One that only reads
//! sees what is committed, and is answered whether or not the disk takes what others write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::error::ServicesError;

/// Jobs that share a commit.
const BATCH_MAX: usize = 128;
/// Jobs that wait; whoever brings one more waits himself.
const WAITING_MAX: usize = 1024;
/// Statements that are kept compiled.
const STATEMENTS_MAX: usize = 128;

enum Job {
    Write(Write),
    Read(Read),
}

/// Does its work in the transaction, or learns that there is none; then waits to be told of the commit.
type Write = Box<dyn FnOnce(Option<&mut Transaction<'_>>) -> Answer + Send>;
/// Does its work on what is committed, and answers.
type Read = Box<dyn FnOnce(&mut Connection) + Send>;
type Answer = Box<dyn FnOnce(bool) + Send>;

/// A handle to the file. Clones share it; when the last is gone the thread ends.
#[derive(Clone, Debug)]
pub struct Database {
    jobs: mpsc::Sender<Job>,
}

impl Database {
    /// Opens the file, makes it where it is not there, and runs the services' schemas.
    pub fn open(path: &Path) -> Result<Self, ServicesError> {
        Self::start(Connection::open(path)?)
    }

    /// A database that is gone with its last handle.
    pub fn in_memory() -> Result<Self, ServicesError> {
        Self::start(Connection::open_in_memory()?)
    }

    fn start(connection: Connection) -> Result<Self, ServicesError> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        for schema in [
            crate::sqs::SCHEMA,
            crate::outbox::SCHEMA,
            crate::sns::SCHEMA,
            crate::events::SCHEMA,
            crate::events::TOLD_SCHEMA,
            crate::s3::SCHEMA,
            crate::cloudwatch::SCHEMA,
            crate::xray::SCHEMA,
        ] {
            connection.execute_batch(schema)?;
        }
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        std::thread::Builder::new()
            .name("services".to_owned())
            .spawn(move || work_off(connection, waiting))
            .map_err(ServicesError::Thread)?;
        Ok(Self { jobs })
    }

    /// Runs `work` in a transaction. What it wrote is durable when this returns `Ok`.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ServicesError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let job: Write = Box::new(move |transaction| {
            let result = match transaction {
                Some(transaction) => in_savepoint(transaction, work),
                None => Err(ServicesError::Unavailable.into()),
            };
            Box::new(move |committed| {
                let result = match result {
                    Ok(_) if !committed => Err(ServicesError::Unavailable.into()),
                    result => result,
                };
                // The caller may have gone; then nobody wants to know.
                drop(tell.send(result));
            })
        });
        self.jobs.send(Job::Write(job)).await.map_err(|_| ServicesError::Unavailable)?;
        told.await.map_err(|_| ServicesError::Unavailable)?
    }

    /// Runs `look` on what is committed, all of it at one time. What it would write is taken back.
    pub async fn read<T, E>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ServicesError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let job: Read = Box::new(move |connection| {
            let seen = Transaction::new(connection, TransactionBehavior::Deferred)
                .map_err(|error| ServicesError::from(error).into())
                .and_then(|snapshot| look(&snapshot));
            // The caller may have gone; then nobody wants to know.
            drop(tell.send(seen));
        });
        self.jobs.send(Job::Read(job)).await.map_err(|_| ServicesError::Unavailable)?;
        told.await.map_err(|_| ServicesError::Unavailable)?
    }
}

/// A column that holds a JSON object of ours.
pub(crate) fn object(row: &Row<'_>, column: usize) -> rusqlite::Result<Map<String, Value>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

fn in_savepoint<T, E: From<ServicesError>>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let savepoint = transaction.savepoint().map_err(ServicesError::from)?;
    let result = work(&savepoint)?;
    savepoint.commit().map_err(ServicesError::from)?;
    Ok(result)
}

fn work_off(mut connection: Connection, mut waiting: mpsc::Receiver<Job>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        // A job that panics takes its batch with it, whose callers are told to come again, and nothing else: the
        // transaction is rolled back.
        if catch_unwind(AssertUnwindSafe(|| work_on(batch, &mut connection))).is_err() {
            tracing::error!("a job on the services' file panicked");
        }
    }
}

fn work_on(batch: Vec<Job>, connection: &mut Connection) {
    let mut writes = Vec::with_capacity(batch.len());
    for job in batch {
        match job {
            Job::Read(read) => read(connection),
            Job::Write(write) => writes.push(write),
        }
    }
    if !writes.is_empty() {
        commit_together(writes, connection);
    }
}

fn commit_together(batch: Vec<Write>, connection: &mut Connection) {
    match Transaction::new(connection, TransactionBehavior::Immediate) {
        Ok(mut transaction) => {
            let answers: Vec<Answer> = batch.into_iter().map(|job| job(Some(&mut transaction))).collect();
            let committed = transaction.commit();
            if let Err(error) = &committed {
                tracing::error!(%error, "the services' file could not be written");
            }
            for answer in answers {
                answer(committed.is_ok());
            }
        }
        Err(error) => {
            tracing::error!(%error, "the services' file cannot be worked on");
            for job in batch {
                job(None)(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_is_answered_though_what_others_write_cannot_be() {
        let database = Database::in_memory().unwrap();
        let make = |connection: &Connection| {
            // A row that refers to none is found out by the commit, and by nothing before it.
            connection.execute_batch(
                "CREATE TABLE a (n INTEGER PRIMARY KEY);
                 CREATE TABLE b (n INTEGER REFERENCES a (n) DEFERRABLE INITIALLY DEFERRED)",
            )?;
            Ok::<_, ServicesError>(())
        };
        database.run(make).await.unwrap();
        let write = |connection: &Connection| {
            connection.execute("INSERT INTO b VALUES (7)", [])?;
            Ok::<_, ServicesError>(())
        };
        let count = |connection: &Connection| {
            Ok::<i64, ServicesError>(connection.query_row("SELECT count(*) FROM b", [], |row| row.get(0))?)
        };
        let (written, seen, counted) =
            tokio::join!(database.run(write), database.read(count), database.run(count));
        assert!(matches!(written, Err(ServicesError::Unavailable)), "{written:?}");
        assert_eq!(seen.unwrap(), 0);
        assert!(counted.is_err(), "it shares the commit that failed");
        let stray = |connection: &Connection| {
            connection.execute("INSERT INTO a VALUES (1)", [])?;
            Ok::<_, ServicesError>(())
        };
        database.read(stray).await.unwrap();
        let count = |connection: &Connection| {
            Ok::<i64, ServicesError>(connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0))?)
        };
        assert_eq!(database.read(count).await.unwrap(), 0, "a look writes nothing");
    }

    #[tokio::test]
    async fn what_was_answered_is_there_after_the_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("services.db");
        let add = |database: Database, n: i64| async move {
            database
                .run(move |connection| {
                    connection.execute_batch("CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE)")?;
                    connection.execute("INSERT INTO t VALUES (?1)", [n])?;
                    Ok::<_, ServicesError>(())
                })
                .await
        };
        let database = Database::open(&file).unwrap();
        add(database.clone(), 1).await.unwrap();
        // The one that fails takes nothing else with it.
        assert!(add(database.clone(), 1).await.is_err());
        add(database.clone(), 2).await.unwrap();
        drop(database);
        let count = |connection: &Connection| {
            Ok::<i64, ServicesError>(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
        };
        assert_eq!(Database::open(&file).unwrap().run(count).await.unwrap(), 2);
    }
}
