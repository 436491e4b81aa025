//! How the engine and what is around it are just now, looked up when somebody asks: nothing here is counted as it happens,
//! and no look depends on how many executions there are.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use darkroom_engine::{Engine, Load, ShardsLoad};
use darkroom_services::endpoint::{Endpoints, Scope};
use darkroom_services::outbox::Outbox;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use serde_json::{Value, json};

use crate::platform;
use crate::server::{in_json, output};
use crate::tasks::service::{CallsLoad, ServiceTasks};

/// The longest to wait for what is asked of a service. Our choice: a look at `/metrics` may not hang on a busy disk; what
/// is not known in time stays as it was.
const ASKED_MAX: Duration = Duration::from_millis(40);

type Labels = [(&'static str, &'static str); 1];
type Gauges = Family<Labels, Gauge>;

/// What is looked at.
pub struct Watched {
    /// How much it has to do.
    pub engine: Arc<Engine>,
    /// The tasks' calls.
    pub tasks: Arc<ServiceTasks>,
    /// The engine's file.
    pub store: PathBuf,
    /// What waits to be delivered.
    pub deliveries: Outbox,
    /// The queue of dead letters, where the server has one.
    pub dead_letters: Option<DeadLetters>,
}

/// The queue of dead letters.
pub struct DeadLetters {
    /// Reaches it.
    pub endpoints: Arc<Endpoints>,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// Its name.
    pub queue: String,
}

/// What was seen last.
pub struct Health {
    in_memory: Gauges,
    timed: Gauges,
    asleep: Gauge,
    starting: Gauge,
    inputs: Gauges,
    committing: Gauge,
    calls: Gauges,
    activity_tasks: Gauge,
    deliveries: Gauge,
    dead_letters: Gauge,
    resident_bytes: Gauge,
    store_bytes: Gauge,
}

impl Health {
    /// Nothing was looked at yet. What is seen goes into this registry.
    pub fn new(registry: &mut Registry) -> Self {
        let health = Self {
            in_memory: Gauges::default(),
            timed: Gauges::default(),
            asleep: Gauge::default(),
            starting: Gauge::default(),
            inputs: Gauges::default(),
            committing: Gauge::default(),
            calls: Gauges::default(),
            activity_tasks: Gauge::default(),
            deliveries: Gauge::default(),
            dead_letters: Gauge::default(),
            resident_bytes: Gauge::default(),
            store_bytes: Gauge::default(),
        };
        let help = "Executions that are open and in memory";
        registry.register("executions_in_memory", help, health.in_memory.clone());
        let help =
            "Executions in memory that a time comes for: the end of a Wait or before a retry, a timeout";
        registry.register("executions_timed", help, health.timed.clone());
        let help = "Executions that are open, only wait, and are on the disk alone";
        registry.register("executions_asleep", help, health.asleep.clone());
        registry.register("starts_waiting", "Starts that wait for the disk", health.starting.clone());
        let help = "What was told to executions and waits for a turn, or for its turn to be taken over";
        registry.register("inputs_waiting", help, health.inputs.clone());
        let help = "Executions' parts of turns that are on their way to the disk";
        registry.register("commits_waiting", help, health.committing.clone());
        let help = "Calls of tasks: those that are under way, and those that wait for a place among them";
        registry.register("task_calls", help, health.calls.clone());
        let help = "Tasks of activities that wait for a worker";
        registry.register("activity_tasks_waiting", help, health.activity_tasks.clone());
        let help = "What topics, rules and alarms have still to deliver";
        registry.register("deliveries_waiting", help, health.deliveries.clone());
        let help = "Messages in the queue of dead letters, those out of sight among them";
        registry.register("dead_letters", help, health.dead_letters.clone());
        let help = "Memory of this process that is in the machine's";
        registry.register_with_unit("resident_memory", help, Unit::Bytes, health.resident_bytes.clone());
        let help = "The engine's file and its log";
        registry.register_with_unit("store_size", help, Unit::Bytes, health.store_bytes.clone());
        health
    }

    /// Looks at everything.
    pub async fn look(&self, watched: &Watched) {
        let Watched { engine, tasks, store, deliveries, dead_letters } = watched;
        self.show(&engine.load(), tasks.load());
        set(&self.store_bytes, store_bytes(store));
        if let Some(bytes) = platform::resident_bytes(std::process::id()) {
            set(&self.resident_bytes, bytes);
        }
        let (waiting, letters) = tokio::join!(
            tokio::time::timeout(ASKED_MAX, deliveries.waiting(0)),
            tokio::time::timeout(ASKED_MAX, messages(dead_letters.as_ref())),
        );
        if let Ok(Ok((_, count))) = waiting {
            set(&self.deliveries, count);
        }
        if let Ok(Some(count)) = letters {
            set(&self.dead_letters, count);
        }
    }

    fn show(&self, load: &Load, calls: CallsLoad) {
        let Load { standard, express, asleep, starting, committing, activity_tasks } = load;
        for (of, shards) in [("standard", standard), ("express", express)] {
            let ShardsLoad { in_memory, timed, inputs } = shards;
            for (gauges, number) in
                [(&self.in_memory, in_memory), (&self.timed, timed), (&self.inputs, inputs)]
            {
                set(&gauges.get_or_create_owned(&[("type", of)]), number_of(*number));
            }
        }
        set(&self.asleep, number_of(*asleep));
        set(&self.starting, number_of(*starting));
        set(&self.committing, number_of(*committing));
        set(&self.activity_tasks, number_of(*activity_tasks));
        for (state, number) in [("under_way", calls.under_way), ("waiting", calls.waiting)] {
            set(&self.calls.get_or_create_owned(&[("state", state)]), number_of(number));
        }
    }
}

fn set(gauge: &Gauge, number: u64) {
    gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
}

fn number_of(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn store_bytes(store: &std::path::Path) -> u64 {
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let mut log = store.to_owned().into_os_string();
    log.push("-wal");
    size(store.to_owned()) + size(log.into())
}

/// How many messages the queue has; `None` where that is not known.
async fn messages(queue: Option<&DeadLetters>) -> Option<u64> {
    let queue = queue?;
    let found = queue.ask("GetQueueUrl", &json!({ "QueueName": queue.queue })).await?;
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let input = json!({ "QueueUrl": found["QueueUrl"], "AttributeNames": names });
    let attributes = queue.ask("GetQueueAttributes", &input).await?;
    let counts = names.iter().map(|name| attributes["Attributes"][name].as_str()?.parse::<u64>().ok());
    counts.sum()
}

impl DeadLetters {
    async fn ask(&self, action: &str, input: &Value) -> Option<Value> {
        let Self { endpoints, region, account, .. } = self;
        let scope = Scope { service: "sqs", host_prefix: "sqs", region, account };
        let target = format!("AmazonSQS.{action}");
        let answer = endpoints.send(scope, in_json(&target, input).ok()?).await.ok()?;
        output(&target, &answer).ok()?.ok()
    }
}
