//! Executions in traces: what a task is told, what its children belong to, and the segments that histories are.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Limits, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{Append, ExecutionKey, MemoryStore, Settings, Store, Traced};
use darkroom_engine::{
    Answer, Beginning, Config, Engine, Invocation, NewStateMachine, Observer, OsRandom, Parked, SystemClock,
    TaskExecutor, arn, segment,
};
use darkroom_trace::{Segment, SpanId, TraceHeader};

const OWNER: &str = "arn:aws:states:us-east-1:000000000000";
const PATIENCE: Duration = Duration::from_secs(30);

/// Passes on the headers that tasks are called with; fails those that are given a 1.
struct Called(Mutex<Sender<Option<TraceHeader>>>);

impl TaskExecutor for Called {
    fn start(&self, invocation: Invocation, answer: Answer) {
        self.0.lock().unwrap().send(invocation.trace_header()).unwrap();
        let input = invocation.request.scheduled.input.text();
        let reason = || Reason { error: Some("E".into()), cause: Some("because".into()) };
        answer.give(if &**input == "1" { Err(reason()) } else { Ok(Payload::from_trusted("2")) });
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

struct Ends(Mutex<Sender<Text>>);

impl Observer for Ends {
    fn committed(&self, appends: &[Append]) {
        for append in appends.iter().filter(|append| append.end.is_some()) {
            self.0.lock().unwrap().send(append.identity.execution_name.clone()).unwrap();
        }
    }

    fn parked(&self, parked: &Parked) {
        panic!("{parked:?}");
    }
}

struct Running {
    engine: Engine,
    called: Receiver<Option<TraceHeader>>,
    ended: Receiver<Text>,
}

fn start() -> Running {
    let ((call, called), (end, ended)) = (channel(), channel());
    let engine = Engine::start(Config {
        store: Arc::new(MemoryStore::default()),
        executor: Arc::new(Called(Mutex::new(call))),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Ends(Mutex::new(end))),
        limits: Limits::default(),
        shards: 1,
        audit: true,
    })
    .unwrap();
    Running { engine, called, ended }
}

impl Running {
    fn create(&self, name: &str, traces: bool, definition: &str) -> Text {
        let arn: Text = format!("{OWNER}:stateMachine:{name}").into();
        let tracing = format!("{{\"enabled\":{traces}}}").into();
        let machine = NewStateMachine {
            arn: arn.clone(),
            name: name.into(),
            definition: definition.into(),
            role_arn: "role".into(),
            machine_type: MachineType::Standard,
            settings: Settings { logging: "{}".into(), tracing, encryption: "{}".into() },
            creation: "{}".into(),
            tags: Vec::new(),
            publish: None,
        };
        self.engine.create_state_machine(machine).unwrap();
        arn
    }

    /// Runs an execution to its end.
    fn run(&self, machine: &Text, name: &str, upstream: Option<&str>, input: &str) {
        let target = self.engine.target(machine).unwrap();
        let arn = arn::of_execution(machine, &target.machine.name, name);
        let identity = self.engine.identity(&target, arn, name, upstream);
        let parsed = self.engine.machine(&target.revision.definition).unwrap();
        let input = Payload::parse(input).unwrap();
        self.engine.start_execution(identity, &target.revision.definition, &parsed, input).unwrap();
        while *self.ended.recv_timeout(PATIENCE).unwrap() != *name {}
    }

