//! Both stores in one SQLite file.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::writer::Writer;
use super::{
    ErrorInfo, ImageRecord, ImageRecords, Message, Notification, Notifications, Outputs, Seen, Status,
    StoreError,
};
use crate::keys::ImageKey;

/// Another process (a command line that lists records) may hold the file for this long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS images (
        image_id TEXT NOT NULL, user_id TEXT NOT NULL, status TEXT NOT NULL,
        file_name TEXT, s3_key TEXT, metadata TEXT, outputs TEXT, error_info TEXT,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        PRIMARY KEY (image_id, user_id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS notifications (
        sequence INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, message_id TEXT NOT NULL,
        topic_arn TEXT NOT NULL, subject TEXT, message TEXT NOT NULL, created_at TEXT NOT NULL
    );";

/// The same upload, seen again: the outputs of a completed record are still its outputs.
const BEGIN: &str = "
    INSERT INTO images (image_id, user_id, status, file_name, s3_key, metadata, created_at, updated_at)
    VALUES (:image, :user, 'processing', :name, :s3_key, :metadata, :now, :now)
    ON CONFLICT (image_id, user_id) DO UPDATE SET
        status = CASE WHEN status = 'completed' AND s3_key IS excluded.s3_key
                       AND metadata IS excluded.metadata THEN 'completed' ELSE 'processing' END,
        outputs = CASE WHEN status = 'completed' AND s3_key IS excluded.s3_key
                        AND metadata IS excluded.metadata THEN outputs END,
        error_info = NULL,
        file_name = coalesce(excluded.file_name, file_name),
        s3_key = excluded.s3_key,
        metadata = coalesce(excluded.metadata, metadata),
        updated_at = excluded.updated_at";

const COMPLETE: &str = "
    INSERT INTO images (image_id, user_id, status, outputs, created_at, updated_at)
    VALUES (:image, :user, 'completed', :outputs, :now, :now)
    ON CONFLICT (image_id, user_id) DO UPDATE SET
        status = 'completed', outputs = excluded.outputs, error_info = NULL, updated_at = excluded.updated_at";

const FAIL: &str = "
    UPDATE images SET status = 'failed', error_info = :error, updated_at = :now
    WHERE image_id = :image AND user_id = :user";

const DISCARD: &str = "
    UPDATE images SET outputs = NULL, updated_at = :now,
        status = CASE status WHEN 'completed' THEN 'failed' ELSE status END
    WHERE image_id = :image AND user_id = :user AND outputs IS NOT NULL";

const COLUMNS: &str = "image_id, user_id, status, file_name, s3_key, metadata, outputs, error_info, created_at, \
                       updated_at";

/// [`ImageRecords`] and [`Notifications`] in a SQLite file.
///
/// Safe to use from many threads: their changes share commits. Dropping it waits for those under way.
#[derive(Debug)]
pub struct SqliteRecords {
    writer: Writer,
}

impl SqliteRecords {
    /// Opens the file, and makes it if it is not there. `:memory:` is a store that is gone with its value.
    ///
    /// # Errors
    /// Where the file cannot be opened or is no such store.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A commit is on disk when it returns; readers in other processes don't wait for it.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        let writer = Writer::new(connection).map_err(|error| StoreError::Commit(error.to_string()))?;
        Ok(Self { writer })
    }
}

impl ImageRecords for SqliteRecords {
    fn begin(&self, key: &ImageKey, seen: Seen, now: Timestamp) -> Result<(), StoreError> {
        let key = key.clone();
        self.writer.run(move |connection| {
            let metadata = seen.metadata.as_ref().map(to_json).transpose()?;
            connection.prepare_cached(BEGIN)?.execute(named_params! {
                ":image": key.image_id(), ":user": key.user_id(), ":name": seen.file_name,
                ":s3_key": seen.s3_key, ":metadata": metadata, ":now": now.to_string(),
            })?;
            Ok(())
        })
    }

