//! What can fail in the services' own machinery.

/// A fault of ours, not of the caller's.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// SQLite refused a statement.
    #[error("the services' file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A commit failed, or the file's thread has ended: the same call may succeed later.
    #[error("the services' file cannot be worked on just now")]
    Unavailable,
    /// A thread could not be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// A file or folder could not be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A stored value is not what was stored.
    #[error("the services' file holds something unreadable: {0}")]
    Corrupt(#[from] serde_json::Error),
    /// The DynamoDB file could not be opened.
    #[error("the tables' file cannot be opened: {0}")]
    Tables(String),
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
}
