//! "Step Functions Execution Status Change": EventBridge is told of every change of every Standard execution.
//!
//! An observer of the engine hands on what has become durable; a thread makes events of it and hands them out, many in
//! one commit, with a mark of how far it has come. After a crash it reads from the store what has changed since that
//! mark and tells it again: each event's id is made of the change, so that nobody gets one twice.
//!
//! Documentation: EventBridge, "Step Functions Execution Status Change"; the shape of `detail` is recorded.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use anyhow::Context;
use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Append, End, EndStatus, ExecutionKey, ExecutionStatus, Redrive, Store, StoreError, StoredExecution,
};
use darkroom_engine::{Engine, NotRedrivable, Observer, Parked};
use darkroom_services::events::{Event, Events};
use darkroom_services::wire::Caller;
use serde_json::json;
use tokio::runtime::Handle;

use crate::digest::sha256;

/// Changes that wait to be told. When there are more, the engine waits: what is told must not fall behind for ever.
const WAITING_MAX: usize = 4_096;
/// Changes that are told in one commit.
const BATCH_MAX: usize = 256;
/// How long to rest when the services' file cannot be written.
const PAUSE: Duration = Duration::from_secs(1);
/// Executions that are read from the store at once.
const PAGE: usize = 256;
/// Bytes of input and output together that an event has room for. AWS: 248 KB.
const PAYLOAD_BYTES_MAX: usize = 248 * 1024;
const TELLER: &str = "states";

/// A change of an execution's status.
struct Change {
    key: ExecutionKey,
    identity: Arc<Identity>,
    to: To,
}

enum To {
    Started { input: Payload, at: Timestamp },
    Redriven(Redrive),
    Ended(End),
}

/// Is told by the engine.
pub struct StatusObserver(SyncSender<Change>);

/// What the observer was told.
pub struct Changes(Receiver<Change>);

/// An observer, and what it will be told.
pub fn observer() -> (StatusObserver, Changes) {
    let (tell, told) = sync_channel(WAITING_MAX);
    (StatusObserver(tell), Changes(told))
}

impl Observer for StatusObserver {
    fn committed(&self, append: &Append) {
        let change = |to| {
            let change = Change { key: append.key, identity: append.identity.clone(), to };
            // Nobody listens once the server ends; the next one tells it.
            let _ = self.0.send(change);
        };
        if let Some(start) = &append.start {
            change(To::Started { input: start.input.clone(), at: start.started_at });
        }
        if let Some(redrive) = append.redrive {
            change(To::Redriven(redrive));
        }
        if let Some(end) = &append.end {
            change(To::Ended(end.clone()));
        }
    }

    fn parked(&self, _: &Parked) {}
}

/// Tells EventBridge of changes, those first that an earlier process may not have told.
pub struct Teller {
    store: Arc<dyn Store>,
    events: Events,
    runtime: Handle,
}

impl Teller {
    /// Starts the thread. It ends with the engine whose observer sends the changes.
    pub fn start(engine: &Engine, events: Events, runtime: Handle, changes: Changes) -> anyhow::Result<()> {
        let teller = Self { store: engine.store().clone(), events, runtime };
        std::thread::Builder::new()
            .name("status-events".to_owned())
            .spawn(move || teller.run(&changes.0))
            .context("the thread of status events cannot be started")?;
        Ok(())
    }