    fn complete(&self, key: &ImageKey, outputs: Outputs, now: Timestamp) -> Result<(), StoreError> {
        let key = key.clone();
        self.writer.run(move |connection| {
            connection.prepare_cached(COMPLETE)?.execute(named_params! {
                ":image": key.image_id(), ":user": key.user_id(),
                ":outputs": to_json(&outputs)?, ":now": now.to_string(),
            })?;
            Ok(())
        })
    }

    fn fail(&self, key: &ImageKey, error: ErrorInfo) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer.run(move |connection| {
            let Some(record) = read(connection, &key)? else { return Ok(false) };
            if record.status == Status::Failed
                && record.error_info.is_some_and(|known| same_failure(&known, &error))
            {
                return Ok(true);
            }
            connection.prepare_cached(FAIL)?.execute(named_params! {
                ":image": key.image_id(), ":user": key.user_id(),
                ":error": to_json(&error)?, ":now": error.timestamp.to_string(),
            })?;
            Ok(true)
        })
    }

    fn discard_outputs(&self, key: &ImageKey, now: Timestamp) -> Result<(), StoreError> {
        let key = key.clone();
        self.writer.run(move |connection| {
            connection.prepare_cached(DISCARD)?.execute(named_params! {
                ":image": key.image_id(), ":user": key.user_id(), ":now": now.to_string(),
            })?;
            Ok(())
        })
    }

    fn get(&self, key: &ImageKey) -> Result<Option<ImageRecord>, StoreError> {
        let key = key.clone();
        self.writer.run(move |connection| read(connection, &key))
    }

    fn list(&self) -> Result<Vec<ImageRecord>, StoreError> {
        self.writer.run(|connection| {
            let all = format!("SELECT {COLUMNS} FROM images ORDER BY created_at, image_id, user_id");
            connection.prepare(&all)?.query_map([], record)?.collect()
        })
    }
}

impl Notifications for SqliteRecords {
    fn publish(&self, message: Message, idempotency_key: &str, now: Timestamp) -> Result<String, StoreError> {
        let idempotency_key = idempotency_key.to_owned();
        self.writer.run(move |connection| {
            // A random id in the form of a UUID, as SNS gives them.
            let publish = "
                INSERT INTO notifications
                    (idempotency_key, message_id, topic_arn, subject, message, created_at)
                VALUES (:key, lower(printf('%s-%s-4%s-a%s-%s', hex(randomblob(4)), hex(randomblob(2)),
                    substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
                    :topic, :subject, :message, :now)
                ON CONFLICT (idempotency_key) DO NOTHING";
            connection.prepare_cached(publish)?.execute(named_params! {
                ":key": idempotency_key, ":topic": message.topic_arn, ":subject": message.subject,
                ":message": message.message, ":now": now.to_string(),
            })?;
            connection
                .prepare_cached("SELECT message_id FROM notifications WHERE idempotency_key = ?1")?
                .query_row([idempotency_key], |row| row.get(0))
        })
    }

    fn list(&self) -> Result<Vec<Notification>, StoreError> {
        self.writer.run(|connection| {
            let all = "SELECT topic_arn, subject, message, message_id, created_at FROM notifications
                       ORDER BY sequence";
            let notification = |row: &Row<'_>| {
                Ok(Notification {
                    topic_arn: row.get(0)?,
                    subject: row.get(1)?,
                    message: row.get(2)?,
                    message_id: row.get(3)?,
                    created_at: time(row, 4)?,
                })
            };
            connection.prepare(all)?.query_map([], notification)?.collect()
        })
    }
}

fn same_failure(known: &ErrorInfo, new: &ErrorInfo) -> bool {
    (&known.step, &known.error, &known.cause) == (&new.step, &new.error, &new.cause)
}

fn read(connection: &Connection, key: &ImageKey) -> rusqlite::Result<Option<ImageRecord>> {
    let one = format!("SELECT {COLUMNS} FROM images WHERE image_id = ?1 AND user_id = ?2");
    connection.prepare_cached(&one)?.query_row([key.image_id(), key.user_id()], record).optional()
}

/// A row of [`COLUMNS`].
fn record(row: &Row<'_>) -> rusqlite::Result<ImageRecord> {
    Ok(ImageRecord {
        image_id: row.get(0)?,
        user_id: row.get(1)?,
        status: status(row, 2)?,
        file_name: row.get(3)?,
        s3_key: row.get(4)?,
        metadata: json(row, 5)?,
        outputs: json(row, 6)?,
        error_info: json(row, 7)?,
        created_at: time(row, 8)?,
        updated_at: time(row, 9)?,
    })
}

fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    match row.get::<_, String>(column)?.as_str() {
        "processing" => Ok(Status::Processing),
        "completed" => Ok(Status::Completed),
        "failed" => Ok(Status::Failed),
        other => Err(damaged(column, format!("the status {other:?}").into())),
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get::<_, String>(column)?.parse().map_err(|error: jiff::Error| damaged(column, error.into()))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| damaged(column, error.into()))
}

