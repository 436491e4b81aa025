//! How a turn of an execution is written.
//!
//! **The fence** is a look before a piece is appended: the execution is running, and its last piece ends right before the
//! new one starts. Anything else is a conflict. The transaction is immediate, so nobody writes between the look and the
//! write. The other way, a `last_event` in `executions` that every append updates, would write that row again, input and
//! all, on every turn; the look costs one step in an index whose page the write needs anyway. The table's primary key
//! would refuse a second piece at the same place even so. The look is a statement of its own: an `INSERT` that selects
//! from the table it writes to makes SQLite build a table in between, a seventh of what the append costs.

use darkroom_asl::interpreter::event::{EventId, HistoryEvent};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::failure::Failure;
use super::rows::EndRow;
use crate::store::piece::{self, Span};
use crate::store::{Append, End, ExecutionKey, ExecutionStatus, NewExecution, Redrive, Sleep, kept_trace};

/// Writes one execution's part of a batch.
pub(super) fn write(transaction: &Transaction<'_>, append: &Append) -> Result<(), Failure> {
    if let Some(start) = &append.start {
        if append.redrive.is_some() {
            return Err(Failure::Conflict(append.key));
        }
        // Its row is written once, ended if it has: an update would change it and three indexes again.
        write_start(transaction, append, start)?;
        write_first_piece(transaction, append.key, &append.events)?;
        return write_sleep(transaction, append);
    }
    if let Some(redrive) = append.redrive {
        write_redrive(transaction, append.key, redrive)?;
    }
    if !append.events.is_empty() {
        write_piece(transaction, append.key, &append.events)?;
    }
    if let Some(end) = &append.end {
        write_end(transaction, append.key, end)?;
    }
    write_sleep(transaction, append)
}

fn write_sleep(transaction: &Transaction<'_>, append: &Append) -> Result<(), Failure> {
    match append.sleep {
        None => return Ok(()),
        Some(Sleep::Until(until)) => transaction
            .prepare_cached(
                "INSERT INTO sleepers (execution, until_ms) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET until_ms = excluded.until_ms",
            )?
            .execute(params![append.key.0, until.as_millis()])?,
        Some(Sleep::Over) => transaction
            .prepare_cached("DELETE FROM sleepers WHERE execution = ?1")?
            .execute([append.key.0])?,
    };
    Ok(())
}

fn write_start(transaction: &Transaction<'_>, append: &Append, start: &NewExecution) -> Result<(), Failure> {
    let identity = &append.identity;
    let end = append.end.as_ref().map_or_else(EndRow::default, |end| EndRow::of(&end.status));
    transaction
        .prepare_cached(
            "INSERT INTO executions (key, status, arn, name, state_machine_arn, state_machine_name, version_arn,
                 alias_arn, role_arn, definition, revision, started_ms, input, parent, parent_branch,
                 parent_event, parent_waits, ended_ms, output, error, cause, trace_header, trace_id)
             VALUES (?1, ?17, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                 ?18, ?19, ?20, ?21, ?22, ?23)",
        )?
        .execute(params![
            append.key.0,
            identity.execution_arn,
            identity.execution_name,
            identity.state_machine_arn,
            identity.state_machine_name,
            identity.qualifiers.version_arn,
            identity.qualifiers.alias_arn,
            identity.role_arn,
            start.definition,
            identity.revision_id,
            start.started_at.as_millis(),
            start.input.text(),
            start.parent.map(|parent| parent.key.0),
            start.parent.map(|parent| parent.task.branch.0),
            start.parent.map(|parent| parent.task.scheduled.0),
            start.parent.map(|parent| parent.waits),
            append.end.as_ref().map_or(ExecutionStatus::Running, |end| end.status.status()).as_str(),
            append.end.as_ref().map(|end| end.ended_at.as_millis()),
            end.output,
            end.error,
            end.cause,
            identity.trace_header,
            kept_trace(identity).map(|id| id.to_string()),
        ])
        .map_err(Failure::of_append(append.key))?;
    Ok(())
}

/// Opens an execution again. Before its events: they are let into one that runs only.
fn write_redrive(transaction: &Transaction<'_>, key: ExecutionKey, redrive: Redrive) -> Result<(), Failure> {
    let opened = transaction
        .prepare_cached(
            "UPDATE executions SET status = 'RUNNING', ended_ms = NULL, error = NULL, cause = NULL,
                 redrive_count = ?2, redriven_ms = ?3
             WHERE key = ?1 AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED')",
        )?
        .execute(params![key.0, redrive.count, redrive.at.as_millis()])?;
    one_row(opened, key)
}

/// The events that an execution begins with. Its row was written just now, so nobody else has written here.
fn write_first_piece(
    transaction: &Transaction<'_>,
    key: ExecutionKey,
    events: &[HistoryEvent],
) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(());
    }
    insert_piece(transaction, key, EventId(0), events)
}

/// The events that follow, into an execution that runs, and right behind its last ones.
fn write_piece(
    transaction: &Transaction<'_>,
    key: ExecutionKey,
    events: &[HistoryEvent],
) -> Result<(), Failure> {
    let fence: Option<u32> = transaction
        .prepare_cached(
            "SELECT (SELECT last_event FROM history WHERE execution = ?1 ORDER BY first_event DESC LIMIT 1)
             FROM executions WHERE key = ?1 AND status = 'RUNNING'",
        )?
        .query_row([key.0], |row| row.get(0))
        .optional()?
        .ok_or(Failure::Conflict(key))?;
    insert_piece(transaction, key, EventId(fence.unwrap_or(0)), events)
}

/// The events behind the last one that is there.
fn insert_piece(
    transaction: &Transaction<'_>,
    key: ExecutionKey,
    last: EventId,
    events: &[HistoryEvent],
) -> Result<(), Failure> {
    let span = Span::of(events).filter(|span| span.follows(last)).ok_or(Failure::Conflict(key))?;
    transaction
        .prepare_cached(
            "INSERT INTO history (execution, first_event, last_event, format, events) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![key.0, span.first.0, span.last.0, piece::FORMAT, piece::encode(events)])
        .map_err(Failure::of_append(key))?;
    Ok(())
}

fn write_end(transaction: &Transaction<'_>, key: ExecutionKey, end: &End) -> Result<(), Failure> {
    let row = EndRow::of(&end.status);
    let ended = transaction
        .prepare_cached(
            "UPDATE executions SET status = ?2, ended_ms = ?3, output = ?4, error = ?5, cause = ?6
             WHERE key = ?1 AND status = 'RUNNING'",
        )?
        .execute(params![
            key.0,
            end.status.as_str(),
            end.ended_at.as_millis(),
            row.output,
            row.error,
            row.cause
        ])?;
    one_row(ended, key)
}

/// A statement on an execution that found no row to write has found another writer's.
pub(super) fn one_row(rows: usize, key: ExecutionKey) -> Result<(), Failure> {
    if rows == 1 { Ok(()) } else { Err(Failure::Conflict(key)) }
}
