//! How rows are read: a query and a function that reads one of them.

use rusqlite::{Connection, Params, Row};

use super::failure::Failure;

/// The rows that a query selects, each read by `read`.
pub(super) fn select<T>(
    connection: &Connection,
    query: &'static str,
    arguments: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(arguments)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// A limit as SQLite takes it.
pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
