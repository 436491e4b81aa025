//! Metrics and alarms in the services' file.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::alarm::Alarm;
use super::bucket::Bucket;
use super::metric::Series;
use super::store::{Changes, Minute, SeriesId};
use crate::database::Database;
use crate::error::ServicesError;
use crate::outbox::{Delivery, Outbox};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS cloudwatch_series (id INTEGER PRIMARY KEY, series TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS cloudwatch_points (
        minute INTEGER NOT NULL, series INTEGER NOT NULL, bucket TEXT NOT NULL, PRIMARY KEY (minute, series)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cloudwatch_alarms (name TEXT PRIMARY KEY, alarm TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cloudwatch_history (
        sequence INTEGER PRIMARY KEY, alarm TEXT NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL,
        summary TEXT NOT NULL, data TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS cloudwatch_history_of ON cloudwatch_history (alarm, at_ms);
    CREATE INDEX IF NOT EXISTS cloudwatch_history_at ON cloudwatch_history (at_ms);";

/// How long an alarm's history is kept. AWS: 30 days.
const HISTORY_MS: i64 = 30 * 86_400_000;

/// All that the file holds.
pub(super) struct Stored {
    pub(super) series: Vec<(SeriesId, Series)>,
    pub(super) points: Vec<(SeriesId, Minute, Bucket)>,
    pub(super) alarms: Vec<Alarm>,
}

/// A change of alarms: all of it, or nothing.
#[derive(Debug, Default)]
pub(super) struct AlarmsChange {
    pub(super) put: Vec<Alarm>,
    pub(super) deleted: Vec<String>,
    pub(super) history: Vec<HistoryItem>,
    pub(super) deliveries: Vec<Delivery>,
}

/// A line of an alarm's history.
#[derive(Clone, Debug)]
pub(super) struct HistoryItem {
    pub(super) alarm: String,
    pub(super) at_ms: i64,
    /// `ConfigurationUpdate`, `StateUpdate`, `Action`.
    pub(super) kind: String,
    pub(super) summary: String,
    /// JSON.
    pub(super) data: String,
}

pub(super) async fn read(database: &Database) -> Result<Stored, ServicesError> {
    database
        .run(|connection| {
            let text = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            let mut series = Vec::new();
            for row in connection.prepare("SELECT id, series FROM cloudwatch_series")?.query_map([], text)? {
                let (id, json) = row?;
                series.push((SeriesId(id), serde_json::from_str(&json)?));
            }
            let mut points = Vec::new();
            let mut statement = connection.prepare("SELECT series, bucket, minute FROM cloudwatch_points")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (id, json) = text(row)?;
                points.push((SeriesId(id), row.get(2)?, serde_json::from_str(&json)?));
            }
            let mut alarms = Vec::new();
            let mut statement = connection.prepare("SELECT alarm FROM cloudwatch_alarms")?;
            for row in statement.query_map([], |row| row.get::<_, String>(0))? {
                alarms.push(serde_json::from_str(&row?)?);
            }
            Ok(Stored { series, points, alarms })
        })
        .await
}

/// Writes metrics. They are durable when this returns `Ok`.
pub(super) async fn write(database: &Database, changes: Arc<Changes>) -> Result<(), ServicesError> {
    if changes.series.is_empty() && changes.points.is_empty() && changes.gone.is_empty() {
        return Ok(());
    }
    database
        .run(move |connection| {
            for (id, series) in &changes.series {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO cloudwatch_series VALUES (?1, ?2)")?
                    .execute(params![id.0, serde_json::to_string(&**series)?])?;
            }
            for (minute, id, bucket) in &changes.points {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO cloudwatch_points VALUES (?1, ?2, ?3)")?
                    .execute(params![minute, id.0, serde_json::to_string(bucket)?])?;
            }
            for id in &changes.gone {
                connection.prepare_cached("DELETE FROM cloudwatch_series WHERE id = ?1")?.execute([id.0])?;
            }
            connection
                .prepare_cached("DELETE FROM cloudwatch_points WHERE minute < ?1")?
                .execute([changes.oldest])?;
            Ok(())
        })
        .await
}

/// Writes a change of alarms. It is durable when this returns `Ok`.
pub(super) async fn change(
    database: &Database,
    change: AlarmsChange,
    now_ms: i64,
) -> Result<(), ServicesError> {
    database.run(move |connection| write_change(connection, &change, now_ms)).await
}

fn write_change(connection: &Connection, change: &AlarmsChange, now_ms: i64) -> Result<(), ServicesError> {
    for alarm in &change.put {
        connection
            .prepare_cached("INSERT OR REPLACE INTO cloudwatch_alarms VALUES (?1, ?2)")?
            .execute(params![alarm.input.alarm_name, serde_json::to_string(alarm)?])?;
    }
    for name in &change.deleted {
        connection.prepare_cached("DELETE FROM cloudwatch_alarms WHERE name = ?1")?.execute([name])?;
    }
    for item in &change.history {
        connection
            .prepare_cached(
                "INSERT INTO cloudwatch_history (alarm, at_ms, kind, summary, data) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![item.alarm, item.at_ms, item.kind, item.summary, item.data])?;
    }
    connection
        .prepare_cached("DELETE FROM cloudwatch_history WHERE at_ms < ?1")?
        .execute([now_ms - HISTORY_MS])?;
    for delivery in &change.deliveries {
        Outbox::add(connection, delivery, now_ms)?;
    }
    Ok(())
}

/// Which lines of the history are asked for.
#[derive(Debug)]
pub(super) struct HistoryQuery {
    pub(super) alarm: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) is_ascending: bool,
    pub(super) offset: usize,
    pub(super) limit: usize,
}

pub(super) async fn history(
    database: &Database,
    query: HistoryQuery,
) -> Result<Vec<HistoryItem>, ServicesError> {
    let order = if query.is_ascending { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT alarm, at_ms, kind, summary, data FROM cloudwatch_history
         WHERE (?1 IS NULL OR alarm = ?1) AND (?2 IS NULL OR kind = ?2) AND at_ms BETWEEN ?3 AND ?4
         ORDER BY at_ms {order}, sequence {order} LIMIT ?5 OFFSET ?6"
    );
    database
        .run(move |connection| {
            let HistoryQuery { alarm, kind, from_ms, to_ms, limit, offset, .. } = query;
            let items = connection
                .prepare_cached(&sql)?
                .query_map(params![alarm, kind, from_ms, to_ms, limit, offset], |row| {
                    Ok(HistoryItem {
                        alarm: row.get(0)?,
                        at_ms: row.get(1)?,
                        kind: row.get(2)?,
                        summary: row.get(3)?,
                        data: row.get(4)?,
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok(items)
        })
        .await
}
