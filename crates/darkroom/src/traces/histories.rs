//! The segments of Standard executions, for X-Ray: made of their histories when it asks.

use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_engine::store::{ExecutionSummary, Store, StoreError, Traced};
use darkroom_engine::{Beginning, segment};
use darkroom_services::xray::{Source, SourceError};
use darkroom_trace::{Segment, TraceId};

/// A store's executions.
pub struct Histories(pub Arc<dyn Store>);

impl Histories {
    fn segment(&self, execution: &ExecutionSummary) -> Result<Option<Segment>, StoreError> {
        let Some(header) = segment::kept_trace(&execution.identity) else { return Ok(None) };
        let beginning = Beginning::read(self.0.as_ref(), execution.key)?;
        Ok(Some(segment::of_execution(execution, header, &beginning.events)))
    }
}

impl Source for Histories {
    fn of_trace(&self, trace: TraceId, limit: usize) -> Result<Vec<Segment>, SourceError> {
        let executions = self.0.traced(Traced::Of(trace), limit).map_err(told)?;
        let mut segments = Vec::new();
        // The first one first.
        for execution in executions.iter().rev() {
            segments.extend(self.segment(execution).map_err(told)?);
        }
        Ok(segments)
    }

    fn begun(&self, from_ms: i64, before_ms: i64, limit: usize) -> Result<Vec<(TraceId, i64)>, SourceError> {
        let (from, before) = (Timestamp::from_millis(from_ms), Timestamp::from_millis(before_ms));
        let executions = self.0.traced(Traced::Started { from, before }, limit).map_err(told)?;
        let place = |execution: &ExecutionSummary| {
            let header = segment::kept_trace(&execution.identity)?;
            Some((header.root, execution.started_at.as_millis()))
        };
        Ok(executions.iter().filter_map(place).collect())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what an error is turned into")]
fn told(error: StoreError) -> SourceError {
    SourceError(error.to_string())
}
