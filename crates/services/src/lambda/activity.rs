//! What goes on in functions: calls that are under way, what came of earlier ones, and what was written meanwhile.
//!
//! It is for people who look on, and kept in memory alone: a restart begins anew. What is counted for good is metrics.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Outcome;
use crate::clock::Clock;
use crate::wire::Fault;

/// Lines that are kept of a function, and their bytes altogether. Our choice.
const LINES_MAX: usize = 1_000;
const BYTES_MAX: usize = 256 * 1024;
/// Bytes of a line; what is longer goes on in the next one.
pub(super) const LINE_BYTES_MAX: usize = 4 * 1024;

/// What goes on in all functions, by their names.
#[derive(Debug, Default)]
pub struct Activities(Mutex<BTreeMap<String, Arc<Activity>>>);

/// What goes on in one function.
#[derive(Debug)]
pub struct Activity {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    last: Option<LastCall>,
    lines: VecDeque<Line>,
    bytes: usize,
}

/// Calls since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// That are under way.
    pub under_way: u32,
    /// The most that were under way at once.
    pub under_way_max: u32,
    /// That the function has answered, well or not.
    pub invocations: u64,
    /// Of these, that it failed.
    pub errors: u64,
    /// That were refused, since there were too many.
    pub throttles: u64,
}

/// The call that ended last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCall {
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: i64,
    /// How long it took.
    pub duration_ms: u64,
    /// `Handled` or `Unhandled`, where it failed.
    pub error: Option<&'static str>,
}

/// A line of what a function writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// Without its end.
    pub text: String,
}

/// A function, as somebody sees it who looks on.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its calls.
    pub counts: Counts,
    /// The last of them.
    pub last: Option<LastCall>,
    /// The last lines that it wrote, oldest first.
    pub lines: Vec<Line>,
}

/// A call that is under way, until this is dropped: its caller may not wait for the end.
#[derive(Debug)]
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    begun: Instant,
}

impl Activities {
    /// The function of this name, from now on known.
    pub(super) fn of(&self, function: &str, clock: &Clock) -> Arc<Activity> {
        let activity = || Arc::new(Activity { clock: clock.clone(), state: Mutex::default() });
        self.lock().entry(function.to_owned()).or_insert_with(activity).clone()
    }

    /// What goes on in a function, with at most so many lines. `None` where there is none of this name.
    pub fn seen(&self, function: &str, lines: usize) -> Option<Seen> {
        let activity = self.lock().get(function)?.clone();
        let state = activity.state();
        let lines = state.lines.iter().skip(state.lines.len().saturating_sub(lines)).cloned().collect();
        Some(Seen { counts: state.counts, last: state.last.clone(), lines })
    }

    /// A poisoned lock guards a map that is whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Activity>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity {
    /// A call begins.
    pub(super) fn begin(self: &Arc<Self>, request_id: &str) -> UnderWay {
        {
            let counts = &mut self.state().counts;
            counts.under_way += 1;
            counts.under_way_max = counts.under_way_max.max(counts.under_way);
        }
        self.write(&format!("START RequestId: {request_id} Version: $LATEST"));
        UnderWay { activity: self.clone(), begun: Instant::now() }
    }

    /// Keeps what a function writes. The oldest lines make place.
    pub(super) fn write(&self, text: &str) {
        let at_ms = self.clock.now_ms();
        let mut state = self.state();
        for text in text.lines() {
            state.bytes += text.len();
            state.lines.push_back(Line { at_ms, text: text.to_owned() });
        }
        while state.lines.len() > LINES_MAX || state.bytes > BYTES_MAX {
            let Some(oldest) = state.lines.pop_front() else { break };
            state.bytes -= oldest.text.len();
        }
    }

    /// Nothing that holds the lock can panic half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// It is over. A failure is a line of its own: a function that dies or is stopped has written none.
    pub(super) fn end(self, request_id: &str, outcome: Result<&Outcome, &Fault>) {
        let duration = self.begun.elapsed();
        let activity = &self.activity;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(fault) => {
                if fault.status == 429 {
                    activity.state().counts.throttles += 1;
                }
                return activity.write(&format!("{request_id} was not run: {}", fault.message));
            }
        };
        if outcome.error.is_some() {
            let end = outcome.payload.len().min(LINE_BYTES_MAX);
            activity.write(&String::from_utf8_lossy(outcome.payload.get(..end).unwrap_or_default()));
        }
        let milliseconds = duration.as_secs_f64() * 1000.0;
        activity.write(&format!("END RequestId: {request_id} Duration: {milliseconds:.2} ms"));
        let ended_ms = activity.clock.now_ms();
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut state = activity.state();
        state.counts.invocations += 1;
        state.counts.errors += u64::from(outcome.error.is_some());
        state.last = Some(LastCall { ended_ms, duration_ms, error: outcome.error });
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.activity.state().counts.under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_what_is_written_is_bounded() {
        let activities = Activities::default();
        let activity = activities.of("f", &Clock::System);
        let (one, two, refused) = (activity.begin("1"), activity.begin("2"), activity.begin("3"));
        one.end("1", Ok(&Outcome::default()));
        two.end("2", Ok(&Outcome::failed("Bad", "no")));
        refused.end("3", Err(&Fault::sender(429, "TooManyRequestsException", "Rate Exceeded.")));
        let given_up = activity.begin("4");
        let seen = activities.seen("f", 2).unwrap();
        let expected = Counts { under_way: 1, under_way_max: 3, invocations: 2, errors: 1, throttles: 1 };
        assert_eq!((seen.counts, seen.last.unwrap().error), (expected, Some("Unhandled")));
        let lines: Vec<&str> = seen.lines.iter().map(|line| &*line.text).collect();
        assert_eq!(lines, ["3 was not run: Rate Exceeded.", "START RequestId: 4 Version: $LATEST"]);
        drop(given_up);
        for number in 0..2 * LINES_MAX {
            activity.write(&format!("{number}\n"));
        }
        let seen = activities.seen("f", usize::MAX).unwrap();
        assert_eq!((seen.counts.under_way, seen.lines.len(), &*seen.lines[0].text), (0, LINES_MAX, "1000"));
        for _ in 0..100 {
            activity.write(&"x".repeat(LINE_BYTES_MAX));
        }
        assert_eq!(activities.seen("f", usize::MAX).unwrap().lines.len(), BYTES_MAX / LINE_BYTES_MAX);
        assert!(activities.seen("g", 1).is_none());
    }
}
