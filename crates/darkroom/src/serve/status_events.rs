//! "Step Functions Execution Status Change": EventBridge is told of every change of every Standard execution.
//!
//! An observer of the engine hands on what has become durable, if some rule may be for it; a thread makes events of it and
//! hands them out, many in one commit, with a mark of how far it has come. After a crash it reads from the store what has
//! changed since that mark and tells it again: each event's id is made of the change, so that nobody gets one twice.
//!
//! AWS: of Express executions nobody is told.
//!
//! Documentation: EventBridge, "Step Functions Execution Status Change"; the shape of `detail` is recorded.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
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
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::digest::sha256;

/// Commits' changes that wait to be told. When there are more, the engine waits: what is told must not fall behind for
/// ever.
const WAITING_MAX: usize = 64;
/// Changes that are told in one commit.
const BATCH_MAX: usize = 256;
/// How long to rest when the services' file cannot be written.
const PAUSE: Duration = Duration::from_secs(1);
/// Executions that are read from the store at once.
const PAGE: usize = 256;
/// Bytes of input and output together that an event has room for. AWS: 248 KB.
const PAYLOAD_BYTES_MAX: usize = 248 * 1024;
const TELLER: &str = "states";
const SOURCE: &str = "aws.states";
const RUNNING: &str = "RUNNING";
const DETAIL_TYPE: &str = "Step Functions Execution Status Change";
/// How far the mark may fall behind while nobody hears anything.
const MARK_BEHIND_MS_MAX: i64 = 1_000;

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
pub struct StatusObserver {
    heard: SyncSender<Vec<Change>>,
    audience: Arc<Audience>,
}

/// What the observer was told.
pub struct Changes {
    heard: Receiver<Vec<Change>>,
    audience: Arc<Audience>,
}

/// Who is there to hear of changes.
struct Audience {
    /// Where the rules are, once they are there.
    events: OnceLock<Events>,
    /// What is known of an event before it is made, by its status.
    known: [(&'static str, Value); 5],
    /// The time of the newest change that nobody heard of.
    unheard_until_ms: AtomicI64,
}

/// An observer, and what it will be told.
pub fn observer() -> (StatusObserver, Changes) {
    let (tell, heard) = sync_channel(WAITING_MAX);
    let known = [RUNNING, "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"].map(|status| {
        let part = json!({ "source": SOURCE, "detail-type": DETAIL_TYPE, "detail": { "status": status } });
        (status, part)
    });
    let unheard_until_ms = AtomicI64::new(i64::MIN);
    let audience = Arc::new(Audience { events: OnceLock::new(), known, unheard_until_ms });
    (StatusObserver { heard: tell, audience: audience.clone() }, Changes { heard, audience })
}

impl Audience {
    fn may_hear(&self, change: &Change) -> bool {
        let status = change.status();
        let part = self.known.iter().find(|(of, _)| *of == status);
        match (self.events.get(), part) {
            (Some(events), Some((_, part))) => events.may_be_heard(part),
            (None, _) | (_, None) => true,
        }
    }
}

impl Observer for StatusObserver {
    fn committed(&self, appends: &[Append]) {
        let (mut heard, mut unheard_until_ms) = (Vec::new(), i64::MIN);
        for append in appends.iter().filter(|append| !append.key.is_express()) {
            let mut change = |to| {
                let change = Change { key: append.key, identity: append.identity.clone(), to };
                if self.audience.may_hear(&change) {
                    heard.push(change);
                } else {
                    unheard_until_ms = unheard_until_ms.max(change.at().as_millis());
                }
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
        if !heard.is_empty() {
            // Nobody listens once the server ends; the next one tells it.
            let _ = self.heard.send(heard);
        }
        // After what is heard of the same commit, so that the mark does not overtake it.
        self.audience.unheard_until_ms.fetch_max(unheard_until_ms, Ordering::Release);
    }

    fn parked(&self, _: &Parked) {}
}

/// Tells EventBridge of changes, those first that an earlier process may not have told.
pub struct Teller {
    store: Arc<dyn Store>,
    events: Events,
    runtime: Handle,
    audience: Arc<Audience>,
}

impl Teller {
    /// Starts the thread. It ends with the engine whose observer sends the changes.
    pub fn start(engine: &Engine, events: Events, runtime: Handle, changes: Changes) -> anyhow::Result<()> {
        let Changes { heard, audience } = changes;
        let teller = Self { store: engine.store().clone(), events, runtime, audience };
        std::thread::Builder::new()
            .name("status-events".to_owned())
            .spawn(move || teller.run(&heard))
            .context("the thread of status events cannot be started")?;
        Ok(())
    }

    fn run(&self, heard: &Receiver<Vec<Change>>) {
        let since = self
            .insist(|| async move { self.events.told_until(TELLER).await.map_err(|fault| fault.message) });
        // Until now everything may have been for somebody; from here on the rules decide.
        let _ = self.audience.events.set(self.events.clone());
        if let Err(error) = self.tell_since(Timestamp::from_millis(since)) {
            tracing::error!(%error, "changes before the last stop may not have been told to EventBridge");
        }
        let mut marked_ms = since;
        loop {
            let first = heard.recv_timeout(PAUSE);
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            // Read before the queue is emptied: what is heard of until then is in it, and is told before this is marked.
            let unheard_until_ms = self.audience.unheard_until_ms.load(Ordering::Acquire);
            let mut batch = first.unwrap_or_default();
            let is_all = loop {
                match heard.try_recv() {
                    Ok(more) if batch.len() < BATCH_MAX => batch.extend(more),
                    Ok(more) => {
                        batch.extend(more);
                        break false;
                    }
                    Err(_) => break true,
                }
            };
            for batch in batch.chunks(BATCH_MAX) {
                self.tell(batch);
            }
            marked_ms = marked_ms.max(newest_ms(&batch));
            if is_all && unheard_until_ms.saturating_sub(marked_ms) >= MARK_BEHIND_MS_MAX {
                self.insist(|| async move {
                    let told = self.events.tell(TELLER, Vec::new(), unheard_until_ms).await;
                    told.map_err(|fault| fault.message)
                });
                marked_ms = unheard_until_ms;
            }
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
            let mut add = |to| {
                let change = Change { key: stored.key, identity: stored.identity.clone(), to };
                if change.at() >= since && self.audience.may_hear(&change) {
                    changes.push(change);
                }
            };
            add(To::Started { input: stored.input.clone(), at: stored.started_at });
            if let Some(redrive) = stored.redrive {
                add(To::Redriven(redrive));
            }
            if let Some(end) = &stored.end {
                add(To::Ended(end.clone()));
            }
        }
        if !changes.is_empty() {
            self.tell(&changes);
        }
    }

    /// Tells a batch, however often it takes.
    fn tell(&self, batch: &[Change]) {
        let mark_ms = newest_ms(batch);
        self.insist(|| async move {
            self.events.tell(TELLER, self.events_of(batch)?, mark_ms).await.map_err(|fault| fault.message)
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
            To::Started { .. } | To::Redriven(_) => RUNNING,
            To::Ended(end) => end.status.as_str(),
        }
    }
}

fn newest_ms(changes: &[Change]) -> i64 {
    changes.iter().map(|change| change.at().as_millis()).max().unwrap_or(i64::MIN)
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
        source: SOURCE.to_owned(),
        detail_type: DETAIL_TYPE.to_owned(),
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
