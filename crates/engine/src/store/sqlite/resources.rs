//! Changes of resources, and the rows of `activities` and `tags`.

use darkroom_asl::data::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::failure::Failure;
use super::select::{row_limit, select};
use super::state_machines;
use crate::store::{Change, StoredActivity, Tag};

pub(super) fn change(transaction: &Transaction<'_>, change: &Change) -> Result<(), Failure> {
    match change {
        Change::PutStateMachine(machine) => state_machines::put(transaction, machine),
        Change::DeleteStateMachine(arn) => state_machines::delete(transaction, arn),
        Change::PutVersion(version) => state_machines::put_version(transaction, version),
        Change::DeleteVersion { state_machine_arn, number } => {
            state_machines::delete_version(transaction, state_machine_arn, *number)
        }
        Change::PutAlias(alias) => state_machines::put_alias(transaction, alias),
        Change::DeleteAlias(arn) => delete(transaction, "DELETE FROM aliases WHERE arn = ?1", arn),
        Change::PutActivity(activity) => put_activity(transaction, activity),
        Change::DeleteActivity(arn) => {
            delete(transaction, "DELETE FROM tags WHERE resource_arn = ?1", arn)?;
            delete(transaction, "DELETE FROM activities WHERE arn = ?1", arn)
        }
        Change::PutTags { resource_arn, tags } => put_tags(transaction, resource_arn, tags),
    }
}

fn delete(transaction: &Transaction<'_>, statement: &'static str, arn: &str) -> Result<(), Failure> {
    transaction.prepare_cached(statement)?.execute([arn])?;
    Ok(())
}

fn put_activity(transaction: &Transaction<'_>, activity: &StoredActivity) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO activities (arn, name, settings, created_ms) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![activity.arn, activity.name, activity.settings, activity.created_at.as_millis()])?;
    Ok(())
}

fn put_tags(transaction: &Transaction<'_>, resource_arn: &str, tags: &[Tag]) -> Result<(), Failure> {
    let tags = serde_json::to_string(tags).expect("a tag is two texts");
    transaction
        .prepare_cached("INSERT OR REPLACE INTO tags (resource_arn, tags) VALUES (?1, ?2)")?
        .execute(params![resource_arn, tags])?;
    Ok(())
}

pub(super) fn activity(connection: &Connection, arn: &str) -> Result<Option<StoredActivity>, Failure> {
    let query = "SELECT arn, name, settings, created_ms FROM activities WHERE arn = ?1";
    Ok(select(connection, query, [arn], read_activity)?.pop())
}

pub(super) fn activities(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<StoredActivity>, Failure> {
    let query = "SELECT arn, name, settings, created_ms FROM activities WHERE arn > ?1 ORDER BY arn LIMIT ?2";
    select(connection, query, params![after.unwrap_or_default(), row_limit(limit)], read_activity)
}

pub(super) fn tags(connection: &Connection, resource_arn: &str) -> Result<Vec<Tag>, Failure> {
    let mut statement = connection.prepare_cached("SELECT tags FROM tags WHERE resource_arn = ?1")?;
    let text: Option<String> = statement.query_row([resource_arn], |row| row.get(0)).optional()?;
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|error| Failure::Unreadable {
        place: format!("table tags, resource_arn {resource_arn}"),
        reason: error.to_string(),
    })
}

fn read_activity(row: &Row<'_>) -> Result<StoredActivity, Failure> {
    Ok(StoredActivity {
        arn: row.get(0)?,
        name: row.get(1)?,
        settings: row.get(2)?,
        created_at: Timestamp::from_millis(row.get(3)?),
    })
}
