//! The documents of segments in the services' file.

use darkroom_trace::{Segment, SpanId, TraceId};
use rusqlite::{Connection, params};

use crate::error::ServicesError;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS xray_documents (
        sequence INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, id TEXT NOT NULL, received_ms INTEGER NOT NULL,
        started_ms INTEGER NOT NULL, is_ended INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE (trace_id, id)
    );
    CREATE INDEX IF NOT EXISTS xray_documents_at ON xray_documents (started_ms);";

/// How long a document is kept. AWS: 30 days.
const RETENTION_MS: i64 = 30 * 86_400_000;
/// How many are kept: the oldest go. Our choice; at AWS's largest document, 3 GB.
const DOCUMENTS_MAX: i64 = 50_000;
/// Bytes of a trace's documents that are read. Our choice; AWS keeps 500 KB of a trace.
const TRACE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A document that is known to be a segment.
pub(super) struct Received {
    trace_id: TraceId,
    id: SpanId,
    started_ms: i64,
    is_ended: bool,
    document: String,
}

impl Received {
    /// The document of a segment.
    pub(super) fn of(segment: &Segment) -> Self {
        Self::new(segment, segment.document())
    }

    /// A document that was read as this segment.
    pub(super) fn new(segment: &Segment, document: String) -> Self {
        Self {
            trace_id: segment.trace_id,
            id: segment.id,
            started_ms: segment.started_us.div_euclid(1000),
            is_ended: segment.ended_us.is_some(),
            document,
        }
    }
}

/// Writes documents, and lets go of what is too old or too much.
///
/// AWS: a segment that is in progress is sent again when it has ended; whichever comes last, the ended one stays.
pub(super) fn write(
    connection: &Connection,
    received: &[Received],
    now_ms: i64,
) -> Result<(), ServicesError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO xray_documents (trace_id, id, received_ms, started_ms, is_ended, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (trace_id, id) DO UPDATE SET
             started_ms = excluded.started_ms, is_ended = excluded.is_ended, document = excluded.document
         WHERE excluded.is_ended OR NOT is_ended",
    )?;
    for Received { trace_id, id, started_ms, is_ended, document } in received {
        let (trace_id, id) = (trace_id.to_string(), id.to_string());
        statement.execute(params![trace_id, id, now_ms, started_ms, is_ended, document])?;
    }
    connection
        .prepare_cached(
            "DELETE FROM xray_documents WHERE sequence <= (SELECT max(sequence) FROM xray_documents) - ?1",
        )?
        .execute([DOCUMENTS_MAX])?;
    // What came first has the smallest number: the look ends at the first that is kept.
    connection
        .prepare_cached(
            "DELETE FROM xray_documents WHERE sequence < (
                 SELECT sequence FROM xray_documents WHERE received_ms >= ?1 ORDER BY sequence LIMIT 1
             )",
        )?
        .execute([now_ms - RETENTION_MS])?;
    Ok(())
}

/// The documents of a trace, at most so many, in the order in which they came; and whether there are more.
pub(super) fn of_trace(
    connection: &Connection,
    trace: TraceId,
    limit: usize,
) -> Result<(Vec<String>, bool), ServicesError> {
    let mut statement = connection
        .prepare_cached("SELECT document FROM xray_documents WHERE trace_id = ?1 ORDER BY sequence")?;
    let mut rows = statement.query([trace.to_string()])?;
    let (mut documents, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let document: String = row.get(0)?;
        bytes += document.len();
        if documents.len() >= limit || bytes > TRACE_BYTES_MAX {
            return Ok((documents, true));
        }
        documents.push(document);
    }
    Ok((documents, false))
}

/// The traces of documents whose segments began in this time, and when they did; at most so many, the newest first.
pub(super) fn begun(
    connection: &Connection,
    from_ms: i64,
    before_ms: i64,
    limit: usize,
) -> Result<Vec<(TraceId, i64)>, ServicesError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT trace_id, started_ms FROM xray_documents WHERE started_ms >= ?1 AND started_ms < ?2
         ORDER BY started_ms DESC LIMIT ?3",
    )?;
    let rows = statement
        .query_map(params![from_ms, before_ms, limit], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (id, started_ms) = row?;
        // It was written as one.
        found.extend(id.parse().ok().map(|id| (id, started_ms)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(number: u64, ended_us: Option<i64>) -> Received {
        let trace_id = TraceId { epoch: 1, random: [1; 12] };
        let mut segment = Segment::begun(trace_id, SpanId(number), "s", 1_000_000);
        segment.ended_us = ended_us;
        Received::of(&segment)
    }

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM xray_documents", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_ended_segment_stays_whichever_comes_last() {
        for order in [[None, Some(2_000_000)], [Some(2_000_000), None]] {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(SCHEMA).unwrap();
            for ended_us in order {
                write(&connection, &[received(1, ended_us)], 0).unwrap();
            }
            let (documents, _) = of_trace(&connection, TraceId { epoch: 1, random: [1; 12] }, 9).unwrap();
            assert!(documents.len() == 1 && documents[0].contains("end_time"), "{documents:?}");
        }
    }

    #[test]
    fn a_trace_of_many_documents_is_cut() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let trace = TraceId { epoch: 1, random: [1; 12] };
        let long = |number| Received { document: "x".repeat(TRACE_BYTES_MAX / 3), ..received(number, None) };
        write(&connection, &[long(1), long(2), long(3)], 0).unwrap();
        let read =
            |limit| of_trace(&connection, trace, limit).map(|(found, is_cut)| (found.len(), is_cut)).unwrap();
        assert_eq!((read(3), read(2)), ((3, false), (2, true)));
        write(&connection, &[long(4)], 0).unwrap();
        assert_eq!(read(9), (3, true));
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_oldest_first() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        write(&connection, &[received(1, None)], 0).unwrap();
        write(&connection, &[received(2, None)], RETENTION_MS).unwrap();
        assert_eq!(count(&connection), 2, "just not too old");
        write(&connection, &[received(3, None)], RETENTION_MS + 1).unwrap();
        assert_eq!(count(&connection), 2);
        let many: Vec<Received> = (0..DOCUMENTS_MAX.unsigned_abs()).map(|n| received(n + 10, None)).collect();
        write(&connection, &many, RETENTION_MS + 2).unwrap();
        assert_eq!(count(&connection), DOCUMENTS_MAX);
    }
}
