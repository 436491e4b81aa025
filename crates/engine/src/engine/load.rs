//! How much the engine has to do: numbers that its threads leave as they go, read by whoever watches.
//!
//! Each number is written by one thread and is right by itself; taken together they may be a turn apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::Engine;
use crate::shard::Shard;

/// How much an engine has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Standard executions.
    pub standard: ShardsLoad,
    /// Express executions.
    pub express: ShardsLoad,
    /// Standard executions that only wait and are on the disk alone.
    pub asleep: usize,
    /// Starts of Standard executions that are not answered yet.
    pub starting: usize,
    /// Executions' parts of turns that are on their way to the disk.
    pub committing: usize,
    /// Tasks of activities that wait for a worker.
    pub activity_tasks: usize,
}

/// How much the shards of a type of state machine have to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardsLoad {
    /// Executions in memory: all that are open and do not sleep.
    pub in_memory: usize,
    /// Those among them that a time comes for: a Wait's or a retry's end, a timeout.
    pub timed: usize,
    /// What was told to executions, and waits for its turn or for the turn to be taken over.
    pub inputs: usize,
}

/// What the engine's threads leave.
#[derive(Clone)]
pub(super) struct Gauges {
    pub(super) standard: Vec<Arc<ShardGauge>>,
    pub(super) express: Vec<Arc<ShardGauge>>,
    /// Counted up by each shard for what it hands on, and down by the committer.
    pub(super) committing: Arc<AtomicUsize>,
    /// Executions that slept when the engine started.
    slept: usize,
}

/// What a shard's thread leaves.
#[derive(Default)]
pub(super) struct ShardGauge {
    in_memory: AtomicUsize,
    timed: AtomicUsize,
    inputs: AtomicUsize,
    /// Executions that fell asleep since the start, less those that woke up.
    fell_asleep: AtomicI64,
}

impl Gauges {
    /// Those of so many shards of each type.
    pub(super) fn new(shards: usize, slept: usize) -> Self {
        let gauges = || (0..shards).map(|_| Arc::default()).collect();
        Self { standard: gauges(), express: gauges(), committing: Arc::default(), slept }
    }

    fn asleep(&self) -> usize {
        let change: i64 = self.standard.iter().map(|gauge| gauge.fell_asleep.load(Ordering::Relaxed)).sum();
        i64::try_from(self.slept).ok().and_then(|slept| usize::try_from(slept + change).ok()).unwrap_or(0)
    }
}

impl ShardGauge {
    /// A turn begins.
    pub(super) fn begin(&self, shard: &Shard) {
        self.inputs.store(shard.inputs_waiting(), Ordering::Relaxed);
    }

    /// A turn is over.
    pub(super) fn end(&self, shard: &Shard) {
        self.inputs.store(shard.inputs_waiting(), Ordering::Relaxed);
        self.in_memory.store(shard.executions_in_memory(), Ordering::Relaxed);
        self.timed.store(shard.timed(), Ordering::Relaxed);
        self.fell_asleep.store(shard.fell_asleep(), Ordering::Relaxed);
    }
}

impl ShardsLoad {
    fn of(gauges: &[Arc<ShardGauge>]) -> Self {
        let sum = |read: fn(&ShardGauge) -> &AtomicUsize| {
            gauges.iter().map(|gauge| read(gauge).load(Ordering::Relaxed)).sum()
        };
        Self {
            in_memory: sum(|gauge| &gauge.in_memory),
            timed: sum(|gauge| &gauge.timed),
            inputs: sum(|gauge| &gauge.inputs),
        }
    }
}

impl Engine {
    /// How much there is to do. Looks at no execution, however many there are.
    pub fn load(&self) -> Load {
        Load {
            standard: ShardsLoad::of(&self.gauges.standard),
            express: ShardsLoad::of(&self.gauges.express),
            asleep: self.gauges.asleep(),
            starting: self.starting(),
            committing: self.gauges.committing.load(Ordering::Relaxed),
            activity_tasks: self.activities.tasks_waiting(),
        }
    }
}
