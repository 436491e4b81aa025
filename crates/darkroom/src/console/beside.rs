//! What the console shows of the embedded services that their APIs do not tell: what goes on in functions, how long
//! executions take, and what is still to be delivered.

use std::ops::Range;

use darkroom_asl::data::Timestamp;
use darkroom_console::{
    Deliveries, Durations, FailedDelivery, FunctionActivity, LastCall, PlatformError, Spread, WaitingDelivery,
};
use darkroom_services::Insight;
use darkroom_services::cloudwatch::{Bucket, Metric};

/// What goes on in a function.
pub(super) fn function(insight: &Insight, name: &str, lines_max: usize) -> Option<FunctionActivity> {
    let seen = insight.functions.seen(name, lines_max)?;
    let last = seen.last.map(|last| LastCall {
        ended_at: Timestamp::from_millis(last.ended_ms),
        duration_ms: i64::try_from(last.duration_ms).unwrap_or(i64::MAX),
        is_error: last.error.is_some(),
    });
    let lines = seen.lines.into_iter().map(|line| (Timestamp::from_millis(line.at_ms), line.text));
    Some(FunctionActivity {
        under_way: seen.counts.under_way,
        under_way_max: seen.counts.under_way_max,
        invocations: seen.counts.invocations,
        errors: seen.counts.errors,
        throttles: seen.counts.throttles,
        last,
        lines: lines.collect(),
    })
}

/// How long executions took, all state machines' together.
pub(super) fn durations(insight: &Insight, minutes: Range<i64>) -> Durations {
    // Without dimensions it is the whole account's.
    let buckets = insight.metrics.minutes(&Metric::new("AWS/States", "ExecutionTime", []), minutes);
    let all = buckets.values().cloned().reduce(|mut all, minute| {
        all.merge(&minute);
        all
    });
    let minutes = buckets.iter().filter_map(|(minute, bucket)| Some((*minute, spread(bucket)?)));
    Durations { all: all.as_ref().and_then(spread), minutes: minutes.collect() }
}

fn spread(bucket: &Bucket) -> Option<Spread> {
    Some(Spread { p50_ms: bucket.quantile(0.5)?, p99_ms: bucket.quantile(0.99)? })
}

/// What the outbox holds, and what it could not deliver.
pub(super) async fn deliveries(insight: &Insight, waiting_max: usize) -> Result<Deliveries, PlatformError> {
    let outbox = &insight.deliveries;
    let (waiting, waiting_count) =
        outbox.waiting(waiting_max).await.map_err(|error| PlatformError(error.to_string()))?;
    let waiting = waiting.into_iter().map(|one| WaitingDelivery {
        kind: one.to.0,
        to: one.to.1,
        attempts: one.attempts,
        made_at: Timestamp::from_millis(one.made_ms),
        due_at: one.due_ms.map(Timestamp::from_millis),
    });
    let failures = outbox.failures().into_iter().map(|one| FailedDelivery {
        at: Timestamp::from_millis(one.at_ms),
        kind: one.to.0,
        to: one.to.1,
        attempt: one.attempt,
        reason: one.reason,
        is_last: one.is_last,
    });
    Ok(Deliveries { waiting: waiting.collect(), waiting_count, failures: failures.collect() })
}
