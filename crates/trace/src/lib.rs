//! Traces, as X-Ray has them: ids, the header that carries them from one service to the next, and segments.
//!
//! A [`TraceHeader`] says which trace a call belongs to. A [`Segment`] is what one service did in it, with
//! subsegments for the parts of that; it is read from and written as X-Ray's documents, and written for OpenTelemetry.
//! Nothing here draws an id or reads a clock: an id is made of what it is of, or of bytes that the caller has drawn.
//!
//! Documentation: AWS X-Ray, "Concepts" (tracing header) and "X-Ray segment documents".

mod document;
mod header;
mod id;
mod otlp;
mod segment;

pub use document::{DOCUMENT_BYTES_MAX, DocumentError};
pub use header::{HEADER_BYTES_MAX, TraceHeader};
pub use id::{SpanId, TraceId};
pub use otlp::{Resource, export};
pub use segment::{Cause, Flags, Segment};
