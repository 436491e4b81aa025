//! Execution logs: what a state machine's `loggingConfiguration` asks for, one JSON line an event.
//!
//! The engine tells what has become durable; what is wanted of it is put into a queue, and a thread of its own writes it.
//! A log is not the history: what finds the queue full, or the disk, is left out and counted.
//!
//! Spec: AWS, "Using CloudWatch Logs to log execution history in Step Functions".

mod destination;
mod line;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::HistoryEvent;
use darkroom_asl::json::Text;
use darkroom_engine::store::{Append, ExecutionKey, Store};
use darkroom_engine::{Observer, Parked};
use serde::Deserialize;

use destination::Destinations;
use line::{Level, write_line};

/// Turns of executions that may wait to be written. Our choice: two of the largest commits.
const WAITING_MAX: usize = 32_768;
/// Revisions whose configuration is remembered.
const REVISIONS_MAX: usize = 4_096;

/// Where log events go.
#[derive(Clone, Debug)]
pub enum Place {
    /// To a file for each log group, below this folder.
    Folder(PathBuf),
    /// To standard output.
    StandardOutput,
}

/// Logs executions. Dropping it writes what is waiting.
pub struct Logs {
    store: Arc<dyn Store>,
    /// By revision; `None` where it does not log.
    wanted: Mutex<HashMap<Text, Option<Arc<Wanted>>>>,
    /// Of executions that are open and were redriven since this process began.
    redrives: Mutex<HashMap<ExecutionKey, u32>>,
    queue: Option<SyncSender<Logged>>,
    left_out: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

/// What a revision wants logged.
struct Wanted {
    level: Level,
    include_execution_data: bool,
    log_group_arn: String,
}

/// A part of a history on its way into a log.
struct Logged {
    wanted: Arc<Wanted>,
    key: ExecutionKey,
    identity: Arc<Identity>,
    /// Where that is known without a look into the store.
    redrive_count: Option<u32>,
    events: Vec<HistoryEvent>,
}

/// `loggingConfiguration`, as the API has checked it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    level: Level,
    #[serde(default)]
    include_execution_data: bool,
    #[serde(default)]
    destinations: Vec<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    cloud_watch_logs_log_group: Option<LogGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    log_group_arn: Option<String>,
}

impl Logs {
    /// Begins to log what executions of the state machines in this store want logged.
    pub fn start(store: Arc<dyn Store>, place: Place) -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let left_out = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            store: store.clone(),
            destinations: Destinations::new(place),
            left_out: left_out.clone(),
            waiting,
        };
        let thread = std::thread::Builder::new().name("logs".to_owned()).spawn(move || writer.run())?;
        Ok(Self {
            store,
            wanted: Mutex::default(),
            redrives: Mutex::default(),
            queue: Some(queue),
            left_out,
            writer: Some(thread),
        })
    }

    /// What this execution's revision wants. The store is asked once a revision.
    fn wanted(&self, identity: &Identity) -> Option<Arc<Wanted>> {
        let revision = identity.revision_id.as_ref()?;
        let mut known = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wanted) = known.get(revision) {
            return wanted.clone();
        }
        let logging = match self.store.revision(revision) {
            Ok(found) => found.map(|revision| revision.settings.logging),
            Err(error) => {
                tracing::error!(%error, "a state machine's logging configuration cannot be read");
                // The next turn asks again.
                return None;
            }
        };
        let wanted = logging.and_then(|logging| Wanted::read(&logging)).map(Arc::new);
        if known.len() >= REVISIONS_MAX {
            known.clear();
        }
        known.insert(revision.clone(), wanted.clone());
        wanted
    }

    /// How often the execution was redriven up to these events, where it is known.
    fn redrive_count(&self, append: &Append) -> Option<u32> {
        let mut redrives = self.redrives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(redrive) = &append.redrive {
            redrives.insert(append.key, redrive.count);
        }
        let known = match &append.start {
            Some(_) => Some(0),
            None => redrives.get(&append.key).copied(),
        };
        if append.end.is_some() {
            redrives.remove(&append.key);
        }
        known
    }

    /// Hands an execution's new events to the thread that writes, those that are to be logged.
    fn log(&self, append: &Append) {
        let (Some(wanted), Some(queue)) = (self.wanted(&append.identity), &self.queue) else { return };
        let redrive_count = self.redrive_count(append);
        let events: Vec<HistoryEvent> =
            append.events.iter().filter(|event| wanted.level.takes(event)).cloned().collect();
        if events.is_empty() {
            return;
        }
        let (key, identity) = (append.key, append.identity.clone());
        match queue.try_send(Logged { wanted, key, identity, redrive_count, events }) {
            Ok(()) => {}
            Err(TrySendError::Full(logged) | TrySendError::Disconnected(logged)) => {
                let events = u64::try_from(logged.events.len()).unwrap_or(u64::MAX);
                self.left_out.fetch_add(events, Ordering::Relaxed);
            }
        }
    }
}

impl Observer for Logs {
    fn committed(&self, appends: &[Append]) {
        for append in appends {
            self.log(append);
        }
    }

    fn parked(&self, _: &Parked) {}
}

impl Drop for Logs {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes execution logs panicked");
        }
    }
}

impl Wanted {
    /// What a `loggingConfiguration` asks for. `None` where that is nothing.
    fn read(logging: &str) -> Option<Self> {
        let configuration: Configuration = match serde_json::from_str(logging) {
            Ok(configuration) => configuration,
            Err(error) => {
                tracing::error!(%error, "a logging configuration is not understood");
                return None;
            }
        };
        if configuration.level == Level::Off {
            return None;
        }
        let group = configuration.destinations.into_iter().find_map(|it| it.cloud_watch_logs_log_group)?;
        Some(Self {
            level: configuration.level,
            include_execution_data: configuration.include_execution_data,
            log_group_arn: group.log_group_arn?,
        })
    }
}

/// The thread that writes.
struct Writer {
    store: Arc<dyn Store>,
    destinations: Destinations,
    left_out: Arc<AtomicU64>,
    waiting: Receiver<Logged>,
}

impl Writer {
    fn run(mut self) {
        while let Ok(first) = self.waiting.recv() {
            let mut next = Ok(first);
            while let Ok(logged) = next {
                self.write(&logged);
                next = self.waiting.try_recv();
            }
            // What was written is there to be read as soon as nothing more waits.
            self.destinations.flush();
            let left_out = self.left_out.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                tracing::warn!(left_out, "log events came faster than they can be written");
            }
            if matches!(next, Err(TryRecvError::Disconnected)) {
                return;
            }
        }
    }

    fn write(&mut self, logged: &Logged) {
        let Logged { wanted, key, identity, redrive_count, events } = logged;
        let redrive_count = redrive_count.unwrap_or_else(|| self.stored_redrive_count(*key));
        let mut lines = Vec::new();
        for event in events {
            write_line(&mut lines, event, identity, redrive_count, wanted.include_execution_data);
        }
        self.destinations.write(&wanted.log_group_arn, &lines);
    }

    fn stored_redrive_count(&self, key: ExecutionKey) -> u32 {
        if key.is_express() {
            return 0;
        }
        match self.store.execution_by_key(key) {
            Ok(found) => found.and_then(|execution| execution.redrive).map_or(0, |redrive| redrive.count),
            Err(error) => {
                tracing::error!(%error, "how often an execution was redriven cannot be read");
                0
            }
        }
    }
}
