//! Connections: how a file is opened and locked, and who waits for whom.
//!
//! There is one connection that writes, and up to [`READERS_MAX`] that read. In a write-ahead log neither
//! side waits for the other.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use super::schema::{self, Found};

/// Connections that read at once. Our choice: more than a small machine's cores, and each holds a cache.
const READERS_MAX: usize = 4;

/// Statements that a connection keeps prepared: more than this module has.
const STATEMENTS_MAX: usize = 64;

/// How long to wait for somebody else's lock, such as that of an SQLite shell, before it is an error.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of a new file. A page holds the piece of an ordinary turn, 1 to 4 KB, without an overflow page.
const NEW_FILE: &str = "PRAGMA page_size = 8192;";

/// Settings of the writing connection. `FULL` syncs the log at every commit, and `fullfsync` does so on
/// macOS too. The log is copied into the file every 16 MB, so that a hot page is copied once for many
/// commits, and is cut to 64 MB where a long read has let it grow.
const WRITER: &str = "
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 2000;
PRAGMA journal_size_limit = 67108864;
";

/// Opens the connection that writes; makes the file and its tables where there are none.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Failure> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let found = schema::inspect(&connection)?;
    if found == Found::Empty {
        connection.execute_batch(NEW_FILE)?;
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Failure::Unavailable(format!(
            "it cannot have a write-ahead log there; its journal mode is `{mode}`"
        )));
    }
    connection.execute_batch(WRITER)?;
    match found {
        Found::Empty => schema::create(&mut connection)?,
        Found::Earlier { version } => schema::migrate(&mut connection, version)?,
        Found::Store => {}
    }
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, Failure> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    // One thread at a time has a connection, so SQLite need not lock it again.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Keeps a second engine from the file, until it is dropped or the process is gone, however that ends.
///
/// It is a lock on a file beside it. SQLite's own exclusive mode is no use for this: it shuts readers in
/// other processes out too.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // To close it would not do: a child process that is just being started holds the file as well. An
        // error leaves the lock to the end of the process.
        let _ = self.0.unlock();
    }
}

pub(super) fn lock(path: &Path) -> Result<Lock, Failure> {
    let beside = lock_path(path);
    let failed = |error: std::io::Error| Failure::Unavailable(format!("{}: {error}", beside.display()));
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Who it is helps, and is not known before the owner has written it.
            let is_known = file.read_to_string(&mut owner).is_ok() && !owner.is_empty();
            let owner = if is_known { format!(" ({})", owner.trim_end()) } else { String::new() };
            return Err(Failure::Unavailable(format!("it is in use by another process{owner}")));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(Lock(file))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

/// The connections that read: opened when first needed, then kept.
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    lent: usize,
}

/// A connection on loan.
pub(super) struct Reader<'a> {
    connection: Option<Connection>,
    readers: &'a Readers,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Lends a connection; waits while all are lent.
    pub(super) fn lend(&self) -> Result<Reader<'_>, Failure> {
        let mut pool = self
            .returned
            .wait_while(self.pool(), |pool| pool.lent >= READERS_MAX)
            .unwrap_or_else(PoisonError::into_inner);
        let connection = match pool.idle.pop() {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        pool.lent += 1;
        Ok(Reader { connection: Some(connection), readers: self })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken when the loan ends")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        pool.lent -= 1;
        pool.idle.extend(self.connection.take());
        drop(pool);
        self.readers.returned.notify_one();
    }
}
