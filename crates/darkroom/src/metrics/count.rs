//! The thread that counts: what was told becomes values of metrics, handed on every second.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::BranchId;
use darkroom_asl::json::Text;
use darkroom_engine::store::{ExecutionKey, Store};
use darkroom_services::cloudwatch::{Bucket, CloudWatch, MINUTE_MS, Metric, Minute, Series, Unit};
use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::histogram::Histogram;

use super::names::{self, Family, NAMESPACE};
use super::{Flush, Part, Prometheus, TaskStep, Waiting};

/// How often the thread looks for what was told.
const LOOK: Duration = Duration::from_millis(200);
/// How often values are handed on.
const HAND_ON: Duration = Duration::from_secs(1);
/// Executions whose beginnings are remembered. Our choice: some 20 MB. When there are more, all are forgotten: the store
/// is asked when they began, and the times of tasks that were open are not measured.
const OPEN_MAX: usize = 200_000;
/// Labels that are looked up once. Beyond that they are looked up again.
const HANDLES_MAX: usize = 10_000;
/// AWS: an Express execution is billed by so many milliseconds.
const BILLED_MS: f64 = 100.0;
const STATE_MACHINE: &str = "StateMachineArn";

/// What is counted, and for whom.
pub(super) struct Counter {
    store: Arc<dyn Store>,
    cloudwatch: CloudWatch,
    prometheus: Arc<Prometheus>,
    waiting: Arc<Waiting>,
    open: HashMap<ExecutionKey, Open>,
    handles: HashMap<(&'static str, Text), Handles>,
    /// By the metric's name and its dimension's value.
    values: HashMap<(&'static str, Text), Pending>,
}

/// What Prometheus counts with: looked up by their labels once.
struct Handles {
    count: Count,
    /// Where how long it took is of interest.
    seconds: Option<Histogram>,
}

/// What is remembered of an execution that is open.
struct Open {
    started_at: Timestamp,
    is_redriven: bool,
    /// The task of each branch that has one.
    tasks: Vec<(BranchId, Task)>,
}

#[derive(Clone, Copy)]
struct Task {
    scheduled_at: Timestamp,
    started_at: Option<Timestamp>,
}

/// Values of a metric that are not handed on yet.
struct Pending {
    dimension: &'static str,
    unit: Unit,
    minutes: Vec<(Minute, Bucket)>,
}

impl Counter {
    pub(super) fn new(
        store: Arc<dyn Store>,
        cloudwatch: CloudWatch,
        prometheus: Arc<Prometheus>,
        waiting: Arc<Waiting>,
    ) -> Self {
        let (open, handles, values) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { store, cloudwatch, prometheus, waiting, open, handles, values }
    }

    /// Counts until whoever might flush is gone.
    pub(super) fn run(mut self, flushes: &Receiver<Flush>) {
        let mut handed_on = Instant::now();
        loop {
            let asked = flushes.recv_timeout(LOOK);
            for part in self.waiting.take() {
                self.count(&part);
            }
            match asked {
                Ok(Flush(answer)) => {
                    self.hand_on();
                    // Whoever asked may have given up.
                    let _ = answer.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.hand_on();
                    return;
                }
            }
            if handed_on.elapsed() >= HAND_ON {
                self.hand_on();
                handed_on = Instant::now();
            }
        }
    }

    fn count(&mut self, part: &Part) {
        let machine = &part.identity.state_machine_arn;
        if let Some(at) = part.started_at {
            self.add("ExecutionsStarted", STATE_MACHINE, machine, Unit::COUNT, at, 1.0);
            let handles =
                |prometheus: &Prometheus| Handles { count: prometheus.started(machine), seconds: None };
            self.show("started", machine, None, handles);
            self.remember(part.key, at, false);
        }
        if let Some(at) = part.redriven_at {
            self.add("ExecutionsRedriven", STATE_MACHINE, machine, Unit::COUNT, at, 1.0);
            if let Some(stored) = self.stored(part.key) {
                self.remember(part.key, stored, true);
            }
        }
        for step in &part.tasks {
            self.count_task(part.key, step);
        }
        if part.end.is_some() {
            self.count_end(part);
        }
    }

    fn count_end(&mut self, part: &Part) {
        let Some((status, at)) = part.end else { return };
        let Some((count, redriven, name)) = names::ended(status) else { return };
        let machine = &part.identity.state_machine_arn;
        self.add(count, STATE_MACHINE, machine, Unit::COUNT, at, 1.0);
        let open = self.open.remove(&part.key);
        if open.as_ref().is_some_and(|open| open.is_redriven) {
            self.add(redriven, STATE_MACHINE, machine, Unit::COUNT, at, 1.0);
        }
        let started_at = open.map(|open| open.started_at).or_else(|| self.stored(part.key));
        let took = started_at.map(|started_at| milliseconds(started_at, at));
        if let Some(took) = took {
            self.add("ExecutionTime", STATE_MACHINE, machine, Unit::MILLISECONDS, at, took);
            if part.key.is_express() {
                let billed = (took / BILLED_MS).ceil().max(1.0) * BILLED_MS;
                let name = "ExpressExecutionBilledDuration";
                self.add(name, STATE_MACHINE, machine, Unit::MILLISECONDS, at, billed);
            }
        }
        self.show(name, machine, took, |prometheus| {
            let (count, seconds) = prometheus.ended(machine, name);
            Handles { count, seconds: Some(seconds) }
        });
    }

    fn count_task(&mut self, key: ExecutionKey, step: &TaskStep) {
        let (family, resource) = Family::of(&step.target);
        self.add(family.count(step.outcome), family.dimension, &resource, Unit::COUNT, step.at, 1.0);
        let task = self.open.get_mut(&key).and_then(|open| open.step(step));
        let mut took = None;
        if let Some(task) = task.filter(|_| step.outcome.is_end()) {
            let all = milliseconds(task.scheduled_at, step.at);
            let mut time =
                |name, value| self.add(name, family.dimension, &resource, Unit::MILLISECONDS, step.at, value);
            time(family.time, all);
            if let Some(started_at) = task.started_at {
                time(family.schedule_time, milliseconds(task.scheduled_at, started_at));
                time(family.run_time, milliseconds(started_at, step.at));
            }
            took = Some(all);
        }
        self.show(step.outcome.name(), &resource, took, |prometheus| {
            let (count, seconds) = prometheus.task(family.kind, &resource, step.outcome.name());
            Handles { count, seconds: Some(seconds) }
        });
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

    /// When an execution of which nothing is remembered began.
    fn stored(&self, key: ExecutionKey) -> Option<Timestamp> {
        if key.is_express() {
            return None;
        }
        match self.store.execution_by_key(key) {
            Ok(found) => found.map(|execution| execution.started_at),
            Err(error) => {
                tracing::error!(%error, "when an execution began cannot be read");
                None
            }
        }
    }

    fn remember(&mut self, key: ExecutionKey, started_at: Timestamp, is_redriven: bool) {
        if self.open.len() >= OPEN_MAX {
            self.open.clear();
        }
        self.open.insert(key, Open { started_at, is_redriven, tasks: Vec::new() });
    }

    fn add(
        &mut self,
        name: &'static str,
        dimension: &'static str,
        value_of_dimension: &Text,
        unit: Unit,
        at: Timestamp,
        value: f64,
    ) {
        let minute = at.as_millis().div_euclid(MINUTE_MS);
        let pending = self.values.entry((name, value_of_dimension.clone())).or_insert_with(|| Pending {
            dimension,
            unit,
            minutes: Vec::new(),
        });
        match pending.minutes.iter_mut().find(|(its, _)| *its == minute) {
            Some((_, bucket)) => bucket.add(value),
            None => pending.minutes.push((minute, Bucket::of(value, 1.0))),
        }
    }

    fn hand_on(&mut self) {
        let values = self.values.drain().map(|((name, value), pending)| {
            let dimension = (pending.dimension.to_owned(), value.to_string());
            let series = Series { metric: Metric::new(NAMESPACE, name, [dimension]), unit: pending.unit };
            (series, pending.minutes)
        });
        let values: Vec<(Series, Vec<(Minute, Bucket)>)> = values.collect();
        let points = values.iter().flat_map(|(series, minutes)| {
            minutes.iter().map(move |(minute, bucket)| (series, *minute, bucket))
        });
        let too_many = self.cloudwatch.record(points);
        let left_out = self.waiting.left_out.swap(0, Ordering::Relaxed);
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
            self.open.clear();
        }
    }
}

impl Open {
    /// Takes a step in; answers the task when it is over.
    fn step(&mut self, step: &TaskStep) -> Option<Task> {
        use super::names::Outcome;
        let place = self.tasks.iter().position(|(branch, _)| *branch == step.branch);
        match (step.outcome, place) {
            (Outcome::Scheduled, place) => {
                if let Some(place) = place {
                    self.tasks.swap_remove(place);
                }
                self.tasks.push((step.branch, Task { scheduled_at: step.at, started_at: None }));
                None
            }
            (Outcome::Started, Some(place)) => {
                if let Some((_, task)) = self.tasks.get_mut(place) {
                    task.started_at = Some(step.at);
                }
                None
            }
            (Outcome::Started, None) => None,
            (
                Outcome::Succeeded | Outcome::Failed | Outcome::TimedOut | Outcome::HeartbeatTimedOut,
                place,
            ) => place.map(|place| self.tasks.swap_remove(place).1),
        }
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an execution lasts a year at most")]
    let milliseconds = (to.as_millis() - from.as_millis()).max(0) as f64;
    milliseconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::names::Outcome;
    use darkroom_asl::interpreter::event::Target;

    #[test]
    fn a_tasks_times_are_from_its_own_branchs_events() {
        let step = |branch, at, outcome| TaskStep {
            branch: BranchId(branch),
            at: Timestamp::from_millis(at),
            target: Target::LambdaFunction { resource: "f".into() },
            outcome,
        };
        let mut open = Open { started_at: Timestamp::from_millis(0), is_redriven: false, tasks: Vec::new() };
        assert!(open.step(&step(1, 10, Outcome::Scheduled)).is_none());
        assert!(open.step(&step(2, 20, Outcome::Scheduled)).is_none());
        assert!(open.step(&step(1, 30, Outcome::Started)).is_none());
        let task = open.step(&step(1, 50, Outcome::Failed)).unwrap();
        assert_eq!((task.scheduled_at.as_millis(), task.started_at.unwrap().as_millis()), (10, 30));
        assert!(open.step(&step(1, 60, Outcome::Succeeded)).is_none(), "it is over");
        let task = open.step(&step(2, 70, Outcome::TimedOut)).unwrap();
        assert_eq!((task.scheduled_at.as_millis(), task.started_at), (20, None));
    }
}