    fn segments(&self, traced: Traced) -> Vec<Segment> {
        let store: &dyn Store = self.engine.store().as_ref();
        let found = store.traced(traced, 9).unwrap();
        let segment = |execution| {
            let beginning = Beginning::read(store, execution).unwrap();
            let execution = store.execution_by_key(execution).unwrap().unwrap().summary();
            let header = segment::kept_trace(&execution.identity).unwrap();
            segment::of_execution(&execution, header, &beginning.events)
        };
        found.iter().map(|execution| segment(execution.key)).collect()
    }
}

fn task(input: &str) -> String {
    format!(
        r#"{{"StartAt": "Try", "States": {{
            "Try": {{"Type": "Map", "ItemsPath": "$", "ResultPath": null, "Next": "Nest", "ItemProcessor": {{
                "StartAt": "Call", "States": {{"Call": {{"Type": "Task",
                    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
                    "Catch": [{{"ErrorEquals": ["E"], "Next": "Done"}}], "Next": "Done"}},
                    "Done": {{"Type": "Pass", "End": true}}}}}}}},
            "Nest": {{"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "End": true,
                "Parameters": {{"StateMachineArn": "{OWNER}:stateMachine:inner", "Name": "{input}"}}}}}}}}"#
    )
}

const PASS: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
const UPSTREAM: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

/// The names of a segment and of what lies in it, indented.
fn outline(segment: &Segment, depth: usize) -> Vec<String> {
    let flags = segment.flags;
    let mark =
        [("!", flags.fault), ("?", flags.error)].into_iter().filter(|(_, is)| *is).map(|(mark, _)| mark);
    let own = format!("{}{}{}", " ".repeat(depth), segment.name, mark.collect::<String>());
    let parts = segment.subsegments.iter().flat_map(|part| outline(part, depth + 1));
    std::iter::once(own).chain(parts).collect()
}

#[test]
fn a_trace_that_is_kept_is_followed_through_tasks_and_nested_executions() {
    let running = start();
    running.create("inner", false, PASS);
    let machine = running.create("outer", false, &task("child"));
    running.run(&machine, "e", Some(UPSTREAM), "[0, 1]");

    let upstream: TraceHeader = UPSTREAM.parse().unwrap();
    let [inner, outer] = running.segments(Traced::Of(upstream.root)).try_into().unwrap();
    let expected = [
        "outer",
        " Try",
        "  Call",
        "   Lambda",
        "  Call?",
        "   Lambda!",
        "  Done",
        "  Done",
        " Nest",
        "  StepFunctions",
    ];
    assert_eq!(outline(&outer, 0), expected);
    assert_eq!(outline(&inner, 0), ["inner", " P"]);
    assert_eq!(outer.parent, upstream.parent);
    for part in outer.all() {
        assert!(part.ended_us.is_some_and(|ended| ended >= part.started_us), "{part:?}");
        for lower in &part.subsegments {
            assert_eq!(lower.parent, Some(part.id));
        }
    }
    let calls = outer.all().into_iter().filter(|part| part.namespace.is_some()).map(|part| part.id);
    let calls: Vec<SpanId> = calls.collect();
    assert_eq!(inner.parent, calls.last().copied());
    for call in &calls[..2] {
        let told = running.called.recv_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(told, upstream.under(*call), "a call names the attempt that it is");
    }
    assert_eq!(running.segments(Traced::Of(upstream.root)), [inner, outer], "the same each time");
}

#[test]
fn a_state_machine_that_traces_begins_a_trace_and_no_other_does() {
    let running = start();
    running.create("inner", false, PASS);
    let quiet = running.create("quiet", false, &task("of-quiet"));
    let traced = running.create("traced", true, &task("of-traced"));
    let unsampled = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0";
    running.run(&quiet, "a", None, "[0]");
    assert_eq!(running.called.recv_timeout(PATIENCE).unwrap(), None);
    running.run(&traced, "b", None, "[0]");
    let header = running.called.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(header.is_sampled(), "{header}");
    let [inner, outer] = running.segments(Traced::Of(header.root)).try_into().unwrap();
    assert_eq!((inner.name.as_str(), outer.name.as_str(), outer.parent), ("inner", "traced", None));

    let traced = running.create("again", true, &task("of-again"));
    running.run(&traced, "c", Some(unsampled), "[0]");
    assert_eq!(running.called.recv_timeout(PATIENCE).unwrap().unwrap().sampled, Some(false));
    assert_eq!(running.segments(Traced::Of(unsampled.parse::<TraceHeader>().unwrap().root)), []);
}
