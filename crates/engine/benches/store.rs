//! How much can one committer write?
//!
//! A thousand executions are under way, each of five turns; a turn appends six events with payloads of 300
//! bytes. A commit holds 1, 16 or 128 turns. The store in memory is the peer: what it costs is the encoding.
//!
//! `cargo bench -p darkroom-engine --bench store`; `TMPDIR` says on which disk.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{BranchId, EventId, EventKind, HistoryEvent, StateType};
use darkroom_asl::interpreter::{Identity, Qualifiers};
use darkroom_asl::json::Payload;
use darkroom_engine::store::{
    Append, Batch, End, EndStatus, ExecutionKey, MemoryStore, NewExecution, SqliteStore, Store,
};

const UNDER_WAY: i64 = 1000;
const TURNS: u32 = 5;
const EVENTS: u32 = 6;
const PAYLOAD_BYTES: usize = 300;
const TIME: Duration = Duration::from_secs(3);

fn main() {
    for batch in [1, 16, 128] {
        measure("memory", &MemoryStore::default(), batch, None);
    }
    for batch in [1, 16, 128] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        measure("sqlite", &SqliteStore::open(&path).unwrap(), batch, Some(&path));
    }
}

fn measure(name: &str, store: &dyn Store, batch: usize, file: Option<&Path>) {
    store.put_definition(&"definition".into(), "{}").unwrap();
    let mut turns = Turns::new();
    let (mut commits, mut spent, mut cpu) = (0_u32, Duration::ZERO, Duration::ZERO);
    while spent < TIME {
        let batch = Batch { appends: turns.by_ref().take(batch).collect() };
        let (began, cpu_before) = (Instant::now(), cpu_time());
        store.commit(&batch).unwrap();
        spent += began.elapsed();
        cpu += cpu_time().saturating_sub(cpu_before);
        commits += 1;
    }
    let appends = f64::from(commits) * batch as f64;
    print!(
        "{name} batch {batch:3}: {:7.0} commits/s {:8.0} appends/s {:9.0} events/s {:6.1} µs CPU an append",
        f64::from(commits) / spent.as_secs_f64(),
        appends / spent.as_secs_f64(),
        appends * f64::from(EVENTS) / spent.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / appends,
    );
    let (began, mut events) = (Instant::now(), 0);
    for key in 1..=UNDER_WAY {
        events += store.history(ExecutionKey(key)).unwrap().len();
    }
    print!(", {:4.1} µs to read an event", began.elapsed().as_secs_f64() * 1e6 / events.max(1) as f64);
    if let Some(file) = file {
        print!(", {:5.0} bytes in the file an append", file.metadata().unwrap().len() as f64 / appends);
    }
    println!();
}

/// The turns of executions that take theirs one after the other, each followed by a new one when it ends.
struct Turns {
    under_way: Vec<(i64, u32)>,
    next: usize,
    last_key: i64,
    input: Payload,
}

impl Turns {
    fn new() -> Self {
        let input = format!(r#"{{"key":"{}"}}"#, "x".repeat(PAYLOAD_BYTES - 10));
        // Spread, so that executions begin and end in every commit.
        let under_way = (1..=UNDER_WAY).map(|key| (key, 0)).collect();
        Self { under_way, next: 0, last_key: UNDER_WAY, input: Payload::parse(input).unwrap() }
    }

    fn append(&self, key: i64, turn: u32) -> Append {
        let at = Timestamp::from_millis(1_760_000_000_000);
        let first = turn * EVENTS + 1;
        let events = (first..first + EVENTS)
            .map(|id| HistoryEvent {
                id: EventId(id),
                previous_event_id: EventId(id - 1),
                timestamp: at,
                branch: BranchId::ROOT,
                retry: None,
                kind: EventKind::StateEntered {
                    state_type: StateType::Task,
                    name: "Resize the photo".into(),
                    input: self.input.clone(),
                    wake_at: None,
                },
            })
            .collect();
        let identity = Identity {
            execution_arn: format!("arn:aws:states:eu-west-1:000000000000:execution:photos:{key:036x}")
                .into(),
            execution_name: format!("{key:036x}").into(),
            state_machine_arn: "arn:aws:states:eu-west-1:000000000000:stateMachine:photos".into(),
            state_machine_name: "photos".into(),
            role_arn: "arn:aws:iam::000000000000:role/darkroom".into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
        };
        let start = NewExecution {
            definition: "definition".into(),
            input: self.input.clone(),
            started_at: at,
            parent: None,
        };
        let end = End { status: EndStatus::Succeeded(self.input.clone()), ended_at: at };
        Append {
            key: ExecutionKey(key),
            identity: Arc::new(identity),
            start: (turn == 0).then_some(start),
            redrive: None,
            sleep: None,
            events,
            end: (turn + 1 == TURNS).then_some(end),
        }
    }
}

impl Iterator for Turns {
    type Item = Append;

    fn next(&mut self) -> Option<Append> {
        // A step that has no divisor in common with their number visits them all, in no simple order.
        self.next = (self.next + 387) % self.under_way.len();
        let (key, turn) = self.under_way[self.next];
        self.under_way[self.next] = if turn + 1 == TURNS {
            self.last_key += 1;
            (self.last_key, 0)
        } else {
            (key, turn + 1)
        };
        Some(self.append(key, turn))
    }
}

/// What this thread has computed so far; nothing where the system does not say.
fn cpu_time() -> Duration {
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
