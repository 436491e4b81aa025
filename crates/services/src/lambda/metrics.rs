//! What is measured of each call of a function: the namespace AWS/Lambda, and the call's segment where it is traced.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::Outcome;
use super::traced::{Called, Traced};
use crate::cloudwatch::{Bucket, CloudWatch, MINUTE_MS, Metric, Series, Unit};
use crate::wire::Fault;
use crate::xray::XRay;

const NAMESPACE: &str = "AWS/Lambda";

/// Takes the measurements of calls.
pub(crate) struct Measures {
    cloudwatch: CloudWatch,
    /// Where segments go, if X-Ray is embedded.
    xray: Option<XRay>,
    /// Calls of all functions that are under way.
    under_way: AtomicU32,
}

impl Measures {
    pub(crate) fn new(cloudwatch: CloudWatch, xray: Option<XRay>) -> Self {
        Self { cloudwatch, xray, under_way: AtomicU32::new(0) }
    }

    /// A call begins.
    pub(super) fn begin(&self) -> Call<'_> {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        Call { measures: self, under_way, begun: Instant::now() }
    }
}

/// A call that is under way, until this is dropped: its caller may not wait for the end.
pub(super) struct Call<'a> {
    measures: &'a Measures,
    /// Calls that were under way when it began, with itself.
    under_way: u32,
    begun: Instant,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.measures.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Call<'_> {
    /// It is over. AWS: a function that reports an error has failed, and a call that Lambda itself could not make has not
    /// been one.
    pub(super) fn end(
        self,
        called: &Called<'_>,
        traced: Traced,
        outcome: Result<&Outcome, &Fault>,
        now_ms: i64,
    ) {
        if let Some(xray) = &self.measures.xray
            && let Some(segment) = traced.end(called, outcome, now_ms)
        {
            xray.record(&segment);
        }
        let function = called.function;
        let minute = now_ms.div_euclid(MINUTE_MS);
        let values = match outcome {
            Ok(outcome) => vec![
                ("Invocations", Unit::COUNT, 1.0),
                ("Errors", Unit::COUNT, f64::from(u8::from(outcome.error.is_some()))),
                ("Throttles", Unit::COUNT, 0.0),
                ("Duration", Unit::MILLISECONDS, self.begun.elapsed().as_secs_f64() * 1000.0),
                ("ConcurrentExecutions", Unit::COUNT, f64::from(self.under_way)),
            ],
            Err(fault) if fault.status == 429 => vec![("Throttles", Unit::COUNT, 1.0)],
            Err(_) => return,
        };
        let values = values.into_iter().map(|(name, unit, value)| {
            let dimension = ("FunctionName".to_owned(), function.to_owned());
            (Series { metric: Metric::new(NAMESPACE, name, [dimension]), unit }, Bucket::of(value, 1.0))
        });
        let values: Vec<(Series, Bucket)> = values.collect();
        let left_out =
            self.measures.cloudwatch.record(values.iter().map(|(series, bucket)| (series, minute, bucket)));
        if left_out > 0 {
            tracing::warn!(function, "there are as many metrics as are kept; a function's are left out");
        }
    }
}
