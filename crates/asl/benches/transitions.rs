//! How many transitions a second does the interpreter make on one core, and does a large Map or payload change that?
//!
//! `cargo bench -p darkroom-asl --bench transitions`. The pure core: no store, no clock, no worker. A transition is
//! a state that is entered; an item of a Map counts as one. The shortest of several runs is told, since the
//! machine's other work only ever adds. `--bench transitions -- Map` runs the rows whose name holds `Map`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::{Options, StateMachine, parse};
use darkroom_asl::interpreter::event::{HistoryEvent, Reason};
use darkroom_asl::interpreter::{
    Effect, Execution, Identity, Limits, Qualifiers, Random, Stimulus, Surroundings, TaskId, TaskRequest,
    TaskTokens,
};
use darkroom_asl::json::{Payload, Text};

/// How long each row runs, at least.
const ROW: Duration = Duration::from_millis(600);

const CHAIN: usize = 1_000;

struct NoChance;

struct NoTokens;

impl TaskTokens for NoTokens {
    fn token(&self, _: TaskId) -> Text {
        "token".into()
    }
}

impl Random for NoChance {
    fn next_u64(&self) -> u64 {
        0
    }
}

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let row = |name: &str, transitions: usize, run: &mut dyn FnMut()| {
        if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            tell(name, transitions, run);
        }
    };
    println!("{:<44} {:>14} {:>12}", "", "transitions/s", "ns each");

    let small = r#"{"id":"a1b2","n":1}"#;
    let pass = r#""Type":"Pass""#;
    let machine = chain(pass);
    row("Pass", CHAIN, &mut || run(&machine, small));
    let machine = chain(r#""Type":"Pass","Parameters":{"id.$":"$.id","n.$":"$.n"}"#);
    row("Pass with Parameters of two paths", CHAIN, &mut || run(&machine, small));
    let machine = chain(r#""Type":"Pass","Result":{"width":1},"ResultPath":"$.size""#);
    row("Pass with Result and ResultPath", CHAIN, &mut || run(&machine, small));
    let machine = chain(r#""Type":"Pass","Assign":{"n.$":"$.n"}"#);
    row("Pass with Assign", CHAIN, &mut || run(&machine, small));
    let machine =
        chain(r#""Type":"Pass","QueryLanguage":"JSONata","Output":{"id":"{% $states.input.id %}","n":1}"#);
    row("Pass in JSONata with an Output", CHAIN, &mut || run(&machine, small));
    let machine = choices();
    row("Choice", CHAIN, &mut || run(&machine, small));
    let machine = chain(
        r#""Type":"Task","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:f","ResultPath":"$.r""#,
    );
    row("Task, out and back", CHAIN, &mut || run(&machine, small));
    row("Task, out and back, replayed", CHAIN, &mut replay(&machine, small));

    for items in [10, 100, 1_000, 10_000] {
        let input = format!("[{}]", vec!["1"; items].join(","));
        let inner = |state: &str| {
            machine_of(&format!(
                r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,"ItemProcessor":{{"StartAt":"I","States":{{"I":{{{state},"End":true}}}}}}}}}}}}"#
            ))
        };
        let machine = inner(pass);
        row(&format!("Map over {items} items, a Pass each"), items, &mut || run(&machine, &input));
        let machine = inner(
            r#""Type":"Task","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:f","TimeoutSeconds":60"#,
        );
        row(&format!("Map over {items} items, a Task each"), items, &mut || run(&machine, &input));
        row(&format!("Map over {items} items, the last fails"), items, &mut || fail_last(&machine, &input));
    }

    let machine = chain(pass);
    for kilobytes in [1, 64, 250] {
        let input = format!(r#"{{"text":"{}"}}"#, "x".repeat(kilobytes * 1024));
        row(&format!("Pass, {kilobytes} KB passed on"), CHAIN, &mut || run(&machine, &input));
    }
    let machine = chain(
        r#""Type":"Pass","QueryLanguage":"JSONata","Output":"{% $merge([$states.input, {'r': 1}]) %}""#,
    );
    for kilobytes in [1, 64, 250] {
        let input = format!(r#"{{"list":[{}]}}"#, vec!["123"; kilobytes * 256].join(","));
        row(&format!("Pass in JSONata, {kilobytes} KB merged"), CHAIN, &mut || run(&machine, &input));
    }
    let machine = chain(r#""Type":"Pass","Result":1,"ResultPath":"$.r""#);
    for kilobytes in [1, 64, 250] {
        let input = format!(r#"{{"list":[{}]}}"#, vec!["123"; kilobytes * 256].join(","));
        row(&format!("Pass, {kilobytes} KB with a ResultPath"), CHAIN, &mut || run(&machine, &input));
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn tell(name: &str, transitions: usize, run: &mut dyn FnMut()) {
    let (start, mut shortest) = (Instant::now(), Duration::MAX);
    while start.elapsed() < ROW {
        let one = Instant::now();
        run();
        shortest = shortest.min(one.elapsed());
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let each = shortest.as_secs_f64() / transitions as f64;
    println!("{name:<44} {:>14.0} {:>12.0}", 1.0 / each, each * 1e9);
}

fn machine_of(definition: &str) -> Arc<StateMachine> {
    let parsed = parse(definition, Options::default());
    parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
}

/// A thousand alike states in a row.
fn chain(state: &str) -> Arc<StateMachine> {
    let states: Vec<String> = (0..CHAIN)
        .map(|index| match index + 1 {
            CHAIN => format!(r#""State{index}":{{{state},"End":true}}"#),
            next => format!(r#""State{index}":{{{state},"Next":"State{next}"}}"#),
        })
        .collect();
    machine_of(&format!(r#"{{"StartAt":"State0","States":{{{}}}}}"#, states.join(",")))
}

fn choices() -> Arc<StateMachine> {
    let states: Vec<String> = (0..CHAIN)
        .map(|index| {
            format!(
                r#""State{index}":{{"Type":"Choice","Choices":[{{"Variable":"$.n","NumericEquals":0,"Next":"End"}},{{"Variable":"$.n","NumericEquals":1,"Next":"State{}"}}],"Default":"End"}}"#,
                index + 1
            )
        })
        .collect();
    machine_of(&format!(
        r#"{{"StartAt":"State0","States":{{{},"State{CHAIN}":{{"Type":"Succeed"}},"End":{{"Type":"Fail"}}}}}}"#,
        states.join(",")
    ))
}

fn limits() -> Limits {
    Limits {
        history_events_max: u32::MAX,
        inline_map_concurrency_max: u32::MAX,
        payload_bytes_max: 1 << 20,
        ..Limits::default()
    }
}

struct Running {
    execution: Execution,
    limits: Limits,
    open: Vec<TaskRequest>,
    answer: Payload,
}

impl Running {
    fn new(machine: &Arc<StateMachine>, input: &str) -> Self {
        let identity = Identity {
            execution_arn: "arn:aws:states:eu-west-1:111122223333:execution:m:e".into(),
            execution_name: "e".into(),
            state_machine_arn: "arn:aws:states:eu-west-1:111122223333:stateMachine:m".into(),
            state_machine_name: "m".into(),
            role_arn: "arn:aws:iam::111122223333:role/r".into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
        };
        let input = Payload::parse(input).expect("the input is JSON");
        Self {
            execution: Execution::new(machine.clone(), Arc::new(identity), input),
            limits: limits(),
            open: Vec::new(),
            answer: Payload::from_trusted(r#"{"ok":true}"#),
        }
    }

    fn take(&mut self, stimulus: Stimulus) -> Vec<HistoryEvent> {
        let now = Timestamp::from_millis(1_772_366_400_000);
        let surroundings = Surroundings {
            now,
            random: &NoChance,
            tokens: &NoTokens,
            stopwatch: || Duration::ZERO,
            limits: &self.limits,
            deleting: false,
            is_in_a_hurry: false,
        };
        let decision = self.execution.decide(stimulus, surroundings);
        self.open.extend(decision.effects.into_iter().filter_map(|effect| match effect {
            Effect::RunTask(request) => Some(request),
            Effect::CancelTask(_) => None,
        }));
        decision.events
    }

    /// Until nothing but tasks is waited for.
    fn settle(&mut self) {
        while self.execution.has_ready_branches() {
            black_box(self.take(Stimulus::Continue));
        }
    }

    fn answer(&mut self) -> Vec<HistoryEvent> {
        let task = self.open.pop().expect("a task is out").id;
        self.take(Stimulus::TaskSucceeded { task, output: self.answer.clone() })
    }
}

fn run(machine: &Arc<StateMachine>, input: &str) {
    let mut running = Running::new(machine, input);
    black_box(running.take(Stimulus::Start));
    running.settle();
    while running.execution.is_running() {
        black_box(running.answer());
        running.settle();
    }
}

fn fail_last(machine: &Arc<StateMachine>, input: &str) {
    let mut running = Running::new(machine, input);
    running.take(Stimulus::Start);
    running.settle();
    let task = running.open.pop().expect("a task is out").id;
    black_box(running.take(Stimulus::TaskFailed { task, reason: Reason::default() }));
    assert!(!running.execution.is_running());
}

fn replay(machine: &Arc<StateMachine>, input: &str) -> impl FnMut() {
    let mut running = Running::new(machine, input);
    let mut history = running.take(Stimulus::Start);
    while running.execution.is_running() {
        history.extend(running.answer());
    }
    let (machine, identity) = (machine.clone(), running.execution.identity().clone());
    let input = running.execution.input().clone();
    move || {
        let replayed = Execution::replay(machine.clone(), identity.clone(), input.clone(), &history);
        assert!(black_box(replayed).is_ok());
    }
}
