//! Rows of `executions`, and the queries that select them.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventId, Reason};
use darkroom_asl::interpreter::{Identity, Qualifiers, TaskId};
use darkroom_asl::json::{Payload, Text};
use rusqlite::{Connection, Params, Row, Transaction, params};

use super::failure::Failure;
use super::select::{row_limit, select};
use crate::store::{
    End, EndStatus, ExecutionKey, ExecutionStatus, ExecutionSummary, Filter, Parent, Redrive, StartedThrough,
    StoredExecution, Traced,
};

/// The columns that a list shows, in [`read_summary`]'s order, and then those in `$more`.
macro_rules! select {
    ([$($more:literal),*] $($rest:literal)+) => {
        concat!(
            "SELECT key, status, arn, name, state_machine_arn, state_machine_name, version_arn, alias_arn, ",
            "role_arn, revision, started_ms, ended_ms, parked, redrive_count, redriven_ms, trace_header", $(", ", $more,)* " FROM executions ",
            $($rest),+
        )
    };
}

/// Whole executions.
macro_rules! select_whole {
    ($($rest:literal)+) => {
        select!(
            [
                "definition", "error", "cause", "input", "output", "parent", "parent_branch", "parent_event",
                "parent_waits", "(SELECT until_ms FROM sleepers WHERE execution = key)"
            ]
            $($rest)+
        )
    };
}

pub(super) const BY_ARN: &str = select_whole!("WHERE arn = ?1");
pub(super) const BY_KEY: &str = select_whole!("WHERE key = ?1");
pub(super) const OPEN: &str = select_whole!(
    "WHERE status = 'RUNNING' AND key > ?1 AND NOT EXISTS (SELECT 1 FROM sleepers WHERE execution = key) "
    "ORDER BY key LIMIT ?2"
);
pub(super) const SLEEPERS: &str = select_whole!(
    "JOIN sleepers ON sleepers.execution = executions.key WHERE (until_ms, execution) > (?1, ?2) "
    "ORDER BY until_ms, execution LIMIT ?3"
);

/// The keys first, by the index of ends, so that only the rows of one page are read.
pub(super) const ENDED_SINCE: &str = select_whole!(
    "WHERE key IN (SELECT key FROM executions WHERE ended_ms >= ?1 AND key > ?2 ORDER BY key LIMIT ?3) ORDER BY key"
);

