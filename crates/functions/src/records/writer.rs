//! One thread that owns the connection, and commits what is waiting together.
//!
//! A commit costs one sync of the disk however much is in it, and the disk is what limits us: while one commit
//! is on its way the next callers queue up, and share the next one. Each caller's work has a savepoint of its
//! own, so a failing statement undoes that caller's changes and nobody else's.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::StoreError;

/// The most callers that share a commit.
const BATCH_MAX: usize = 64;

/// Work inside a transaction, or without one where none could be begun.
type Job = Box<dyn FnOnce(Option<&mut Transaction<'_>>) -> Answer + Send>;

/// Tells the caller how it went, when it is known whether the commit is on disk.
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;

#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("image-records".to_owned())
            .spawn(move || work_off(connection, &waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` in a transaction. What it wrote is durable when this returns.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |transaction| {
            let result = transaction.map(|transaction| in_savepoint(transaction, work));
            Box::new(move |committed| tell(&answer, committed, result))
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)?;
        answered.recv().map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already an error to each of its callers.
            drop(thread.join());
        }
    }
}

/// The caller may have gone; then nobody wants to know.
fn tell<T>(
    answer: &SyncSender<Result<T, StoreError>>,
    committed: Result<(), String>,
    result: Option<rusqlite::Result<T>>,
) {
    let outcome = match (committed, result) {
        (Ok(()), Some(result)) => result.map_err(StoreError::Sqlite),
        (Ok(()), None) => Err(StoreError::Closed),
        (Err(reason), _) => Err(StoreError::Commit(reason)),
    };
    drop(answer.send(outcome));
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let savepoint = transaction.savepoint()?;
    let result = work(&savepoint)?;
    savepoint.commit()?;
    Ok(result)
}

fn work_off(mut connection: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let batch = std::iter::once(first).chain(waiting.try_iter()).take(BATCH_MAX);
        let (answers, committed) = commit_together(batch, &mut connection);
        for answer in answers {
            answer(committed.clone());
        }
    }
}

fn commit_together(
    batch: impl Iterator<Item = Job>,
    connection: &mut Connection,
) -> (Vec<Answer>, Result<(), String>) {
    match Transaction::new(connection, TransactionBehavior::Immediate) {
        Ok(mut transaction) => {
            let answers = batch.map(|job| job(Some(&mut transaction))).collect();
            (answers, transaction.commit().map_err(|error| error.to_string()))
        }
        Err(error) => (batch.map(|job| job(None)).collect(), Err(error.to_string())),
    }
}
