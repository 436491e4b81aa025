//! Rows of `state_machines`, `revisions`, `versions` and `aliases`.
//!
//! A state machine that was deleted while executions of it ran stays in its table, and is there for nobody once
//! the last of them has ended: every query looks. So nothing has to happen at that moment.

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::MachineType;
use darkroom_asl::json::Text;
use rusqlite::{Connection, Row, Transaction, params};

use super::failure::Failure;
use super::select::{row_limit, select};
use crate::store::{
    Revision, Route, Settings, StateMachineStatus, StoredAlias, StoredStateMachine, StoredVersion,
};

/// The state machines that are there, and what [`read_state_machine`] needs of them.
macro_rules! select_state_machines {
    ($rest:literal) => {
        concat!(
            "SELECT id, is_initial, definition, role_arn, logging, tracing, encryption, updated_ms, ",
            "arn, name, status, type, created_ms, creation, last_version ",
            "FROM state_machines JOIN revisions ON id = revision ",
            "WHERE (status = 'ACTIVE' OR EXISTS (SELECT 1 FROM executions ",
            "WHERE state_machine_arn = state_machines.arn AND executions.status = 'RUNNING')) ",
            $rest
        )
    };
}

/// What [`read_version`] needs of a version.
macro_rules! select_versions {
    ($rest:literal) => {
        concat!(
            "SELECT id, is_initial, definition, role_arn, logging, tracing, encryption, updated_ms, ",
            "state_machine_arn, number, description, created_ms ",
            "FROM versions JOIN revisions ON id = revision WHERE state_machine_arn = ?1 ",
            $rest
        )
    };
}

/// What [`read_alias`] needs of an alias.
macro_rules! select_aliases {
    ($rest:literal) => {
        concat!(
            "SELECT arn, state_machine_arn, name, description, routes, created_ms, updated_ms FROM aliases ",
            $rest
        )
    };
}

pub(super) fn put(transaction: &Transaction<'_>, machine: &StoredStateMachine) -> Result<(), Failure> {
    put_revision(transaction, &machine.revision)?;
    // A row that is there for nobody any more may be in the way.
    transaction
        .prepare_cached(
            "INSERT INTO state_machines (arn, name, status, type, created_ms, creation, last_version, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (arn) DO UPDATE SET
                 status = ?3, type = ?4, created_ms = ?5, creation = ?6, last_version = ?7, revision = ?8",
        )?
        .execute(params![
            machine.arn,
            machine.name,
            machine.status.as_str(),
            machine.machine_type.as_str(),
            machine.created_at.as_millis(),
            machine.creation,
            machine.last_version,
            machine.revision.id,
        ])?;
    Ok(())
}

/// A revision never changes: one that is there is the same.
fn put_revision(transaction: &Transaction<'_>, revision: &Revision) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT INTO revisions (id, is_initial, definition, role_arn, logging, tracing, encryption, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            revision.id,
            revision.is_initial,
            revision.definition,
            revision.role_arn,
            revision.settings.logging,
            revision.settings.tracing,
            revision.settings.encryption,
            revision.updated_at.as_millis(),
        ])?;
    Ok(())
}

pub(super) fn put_version(transaction: &Transaction<'_>, version: &StoredVersion) -> Result<(), Failure> {
    put_revision(transaction, &version.revision)?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO versions (state_machine_arn, number, description, created_ms, revision)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            version.state_machine_arn,
            version.number,
            version.description,
            version.created_at.as_millis(),
            version.revision.id,
        ])?;
    Ok(())
}

pub(super) fn put_alias(transaction: &Transaction<'_>, alias: &StoredAlias) -> Result<(), Failure> {
    let routes = serde_json::to_string(&alias.routes).expect("a route is two numbers");
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO aliases
                 (arn, state_machine_arn, name, description, routes, created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            alias.arn,
            alias.state_machine_arn,
            alias.name,
            alias.description,
            routes,
            alias.created_at.as_millis(),
            alias.updated_at.as_millis(),
        ])?;
    Ok(())
}

pub(super) fn delete(transaction: &Transaction<'_>, arn: &str) -> Result<(), Failure> {
    for statement in [
        "DELETE FROM aliases WHERE state_machine_arn = ?1",
        "DELETE FROM versions WHERE state_machine_arn = ?1",
        "DELETE FROM tags WHERE resource_arn = ?1",
        "UPDATE state_machines SET status = 'DELETING' WHERE arn = ?1",
        "DELETE FROM state_machines WHERE arn = ?1 AND NOT EXISTS
             (SELECT 1 FROM executions WHERE state_machine_arn = ?1 AND status = 'RUNNING')",
    ] {
        transaction.prepare_cached(statement)?.execute([arn])?;
    }
    Ok(())
}

