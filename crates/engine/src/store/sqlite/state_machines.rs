//! Rows of `state_machines`.
//!
//! One that was deleted while executions of it ran stays in the table, and is there for nobody once the last
//! of them has ended: every query looks. So nothing has to happen at that moment.

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::MachineType;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::failure::Failure;
use crate::store::{StateMachineStatus, StoredStateMachine};

/// The rows that are there, and what [`read`] needs of them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT arn, name, status, type, role_arn, definition, created_ms, settings FROM state_machines ",
            "WHERE (status = 'ACTIVE' OR EXISTS (SELECT 1 FROM executions ",
            "WHERE state_machine_arn = state_machines.arn AND executions.status = 'RUNNING')) ",
            $rest
        )
    };
}

/// Writes the row, unless one of its ARN is there; answers that one.
pub(super) fn create(
    transaction: &Transaction<'_>,
    machine: &StoredStateMachine,
) -> Result<Option<StoredStateMachine>, Failure> {
    if let Some(before) = by_arn(transaction, &machine.arn)? {
        return Ok(Some(before));
    }
    // A row that is there for nobody any more may be in the way.
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO state_machines
                 (arn, name, status, type, role_arn, definition, created_ms, settings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            machine.arn,
            machine.name,
            machine.status.as_str(),
            machine.machine_type.as_str(),
            machine.role_arn,
            machine.definition,
            machine.created_at.as_millis(),
            machine.settings,
        ])?;
    Ok(None)
}

pub(super) fn by_arn(connection: &Connection, arn: &str) -> Result<Option<StoredStateMachine>, Failure> {
    let mut statement = connection.prepare_cached(select!("AND arn = ?1"))?;
    statement.query_row([arn], |row| Ok(read(row))).optional()?.transpose()
}

pub(super) fn list(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<StoredStateMachine>, Failure> {
    let mut statement = connection.prepare_cached(select!("AND arn > ?1 ORDER BY arn LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after.unwrap_or_default(), limit])?;
    let mut machines = Vec::new();
    while let Some(row) = rows.next()? {
        machines.push(read(row)?);
    }
    Ok(machines)
}

pub(super) fn delete(transaction: &Transaction<'_>, arn: &str) -> Result<(), Failure> {
    transaction
        .prepare_cached("UPDATE state_machines SET status = 'DELETING' WHERE arn = ?1")?
        .execute([arn])?;
    transaction
        .prepare_cached(
            "DELETE FROM state_machines WHERE arn = ?1 AND NOT EXISTS
                 (SELECT 1 FROM executions WHERE state_machine_arn = ?1 AND status = 'RUNNING')",
        )?
        .execute([arn])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<StoredStateMachine, Failure> {
    let arn: darkroom_asl::json::Text = row.get(0)?;
    let unknown = |column: &str, word: &str| Failure::Unreadable {
        place: format!("table state_machines, arn {arn}, column {column}"),
        reason: format!("`{word}` is none that is known"),
    };
    let (status, machine_type): (String, String) = (row.get(2)?, row.get(3)?);
    Ok(StoredStateMachine {
        name: row.get(1)?,
        status: StateMachineStatus::parse(&status).ok_or_else(|| unknown("status", &status))?,
        machine_type: MachineType::parse(&machine_type).ok_or_else(|| unknown("type", &machine_type))?,
        role_arn: row.get(4)?,
        definition: row.get(5)?,
        created_at: Timestamp::from_millis(row.get(6)?),
        settings: row.get(7)?,
        arn,
    })
}
