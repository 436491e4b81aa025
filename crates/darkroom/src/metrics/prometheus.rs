//! The same in Prometheus' words, with how the engine is.
//!
//! Counts are those of this process: Prometheus knows what a restart is. Text of the `OpenMetrics` format.

use std::sync::atomic::AtomicU64;

use darkroom_engine::Vital;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::health::Health;

type Labels = Vec<(&'static str, String)>;
type Counts = Family<Labels, Count>;
type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// All that is measured in this process.
pub struct Prometheus {
    registry: Registry,
    started: Counts,
    ended: Counts,
    execution_seconds: Durations,
    tasks: Counts,
    task_seconds: Durations,
    parked: Count,
    transitions: Count,
    held_up: Count,
    api_calls: Counts,
    api_throttled: Counts,
    left_out: Count,
    commit_seconds: Histogram,
    commit_appends: Count,
    lag_seconds: Histogram,
    recovery_seconds: Gauge<f64, AtomicU64>,
    recovered: Gauge,
    health: Health,
}

/// From a tenth of a millisecond to a minute and a half.
fn short() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 20))
}

/// From a millisecond to nine hours.
fn long() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 13))
}

impl Prometheus {
    /// Nothing is counted yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("darkroom");
        let (started, ended, tasks) = (Counts::default(), Counts::default(), Counts::default());
        let execution_seconds = Durations::new_with_constructor(long);
        let task_seconds = Durations::new_with_constructor(long);
        let (parked, left_out, commit_appends) = (Count::default(), Count::default(), Count::default());
        let (transitions, held_up) = (Count::default(), Count::default());
        let (api_calls, api_throttled) = (Counts::default(), Counts::default());
        let (commit_seconds, lag_seconds) = (short(), short());
        let recovery_seconds = Gauge::<f64, AtomicU64>::default();
        let recovered = Gauge::default();
        registry.register("executions_started", "Executions that started", started.clone());
        registry.register("executions", "Executions that ended, by how", ended.clone());
        let help = "From an execution's start to its end";
        registry.register_with_unit("execution_duration", help, Unit::Seconds, execution_seconds.clone());
        registry.register("tasks", "Tasks, by what came of them", tasks.clone());
        let help = "From when a task was scheduled to its end";
        registry.register_with_unit("task_duration", help, Unit::Seconds, task_seconds.clone());
        registry.register("executions_parked", "Executions that were set aside", parked.clone());
        registry.register("state_transitions", "States that were entered", transitions.clone());
        let help = "State transitions that waited for the disk for more than a second";
        registry.register("state_transitions_held_up", help, held_up.clone());
        registry.register("api_calls", "Calls of Step Functions' API, by action", api_calls.clone());
        let help = "Calls that were refused since too much was under way, or the store took nothing";
        registry.register("api_throttled", help, api_throttled.clone());
        registry.register("metrics_left_out", "Turns that came too fast to be counted", left_out.clone());
        let help = "How long the store took for a commit";
        registry.register_with_unit("commit_duration", help, Unit::Seconds, commit_seconds.clone());
        registry.register("commit_executions", "Executions' parts of commits", commit_appends.clone());
        let help = "How long after its time a deadline was come to";
        registry.register_with_unit("deadline_lag", help, Unit::Seconds, lag_seconds.clone());
        let help = "How long the open executions took to be read back at the start";
        registry.register_with_unit("recovery_duration", help, Unit::Seconds, recovery_seconds.clone());
        registry.register(
            "recovered_executions",
            "Executions that were read back at the start",
            recovered.clone(),
        );
        let health = Health::new(&mut registry);
        Self {
            registry,
            started,
            ended,
            execution_seconds,
            tasks,
            task_seconds,
            parked,
            transitions,
            held_up,
            api_calls,
            api_throttled,
            left_out,
            commit_seconds,
            commit_appends,
            lag_seconds,
            recovery_seconds,
            recovered,
            health,
        }
    }

    /// Counts starts of a state machine.
    pub(super) fn started(&self, machine: &str) -> Count {
        self.started.get_or_create_owned(&vec![("state_machine", machine.to_owned())])
    }

    /// Counts executions that ended so, and how long they took.
    pub(super) fn ended(&self, machine: &str, status: &'static str) -> (Count, Histogram) {
        let labels = vec![("state_machine", machine.to_owned()), ("status", status.to_owned())];
        (self.ended.get_or_create_owned(&labels), self.execution_seconds.get_or_create_owned(&labels))
    }

    /// Counts tasks that came to this, and how long they took.
    pub(super) fn task(&self, kind: &str, resource: &str, outcome: &str) -> (Count, Histogram) {
        let mut labels = vec![("kind", kind.to_owned()), ("resource", resource.to_owned())];
        let seconds = self.task_seconds.get_or_create_owned(&labels);
        labels.push(("outcome", outcome.to_owned()));
        (self.tasks.get_or_create_owned(&labels), seconds)
    }

    pub(super) fn parked(&self) {
        self.parked.inc();
    }

    /// So many states were entered, and so many transitions held up.
    pub(super) fn transitions(&self, entered: u64, held_up: u64) {
        self.transitions.inc_by(entered);
        self.held_up.inc_by(held_up);
    }

    /// An action was called so often, and so many calls of it were refused.
    pub(super) fn called(&self, action: &'static str, calls: u64, throttled: u64) {
        let labels = vec![("action", action.to_owned())];
        self.api_calls.get_or_create_owned(&labels).inc_by(calls);
        self.api_throttled.get_or_create_owned(&labels).inc_by(throttled);
    }

    /// How the engine is just now.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    pub(super) fn left_out(&self, turns: u64) {
        self.left_out.inc_by(turns);
    }

    pub(super) fn measured(&self, vital: Vital) {
        match vital {
            Vital::Commit { took, appends } => {
                self.commit_seconds.observe(took.as_secs_f64());
                self.commit_appends.inc_by(u64::try_from(appends).unwrap_or(u64::MAX));
            }
            Vital::Lag(late) => self.lag_seconds.observe(late.as_secs_f64()),
            Vital::Recovery { took, executions } => {
                self.recovery_seconds.set(took.as_secs_f64());
                self.recovered.set(i64::try_from(executions).unwrap_or(i64::MAX));
            }
        }
    }

    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn counts_and_durations_have_these_names() {
        let prometheus = Prometheus::new();
        prometheus.started("m").inc();
        let (count, seconds) = prometheus.ended("m", "failed");
        count.inc();
        seconds.observe(1.5);
        let (count, seconds) = prometheus.task("lambda", "f", "succeeded");
        count.inc();
        seconds.observe(0.02);
        prometheus.transitions(5, 2);
        prometheus.called("StartExecution", 3, 1);
        prometheus.measured(Vital::Commit { took: Duration::from_millis(3), appends: 7 });
        prometheus.measured(Vital::Recovery { took: Duration::from_millis(250), executions: 4 });
        let text = prometheus.text().unwrap();
        for line in [
            "darkroom_executions_started_total{state_machine=\"m\"} 1",
            "darkroom_executions_total{state_machine=\"m\",status=\"failed\"} 1",
            "darkroom_execution_duration_seconds_sum{state_machine=\"m\",status=\"failed\"} 1.5",
            "darkroom_tasks_total{kind=\"lambda\",resource=\"f\",outcome=\"succeeded\"} 1",
            "darkroom_task_duration_seconds_count{kind=\"lambda\",resource=\"f\"} 1",
            "darkroom_state_transitions_total 5",
            "darkroom_state_transitions_held_up_total 2",
            "darkroom_api_calls_total{action=\"StartExecution\"} 3",
            "darkroom_api_throttled_total{action=\"StartExecution\"} 1",
            "darkroom_commit_duration_seconds_count 1",
            "darkroom_commit_executions_total 7",
            "darkroom_recovery_duration_seconds 0.25",
            "darkroom_recovered_executions 4",
            "# EOF",
        ] {
            assert!(text.lines().any(|its| its == line), "`{line}` is not in:\n{text}");
        }
    }
}