pub(super) fn delete_version(
    transaction: &Transaction<'_>,
    state_machine_arn: &str,
    number: u32,
) -> Result<(), Failure> {
    transaction
        .prepare_cached("DELETE FROM versions WHERE state_machine_arn = ?1 AND number = ?2")?
        .execute(params![state_machine_arn, number])?;
    Ok(())
}

pub(super) fn by_arn(connection: &Connection, arn: &str) -> Result<Option<StoredStateMachine>, Failure> {
    let query = select_state_machines!("AND arn = ?1");
    Ok(select(connection, query, [arn], read_state_machine)?.pop())
}

pub(super) fn list(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<StoredStateMachine>, Failure> {
    let arguments = params![after.unwrap_or_default(), row_limit(limit)];
    let query = select_state_machines!("AND arn > ?1 ORDER BY arn LIMIT ?2");
    select(connection, query, arguments, read_state_machine)
}

pub(super) fn revision(connection: &Connection, id: &str) -> Result<Option<Revision>, Failure> {
    let query =
        "SELECT id, is_initial, definition, role_arn, logging, tracing, encryption, updated_ms FROM revisions
         WHERE id = ?1";
    Ok(select(connection, query, [id], read_revision)?.pop())
}

pub(super) fn version(
    connection: &Connection,
    state_machine_arn: &str,
    number: u32,
) -> Result<Option<StoredVersion>, Failure> {
    let query = select_versions!("AND number = ?2");
    Ok(select(connection, query, params![state_machine_arn, number], read_version)?.pop())
}

pub(super) fn versions(
    connection: &Connection,
    state_machine_arn: &str,
    before: Option<u32>,
    limit: usize,
) -> Result<Vec<StoredVersion>, Failure> {
    let before = before.map_or(i64::MAX, i64::from);
    let query = select_versions!("AND number < ?2 ORDER BY number DESC LIMIT ?3");
    select(connection, query, params![state_machine_arn, before, row_limit(limit)], read_version)
}

pub(super) fn alias(connection: &Connection, arn: &str) -> Result<Option<StoredAlias>, Failure> {
    Ok(select(connection, select_aliases!("WHERE arn = ?1"), [arn], read_alias)?.pop())
}

pub(super) fn aliases(connection: &Connection, state_machine_arn: &str) -> Result<Vec<StoredAlias>, Failure> {
    let query = select_aliases!("WHERE state_machine_arn = ?1 ORDER BY arn");
    select(connection, query, [state_machine_arn], read_alias)
}

/// The first eight columns of a row.
fn read_revision(row: &Row<'_>) -> Result<Revision, Failure> {
    Ok(Revision {
        id: row.get(0)?,
        is_initial: row.get(1)?,
        definition: row.get(2)?,
        role_arn: row.get(3)?,
        settings: Settings { logging: row.get(4)?, tracing: row.get(5)?, encryption: row.get(6)? },
        updated_at: Timestamp::from_millis(row.get(7)?),
    })
}

fn read_state_machine(row: &Row<'_>) -> Result<StoredStateMachine, Failure> {
    let arn: Text = row.get(8)?;
    let unknown = |column: &str, word: &str| Failure::Unreadable {
        place: format!("table state_machines, arn {arn}, column {column}"),
        reason: format!("`{word}` is none that is known"),
    };
    let (status, machine_type): (String, String) = (row.get(10)?, row.get(11)?);
    Ok(StoredStateMachine {
        name: row.get(9)?,
        status: StateMachineStatus::parse(&status).ok_or_else(|| unknown("status", &status))?,
        machine_type: MachineType::parse(&machine_type).ok_or_else(|| unknown("type", &machine_type))?,
        created_at: Timestamp::from_millis(row.get(12)?),
        creation: row.get(13)?,
        last_version: row.get(14)?,
        revision: read_revision(row)?,
        arn,
    })
}

fn read_version(row: &Row<'_>) -> Result<StoredVersion, Failure> {
    Ok(StoredVersion {
        revision: read_revision(row)?,
        state_machine_arn: row.get(8)?,
        number: row.get(9)?,
        description: row.get(10)?,
        created_at: Timestamp::from_millis(row.get(11)?),
    })
}

fn read_alias(row: &Row<'_>) -> Result<StoredAlias, Failure> {
    let arn: Text = row.get(0)?;
    let routes: String = row.get(4)?;
    let routes: Vec<Route> = serde_json::from_str(&routes).map_err(|error| Failure::Unreadable {
        place: format!("table aliases, arn {arn}, column routes"),
        reason: error.to_string(),
    })?;
    Ok(StoredAlias {
        arn,
        state_machine_arn: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        routes,
        created_at: Timestamp::from_millis(row.get(5)?),
        updated_at: Timestamp::from_millis(row.get(6)?),
    })
}
