//! What has become durable of late: told to whoever looks, and counted by the minute.
//!
//! The engine's observer tells it of every commit, on the committer's thread, so it does next to nothing: it counts,
//! and hands the execution's ARN to the pages that wait, if any do.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::EventKind;
use darkroom_asl::json::Text;
use darkroom_engine::store::{Append, EndStatus, ExecutionStatus, Filter, Store, StoreError};
use tokio::sync::{broadcast, watch};

/// Minutes that are counted.
pub const MINUTES: usize = 60;
/// Changes that wait for a page. One that falls behind further looks at everything again.
const WAITING_MAX: usize = 1_024;
/// Executions that the counts begin with, when a server is started again.
const EARLIER_MAX: usize = 2_000;

/// What changes.
pub struct Changes {
    sender: broadcast::Sender<Text>,
    counts: Mutex<VecDeque<Minute>>,
    closing: watch::Sender<bool>,
}

/// What happened within a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Which, counted from 1970.
    pub number: i64,
    /// Executions that started.
    pub started: u32,
    /// Executions that ended well.
    pub succeeded: u32,
    /// Executions that ended otherwise.
    pub failed: u32,
}

impl Changes {
    /// Begins with the newest executions of a store.
    pub fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let changes = Self {
            sender: broadcast::channel(WAITING_MAX).0,
            counts: Mutex::default(),
            closing: watch::channel(false).0,
        };
        let mut earlier = store.executions(&Filter { limit: EARLIER_MAX, ..Filter::default() })?;
        earlier.sort_by_key(|summary| summary.ended_at.unwrap_or(summary.started_at).as_millis());
        let mut counts = changes.counts();
        for summary in earlier {
            count(&mut counts, summary.started_at, |minute| minute.started += 1);
            if let Some(ended_at) = summary.ended_at {
                count(&mut counts, ended_at, |minute| minute.add(summary.status));
            }
        }
        drop(counts);
        Ok(changes)
    }

    /// Executions' parts of a commit are durable.
    pub fn committed(&self, appends: &[Append]) {
        let mut counts = self.counts();
        for append in appends {
            if let Some(started_at) = started_at(append) {
                count(&mut counts, started_at, |minute| minute.started += 1);
            }
            if let Some(end) = &append.end {
                count(&mut counts, end.ended_at, |minute| minute.add(EndStatus::status(&end.status)));
            }
        }
        drop(counts);
        for append in appends {
            self.tell(&append.identity.execution_arn);
        }
    }

    /// Something about an execution is different.
    pub fn tell(&self, arn: &Text) {
        if self.sender.receiver_count() > 0 {
            // Whoever listened may have gone meanwhile.
            let _ = self.sender.send(arn.clone());
        }
    }

    /// Ends what waits for changes, so that a server can stop.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// The ARNs of executions that change from now on, and word of the end.
    pub(crate) fn listen(&self) -> (broadcast::Receiver<Text>, watch::Receiver<bool>) {
        (self.sender.subscribe(), self.closing.subscribe())
    }

    /// The last [`MINUTES`] up to now, oldest first, those without anything among them.
    pub(crate) fn minutes(&self, now: Timestamp) -> Vec<Minute> {
        let counts = self.counts();
        let current = minute_of(now);
        (0..MINUTES)
            .rev()
            .map(|back| {
                let number = current - i64::try_from(back).unwrap_or(0);
                let known = counts.iter().find(|minute| minute.number == number);
                known.copied().unwrap_or(Minute { number, ..Minute::default() })
            })
            .collect()
    }

    fn counts(&self) -> MutexGuard<'_, VecDeque<Minute>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the execution started, where it did with this. What an Express execution has is its events alone.
fn started_at(append: &Append) -> Option<Timestamp> {
    let first = append.events.first()?;
    matches!(first.kind, EventKind::ExecutionStarted { .. }).then_some(first.timestamp)
}

fn count(counts: &mut VecDeque<Minute>, at: Timestamp, count: impl FnOnce(&mut Minute)) {
    let number = minute_of(at);
    if let Some(minute) = counts.iter_mut().rev().find(|minute| minute.number == number) {
        return count(minute);
    }
    if counts.back().is_some_and(|newest| number < newest.number - 60) {
        return;
    }
    let mut minute = Minute { number, ..Minute::default() };
    count(&mut minute);
    counts.push_back(minute);
    while counts.len() > MINUTES + 1 {
        counts.pop_front();
    }
}

impl Minute {
    fn add(&mut self, status: ExecutionStatus) {
        match status {
            ExecutionStatus::Running => {}
            ExecutionStatus::Succeeded => self.succeeded += 1,
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
                self.failed += 1;
            }
        }
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(60_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkroom_asl::interpreter::event::{BranchId, EventId, HistoryEvent};
    use darkroom_asl::interpreter::{Identity, Qualifiers};
    use darkroom_asl::json::Payload;
    use darkroom_engine::store::{ExecutionKey, MemoryStore};
    use std::sync::Arc;

    #[test]
    fn what_happens_is_counted_by_the_minute() {
        let changes = Changes::of(&MemoryStore::default()).expect("an empty store can be read");
        let at = |minute: i64| Timestamp::from_millis(minute * 60_000 + 1);
        for minute in [1_000, 1_000, 1_002] {
            count(&mut changes.counts(), at(minute), |minute| minute.started += 1);
        }
        count(&mut changes.counts(), at(1_001), |minute| minute.add(ExecutionStatus::TimedOut));
        let shown = changes.minutes(at(1_002));
        assert_eq!(shown.len(), MINUTES);
        let last: Vec<_> = shown[MINUTES - 3..].iter().map(|it| (it.number, it.started, it.failed)).collect();
        assert_eq!(last, [(1_000, 2, 0), (1_001, 0, 1), (1_002, 1, 0)]);
    }

    #[test]
    fn a_start_is_counted_whatever_kind_of_execution_it_is() {
        let changes = Changes::of(&MemoryStore::default()).expect("an empty store can be read");
        let started = |key: i64| Append {
            key: ExecutionKey(key),
            identity: Arc::new(Identity {
                execution_arn: key.to_string().into(),
                execution_name: "e".into(),
                state_machine_arn: "m".into(),
                state_machine_name: "m".into(),
                role_arn: "r".into(),
                qualifiers: Qualifiers::default(),
                revision_id: None,
                trace_header: None,
            }),
            start: None,
            redrive: None,
            sleep: None,
            events: vec![HistoryEvent {
                id: EventId(1),
                previous_event_id: EventId(0),
                timestamp: Timestamp::from_millis(60_001),
                branch: BranchId::ROOT,
                retry: None,
                kind: EventKind::ExecutionStarted {
                    input: Payload::from_trusted("{}"),
                    role_arn: "r".into(),
                    qualifiers: Qualifiers::default(),
                },
            }],
            end: None,
        };
        changes.committed(&[started(1), started(-1)]);
        let last = changes.minutes(Timestamp::from_millis(60_002)).pop();
        assert_eq!(last.map(|minute| minute.started), Some(2));
    }
}
