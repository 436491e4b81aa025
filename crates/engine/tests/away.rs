//! An expression that takes long: it is bounded, and executions of the same shard go on undisturbed meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkroom_asl::interpreter::{Identity, Limits, Qualifiers, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{Append, EndStatus, ExecutionKey, MemoryStore};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Observer, OsRandom, Parked, SystemClock, TaskExecutor,
};

/// Runs until its time is over.
const ENDLESS: &str = r#"{"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {"Type": "Pass",
    "Output": "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}", "End": true}}}"#;
const QUICK: &str = r#"{"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {"Type": "Pass",
    "Output": "{% $states.input.n + 1 %}", "End": true}}}"#;

const QUICK_EXECUTIONS: usize = 50;

/// No task is ever run.
struct Nobody;

impl TaskExecutor for Nobody {
    fn start(&self, _: Invocation, answer: Answer) {
        answer.withhold();
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

/// Tells of ends, in order.
struct Ends(Mutex<Sender<(Text, EndStatus)>>);

impl Observer for Ends {
    fn committed(&self, appends: &[Append]) {
        for append in appends {
            if let Some(end) = &append.end {
                let end = (append.identity.execution_arn.clone(), end.status.clone());
                self.0.lock().unwrap().send(end).unwrap();
            }
        }
    }

    fn parked(&self, parked: &Parked) {
        panic!("{parked:?}");
    }
}

fn identity(name: &str) -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: name.into(),
        execution_name: name.into(),
        state_machine_arn: "machine".into(),
        state_machine_name: "machine".into(),
        role_arn: "role".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}

#[test]
fn others_of_the_shard_go_on_while_an_expression_runs() {
    let (tell, ends) = channel();
    let mut limits = Limits::default();
    // So long that the others are done before, however busy the machine is.
    limits.jsonata.time = Duration::from_secs(5);
    let engine = Engine::start(Config {
        store: Arc::new(MemoryStore::default()),
        executor: Arc::new(Nobody),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Ends(Mutex::new(tell))),
        limits,
        shards: 1,
        audit: true,
    })
    .unwrap();
    let start = |name: &str, definition: &str| {
        let (definition, machine) = engine.register(definition).unwrap();
        let input = Payload::from_trusted(r#"{"n": 1}"#);
        engine.start_execution(identity(name), &definition, &machine, input).unwrap();
    };
    start("endless", ENDLESS);
    for number in 0..QUICK_EXECUTIONS {
        start(&number.to_string(), QUICK);
    }
    for number in 0..QUICK_EXECUTIONS {
        let (name, end) = ends.recv_timeout(Duration::from_mins(1)).unwrap();
        assert_eq!((&*name, end), (&*number.to_string(), EndStatus::Succeeded(Payload::from_trusted("2"))));
    }
    let (name, end) = ends.recv_timeout(Duration::from_mins(1)).unwrap();
    assert_eq!(&*name, "endless");
    let EndStatus::Failed(reason) = end else { panic!("{end:?}") };
    assert_eq!(reason.error.as_deref(), Some("States.QueryEvaluationError"));
    assert!(reason.cause.unwrap().contains("threw an error during evaluation"));
}
