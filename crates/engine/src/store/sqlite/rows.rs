//! Rows of `executions`, and the queries that select them.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventId, Reason};
use darkroom_asl::interpreter::{Identity, TaskId};
use darkroom_asl::json::{Payload, Text};
use rusqlite::{Connection, Params, Row, params};

use super::failure::Failure;
use crate::store::{End, EndStatus, ExecutionKey, ExecutionStatus, Filter, Parent, StoredExecution};

/// What [`read`] needs of a row, in its order.
macro_rules! select {
    ($($rest:literal)+) => {
        concat!(
            "SELECT key, status, arn, name, state_machine_arn, state_machine_name, role_arn, definition, ",
            "started_ms, ended_ms, parked, error, cause, input, output, parent, parent_branch, parent_event, ",
            "parent_waits FROM executions ",
            $($rest),+
        )
    };
}

pub(super) const BY_ARN: &str = select!("WHERE arn = ?1");
pub(super) const BY_KEY: &str = select!("WHERE key = ?1");
pub(super) const OPEN: &str = select!("WHERE status = 'RUNNING' ORDER BY key");

const ALL: &str = select!("WHERE key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_STATUS: &str = select!("WHERE status = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_STATE_MACHINE_AND_STATUS: &str =
    select!("WHERE state_machine_arn = ?4 AND status = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");

/// The five statuses' keys are merged as they lie in one index, which spares a second index.
const BY_STATE_MACHINE: &str = select!(
    "WHERE key IN ("
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'RUNNING' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'SUCCEEDED' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'FAILED' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'TIMED_OUT' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'ABORTED' AND key < ?1 "
    "ORDER BY key DESC LIMIT ?2) ORDER BY key DESC"
);

/// The executions that the filter admits, newest first.
pub(super) fn list(connection: &Connection, filter: &Filter) -> Result<Vec<StoredExecution>, Failure> {
    let before = filter.before.map_or(i64::MAX, |key| key.0);
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    match (filter.state_machine_arn.as_deref(), filter.status.map(ExecutionStatus::as_str)) {
        (None, None) => select(connection, ALL, params![before, limit]),
        (None, Some(status)) => select(connection, BY_STATUS, params![before, limit, status]),
        (Some(arn), None) => select(connection, BY_STATE_MACHINE, params![before, limit, arn]),
        (Some(arn), Some(status)) => {
            select(connection, BY_STATE_MACHINE_AND_STATUS, params![before, limit, status, arn])
        }
    }
}

/// The executions that one of the queries above selects.
pub(super) fn select(
    connection: &Connection,
    query: &'static str,
    arguments: impl Params,
) -> Result<Vec<StoredExecution>, Failure> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(arguments)?;
    let mut executions = Vec::new();
    while let Some(row) = rows.next()? {
        executions.push(read(row)?);
    }
    Ok(executions)
}

fn read(row: &Row<'_>) -> Result<StoredExecution, Failure> {
    let key = row.get(0)?;
    let place = Place { key };
    Ok(StoredExecution {
        key: ExecutionKey(key),
        identity: Arc::new(Identity {
            execution_arn: row.get(2)?,
            execution_name: row.get(3)?,
            state_machine_arn: row.get(4)?,
            state_machine_name: row.get(5)?,
            role_arn: row.get(6)?,
        }),
        definition: row.get(7)?,
        input: place.payload("input", row.get(13)?)?,
        started_at: Timestamp::from_millis(row.get(8)?),
        end: read_end(row, &place)?,
        parked: row.get(10)?,
        parent: read_parent(row)?,
    })
}

fn read_parent(row: &Row<'_>) -> Result<Option<Parent>, Failure> {
    let Some(key) = row.get(15)? else { return Ok(None) };
    let task = TaskId { branch: BranchId(row.get(16)?), scheduled: EventId(row.get(17)?) };
    Ok(Some(Parent { key: ExecutionKey(key), task, waits: row.get(18)? }))
}

fn read_end(row: &Row<'_>, place: &Place) -> Result<Option<End>, Failure> {
    let reason = || -> Result<Reason, Failure> { Ok(Reason { error: row.get(11)?, cause: row.get(12)? }) };
    let status = match row.get_ref(1)?.as_str().map_err(|error| place.unreadable("status", &error))? {
        "RUNNING" => return Ok(None),
        "SUCCEEDED" => EndStatus::Succeeded(place.payload("output", place.need("output", row.get(14)?)?)?),
        "FAILED" => EndStatus::Failed(reason()?),
        "TIMED_OUT" => EndStatus::TimedOut(reason()?),
        "ABORTED" => EndStatus::Aborted(reason()?),
        other => return Err(place.unreadable("status", &format!("`{other}` is none that is known"))),
    };
    let ended_at = Timestamp::from_millis(place.need("ended_ms", row.get(9)?)?);
    Ok(Some(End { status, ended_at }))
}

/// What of an end stands in a row.
pub(super) struct EndRow<'a> {
    pub(super) output: Option<&'a str>,
    pub(super) error: Option<&'a str>,
    pub(super) cause: Option<&'a str>,
}

impl<'a> EndRow<'a> {
    pub(super) fn of(status: &'a EndStatus) -> Self {
        match status {
            EndStatus::Succeeded(output) => Self { output: Some(output.text()), error: None, cause: None },
            EndStatus::Failed(reason) | EndStatus::TimedOut(reason) | EndStatus::Aborted(reason) => {
                Self { output: None, error: reason.error.as_deref(), cause: reason.cause.as_deref() }
            }
        }
    }
}

/// The row at hand, for errors.
struct Place {
    key: i64,
}

impl Place {
    fn unreadable(&self, column: &str, reason: &dyn std::fmt::Display) -> Failure {
        Failure::Unreadable {
            place: format!("table executions, key {}, column {column}", self.key),
            reason: reason.to_string(),
        }
    }

    fn payload(&self, column: &str, text: Text) -> Result<Payload, Failure> {
        Payload::parse(text).map_err(|error| self.unreadable(column, &error))
    }

    fn need<T>(&self, column: &str, value: Option<T>) -> Result<T, Failure> {
        value.ok_or_else(|| self.unreadable(column, &"it is empty in an execution that has ended"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::schema;

    #[test]
    fn every_query_finds_its_rows_through_an_index_and_sorts_none() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(schema::create(&mut connection).is_ok());
        for query in [BY_ARN, BY_KEY, OPEN, ALL, BY_STATUS, BY_STATE_MACHINE_AND_STATUS, BY_STATE_MACHINE] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
            let count = statement.parameter_count();
            let arguments = rusqlite::params_from_iter(std::iter::repeat_n(1, count));
            let plan: Vec<String> = statement
                .query_map(arguments, |row| row.get("detail"))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            for step in &plan {
                assert!(!step.starts_with("SCAN") && !step.contains("TEMP B-TREE"), "{query}\n{plan:#?}");
            }
        }
    }
}
