//! What went wrong inside, before it is known at which file: made into a [`StoreError`] in one place.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::store::piece::PieceError;
use crate::store::{ExecutionKey, StoreError};

pub(super) enum Failure {
    /// The execution is not where its writer believes.
    Conflict(ExecutionKey),
    /// The execution's append can never be written.
    Refused(ExecutionKey, String),
    /// Something stored that cannot be read.
    Unreadable { place: String, reason: String },
    /// The file, or the system under it, at present.
    Unavailable(String),
    /// SQLite's own.
    Sqlite(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    /// What an error means in an append: a constraint that does not hold is a conflict, and a value that
    /// does not fit will not fit the next time either.
    pub(super) fn of_append(key: ExecutionKey) -> impl Fn(Error) -> Self {
        move |error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Conflict(key),
            Some(ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange) => {
                Self::Refused(key, error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }

    pub(super) fn of_piece(key: ExecutionKey, first_event: u32) -> impl Fn(PieceError) -> Self {
        move |error| Self::Unreadable {
            place: format!("table history, execution {}, first_event {first_event}", key.0),
            reason: error.to_string(),
        }
    }

    pub(super) fn at(self, path: &Path) -> StoreError {
        let file = path.display();
        match self {
            Self::Conflict(key) => StoreError::Conflict { key },
            Self::Refused(key, reason) => StoreError::Refused { key, reason },
            Self::Unreadable { place, reason } => {
                StoreError::Corrupt { place: format!("{file}, {place}"), reason }
            }
            Self::Unavailable(reason) => StoreError::Unavailable { place: file.to_string(), reason },
            Self::Sqlite(error) if may_pass(&error) => {
                StoreError::Unavailable { place: file.to_string(), reason: error.to_string() }
            }
            Self::Sqlite(error) => StoreError::Corrupt { place: file.to_string(), reason: error.to_string() },
        }
    }
}

/// Whether the same call can succeed later, without anybody repairing the file's content.
fn may_pass(error: &Error) -> bool {
    let Some(code) = error.sqlite_error_code() else {
        return false;
    };
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::AuthorizationForStatementDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationAborted
        | ErrorCode::OperationInterrupted
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport
        | ErrorCode::SchemaChanged => true,
        // The rest says that the file is not what this program wrote, or that this program is wrong.
        _ => false,
    }
}