    fn run(&self, changes: &Receiver<Change>) {
        let since = self
            .insist(|| async move { self.events.told_until(TELLER).await.map_err(|fault| fault.message) });
        if let Err(error) = self.tell_since(Timestamp::from_millis(since)) {
            tracing::error!(%error, "changes before the last stop may not have been told to EventBridge");
        }
        while let Ok(first) = changes.recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX {
                match changes.try_recv() {
                    Ok(next) => batch.push(next),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.tell(&batch);
        }
    }

    /// What has changed since the mark, from the store.
    fn tell_since(&self, since: Timestamp) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store.ended_since(since, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            self.tell_stored(&page, since);
        }
        after = None;
        loop {
            let page = self.store.open_executions(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            self.tell_stored(&page, since);
        }
        // One that sleeps is open, too.
        let mut last_sleeper = (Timestamp::from_millis(i64::MIN), ExecutionKey::default());
        loop {
            let page = self.store.sleepers(last_sleeper, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            last_sleeper = (last.asleep_until.unwrap_or(last_sleeper.0), last.key);
            self.tell_stored(&page, since);
        }
    }

    fn tell_stored(&self, page: &[StoredExecution], since: Timestamp) {
        let mut changes = Vec::new();
        for stored in page {
            let mut add = |at: Timestamp, to| {
                if at >= since {
                    changes.push(Change { key: stored.key, identity: stored.identity.clone(), to });
                }
            };
            add(stored.started_at, To::Started { input: stored.input.clone(), at: stored.started_at });
            if let Some(redrive) = stored.redrive {
                add(redrive.at, To::Redriven(redrive));
            }
            if let Some(end) = &stored.end {
                add(end.ended_at, To::Ended(end.clone()));
            }
        }
        if !changes.is_empty() {
            self.tell(&changes);
        }
    }

    /// Tells a batch, however often it takes.
    fn tell(&self, batch: &[Change]) {
        let mark_ms = batch.iter().map(|change| change.at().as_millis()).max().unwrap_or_default();
        self.insist(|| async move {
            let is_heard = self.events.is_anybody_listening().await.map_err(|fault| fault.message)?;
            let events = if is_heard { self.events_of(batch)? } else { Vec::new() };
            self.events.tell(TELLER, events, mark_ms).await.map_err(|fault| fault.message)
        });
    }

    fn insist<T, F: Future<Output = Result<T, String>>>(&self, attempt: impl Fn() -> F) -> T {
        loop {
            match self.runtime.block_on(attempt()) {
                Ok(done) => return done,
                Err(error) => {
                    tracing::error!(error, retry_in = ?PAUSE, "changes of executions cannot be told to EventBridge");
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn events_of(&self, batch: &[Change]) -> Result<Vec<Event>, String> {
        let mut events = Vec::with_capacity(batch.len());
        for change in batch {
            let stored = self.store.execution_by_key(change.key).map_err(|error| error.to_string())?;
            // One that was deleted since is of no interest any more.
            if let Some(stored) = stored {
                events.push(event(change, &stored));
            }
        }
        Ok(events)
    }
}

impl Change {
    fn at(&self) -> Timestamp {
        match &self.to {
            To::Started { at, .. } => *at,
            To::Redriven(redrive) => redrive.at,
            To::Ended(end) => end.ended_at,
        }
    }

    fn status(&self) -> &'static str {
        match &self.to {
            To::Started { .. } | To::Redriven(_) => "RUNNING",
            To::Ended(end) => end.status.as_str(),
        }
    }
}

/// The event of a change. `stored` is the execution as it is by now, which may have gone on.
fn event(change: &Change, stored: &StoredExecution) -> Event {
    let Identity { execution_arn, execution_name, state_machine_arn, qualifiers, .. } = &*change.identity;
    let (input, end) = match &change.to {
        To::Started { input, .. } => (input, None),
        To::Redriven(_) => (&stored.input, None),
        To::Ended(end) => (&stored.input, Some(end)),
    };
    let redrive = match &change.to {
        To::Started { .. } => None,
        To::Redriven(redrive) => Some(*redrive),
        // A redrive after this end is not this end's.
        To::Ended(end) => stored.redrive.filter(|redrive| redrive.at <= end.ended_at),
    };
    let redrive_count = match (&change.to, redrive, stored.redrive) {
        (To::Started { .. }, ..) | (_, None, None) => 0,
        (_, Some(redrive), _) => redrive.count,
        (_, None, Some(later)) => later.count.saturating_sub(1),
    };
    let (output, reason) = match end.map(|end| &end.status) {
        Some(EndStatus::Succeeded(output)) => (Some(output), None),
        Some(EndStatus::Failed(reason) | EndStatus::Aborted(reason)) => (None, Some(reason)),
        // AWS: the machine's own timeout has no error and no cause here.
        None | Some(EndStatus::TimedOut(_)) => (None, None),
    };
    let Reason { error, cause } = reason.cloned().unwrap_or_default();
    let is_bad = end.is_some_and(End::is_bad);
    let not_redrivable =
        || NotRedrivable::Status(end.map_or(ExecutionStatus::Running, |end| end.status.status()));
    let escaped = |payload: &Payload| json!(&**payload.text()).to_string().len();
    let has_room = escaped(input) + output.map_or(0, escaped) <= PAYLOAD_BYTES_MAX;
    let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string);
    let detail = json!({
        "executionArn": &**execution_arn,
        "stateMachineArn": &**state_machine_arn,
        "name": &**execution_name,
        "status": change.status(),
        "startDate": stored.started_at.as_millis(),
        "stopDate": end.map(|end| end.ended_at.as_millis()),
        "input": has_room.then(|| input.text().to_string()),
        "output": output.filter(|_| has_room).map(|output| output.text().to_string()),
        "inputDetails": { "included": has_room },
        "outputDetails": output.map(|_| json!({ "included": has_room })),
        "stateMachineVersionArn": text(&qualifiers.version_arn),
        "stateMachineAliasArn": text(&qualifiers.alias_arn),
        "redriveCount": redrive_count,
        "redriveDate": redrive.map(|redrive| redrive.at.as_millis()),
        "redriveStatus": if is_bad { "REDRIVABLE" } else { "NOT_REDRIVABLE" },
        "redriveStatusReason": (!is_bad).then(|| not_redrivable().to_string()),
        "error": text(&error),
        "cause": text(&cause),
    });
    let mut owner = execution_arn.split(':').skip(3);
    let (region, account) = (owner.next().unwrap_or_default(), owner.next().unwrap_or_default());
    Event {
        caller: Caller::account(account, region),
        bus: None,
        source: "aws.states".to_owned(),
        detail_type: "Step Functions Execution Status Change".to_owned(),
        resources: vec![execution_arn.to_string()],
        time_ms: Some(change.at().as_millis()),
        id: Some(id(&[
            execution_arn,
            change.status(),
            &redrive_count.to_string(),
            &change.at().as_millis().to_string(),
        ])),
        detail,
    }
}

/// An id in the form of a UUID: the same for the same change.
fn id(parts: &[&str]) -> String {
    let digits = sha256(parts.iter().flat_map(|part| [part.as_bytes(), &[0]]));
    format!(
        "{}-{}-5{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}
