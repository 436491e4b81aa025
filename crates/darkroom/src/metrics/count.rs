//! The thread that counts: what was told becomes values of metrics, handed on every second.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::Text;
use darkroom_engine::store::{ExecutionKey, ExecutionStatus, Store};
use darkroom_engine::{Bill, Clock, EXPRESS_OPEN_MAX, STARTING_MAX};
use darkroom_gateway::{Usage, Used};
use darkroom_services::cloudwatch::{Bucket, CloudWatch, Minute, Series};
use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::histogram::Histogram;

use super::names::{self, Ending, Family, Name};
use super::open::OpenExecutions;
use super::part::{Part, Redriven, Started, TaskStep, Transitions};
use super::values::{Dimensions, Values};
use super::{Flush, Prometheus, Waiting};

/// How often the thread looks for what was told.
const LOOK: Duration = Duration::from_millis(200);
/// How often values are handed on.
const HAND_ON: Duration = Duration::from_secs(1);
/// Labels that are looked up once. Beyond that they are looked up again.
const HANDLES_MAX: usize = 10_000;
/// How many calls of an action may be under way, of those that have a bound of their own.
const BUCKETS: [(&str, usize); 2] =
    [("StartExecution", STARTING_MAX), ("StartSyncExecution", EXPRESS_OPEN_MAX)];

/// What is counted, and for whom.
pub(super) struct Counter {
    clock: Arc<dyn Clock>,
    prometheus: Arc<Prometheus>,
    usage: Arc<Usage>,
    open: OpenExecutions,
    handles: HashMap<(&'static str, Text), Handles>,
    values: Values,
    /// State transitions of each state machine since values were handed on: how many, and how many were held up.
    transitions: HashMap<Text, (u32, u32)>,
}

/// What Prometheus counts with: looked up by their labels once.
struct Handles {
    count: Count,
    /// Where how long it took is of interest.
    seconds: Option<Histogram>,
}

impl Counter {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        prometheus: Arc<Prometheus>,
        usage: Arc<Usage>,
    ) -> Self {
        let open = OpenExecutions::new(store);
        let (handles, values, transitions) = (HashMap::new(), Values::default(), HashMap::new());
        Self { clock, prometheus, usage, open, handles, values, transitions }
    }

    /// Counts what waits, until whoever might flush is gone.
    pub(super) fn run(mut self, waiting: &Waiting, cloudwatch: &CloudWatch, flushes: &Receiver<Flush>) {
        let mut handed_on = Instant::now();
        loop {
            let asked = flushes.recv_timeout(LOOK);
            for part in waiting.take() {
                self.count(&part);
            }
            match asked {
                Ok(Flush(answer)) => {
                    self.hand_on(waiting, cloudwatch);
                    // Whoever asked may have given up.
                    let _ = answer.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.hand_on(waiting, cloudwatch);
                    return;
                }
            }
            if handed_on.elapsed() >= HAND_ON {
                self.hand_on(waiting, cloudwatch);
                handed_on = Instant::now();
            }
        }
    }

    /// Counts what became durable of an execution.
    pub(super) fn count(&mut self, part: &Part) {
        let Part { key, identity, .. } = part;
        if let Some(started) = part.started {
            self.count_start(*key, identity, started);
        }
        if let Some(redriven) = part.redriven {
            self.count_redrive(*key, identity, redriven);
        }
        self.count_transitions(identity, part.transitions);
        for step in &part.tasks {
            self.count_task(*key, step);
        }
        if let Some((status, at)) = part.end {
            self.count_end(*key, identity, status, at);
        }
    }

    fn count_start(&mut self, key: ExecutionKey, identity: &Identity, started: Started) {
        let machine = &identity.state_machine_arn;
        self.add(names::EXECUTIONS_STARTED, identity, started.at, 1.0);
        let handles = |prometheus: &Prometheus| Handles { count: prometheus.started(machine), seconds: None };
        self.show("started", machine, None, handles);
        self.open.start(key, started);
    }

    fn count_redrive(&mut self, key: ExecutionKey, identity: &Identity, redriven: Redriven) {
        self.add(names::EXECUTIONS_REDRIVEN, identity, redriven.at, 1.0);
        if let Some(ended_at) = self.open.redrive(key, redriven) {
            let waited = milliseconds(ended_at, redriven.at);
            self.add(names::TIME_TO_REDRIVE, identity, redriven.at, waited);
        }
    }

    fn count_transitions(&mut self, identity: &Identity, transitions: Transitions) {
        let Transitions { entered, held_up, durable_at } = transitions;
        if entered == 0 && held_up == 0 {
            return;
        }
        let own = self.transitions.entry(identity.state_machine_arn.clone()).or_default();
        *own = (own.0.saturating_add(entered), own.1.saturating_add(held_up));
        if held_up > 0 {
            for of in Dimensions::of_execution(identity) {
                self.values.count(names::EXECUTION_THROTTLED, of, durable_at, held_up);
            }
        }
    }

