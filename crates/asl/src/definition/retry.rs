//! `Retry`. Spec: States Language, "Retrying after error".

use std::num::NonZeroU32;

use super::errors::ErrorNames;
use super::fields::{Field, Kind, both};
use super::machine::{Jitter, Retrier};
use super::reader::Reader;
use super::report::Report;
use super::state_reader::{StateReader, integer};
use crate::json::Node;

/// AWS: the greatest `IntervalSeconds` and `MaxAttempts`.
const INTERVAL_SECONDS_MAX: u32 = 99_999_999;
const ATTEMPTS_MAX: u32 = 99_999_999;

/// AWS: `MaxDelaySeconds` is less than a leap year.
const DELAY_SECONDS_MAX: u32 = 31_622_399;

const INTERVAL_SECONDS_DEFAULT: u32 = 1;
const ATTEMPTS_DEFAULT: u32 = 3;
const BACKOFF_RATE_DEFAULT: f64 = 2.0;

const RETRIER: &[Field] = &[
    both("ErrorEquals", Kind::Items).required(),
    both("IntervalSeconds", Kind::Integer),
    both("MaxAttempts", Kind::Integer),
    both("BackoffRate", Kind::Number),
    both("MaxDelaySeconds", Kind::Integer),
    both("JitterStrategy", Kind::Text),
    both("Comment", Kind::Text),
];

/// The retriers of a state that can have some.
pub(super) fn read(state: &mut StateReader<'_, '_>) -> Vec<Retrier> {
    let items = state.fields.items("Retry");
    let mut names = ErrorNames::new(items.len());
    let mut retriers = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let report = &mut state.builder.report;
        if let Some(fields) = Reader::open(item.value, &item.location, RETRIER, state.language, report) {
            retriers.push(retrier(&fields, position, &mut names, report));
        }
    }
    retriers
}

fn retrier(fields: &Reader<'_>, position: usize, names: &mut ErrorNames, report: &mut Report) -> Retrier {
    let interval_seconds = integer(fields, "IntervalSeconds", 1, INTERVAL_SECONDS_MAX, report);
    let interval_seconds = interval_seconds.unwrap_or(INTERVAL_SECONDS_DEFAULT);
    Retrier {
        error_equals: names.read(fields, position, report),
        interval_seconds,
        max_attempts: integer(fields, "MaxAttempts", 0, ATTEMPTS_MAX, report).unwrap_or(ATTEMPTS_DEFAULT),
        backoff_rate: backoff_rate(fields, report),
        max_delay_seconds: max_delay_seconds(fields, interval_seconds, report),
        jitter: jitter(fields, report),
    }
}

fn backoff_rate(fields: &Reader<'_>, report: &mut Report) -> f64 {
    let Some(found) = fields.get("BackoffRate") else { return BACKOFF_RATE_DEFAULT };
    let Node::Number(number) = &found.value.node else { return BACKOFF_RATE_DEFAULT };
    let rate = number.as_f64();
    if rate < 1.0 {
        report.schema(&found.location, found.value.span, "Value must be greater than or equal to 1.0");
    }
    rate
}

fn max_delay_seconds(fields: &Reader<'_>, interval_seconds: u32, report: &mut Report) -> Option<NonZeroU32> {
    let seconds = integer(fields, "MaxDelaySeconds", 1, DELAY_SECONDS_MAX, report)?;
    if seconds <= interval_seconds
        && let Some(found) = fields.get("MaxDelaySeconds")
    {
        let message = "MaxDelaySeconds must be greater than IntervalSeconds";
        report.schema(&found.location, found.value.span, message);
    }
    NonZeroU32::new(seconds)
}

fn jitter(fields: &Reader<'_>, report: &mut Report) -> Jitter {
    match fields.text("JitterStrategy") {
        None => Jitter::None,
        Some((_, name)) if &**name == "NONE" => Jitter::None,
        Some((_, name)) if &**name == "FULL" => Jitter::Full,
        Some((found, _)) => {
            report.schema(&found.location, found.value.span, "Value must be one of [NONE, FULL]");
            Jitter::None
        }
    }
}
