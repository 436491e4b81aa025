//! What is counted of histories, held to the whole list of metrics, and an alarm that comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use darkroom_asl::data::Timestamp;
use darkroom_asl::failure::names as errors;
use darkroom_asl::interpreter::event::{
    BranchId, EventId, EventKind, HistoryEvent, Reason, StateType, Target, TaskScheduled,
};
use darkroom_asl::interpreter::{Identity, Qualifiers};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::Clock;
use darkroom_engine::store::{
    Append, Batch, DefinitionKey, End, EndStatus, ExecutionKey, MemoryStore, NewExecution, Redrive, Store,
};
use darkroom_gateway::Used;
use darkroom_services::cloudwatch::{Bucket, MINUTE_MS, Minute, Series};
use darkroom_services::endpoint::{Endpoints, Scope};
use darkroom_services::roles::Roles;
use darkroom_services::s3::Folders;
use darkroom_services::tasks::HttpSettings;
use darkroom_services::wire::Home;
use darkroom_services::{Services, Settings};
use serde_json::{Value, json};

use super::Prometheus;
use super::count::Counter;
use super::part::Part;
use crate::serve::shipped_alarms;
use crate::server::{in_json, output};

/// When it all begins: at a full minute.
const BEGIN_MS: i64 = 1_750_000_020_000;
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:a";

/// A clock that the test sets.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Histories that are made by hand, stored and counted.
struct World {
    clock: Arc<Hand>,
    store: Arc<MemoryStore>,
    counter: Counter,
    /// The last event of each execution.
    last: BTreeMap<i64, u32>,
    qualifiers: Qualifiers,
}