    fn count_end(&mut self, key: ExecutionKey, identity: &Identity, status: ExecutionStatus, at: Timestamp) {
        let Some(ending) = Ending::of(status) else { return };
        let machine = &identity.state_machine_arn;
        self.add(ending.count, identity, at, 1.0);
        let begun = self.open.end(key);
        if begun.is_some_and(|begun| begun.is_redriven) {
            self.add(ending.redriven, identity, at, 1.0);
        }
        if let Some(begun) = begun {
            self.add(names::EXECUTION_TIME, identity, at, milliseconds(begun.started_at, at));
            if key.is_express() {
                let bill = Bill::of(begun.input_bytes, begun.started_at, at);
                self.add(names::EXPRESS_BILLED_DURATION, identity, at, float(bill.billed_duration_ms));
                self.add(names::EXPRESS_BILLED_MEMORY, identity, at, float(bill.billed_memory_bytes()));
                self.add(names::EXPRESS_MEMORY, identity, at, float(bill.memory_bytes));
            }
        }
        let took = begun.map(|begun| milliseconds(begun.started_at, at));
        self.show(ending.name, machine, took, |prometheus| {
            let (count, seconds) = prometheus.ended(machine, ending.name);
            Handles { count, seconds: Some(seconds) }
        });
    }

    fn count_task(&mut self, key: ExecutionKey, step: &TaskStep) {
        let (family, resource) = Family::of(&step.target);
        let mut add = |name: Name, value| {
            let of = Dimensions::One(family.dimension, resource.clone());
            self.values.add(name, of, step.at, value);
        };
        add(family.count(step.outcome), 1.0);
        let task = self.open.step(key, step).filter(|_| step.outcome.is_end());
        let took = task.map(|task| milliseconds(task.scheduled_at, step.at));
        if let Some(took) = took {
            add(family.time, took);
        }
        if let Some(task) = task
            && let Some(started_at) = task.started_at
        {
            add(family.schedule_time, milliseconds(task.scheduled_at, started_at));
            add(family.run_time, milliseconds(started_at, step.at));
        }
        self.show(step.outcome.name(), &resource, took, |prometheus| {
            let (count, seconds) = prometheus.task(family.kind, &resource, step.outcome.name());
            Handles { count, seconds: Some(seconds) }
        });
    }

    /// A value of an execution's, for all that it counts for.
    fn add(&mut self, name: Name, identity: &Identity, at: Timestamp, value: f64) {
        for of in Dimensions::of_execution(identity) {
            self.values.add(name, of, at, value);
        }
    }

    /// Counts one for Prometheus.
    fn show(
        &mut self,
        name: &'static str,
        of: &Text,
        took_ms: Option<f64>,
        make: impl FnOnce(&Prometheus) -> Handles,
    ) {
        if self.handles.len() >= HANDLES_MAX {
            self.handles.clear();
        }
        let Handles { count, seconds } =
            self.handles.entry((name, of.clone())).or_insert_with(|| make(&self.prometheus));
        count.inc();
        if let (Some(took_ms), Some(seconds)) = (took_ms, seconds) {
            seconds.observe(took_ms / 1000.0);
        }
    }

    /// AWS: "count of requests per second": each second is a value, so the sum is what there was, and the maximum the
    /// most in a second.
    fn count_second(&mut self) {
        let now = self.clock.now();
        for used in self.usage.take() {
            self.count_calls(used, now);
        }
        let transitions = std::mem::take(&mut self.transitions);
        if transitions.is_empty() {
            return;
        }
        let mut all = (0_u64, 0_u64);
        let service = || (names::SERVICE_METRIC, Text::from(names::STATE_TRANSITION));
        for (machine, (entered, held_up)) in transitions {
            all = (all.0 + u64::from(entered), all.1 + u64::from(held_up));
            let of = Dimensions::Two([service(), (names::STATE_MACHINE, machine)]);
            self.add_capacity(&of, now, u64::from(entered), u64::from(held_up));
        }
        let (name, value) = service();
        self.add_capacity(&Dimensions::One(name, value), now, all.0, all.1);
        self.prometheus.transitions(all.0, all.1);
    }

    /// Counts the calls of an action in a second.
    pub(super) fn count_calls(&mut self, used: Used, now: Timestamp) {
        let Used { action, calls, throttled } = used;
        let of = Dimensions::One(names::API_NAME, action.into());
        self.add_capacity(&of, now, calls, throttled);
        if let Some((_, bound)) = BUCKETS.iter().find(|(bounded, _)| *bounded == action) {
            let bound = float(u64::try_from(*bound).unwrap_or(u64::MAX));
            self.values.add(names::PROVISIONED_BUCKET_SIZE, of, now, bound);
        }
        self.prometheus.called(action, calls, throttled);
    }

    fn add_capacity(&mut self, of: &Dimensions, now: Timestamp, consumed: u64, throttled: u64) {
        self.values.add(names::CONSUMED_CAPACITY, of.clone(), now, float(consumed));
        self.values.add(names::THROTTLED_EVENTS, of.clone(), now, float(throttled));
    }

    /// What has been counted since this was last asked.
    pub(super) fn take_values(&mut self) -> Vec<(Series, Vec<(Minute, Bucket)>)> {
        self.count_second();
        self.values.take()
    }

    fn hand_on(&mut self, waiting: &Waiting, cloudwatch: &CloudWatch) {
        let values = self.take_values();
        let points = values.iter().flat_map(|(series, minutes)| {
            minutes.iter().map(move |(minute, bucket)| (series, *minute, bucket))
        });
        let too_many = cloudwatch.record(points);
        let left_out = waiting.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 || too_many > 0 {
            tracing::warn!(
                left_out,
                too_many,
                "metrics are left out: they came too fast, or there are too many"
            );
            self.prometheus.left_out(left_out);
        }
        if left_out > 0 {
            // The ends of some may be among it.
            self.open.forget();
        }
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    float(u64::try_from(to.as_millis() - from.as_millis()).unwrap_or(0))
}

fn float(number: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]
    let float = number as f64;
    float
}
