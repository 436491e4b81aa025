//! Executions as traces: what X-Ray is told when it asks, and what leaves for a collector when an execution has ended.
//!
//! A Standard execution's segment is made of its history, which is in the store; nothing is kept for it. An Express
//! execution leaves none, so that its events are held, where it is traced, until it ends, and its segment is recorded.
//! An observer hands on no more than a key or those events, through a queue with a bound: no execution waits, and what
//! finds the queue full is left out, which is counted.

mod express;
mod histories;
mod otlp;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::HistoryEvent;
use darkroom_engine::store::{Append, ExecutionKey, ExecutionStatus, ExecutionSummary};
use darkroom_engine::{Beginning, Engine, Observer, Parked, segment};
use darkroom_services::xray::XRay;
use darkroom_trace::Segment;
use tokio::sync::{mpsc, oneshot};

use self::express::Express;
pub use self::histories::Histories;
pub use self::otlp::Collector;

/// Executions, or turns of Express executions, that may wait. Our choice.
const WAITING_MAX: usize = 8_192;
/// How long a stop waits for what is in the queue.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Is told by the engine.
pub struct TracesObserver {
    queue: mpsc::Sender<Told>,
    left_out: Arc<AtomicU64>,
    /// Whether executions that nobody traces are wanted, too: a collector is.
    wants_all: bool,
}

/// What the observer was told.
pub struct Waiting {
    queue: mpsc::Sender<Told>,
    waiting: mpsc::Receiver<Told>,
    left_out: Arc<AtomicU64>,
    collector: Option<Collector>,
}

/// A handle to what works the queue off.
pub struct Telling(mpsc::Sender<Told>);

enum Told {
    /// A Standard execution has ended.
    Ended(ExecutionKey),
    /// An Express execution took part in a turn.
    Express(Box<Turn>),
    /// Everything before this is to be done, and then this is to be answered.
    Flush(oneshot::Sender<()>),
}

/// What became of an Express execution in a turn.
struct Turn {
    key: ExecutionKey,
    identity: Arc<Identity>,
    started_at: Option<Timestamp>,
    events: Vec<HistoryEvent>,
    end: Option<(ExecutionStatus, Timestamp)>,
}

/// An observer, and what it will be told.
pub fn observer(collector: Option<Collector>) -> (TracesObserver, Waiting) {
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let left_out = Arc::new(AtomicU64::new(0));
    let observer =
        TracesObserver { queue: queue.clone(), left_out: left_out.clone(), wants_all: collector.is_some() };
    (observer, Waiting { queue, waiting, left_out, collector })
}

impl Observer for TracesObserver {
    fn committed(&self, appends: &[Append]) {
        for append in appends {
            self.took_part(append);
        }
    }

    fn parked(&self, _: &Parked) {}
}

impl TracesObserver {
    fn took_part(&self, append: &Append) {
        let is_express = append.key.is_express();
        let told = if is_express && (self.wants_all || append.identity.trace_header.is_some()) {
            Told::Express(Box::new(Turn {
                key: append.key,
                identity: append.identity.clone(),
                started_at: append.start.as_ref().map(|start| start.started_at),
                events: append.events.clone(),
                end: append.end.as_ref().map(|end| (end.status.status(), end.ended_at)),
            }))
        } else if !is_express && self.wants_all && append.end.is_some() {
            Told::Ended(append.key)
        } else {
            return;
        };
        if self.queue.try_send(told).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Waiting {
    /// Starts to work off what comes, on this runtime.
    pub fn tell(self, runtime: &tokio::runtime::Handle, engine: &Arc<Engine>, xray: XRay) -> Telling {
        let Self { queue, waiting, left_out, collector } = self;
        let teller = Teller { engine: Arc::downgrade(engine), xray, collector, left_out };
        runtime.spawn(teller.run(waiting));
        Telling(queue)
    }
}

impl Telling {
    /// Has everything told that has happened until now. What takes too long is left.
    pub async fn flush(&self) {
        let (answer, answered) = oneshot::channel();
        if self.0.send(Told::Flush(answer)).await.is_ok() {
            // Too late is as good as never: nothing depends on it.
            let _ = tokio::time::timeout(FLUSH_MAX, answered).await;
        }
    }
}

struct Teller {
    /// Held no longer than a history is read: whoever stops the server waits for the engine to go.
    engine: std::sync::Weak<Engine>,
    xray: XRay,
    collector: Option<Collector>,
    left_out: Arc<AtomicU64>,
}

impl Teller {
    async fn run(mut self, mut waiting: mpsc::Receiver<Told>) {
        let mut express = Express::default();
        while let Some(told) = waiting.recv().await {
            match told {
                Told::Ended(key) => {
                    if let Some(segment) = self.standard(key).await {
                        self.export(segment).await;
                    }
                }
                Told::Express(turn) => {
                    if let Some((execution, events)) = express.add(*turn) {
                        self.express(&execution, &events).await;
                    }
                }
                Told::Flush(answer) => {
                    self.send().await;
                    // Whoever asked may have given up.
                    let _ = answer.send(());
                }
            }
            if waiting.is_empty() {
                self.send().await;
            }
            let left_out = self.left_out.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                tracing::warn!(left_out, "executions came faster than they can be told as traces");
            }
        }
    }

    /// The segment of a Standard execution, for the collector.
    async fn standard(&self, key: ExecutionKey) -> Option<Segment> {
        let engine = self.engine.upgrade()?;
        let read = move || {
            let store = engine.store().as_ref();
            let Some(execution) = store.execution_by_key(key)? else { return Ok(None) };
            let execution = execution.summary();
            let Some(header) = exported_trace(&execution) else { return Ok(None) };
            let beginning = Beginning::read(store, key)?;
            Ok(Some(segment::of_execution(&execution, header, &beginning.events)))
        };
        let read: Result<Result<_, darkroom_engine::store::StoreError>, _> =
            tokio::task::spawn_blocking(read).await;
        match read {
            Ok(Ok(segment)) => segment,
            Ok(Err(error)) => {
                tracing::error!(%error, "an execution cannot be read, and is not exported");
                None
            }
            Err(error) => {
                tracing::error!(%error, "an execution is not exported");
                None
            }
        }
    }

    async fn express(&mut self, execution: &ExecutionSummary, events: &[HistoryEvent]) {
        if let Some(header) = segment::kept_trace(&execution.identity) {
            for segment in segment::of_execution(execution, header, events).in_documents() {
                self.xray.record(&segment);
            }
        }
        if self.collector.is_some()
            && let Some(header) = exported_trace(execution)
        {
            self.export(segment::of_execution(execution, header, events)).await;
        }
    }

    /// Hands an execution to the collector, with the functions' own segments that lie below it.
    async fn export(&mut self, execution: Segment) {
        let Some(collector) = &mut self.collector else { return };
        let recorded = match self.xray.kept(execution.trace_id).await {
            Ok(recorded) => recorded,
            Err(error) => {
                tracing::warn!(
                    reason = error.message,
                    "an execution is exported without its functions' segments"
                );
                Vec::new()
            }
        };
        collector.add(execution, recorded).await;
    }

    async fn send(&mut self) {
        if let Some(collector) = &mut self.collector {
            collector.send().await;
        }
    }
}

/// The trace that an execution is exported in: one that a caller decided not to keep is not.
fn exported_trace(execution: &ExecutionSummary) -> Option<darkroom_trace::TraceHeader> {
    match segment::kept_trace(&execution.identity) {
        Some(header) => Some(header),
        None if segment::is_decided(&execution.identity) => None,
        None => Some(segment::trace_of_its_own(execution)),
    }
}