fn damaged(column: usize, problem: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, problem)
}

fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn key(image: &str) -> ImageKey {
        ImageKey::new(image, "ann").expect("a good id")
    }

    fn seen() -> Seen {
        Seen { file_name: None, s3_key: "uploads/ann/cat.jpg".to_owned(), metadata: None }
    }

    fn message(text: &str) -> Message {
        Message {
            topic_arn: "arn:aws:sns:eu-central-1:1:t".to_owned(),
            subject: None,
            message: text.to_owned(),
        }
    }

    #[test]
    fn a_repeated_publish_is_stored_once() {
        let store = SqliteRecords::open(":memory:").expect("a store");
        let first = store.publish(message("one"), "execution-1/7", now()).expect("published");
        assert_eq!(store.publish(message("again"), "execution-1/7", now()).expect("published"), first);
        let second = store.publish(message("two"), "execution-1/9", now()).expect("published");
        assert_ne!(first, second);
        assert_eq!(first.len(), 36, "{first} has the form of a UUID");
        let texts: Vec<_> =
            Notifications::list(&store).expect("a list").into_iter().map(|sent| sent.message).collect();
        assert_eq!(texts, ["one", "two"]);
    }

    #[test]
    fn what_was_written_is_there_when_the_file_is_opened_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("records.sqlite");
        let store = SqliteRecords::open(&file).expect("a store");
        store.begin(&key("cat"), seen(), now()).expect("begun");
        // A second process reads while the first has the file open.
        let other = SqliteRecords::open(&file).expect("the same store");
        assert_eq!(
            other.get(&key("cat")).expect("read").map(|record| record.status),
            Some(Status::Processing)
        );
        drop((store, other));
        let records =
            ImageRecords::list(&SqliteRecords::open(&file).expect("the store again")).expect("a list");
        assert_eq!(records.len(), 1);
    }

    #[test]
    fn a_failing_statement_undoes_only_its_own_changes() {
        let store = SqliteRecords::open(":memory:").expect("a store");
        let broken = store.writer.run(|connection| {
            connection.execute("INSERT INTO images VALUES ('x','y','processing',0,0,0,0,0,'','')", [])?;
            connection.execute("INSERT INTO nowhere VALUES (1)", [])
        });
        assert!(matches!(broken, Err(StoreError::Sqlite(_))), "{broken:?}");
        store.begin(&key("cat"), seen(), now()).expect("begun");
        assert_eq!(ImageRecords::list(&store).expect("a list").len(), 1);
    }

    #[test]
    fn waiting_callers_share_commits_and_all_are_stored() {
        let store = SqliteRecords::open(":memory:").expect("a store");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    for image in 0..50 {
                        store.begin(&key(&format!("{thread}-{image}")), seen(), now()).expect("begun");
                    }
                });
            }
        });
        assert_eq!(ImageRecords::list(&store).expect("a list").len(), 400);
    }
}
