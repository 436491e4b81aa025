//! The execution that a line of the log concerns: its ARN, and the trace that it belongs to.

use darkroom_asl::interpreter::Identity;
use darkroom_trace::TraceHeader;
use tracing::Span;

/// A span whose lines name this execution.
pub fn logged(identity: &Identity) -> Span {
    logged_as(&identity.execution_arn, identity.trace_header.as_deref())
}

/// The same, by its ARN and tracing header. Of the highest level, so that it is on the lines of every level.
pub(crate) fn logged_as(execution_arn: &str, trace_header: Option<&str>) -> Span {
    let header: Option<TraceHeader> = trace_header.and_then(|text| text.parse().ok());
    if let Some(header) = header {
        return tracing::error_span!("execution", execution_arn, trace_id = %header.root);
    }
    tracing::error_span!("execution", execution_arn)
}
