//! The engine's metrics: those of the namespace AWS/States, and how the engine itself is, for CloudWatch and Prometheus.
//!
//! An observer takes of what has become durable the little that is counted, and leaves it where a thread of its own looks
//! several times a second: waking one for each commit would cost more than to count. The thread hands on what it counted
//! every second. Metrics are no log: what finds no room is left out, and that is counted.
//!
//! AWS: "Monitoring Step Functions metrics using Amazon CloudWatch".

mod count;
mod health;
mod names;
mod open;
mod page;
mod part;
mod prometheus;
#[cfg(test)]
mod tests;
mod values;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use darkroom_engine::store::{Append, Store};
use darkroom_engine::{Clock, Observer, Parked, Vital};
use darkroom_gateway::Usage;
use darkroom_services::cloudwatch::CloudWatch;

use self::count::Counter;
pub use self::health::{DeadLetters, Watched};
pub use self::page::Page;
use self::part::Part;
pub use self::prometheus::Prometheus;

/// Turns of executions that may wait to be counted. Our choice: two of the largest commits.
const WAITING_MAX: usize = 32_768;
/// How long a stop waits for what is in the queue.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Is told by the engine.
pub struct MetricsObserver {
    clock: Arc<dyn Clock>,
    waiting: Arc<Waiting>,
    prometheus: Arc<Prometheus>,
}

/// What the observer was told.
#[derive(Default)]
pub struct Waiting {
    parts: Mutex<Vec<Part>>,
    /// Parts that found no room since the last look.
    left_out: AtomicU64,
}

/// What is counted with, beside what the observer was told.
pub struct Surroundings {
    /// Where an execution is looked for that is not remembered.
    pub store: Arc<dyn Store>,
    /// The engine's time.
    pub clock: Arc<dyn Clock>,
    /// Calls of the API.
    pub usage: Arc<Usage>,
    /// Who is told.
    pub prometheus: Arc<Prometheus>,
    /// Who is told, too.
    pub cloudwatch: CloudWatch,
}

/// A running count. It ends when this is dropped.
pub struct Counting {
    flushes: SyncSender<Flush>,
}

/// Everything that was told before is to be handed on, and then this is to be answered.
struct Flush(SyncSender<()>);

/// An observer, and what it will be told.
pub fn observer(prometheus: Arc<Prometheus>, clock: Arc<dyn Clock>) -> (MetricsObserver, Arc<Waiting>) {
    let waiting = Arc::<Waiting>::default();
    (MetricsObserver { clock, waiting: waiting.clone(), prometheus }, waiting)
}

impl Waiting {
    /// Starts to count.
    pub fn count(self: Arc<Self>, surroundings: Surroundings) -> anyhow::Result<Counting> {
        let Surroundings { store, clock, usage, prometheus, cloudwatch } = surroundings;
        let counter = Counter::new(store, clock, prometheus, usage);
        let (flushes, asked) = sync_channel(1);
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || counter.run(&self, &cloudwatch, &asked))
            .context("the thread that counts cannot be started")?;
        Ok(Counting { flushes })
    }

    fn add(&self, mut parts: Vec<Part>) {
        let mut waiting = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + parts.len() <= WAITING_MAX {
            waiting.append(&mut parts);
        } else {
            self.left_out.fetch_add(u64::try_from(parts.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn take(&self) -> Vec<Part> {
        std::mem::take(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counting {
    /// Has everything handed on that has happened until now. What takes too long is left.
    pub fn flush(&self) {
        let (answer, answered) = sync_channel(1);
        if self.flushes.send(Flush(answer)).is_ok() {
            // Too late is as good as never: nothing depends on it.
            let _ = answered.recv_timeout(FLUSH_MAX);
        }
    }
}

impl Observer for MetricsObserver {
    fn committed(&self, appends: &[Append]) {
        let now = self.clock.now();
        let parts: Vec<Part> = appends.iter().filter_map(|append| Part::of(append, now)).collect();
        if !parts.is_empty() {
            self.waiting.add(parts);
        }
    }

    fn parked(&self, _: &Parked) {
        self.prometheus.parked();
    }

    fn measured(&self, vital: Vital) {
        self.prometheus.measured(vital);
    }
}
