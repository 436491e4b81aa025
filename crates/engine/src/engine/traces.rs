//! Which trace an execution belongs to: decided once, when it starts.
//!
//! AWS: a caller's trace that is kept is followed, whether the state machine traces or not. Where the caller leaves the
//! decision, or has no trace, the state machine's `tracingConfiguration` decides.

use std::sync::Arc;

use darkroom_asl::interpreter::{Identity, Random};
use darkroom_asl::json::Text;
use darkroom_trace::{TraceHeader, TraceId};

use super::{Engine, Target};
use crate::clock::Clock;

impl Engine {
    /// Who a new execution of this ARN and name is. `upstream` is the tracing header of the call that starts it, as the
    /// caller wrote it.
    pub fn identity(
        &self,
        target: &Target,
        execution_arn: String,
        name: &str,
        upstream: Option<&str>,
    ) -> Arc<Identity> {
        let trace_header = trace_header(target, upstream, self.clock.as_ref(), self.random.as_ref());
        target.identity(execution_arn, name, trace_header)
    }
}

/// The header that an execution has. A text that names no trace is kept as it is, where nothing takes its place.
pub(super) fn trace_header(
    target: &Target,
    upstream: Option<&str>,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Option<Text> {
    let is_traced = target.revision.settings.is_traced();
    let header: Option<TraceHeader> = upstream.and_then(|text| text.parse().ok());
    match header {
        Some(header) if header.sampled.is_none() && is_traced => {
            Some(TraceHeader { sampled: Some(true), ..header }.to_string().into())
        }
        None if is_traced => {
            let header = TraceHeader { root: new_trace(clock, random), parent: None, sampled: Some(true) };
            Some(header.to_string().into())
        }
        Some(_) | None => upstream.map(Text::from),
    }
}

fn new_trace(clock: &dyn Clock, random: &dyn Random) -> TraceId {
    let mut bytes = [0; 12];
    let drawn = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    bytes.copy_from_slice(&drawn.to_be_bytes()[4..]);
    let seconds = clock.now().as_millis().div_euclid(1000);
    TraceId { epoch: u32::try_from(seconds).unwrap_or_default(), random: bytes }
}
