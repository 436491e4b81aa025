//! The running engine and the tasks that it answers itself, on several shards and across restarts.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent, Reason, wire};
use darkroom_asl::interpreter::{Identity, Limits, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{
    Append, Batch, End, EndStatus, ExecutionKey, ExecutionStatus, MemoryStore, Settings, Store,
};
use darkroom_engine::{
    ActivityTask, Answer, Config, Engine, Invocation, NewStateMachine, Observer, OsRandom, Parked, Poller,
    Report, ReportError, StartError, SystemClock, TaskExecutor, arn,
};

const OWNER: &str = "arn:aws:states:us-east-1:000000000000";
const PATIENCE: Duration = Duration::from_secs(30);

/// Leaves every other task open, and lets state machines of one name start nothing.
struct NoTasks;

impl TaskExecutor for NoTasks {
    fn start(&self, _: Invocation, answer: Answer) {
        answer.withhold();
    }

    fn refusal(&self, invocation: &Invocation) -> Option<Reason> {
        let reason = Reason { error: Some("Forbidden".into()), cause: None };
        (&*invocation.identity.state_machine_name == "forbidden").then_some(reason)
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

/// Passes on the names and states of executions that have ended.
struct Ends(Mutex<std::sync::mpsc::Sender<(Text, ExecutionStatus)>>);

impl Observer for Ends {
    fn committed(&self, appends: &[Append]) {
        for append in appends {
            if let Some(end) = &append.end {
                let name = append.identity.execution_name.clone();
                // A test that has seen enough listens no more.
                let _ = self.0.lock().unwrap().send((name, end.status.status()));
            }
        }
    }

    fn parked(&self, parked: &Parked) {
        panic!("{parked:?}");
    }
}

struct Running {
    engine: Engine,
    ends: Receiver<(Text, ExecutionStatus)>,
}

fn start(store: &MemoryStore) -> Running {
    let (tell, ends) = channel();
    let engine = Engine::start(Config {
        store: Arc::new(store.clone()),
        executor: Arc::new(NoTasks),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Ends(Mutex::new(tell))),
        limits: Limits::default(),
        shards: 4,
        audit: true,
    })
    .unwrap();
    Running { engine, ends }
}

impl Running {
    fn create(&self, name: &str, machine_type: MachineType, definition: &str) -> Text {
        let arn: Text = format!("{OWNER}:stateMachine:{name}").into();
        self.engine
            .create_state_machine(NewStateMachine {
                arn: arn.clone(),
                name: name.into(),
                definition: definition.into(),
                role_arn: "role".into(),
                machine_type,
                settings: Settings { logging: "{}".into(), tracing: "{}".into(), encryption: "{}".into() },
                creation: "{}".into(),
                tags: Vec::new(),
                publish: None,
            })
            .unwrap();
        arn
    }

    fn identity(&self, machine: &Text, name: &str) -> Arc<Identity> {
        let target = self.engine.target(machine).unwrap();
        let machine_name = &target.machine.name;
        let arn = match target.machine.machine_type {
            MachineType::Standard => arn::of_execution(machine, machine_name, name),
            MachineType::Express => arn::of_express(machine, machine_name, name, "1"),
        };
        self.engine.identity(&target, arn, name, None)
    }

    fn start(&self, machine: &Text, name: &str, input: &str) -> Text {
        let target = self.engine.target(machine).unwrap();
        let parsed = self.engine.machine(&target.revision.definition).unwrap();
        let input = Payload::parse(input).unwrap();
        let identity = self.identity(machine, name);
        self.engine.start_execution(identity, &target.revision.definition, &parsed, input).unwrap().arn
    }

    /// Waits for the end of the execution of this name.
    fn end(&self, name: &str) -> ExecutionStatus {
        loop {
            let (ended, status) = self.ends.recv_timeout(PATIENCE).unwrap();
            if *ended == *name {
                return status;
            }
        }
    }

    fn poll(&self, activity: &Text, name: &str) -> Receiver<ActivityTask> {
        let (tell, told) = sync_channel(1);
        self.engine.poll_activity(activity, Box::new(Worker { name: name.into(), tell })).unwrap();
        told
    }

    fn report(&self, token: &str, report: Report) -> Result<(), ReportError> {
        let (tell, told) = sync_channel(1);
        self.engine.submit_report(token, report, Box::new(move |taken| tell.send(taken).unwrap()));
        told.recv_timeout(PATIENCE).unwrap()
    }
}

struct Worker {
    name: Text,
    tell: SyncSender<ActivityTask>,
}

impl Poller for Worker {
    fn worker_name(&self) -> Option<Text> {
        Some(self.name.clone())
    }

    fn is_waiting(&self) -> bool {
        true
    }

    fn give(self: Box<Self>, task: ActivityTask) -> Result<(), ActivityTask> {
        self.tell.send(task).map_err(|error| error.0)
    }
}

fn types(history: &[HistoryEvent]) -> Vec<String> {
    history.iter().map(|event| wire::type_name(event).into_owned()).collect()
}

fn task(resource: &str, rest: &str) -> String {
    format!(
        r#"{{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "{resource}", {rest} "End": true}}}}}}"#
    )
}

const WAIT: &str = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": true}}}"#;
const PASS: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
const SYNC: &str = "arn:aws:states:::states:startExecution.sync";
const SYNC_2: &str = "arn:aws:states:::states:startExecution.sync:2";

#[test]
fn an_activity_s_tasks_are_given_away_once_across_restarts() {
    let store = MemoryStore::default();
    let activity: Text = format!("{OWNER}:activity:review").into();
    let running = start(&store);
    running.engine.create_activity(activity.clone(), "review".into(), "{}".into(), Vec::new()).unwrap();
    let machine = running.create("m", MachineType::Standard, &task(&activity, ""));
    for number in 0..6 {
        running.start(&machine, &format!("e{number}"), &number.to_string());
    }
    let first = running.poll(&activity, "a").recv_timeout(PATIENCE).unwrap();
    drop(running);

    let running = start(&store);
    let tasks: Vec<ActivityTask> =
        (1..6).map(|_| running.poll(&activity, "b").recv_timeout(PATIENCE).unwrap()).collect();
    let mut inputs: Vec<&str> = tasks.iter().map(|task| &**task.input.text()).collect();
    inputs.push(first.input.text());
    inputs.sort_unstable();
    assert_eq!(inputs, ["0", "1", "2", "3", "4", "5"], "each once");

    // A token from before the restart is good, once.
    running.report(&first.token, Report::Success(Payload::from_trusted("1.0"))).unwrap();
    let again = running.report(&first.token, Report::Success(Payload::from_trusted("2")));
    assert!(matches!(again, Err(ReportError::Closed)), "{again:?}");
    let name = format!("e{}", first.input.text());
    assert_eq!(running.end(&name), ExecutionStatus::Succeeded);
    drop(running);

    let running = start(&store);
    let late = running.report(&first.token, Report::Heartbeat);
    assert!(matches!(late, Err(ReportError::Closed)), "{late:?}");
    let forged = running.report(&first.token[1..], Report::Heartbeat);
    assert!(matches!(forged, Err(ReportError::InvalidToken)), "{forged:?}");
    for task in tasks {
        running.report(&task.token, Report::Failure(Reason::default())).unwrap();
    }
}

#[test]
fn a_task_of_an_activity_that_is_not_there_fails() {
    let store = MemoryStore::default();
    let running = start(&store);
    let activity = format!("{OWNER}:activity:gone");
    let machine = running.create("m", MachineType::Standard, &task(&activity, ""));
    running.start(&machine, "e", "{}");
    assert_eq!(running.end("e"), ExecutionStatus::Failed);
    let stored = store.execution(&format!("{OWNER}:execution:m:e")).unwrap().unwrap();
    let history = store.history(stored.key).unwrap();
    assert_eq!(types(&history)[3..], ["ActivityScheduleFailed", "ExecutionFailed"]);
}

#[test]
fn a_child_s_end_is_its_parent_s_task_s() {
    let store = MemoryStore::default();
    let running = start(&store);
    let fail = r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}}"#;
    running.create("pass", MachineType::Standard, PASS);
    running.create("fail", MachineType::Standard, fail);
    let parameters = |child: &str| {
        format!(r#""Parameters": {{"StateMachineArn": "{OWNER}:stateMachine:{child}", "Input.$": "$"}},"#)
    };
    for (number, (resource, child, expected)) in [
        (SYNC, "pass", Ok(r#""Output":"{\"n\":1.5}""#)),
        (SYNC_2, "pass", Ok(r#""Output":{"n":1.5}"#)),
        (SYNC_2, "fail", Err(r#"{"Cause":"C","Error":"E","ExecutionArn":"#)),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("parent-{number}");
        let machine = running.create(&name, MachineType::Standard, &task(resource, &parameters(child)));
        // Enough of them to be on other shards than their children.
        for number in 0..8 {
            let arn = running.start(&machine, &format!("{name}-{number}"), r#"{"n": 1.50}"#);
            running.end(&format!("{name}-{number}"));
            match store.execution(&arn).unwrap().unwrap().end.unwrap().status {
                EndStatus::Succeeded(output) => {
                    assert!(output.text().contains(expected.unwrap()), "{}", output.text());
                }
                EndStatus::Failed(Reason { error, cause }) => {
                    assert_eq!(error.as_deref(), Some("States.TaskFailed"));
                    assert!(cause.unwrap().starts_with(expected.unwrap_err()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn what_cannot_be_started_fails_the_task() {
    let store = MemoryStore::default();
    let running = start(&store);
    running.create("express", MachineType::Express, PASS);
    let wait = running.create("wait", MachineType::Standard, WAIT);
    running.start(&wait, "taken", "{}");
    let parameters = |child: &str, rest: &str| {
        format!(r#""Parameters": {{"StateMachineArn": "{OWNER}:stateMachine:{child}" {rest}}},"#)
    };
    for (number, (resource, parameters, failed, error)) in [
        (SYNC, parameters("none", ""), "TaskSubmitFailed", "StepFunctions.StateMachineDoesNotExistException"),
        (
            "arn:aws:states:::states:startExecution",
            parameters("none", ""),
            "TaskFailed",
            "StepFunctions.StateMachineDoesNotExistException",
        ),
        (
            SYNC,
            parameters("express", ""),
            "TaskSubmitFailed",
            "StepFunctions.StateMachineTypeNotSupportedException",
        ),
        (
            SYNC,
            parameters("wait", r#", "Name": "a b""#),
            "TaskSubmitFailed",
            "StepFunctions.InvalidNameException",
        ),
        (
            SYNC,
            parameters("wait", r#", "Name": "taken", "Input": 7"#),
            "TaskSubmitFailed",
            "StepFunctions.ExecutionAlreadyExistsException",
        ),
        (
            SYNC,
            parameters("wait", r#", "Input": "no json""#),
            "TaskSubmitFailed",
            "StepFunctions.InvalidExecutionInputException",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("m{number}");
        let machine = running.create(&name, MachineType::Standard, &task(resource, &parameters));
        let arn = running.start(&machine, &name, "{}");
        assert_eq!(running.end(&name), ExecutionStatus::Failed);
        let stored = store.execution(&arn).unwrap().unwrap();
        match stored.end.unwrap().status {
            EndStatus::Failed(reason) => assert_eq!(reason.error.as_deref(), Some(error)),
            other => panic!("{other:?}"),
        }
        assert_eq!(types(&store.history(stored.key).unwrap())[4], failed);
    }
}

#[test]
fn a_child_that_the_role_does_not_allow_is_not_started() {
    let store = MemoryStore::default();
    let running = start(&store);
    running.create("child", MachineType::Standard, PASS);
    let parameters =
        format!(r#""Parameters": {{"StateMachineArn": "{OWNER}:stateMachine:child", "Name": "c"}},"#);
    for (resource, failed) in
        [("arn:aws:states:::states:startExecution", "TaskFailed"), (SYNC, "TaskSubmitFailed")]
    {
        let machine = running.create("forbidden", MachineType::Standard, &task(resource, &parameters));
        let arn = running.start(&machine, failed, "{}");
        assert_eq!(running.end(failed), ExecutionStatus::Failed);
        let stored = store.execution(&arn).unwrap().unwrap();
        assert_eq!(types(&store.history(stored.key).unwrap())[4..], [failed, "ExecutionFailed"]);
        running.engine.delete_state_machine(&machine).unwrap();
    }
    assert!(store.execution(&format!("{OWNER}:execution:child:c")).unwrap().is_none());
}

#[test]
fn a_child_ends_with_the_parent_that_waits_for_it_even_after_a_crash() {
    let store = MemoryStore::default();
    let running = start(&store);
    running.create("child", MachineType::Standard, WAIT);
    let parameters = |name: &str| {
        format!(r#""Parameters": {{"StateMachineArn": "{OWNER}:stateMachine:child", "Name": "{name}"}},"#)
    };
    let waits = |name: &str| {
        running.create(name, MachineType::Standard, &task(SYNC, &parameters(&format!("of-{name}"))))
    };
    let (live, crashed) = (waits("live"), waits("crashed"));
    let parent = running.start(&live, "live", "{}");
    let orphaning = running.start(&crashed, "crashed", "{}");
    let child_of = |name: &str| store.execution(&format!("{OWNER}:execution:child:{name}")).unwrap();
    for name in ["of-live", "of-crashed"] {
        while child_of(name).is_none() {
            std::thread::yield_now();
        }
    }
    running.engine.stop_execution(&parent, Reason::default()).unwrap();
    assert_eq!(running.end("of-live"), ExecutionStatus::Aborted);
    drop(running);

    // The crash comes between the parent's end and the child's.
    let stored = store.execution(&orphaning).unwrap().unwrap();
    let mut history = store.history(stored.key).unwrap();
    let last = history.pop().unwrap();
    let aborted = HistoryEvent {
        id: last.id.next(),
        previous_event_id: EventId(0),
        kind: darkroom_asl::interpreter::event::EventKind::ExecutionAborted(Reason::default()),
        ..last
    };
    let end = End { status: EndStatus::Aborted(Reason::default()), ended_at: aborted.timestamp };
    let append = Append {
        key: stored.key,
        identity: stored.identity.clone(),
        start: None,
        redrive: None,
        sleep: None,
        events: vec![aborted],
        end: Some(end),
    };
    store.commit(&Batch { appends: vec![append] }).unwrap();
    assert_eq!(child_of("of-crashed").unwrap().status(), ExecutionStatus::Running);
    let running = start(&store);
    assert_eq!(running.end("of-crashed"), ExecutionStatus::Aborted);
}

#[test]
fn a_parent_finds_its_child_again_after_a_restart() {
    let store = MemoryStore::default();
    let activity: Text = format!("{OWNER}:activity:review").into();
    let running = start(&store);
    running.engine.create_activity(activity.clone(), "review".into(), "{}".into(), Vec::new()).unwrap();
    let child = running.create("child", MachineType::Standard, &task(&activity, ""));
    let parameters = format!(r#""Parameters": {{"StateMachineArn": "{child}"}},"#);
    let machine = running.create("parent", MachineType::Standard, &task(SYNC, &parameters));
    running.start(&machine, "parent", "{}");
    let given = running.poll(&activity, "a").recv_timeout(PATIENCE).unwrap();
    drop(running);
    let running = start(&store);
    running.report(&given.token, Report::Success(Payload::from_trusted("1"))).unwrap();
    assert_eq!(running.end("parent"), ExecutionStatus::Succeeded);
    assert_eq!(store.last_key().unwrap(), ExecutionKey(2), "a second child was not started");
}

#[test]
fn express_executions_run_beside_the_store() {
    let store = MemoryStore::default();
    let running = start(&store);
    let machine = running.create("x", MachineType::Express, PASS);
    let target = running.engine.target(&machine).unwrap();
    let parsed = running.engine.machine(&target.revision.definition).unwrap();
    let run = |name: &str| {
        let (tell, told) = sync_channel(1);
        let reply = Box::new(move |outcome| tell.send(outcome).unwrap());
        let (identity, definition) = (running.identity(&machine, name), &target.revision.definition);
        let input = Payload::from_trusted("[1.0]");
        running.engine.submit_run_express(identity, definition, &parsed, input, reply).unwrap();
        told.recv_timeout(PATIENCE).unwrap().unwrap()
    };
    // More than may be open at once: places are given back.
    for _ in 0..9_000 {
        let outcome = run("same");
        assert_eq!(outcome.end.status, EndStatus::Succeeded(Payload::from_trusted("[1.0]")));
    }
    assert_eq!(store.last_key().unwrap(), ExecutionKey(0));
}

#[test]
fn open_express_executions_are_bounded() {
    let store = MemoryStore::default();
    let running = start(&store);
    let machine = running.create("x", MachineType::Express, WAIT);
    let target = running.engine.target(&machine).unwrap();
    let parsed = running.engine.machine(&target.revision.definition).unwrap();
    let run = || {
        let (tell, told) = sync_channel(1);
        let reply = Box::new(move |started: Result<_, StartError>| tell.send(started.map(drop)).unwrap());
        let (identity, definition) = (running.identity(&machine, "e"), &target.revision.definition);
        running.engine.submit_start_express(identity, definition, &parsed, Payload::from_trusted("1"), reply);
        told.recv_timeout(PATIENCE).unwrap()
    };
    let open = (0..100_000).take_while(|_| run().is_ok()).count();
    assert!((1_000..100_000).contains(&open), "{open}");
    assert!(matches!(run(), Err(StartError::TooMany)));
}