fn payload(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

fn reason(error: &str) -> Reason {
    Reason { error: Some(error.into()), cause: None }
}

fn entered() -> EventKind {
    EventKind::StateEntered {
        state_type: StateType::Task,
        name: "T".into(),
        input: payload("{}"),
        wake_at: None,
    }
}

fn scheduled(target: &Target) -> EventKind {
    EventKind::TaskScheduled(TaskScheduled {
        target: target.clone(),
        region: "us-east-1".into(),
        input: payload("{}"),
        timeout_seconds: None,
        heartbeat_seconds: None,
        credentials_role_arn: None,
    })
}

fn started(target: &Target) -> EventKind {
    EventKind::TaskStarted { target: target.clone(), worker_name: None }
}

fn functions() -> Target {
    Target::LambdaFunction { resource: FUNCTION.into() }
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Hand(AtomicI64::new(BEGIN_MS)));
        let store = Arc::new(MemoryStore::default());
        store.put_definition(&DefinitionKey::from("d"), "{}").unwrap();
        let (prometheus, usage) = (Arc::new(Prometheus::new()), Arc::default());
        let counter = Counter::new(store.clone(), clock.clone(), prometheus, usage);
        Self { clock, store, counter, last: BTreeMap::new(), qualifiers: Qualifiers::default() }
    }

    fn wait(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    fn append(&mut self, key: i64, kinds: impl IntoIterator<Item = EventKind>) -> Append {
        let (last, now) = (self.last.entry(key).or_default(), self.clock.now());
        let events = kinds.into_iter().map(|kind| {
            *last += 1;
            HistoryEvent {
                id: EventId(*last),
                previous_event_id: EventId(*last - 1),
                timestamp: now,
                branch: BranchId::ROOT,
                retry: None,
                kind,
            }
        });
        let events = events.collect();
        let identity = Identity {
            execution_arn: format!("arn:aws:states:us-east-1:000000000000:execution:m:{key}").into(),
            execution_name: key.to_string().into(),
            state_machine_arn: MACHINE.into(),
            state_machine_name: "m".into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            qualifiers: self.qualifiers.clone(),
            revision_id: None,
            trace_header: None,
        };
        let (identity, key) = (Arc::new(identity), ExecutionKey(key));
        Append { key, identity, start: None, redrive: None, sleep: None, events, end: None }
    }

    /// Part of an execution becomes durable, and is counted.
    fn commit(&mut self, append: Append) {
        let part = Part::of(&append, self.clock.now());
        if !append.key.is_express() {
            self.store.commit(&Batch { appends: vec![append] }).unwrap();
        }
        if let Some(part) = part {
            self.counter.count(&part);
        }
    }

    fn start(&mut self, key: i64) {
        let began = EventKind::ExecutionStarted {
            input: payload(r#"{"n":1}"#),
            role_arn: "r".into(),
            qualifiers: self.qualifiers.clone(),
        };
        let start = NewExecution {
            definition: DefinitionKey::from("d"),
            input: payload(r#"{"n":1}"#),
            started_at: self.clock.now(),
            parent: None,
        };
        let append = self.append(key, [began]);
        let start = (!append.key.is_express()).then_some(start);
        self.commit(Append { start, ..append });
    }

    fn goes_on(&mut self, key: i64, kinds: impl IntoIterator<Item = EventKind>) {
        let append = self.append(key, kinds);
        self.commit(append);
    }

    fn end(&mut self, key: i64, status: EndStatus) {
        let kind = match &status {
            EndStatus::Succeeded(output) => EventKind::ExecutionSucceeded { output: output.clone() },
            EndStatus::Failed(reason) => EventKind::ExecutionFailed(reason.clone()),
            EndStatus::TimedOut(reason) => EventKind::ExecutionTimedOut(reason.clone()),
            EndStatus::Aborted(reason) => EventKind::ExecutionAborted(reason.clone()),
        };
        let end = Some(End { status, ended_at: self.clock.now() });
        let append = self.append(key, [kind]);
        self.commit(Append { end, ..append });
    }

    fn redrive(&mut self, key: i64, count: u32) {
        let kind = EventKind::ExecutionRedriven { redrive_count: count, client_token: None };
        let redrive = Some(Redrive { count, at: self.clock.now() });
        let append = self.append(key, [kind]);
        self.commit(Append { redrive, ..append });
    }

    /// A task of each outcome, with ten milliseconds before each step.
    fn tasks(&mut self, key: i64, target: &Target) {
        let outcomes = [
            EventKind::TaskSucceeded { target: target.clone(), output: payload("{}") },
            EventKind::TaskFailed { target: target.clone(), reason: reason("E") },
            EventKind::TaskTimedOut { target: target.clone(), reason: reason(errors::TIMEOUT) },
            EventKind::TaskTimedOut { target: target.clone(), reason: reason(errors::HEARTBEAT_TIMEOUT) },
        ];
        for outcome in outcomes {
            self.goes_on(key, [entered(), scheduled(target)]);
            self.wait(10);
            self.goes_on(key, [started(target)]);
            self.wait(20);
            self.goes_on(key, [outcome]);
        }
    }

    fn taken(&mut self) -> Vec<(Series, Vec<(Minute, Bucket)>)> {
        self.counter.take_values()
    }
}

/// The sums and the numbers of values, by metric and by dimensions as `Name=value`, all minutes taken together.
fn sums(taken: &[(Series, Vec<(Minute, Bucket)>)]) -> BTreeMap<(String, String), (f64, f64)> {
    let mut sums = BTreeMap::new();
    for (series, minutes) in taken {
        let pairs = series.metric.dimensions().iter().map(|(name, value)| format!("{name}={value}"));
        let key = (series.metric.name.clone(), pairs.collect::<Vec<_>>().join(" "));
        let sum: &mut (f64, f64) = sums.entry(key).or_default();
        for (_, bucket) in minutes {
            *sum = (sum.0 + bucket.sum, sum.1 + bucket.sample_count);
        }
    }
    sums
}

/// Every metric of AWS/States: its name, its unit, and the dimensions that it is told with.
const METRICS: &[(&[&str], &str, &[&str])] = &[
    (
        &["ExecutionTime"],
        "Milliseconds",
        &["", "StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (
        &[
            "ExecutionThrottled",
            "ExecutionsAborted",
            "ExecutionsFailed",
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsTimedOut",
        ],
        "Count",
        &["", "StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (
        &[
            "ExecutionsRedriven",
            "RedrivenExecutionsAborted",
            "RedrivenExecutionsFailed",
            "RedrivenExecutionsSucceeded",
            "RedrivenExecutionsTimedOut",
        ],
        "Count",
        &["StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (
        &["RedrivenExecutionsTimeToRedrive"],
        "Milliseconds",
        &["StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (
        &["ExpressExecutionBilledDuration"],
        "Milliseconds",
        &["", "StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (
        &["ExpressExecutionBilledMemory"],
        "Bytes",
        &["", "StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (
        &["ExpressExecutionMemory"],
        "Bytes",
        &["StateMachineArn", "StateMachineArn Version", "Alias StateMachineArn"],
    ),
    (&["ActivityRunTime", "ActivityScheduleTime", "ActivityTime"], "Milliseconds", &["", "ActivityArn"]),
    (
        &[
            "ActivitiesFailed",
            "ActivitiesHeartbeatTimedOut",
            "ActivitiesScheduled",
            "ActivitiesStarted",
            "ActivitiesSucceeded",
            "ActivitiesTimedOut",
        ],
        "Count",
        &["", "ActivityArn"],
    ),
    (
        &["LambdaFunctionRunTime", "LambdaFunctionScheduleTime", "LambdaFunctionTime"],
        "Milliseconds",
        &["LambdaFunctionArn"],
    ),
    (
        &[
            "LambdaFunctionsFailed",
            "LambdaFunctionsScheduled",
            "LambdaFunctionsStarted",
            "LambdaFunctionsSucceeded",
            "LambdaFunctionsTimedOut",
        ],
        "Count",
        &["LambdaFunctionArn"],
    ),
    (
        &["ServiceIntegrationRunTime", "ServiceIntegrationScheduleTime", "ServiceIntegrationTime"],
        "Milliseconds",
        &["ServiceIntegrationResourceArn"],
    ),
    (
        &[
            "ServiceIntegrationsFailed",
            "ServiceIntegrationsScheduled",
            "ServiceIntegrationsStarted",
            "ServiceIntegrationsSucceeded",
            "ServiceIntegrationsTimedOut",
        ],
        "Count",
        &["ServiceIntegrationResourceArn"],
    ),
    (
        &["ConsumedCapacity", "ThrottledEvents"],
        "Count",
        &["APIName", "ServiceMetric", "ServiceMetric StateMachineArn"],
    ),
    // There is no rate at which a bucket is filled again: `ProvisionedRefillRate` has no value.
    (&["ProvisionedBucketSize"], "Count", &["APIName"]),
];

#[test]
fn every_metric_is_told_with_its_unit_and_its_dimensions_and_no_other_is() {
    let mut world = World::new();
    let arn = |end: &str| Some(Text::from(format!("{MACHINE}:{end}")));
    world.qualifiers = Qualifiers { version_arn: arn("3"), alias_arn: arn("PROD") };
    world.start(1);
    let service = Target::Service { resource_type: "sqs".into(), resource: "sendMessage".into() };
    for target in [functions(), Target::Activity { resource: ACTIVITY.into() }, service] {
        world.tasks(1, &target);
    }
    // Held up.
    let late = world.append(1, [entered()]);
    world.wait(5_000);
    world.commit(late);
    // Each ending, and each after a redrive.
    world.end(1, EndStatus::Failed(reason("E")));
    for (count, status) in [
        EndStatus::Failed(reason("E")),
        EndStatus::TimedOut(Reason::default()),
        EndStatus::Aborted(Reason::default()),
        EndStatus::Succeeded(payload("{}")),
    ]
    .into_iter()
    .enumerate()
    {
        world.wait(100);
        world.redrive(1, u32::try_from(count).unwrap() + 1);
        world.end(1, status);
    }
    // Express.
    world.start(-1);
    world.wait(130);
    world.end(-1, EndStatus::Succeeded(payload("{}")));
    let now = world.clock.now();
    world.counter.count_calls(Used { action: "StartExecution", calls: 3, throttled: 1 }, now);

    let found: BTreeSet<(String, String, String)> = world
        .taken()
        .iter()
        .map(|(series, _)| {
            let names = series.metric.dimensions().iter().map(|(name, _)| name.as_str());
            let names = names.collect::<Vec<_>>().join(" ");
            (series.metric.name.clone(), series.unit.to_string(), names)
        })
        .collect();
    let mut expected = BTreeSet::new();
    for (metrics, unit, dimensions) in METRICS {
        for (metric, dimensions) in
            metrics.iter().flat_map(|name| dimensions.iter().map(move |of| (name, of)))
        {
            expected.insert(((*metric).to_owned(), (*unit).to_owned(), (*dimensions).to_owned()));
        }
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    let more: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:?}\nnot in the list: {more:?}");
}

#[test]
fn counts_and_times_are_those_of_the_history() {
    let mut world = World::new();
    world.start(1);
    world.tasks(1, &functions());
    world.end(1, EndStatus::Failed(reason("E")));
    world.wait(500);
    world.redrive(1, 1);
    world.wait(7);
    world.end(1, EndStatus::Succeeded(payload("{}")));
    let found = sums(&world.taken());
    let machine = format!("StateMachineArn={MACHINE}");
    let function = format!("LambdaFunctionArn={FUNCTION}");
    for (name, of, sum, count) in [
        ("ExecutionsStarted", machine.as_str(), 1.0, 1.0),
        ("ExecutionsStarted", "", 1.0, 1.0),
        ("ExecutionsFailed", &machine, 1.0, 1.0),
        ("ExecutionsSucceeded", &machine, 1.0, 1.0),
        ("ExecutionsRedriven", &machine, 1.0, 1.0),
        ("RedrivenExecutionsSucceeded", &machine, 1.0, 1.0),
        ("RedrivenExecutionsTimeToRedrive", &machine, 500.0, 1.0),
        // Four tasks of 30 ms until the first end; and from the same start to the second.
        ("ExecutionTime", &machine, 120.0 + 627.0, 2.0),
        ("LambdaFunctionsScheduled", &function, 4.0, 4.0),
        ("LambdaFunctionsTimedOut", &function, 2.0, 2.0),
        ("LambdaFunctionScheduleTime", &function, 40.0, 4.0),
        ("LambdaFunctionRunTime", &function, 80.0, 4.0),
        ("LambdaFunctionTime", &function, 120.0, 4.0),
        ("ConsumedCapacity", "ServiceMetric=StateTransition", 4.0, 1.0),
        ("ThrottledEvents", "ServiceMetric=StateTransition", 0.0, 1.0),
    ] {
        assert_eq!(found.get(&(name.to_owned(), of.to_owned())), Some(&(sum, count)), "{name} {of}");
    }
    assert!(
        !found.keys().any(|(name, _)| name == "ExecutionThrottled"),
        "AWS tells it only where there is any"
    );
}

#[test]
fn a_redriven_execution_counts_as_such_after_a_restart_too() {
    let mut world = World::new();
    world.start(1);
    world.end(1, EndStatus::Failed(reason("E")));
    world.redrive(1, 1);
    // Another process, with the same store.
    let (prometheus, usage) = (Arc::new(Prometheus::new()), Arc::default());
    world.counter = Counter::new(world.store.clone(), world.clock.clone(), prometheus, usage);
    world.wait(40);
    world.end(1, EndStatus::Aborted(Reason::default()));
    let found = sums(&world.taken());
    let machine = format!("StateMachineArn={MACHINE}");
    for (name, sum) in
        [("RedrivenExecutionsAborted", 1.0), ("ExecutionsAborted", 1.0), ("ExecutionTime", 40.0)]
    {
        assert_eq!(found.get(&(name.to_owned(), machine.clone())), Some(&(sum, 1.0)), "{name}");
    }
}

#[test]
fn an_express_execution_counts_what_its_caller_is_told() {
    let mut world = World::new();
    world.start(-5);
    world.wait(130);
    world.end(-5, EndStatus::Succeeded(payload("{}")));
    let found = sums(&world.taken());
    let machine = format!("StateMachineArn={MACHINE}");
    for (name, sum) in [
        ("ExecutionsStarted", 1.0),
        ("ExecutionsSucceeded", 1.0),
        ("ExecutionTime", 130.0),
        ("ExpressExecutionBilledDuration", 200.0),
        ("ExpressExecutionBilledMemory", 64.0 * 1024.0 * 1024.0),
        ("ExpressExecutionMemory", 50.0 * 1024.0 * 1024.0 + 7.0),
    ] {
        assert_eq!(found.get(&(name.to_owned(), machine.clone())), Some(&(sum, 1.0)), "{name}");
    }
}

#[test]
fn a_transition_is_held_up_that_waits_for_more_than_a_second() {
    let retried = || EventKind::TaskFailed { target: functions(), reason: reason("E") };
    for (kinds, waited_ms, expected) in [
        (vec![entered(), scheduled(&functions())], 1_000, 0),
        (vec![entered(), scheduled(&functions())], 1_001, 1),
        (vec![entered(), entered(), entered()], 60_000, 3),
        // A retry follows a failure, which may have been durable before.
        (vec![retried(), scheduled(&functions())], 2_000, 1),
        (vec![scheduled(&functions())], 2_000, 1),
        (vec![started(&functions())], 2_000, 0),
    ] {
        let mut world = World::new();
        world.start(1);
        let append = world.append(1, kinds);
        world.wait(waited_ms);
        let held_up = Part::of(&append, world.clock.now()).map_or(0, |part| part.transitions.held_up);
        assert_eq!(held_up, expected, "{:?} after {waited_ms} ms", append.events);
    }
}

#[tokio::test]
async fn the_throttled_alarm_rings_when_the_disk_holds_transitions_up_and_is_quiet_again() {
    let mut world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicI64::new(BEGIN_MS));
    let endpoints = Arc::<Endpoints>::default();
    let services = Services::open(
        Settings {
            home: Home {
                region: "us-east-1".into(),
                account: "000000000000".into(),
                url: "http://localhost".into(),
            },
            data: folder.path().to_owned(),
            folders: Folders { root: folder.path().join("buckets"), elsewhere: BTreeMap::new() },
            endpoints: endpoints.clone(),
            functions: BTreeMap::new(),
            mail: None,
            http: HttpSettings::default(),
            roles: Arc::new(Roles::none()),
            clock: darkroom_services::clock::Clock::Manual(now_ms.clone()),
            segments: None,
        },
        |_| Vec::new(),
    )
    .unwrap();
    let call = async |action: &str, input: &Value| {
        let scope = Scope {
            service: "monitoring",
            host_prefix: "monitoring",
            region: "us-east-1",
            account: "000000000000",
        };
        let target = format!("GraniteServiceVersion20100801.{action}");
        let answer = endpoints.send(scope, in_json(&target, input).unwrap()).await.unwrap();
        if answer.body().is_empty() { Value::Null } else { output(&target, &answer).unwrap().unwrap() }
    };
    for alarm in shipped_alarms(MACHINE, "arn:aws:sns:us-east-1:000000000000:t") {
        call("PutMetricAlarm", &alarm).await;
    }
    let name = "darkroom-execution-throttled";
    let state = async || {
        let found = call("DescribeAlarms", &json!({ "AlarmNames": [name] })).await;
        found["MetricAlarms"][0]["StateValue"].as_str().unwrap().to_owned()
    };
    world.start(1);
    let mut states = Vec::new();
    // The disk takes two seconds for everything for eleven minutes, and then it does not.
    for minute in 0..30 {
        let append = world.append(1, [entered()]);
        world.wait(if minute < 11 { 2_000 } else { 5 });
        world.commit(append);
        let values = world.taken();
        let points = values.iter().flat_map(|(series, minutes)| {
            minutes.iter().map(move |(minute, bucket)| (series, *minute, bucket))
        });
        services.metrics.record(points);
        let left = MINUTE_MS - world.clock.now().as_millis().rem_euclid(MINUTE_MS);
        world.wait(left);
        now_ms.store(world.clock.now().as_millis() + 5_000, Ordering::SeqCst);
        services.metrics.evaluate().await.unwrap();
        let now = state().await;
        if states.last() != Some(&now) {
            states.push(now);
        }
    }
    assert_eq!(states, ["OK", "ALARM", "OK"]);
}
