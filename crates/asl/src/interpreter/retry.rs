//! Retry and Catch: what a state does with an error.
//!
//! Given an error's name and the state's retriers and catchers, answers which of them takes it and how long
//! to wait. How often each retrier has been used is kept in the execution, not here.
//!
//! Spec: States Language, "Errors". Where AWS does something the specification does not say, the line is
//! marked `AWS:`.

use crate::definition::{Catcher, Jitter, Retrier};
use crate::failure::names;
use crate::json::Text;

/// The first retrier that names the error, if any: later ones are not asked, used up or not.
///
/// Spec: "Retrying after error".
pub fn retrier_for<'a>(retriers: &'a [Retrier], error: Option<&str>) -> Option<(usize, &'a Retrier)> {
    retriers.iter().enumerate().find(|(_, retrier)| any_matches(&retrier.error_equals, error))
}

/// The first catcher that names the error, and its place. Spec: "Fallback states".
pub fn catcher_for<'a>(catchers: &'a [Catcher], error: Option<&str>) -> Option<(usize, &'a Catcher)> {
    catchers.iter().enumerate().find(|(_, catcher)| any_matches(&catcher.error_equals, error))
}

/// Whether nothing can take this error. AWS: `States.Runtime` always ends the execution.
pub fn is_terminal(error: Option<&str>) -> bool {
    error == Some(names::RUNTIME)
}

fn any_matches(names: &[Text], error: Option<&str>) -> bool {
    names.iter().any(|name| matches(name, error))
}

/// Whether a name in `ErrorEquals` takes the error. A Fail state without an `Error` has none to name.
fn matches(name: &str, error: Option<&str>) -> bool {
    let Some(error) = error else {
        return name == names::ALL;
    };
    if name == error {
        return true;
    }
    match name {
        // AWS: the wildcard leaves out what says that the state machine itself is at fault.
        names::ALL => error != names::DATA_LIMIT_EXCEEDED && error != names::RUNTIME,
        names::TASK_FAILED => {
            error != names::TIMEOUT
                && error != names::HEARTBEAT_TIMEOUT
                && error != names::DATA_LIMIT_EXCEEDED
                && error != names::RUNTIME
        }
        // A missed heartbeat is a time-out too.
        names::TIMEOUT => error == names::HEARTBEAT_TIMEOUT,
        _ => false,
    }
}

impl Retrier {
    /// The delay before this retrier's next attempt, or `None` when it is used up.
    ///
    /// `used` counts this retrier's own earlier attempts on this state, from 0: retriers of one state
    /// count separately. Milliseconds, before jitter, at most `MaxDelaySeconds` where that is given.
    ///
    /// Spec: "Retrying after error".
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a product of positive numbers; the cast saturates"
    )]
    pub fn next_delay_ms(&self, used: u32) -> Option<u64> {
        if used >= self.max_attempts {
            return None;
        }
        let seconds = f64::from(self.interval_seconds)
            * self.backoff_rate.powi(i32::try_from(used).unwrap_or(i32::MAX));
        let capped = match self.max_delay_seconds {
            Some(max) => seconds.min(f64::from(max.get())),
            None => seconds,
        };
        Some((capped.min(f64::from(DELAY_SECONDS_MAX)) * 1000.0).round() as u64)
    }

    /// The delay as waited: with full jitter, `drawn` decides where between 0 and `delay_ms` it falls.
    pub fn jittered_ms(&self, delay_ms: u64, drawn: u64) -> u64 {
        match self.jitter {
            Jitter::None => delay_ms,
            Jitter::Full => drawn % (delay_ms + 1),
        }
    }
}

/// No delay is longer than an execution may live. AWS: "Quotas", one year.
const DELAY_SECONDS_MAX: u32 = 31_536_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(interval_seconds: u32, backoff_rate: f64, max_delay: Option<u32>) -> Retrier {
        Retrier {
            error_equals: vec!["States.ALL".into()],
            interval_seconds,
            max_attempts: 5,
            backoff_rate,
            max_delay_seconds: max_delay.and_then(std::num::NonZeroU32::new),
            jitter: Jitter::None,
        }
    }

    #[test]
    fn delays_grow_by_the_rate_up_to_the_cap() {
        let table = [
            (retrier(2, 2.0, None), [2_000, 4_000, 8_000, 16_000, 32_000]),
            (retrier(2, 2.0, Some(10)), [2_000, 4_000, 8_000, 10_000, 10_000]),
            (retrier(1, 1.0, None), [1_000; 5]),
            (retrier(3, 1.5, None), [3_000, 4_500, 6_750, 10_125, 15_188]),
        ];
        for (retrier, expected) in table {
            let delays: Vec<u64> = (0..5).filter_map(|used| retrier.next_delay_ms(used)).collect();
            assert_eq!(delays, expected, "{retrier:?}");
            assert_eq!(retrier.next_delay_ms(5), None);
        }
    }

    #[test]
    fn a_delay_never_overflows() {
        let mut retrier = retrier(99_999_999, 1e9, None);
        retrier.max_attempts = u32::MAX;
        assert_eq!(retrier.next_delay_ms(99_999_999), Some(u64::from(DELAY_SECONDS_MAX) * 1000));
    }

    #[test]
    fn full_jitter_stays_within_the_delay() {
        let mut retrier = retrier(2, 2.0, None);
        retrier.jitter = Jitter::Full;
        assert!((0..10_000).all(|drawn| retrier.jittered_ms(2_000, drawn * 7_919) <= 2_000));
        assert_eq!(retrier.jittered_ms(0, 5), 0);
    }

    #[test]
    fn names_take_the_errors_that_aws_says() {
        let table = [
            ("States.ALL", Some("Custom"), true),
            ("States.ALL", None, true),
            ("States.ALL", Some("States.Timeout"), true),
            ("States.ALL", Some("States.DataLimitExceeded"), false),
            ("States.ALL", Some("States.Runtime"), false),
            ("States.DataLimitExceeded", Some("States.DataLimitExceeded"), true),
            ("States.TaskFailed", Some("Custom"), true),
            ("States.TaskFailed", Some("States.Timeout"), false),
            ("States.TaskFailed", Some("States.HeartbeatTimeout"), false),
            ("States.Timeout", Some("States.HeartbeatTimeout"), true),
            ("States.HeartbeatTimeout", Some("States.Timeout"), false),
            ("Custom", Some("Custom"), true),
            ("Custom", Some("custom"), false),
            ("Custom", None, false),
        ];
        for (name, error, expected) in table {
            assert_eq!(matches(name, error), expected, "{name} takes {error:?}");
        }
    }
}