const ALL: &str = select!([] "WHERE key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_STATUS: &str = select!([] "WHERE status = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_STATE_MACHINE_AND_STATUS: &str =
    select!([] "WHERE state_machine_arn = ?4 AND status = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_VERSION: &str = select!([] "WHERE version_arn = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_VERSION_AND_STATUS: &str =
    select!([] "WHERE version_arn = ?4 AND +status = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_ALIAS: &str = select!([] "WHERE alias_arn = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");
const BY_ALIAS_AND_STATUS: &str =
    select!([] "WHERE alias_arn = ?4 AND +status = ?3 AND key < ?1 ORDER BY key DESC LIMIT ?2");

const OF_TRACE: &str = select!([] "WHERE trace_id = ?1 ORDER BY started_ms DESC, key DESC LIMIT ?2");
const TRACED: &str = select!(
    [] "WHERE trace_id IS NOT NULL AND started_ms >= ?1 AND started_ms < ?2 "
    "ORDER BY started_ms DESC, key DESC LIMIT ?3"
);

/// The five statuses' keys are merged as they lie in one index, which spares a second index.
const BY_STATE_MACHINE: &str = select!(
    [] "WHERE key IN ("
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'RUNNING' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'SUCCEEDED' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'FAILED' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'TIMED_OUT' AND key < ?1 UNION ALL "
    "SELECT key FROM executions WHERE state_machine_arn = ?3 AND status = 'ABORTED' AND key < ?1 "
    "ORDER BY key DESC LIMIT ?2) ORDER BY key DESC"
);

/// Those that ended first. The newest execution of all says which key comes next.
const ENDED: &str = "SELECT key FROM executions
    WHERE ended_ms < ?1 AND key < (SELECT max(key) FROM executions) ORDER BY ended_ms LIMIT ?2";

/// The executions that the filter admits, newest first.
pub(super) fn list(connection: &Connection, filter: &Filter) -> Result<Vec<ExecutionSummary>, Failure> {
    let before = filter.before.map_or(i64::MAX, |key| key.0);
    let limit = row_limit(filter.limit);
    let (arn, any_status, one_status) = match &filter.through {
        None => (None, ALL, BY_STATUS),
        Some(StartedThrough::StateMachine(arn)) => (Some(arn), BY_STATE_MACHINE, BY_STATE_MACHINE_AND_STATUS),
        Some(StartedThrough::Version(arn)) => (Some(arn), BY_VERSION, BY_VERSION_AND_STATUS),
        Some(StartedThrough::Alias(arn)) => (Some(arn), BY_ALIAS, BY_ALIAS_AND_STATUS),
    };
    match (arn, filter.status.map(ExecutionStatus::as_str)) {
        (None, None) => select(connection, any_status, params![before, limit], read_summary),
        (Some(arn), None) => select(connection, any_status, params![before, limit, arn], read_summary),
        (None, Some(status)) => select(connection, one_status, params![before, limit, status], read_summary),
        (Some(arn), Some(status)) => {
            select(connection, one_status, params![before, limit, status, arn], read_summary)
        }
    }
}

/// Those that are traced, newest first.
pub(super) fn traced(
    connection: &Connection,
    traced: Traced,
    limit: usize,
) -> Result<Vec<ExecutionSummary>, Failure> {
    let limit = row_limit(limit);
    match traced {
        Traced::Of(id) => select(connection, OF_TRACE, params![id.to_string(), limit], read_summary),
        Traced::Started { from, before } => {
            let arguments = params![from.as_millis(), before.as_millis(), limit];
            select(connection, TRACED, arguments, read_summary)
        }
    }
}

/// The whole executions that one of the queries above selects.
pub(super) fn executions(
    connection: &Connection,
    query: &'static str,
    arguments: impl Params,
) -> Result<Vec<StoredExecution>, Failure> {
    select(connection, query, arguments, read)
}

/// Deletes executions that ended before this, and their histories. Answers how many.
pub(super) fn delete_ended(
    transaction: &Transaction<'_>,
    ended_before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let arguments = params![ended_before.as_millis(), row_limit(limit)];
    let keys: Vec<i64> = select(transaction, ENDED, arguments, |row| Ok(row.get(0)?))?;
    for key in &keys {
        transaction.prepare_cached("DELETE FROM history WHERE execution = ?1")?.execute([key])?;
        transaction.prepare_cached("DELETE FROM executions WHERE key = ?1")?.execute([key])?;
    }
    Ok(keys.len())
}

fn read_summary(row: &Row<'_>) -> Result<ExecutionSummary, Failure> {
    let key = row.get(0)?;
    let word: String = row.get(1)?;
    let status = ExecutionStatus::parse(&word)
        .ok_or_else(|| Place { key }.unreadable("status", &format!("`{word}` is none that is known")))?;
    Ok(ExecutionSummary {
        key: ExecutionKey(key),
        identity: Arc::new(Identity {
            execution_arn: row.get(2)?,
            execution_name: row.get(3)?,
            state_machine_arn: row.get(4)?,
            state_machine_name: row.get(5)?,
            qualifiers: Qualifiers { version_arn: row.get(6)?, alias_arn: row.get(7)? },
            role_arn: row.get(8)?,
            revision_id: row.get(9)?,
            trace_header: row.get(15)?,
        }),
        status,
        started_at: Timestamp::from_millis(row.get(10)?),
        ended_at: row.get::<_, Option<i64>>(11)?.map(Timestamp::from_millis),
        parked: row.get(12)?,
        redrive: read_redrive(row)?,
    })
}

fn read_redrive(row: &Row<'_>) -> Result<Option<Redrive>, Failure> {
    let Some(count) = row.get(13)? else { return Ok(None) };
    Ok(Some(Redrive { count, at: Timestamp::from_millis(row.get(14)?) }))
}

fn read(row: &Row<'_>) -> Result<StoredExecution, Failure> {
    let ExecutionSummary { key, identity, status, started_at, ended_at, parked, redrive } =
        read_summary(row)?;
    let place = Place { key: key.0 };
    Ok(StoredExecution {
        key,
        identity,
        definition: row.get(16)?,
        input: place.payload("input", row.get(19)?)?,
        started_at,
        end: read_end(row, status, ended_at, &place)?,
        parked,
        parent: read_parent(row)?,
        redrive,
        asleep_until: row.get::<_, Option<i64>>(25)?.map(Timestamp::from_millis),
    })
}

fn read_parent(row: &Row<'_>) -> Result<Option<Parent>, Failure> {
    let Some(key) = row.get(21)? else { return Ok(None) };
    let task = TaskId { branch: BranchId(row.get(22)?), scheduled: EventId(row.get(23)?) };
    Ok(Some(Parent { key: ExecutionKey(key), task, waits: row.get(24)? }))
}

fn read_end(
    row: &Row<'_>,
    status: ExecutionStatus,
    ended_at: Option<Timestamp>,
    place: &Place,
) -> Result<Option<End>, Failure> {
    let reason = || -> Result<Reason, Failure> { Ok(Reason { error: row.get(17)?, cause: row.get(18)? }) };
    let status = match status {
        ExecutionStatus::Running => return Ok(None),
        ExecutionStatus::Succeeded => {
            EndStatus::Succeeded(place.payload("output", place.need("output", row.get(20)?)?)?)
        }
        ExecutionStatus::Failed => EndStatus::Failed(reason()?),
        ExecutionStatus::TimedOut => EndStatus::TimedOut(reason()?),
        ExecutionStatus::Aborted => EndStatus::Aborted(reason()?),
    };
    Ok(Some(End { status, ended_at: place.need("ended_ms", ended_at)? }))
}

/// What of an end stands in a row; nothing before there is one.
#[derive(Default)]
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
        for query in [
            BY_ARN,
            BY_KEY,
            OPEN,
            SLEEPERS,
            ALL,
            BY_STATUS,
            BY_STATE_MACHINE,
            BY_STATE_MACHINE_AND_STATUS,
            BY_VERSION,
            BY_VERSION_AND_STATUS,
            BY_ALIAS,
            BY_ALIAS_AND_STATUS,
            OF_TRACE,
            TRACED,
            ENDED,
        ] {
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
