//! A simulated world for one execution: a clock that jumps, tasks that answer by script, and an audit.
//!
//! The audit is the crate's main promise: after every decision, the execution that is read back from the stored
//! form of the events, record by record, equals the live one.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::event::wire::{Record, to_record};
use darkroom_asl::interpreter::event::{HistoryEvent, Reason};
use darkroom_asl::interpreter::{
    Decision, Effect, Execution, Identity, Limits, Qualifiers, Random, Stimulus, Surroundings, TaskId,
    TaskRequest, TaskTokens,
};
use darkroom_asl::json::{Payload, Text};

/// When every simulated execution starts: 2026-03-01T12:00:00Z.
pub const START_MS: i64 = 1_772_366_400_000;

/// One thing that a task's worker does, `after_ms` after the one before it.
#[derive(Clone, Debug)]
pub struct Step {
    pub after_ms: u64,
    pub act: Act,
}

/// What a worker can do.
#[derive(Clone, Debug)]
pub enum Act {
    Start(Option<Text>),
    Submit(Payload),
    Heartbeat,
    Succeed(Payload),
    Fail(Reason),
}

/// What an attempt at a task is answered with: steps in order; none is silence.
pub type Script<'a> = dyn FnMut(&TaskRequest) -> Vec<Step> + 'a;

/// An execution and what is around it.
pub struct World<'a> {
    pub live: Execution,
    pub history: Vec<HistoryEvent>,
    pub unfinished: usize,
    pub decisions: usize,
    pub now: Timestamp,
    limits: Limits,
    chance: Chance,
    script: &'a mut Script<'a>,
    /// Read back from the stored form, event by event.
    shadow: Execution,
    /// What workers will do, by time and then by order of planning.
    planned: BTreeMap<(Timestamp, u64), (TaskId, Act)>,
    plans: u64,
    running: BTreeSet<TaskId>,
    /// The task whose end is the stimulus at hand.
    ended: Option<TaskId>,
    heartbeats: usize,
    stop: Option<(Timestamp, Reason)>,
}

/// Numbers that look random and are the same in every run.
struct Chance(Cell<u64>);

impl Random for Chance {
    fn next_u64(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Tokens that name their task.
struct Tokens;

impl TaskTokens for Tokens {
    fn token(&self, task: TaskId) -> Text {
        format!("token-{}-{}", task.branch.0, task.scheduled.0).into()
    }
}

/// Who every simulated execution is.
pub fn identity() -> Arc<Identity> {
    Arc::new(Identity {
        execution_arn: "arn:aws:states:eu-west-1:111122223333:execution:machine:run".into(),
        execution_name: "run".into(),
        state_machine_arn: "arn:aws:states:eu-west-1:111122223333:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
        role_arn: "arn:aws:iam::111122223333:role/machine".into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    })
}

impl<'a> World<'a> {
    pub fn new(
        machine: &Arc<StateMachine>,
        input: &Payload,
        limits: Limits,
        script: &'a mut Script<'a>,
    ) -> Self {
        let new = || Execution::new(machine.clone(), identity(), input.clone());
        Self {
            live: new(),
            history: Vec::new(),
            unfinished: 0,
            decisions: 0,
            now: Timestamp::from_millis(START_MS),
            limits,
            chance: Chance(Cell::new(1)),
            script,
            shadow: new(),
            planned: BTreeMap::new(),
            plans: 0,
            running: BTreeSet::new(),
            ended: None,
            heartbeats: 0,
            stop: None,
        }
    }

    /// Somebody stops the execution at that time, if it is still running.
    pub fn stop_after(&mut self, after_ms: u64, reason: Reason) {
        self.stop = Some((self.now.plus_millis(after_ms), reason));
    }

    /// Runs to the end, or until nothing can happen any more, or for so many decisions.
    pub fn run(&mut self, decisions_max: usize) {
        self.take(Stimulus::Start);
        while self.live.is_running() && self.decisions < decisions_max {
            if self.live.has_ready_branches() {
                self.take(Stimulus::Continue);
            } else if !self.wait() {
                return;
            }
        }
    }

    /// Redrives an execution that ended badly, and runs it to its end again. `false` where it has no room for that.
    pub fn redrive(&mut self, decisions_max: usize) -> bool {
        let before = self.history.len();
        self.ended = None;
        self.take(Stimulus::Redrive { client_token: None });
        self.decisions = 0;
        self.run(decisions_max);
        self.history.len() > before
    }

    /// Lets time pass until the next thing happens, and lets it happen.
    fn wait(&mut self) -> bool {
        let act = self.planned.first_key_value().map(|((at, _), _)| *at);
        let timer = self.live.next_deadline();
        let stop = self.stop.as_ref().map(|(at, _)| *at);
        let Some(next) = [act, timer, stop].into_iter().flatten().min() else { return false };
        self.now = self.now.max(next);
        if stop == Some(next) {
            let (_, reason) = self.stop.take().expect("it was just looked at");
            self.take(Stimulus::Stop(reason));
        } else if act == Some(next) {
            let (_, (task, act)) = self.planned.pop_first().expect("it was just looked at");
            self.act(task, act);
        } else {
            self.ended = None;
            self.take(Stimulus::TimersDue);
        }
        true
    }

    fn act(&mut self, task: TaskId, act: Act) {
        self.ended = matches!(act, Act::Succeed(_) | Act::Fail(_)).then_some(task);
        self.running.retain(|id| self.ended != Some(*id));
        self.heartbeats += usize::from(matches!(act, Act::Heartbeat));
        self.take(match act {
            Act::Start(worker_name) => Stimulus::TaskStarted { task, worker_name },
            Act::Submit(output) => Stimulus::TaskSubmitted { task, output },
            Act::Heartbeat => Stimulus::TaskHeartbeat { task },
            Act::Succeed(output) => Stimulus::TaskSucceeded { task, output },
            Act::Fail(reason) => Stimulus::TaskFailed { task, reason },
        });
    }

    /// The next stimulus ends this task.
    pub fn end_next(&mut self, task: TaskId) {
        self.ended = Some(task);
        self.running.remove(&task);
    }

    /// One decision, and all that must hold after it.
    pub fn take(&mut self, stimulus: Stimulus) {
        // Whoever is in a hurry takes elsewhere what may take long.
        let is_in_a_hurry = !self.live.may_take_long(&stimulus, self.now);
        let surroundings = Surroundings {
            now: self.now,
            random: &self.chance,
            tokens: &Tokens,
            stopwatch: || Duration::ZERO,
            limits: &self.limits,
            deleting: false,
            is_in_a_hurry,
        };
        let Decision { events, effects, unfinished } = self.live.decide(stimulus, surroundings);
        self.decisions += 1;
        self.unfinished += usize::from(unfinished);
        for event in &events {
            assert!(event.previous_event_id < event.id, "{event:?}");
            let text = serde_json::to_string(&to_record(event)).expect("a record is JSON");
            let record: Record = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            let read = HistoryEvent::try_from(record).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(&read, event, "a stored event is read back as it was: {text}");
            self.shadow.apply(&read).unwrap_or_else(|e| panic!("{e}: {text}"));
        }
        assert!(
            self.shadow == self.live,
            "replay differs:\n{:#?}\nfrom live:\n{:#?}",
            self.shadow,
            self.live
        );
        if self.heartbeats == 0 {
            assert_eq!(self.shadow.next_deadline(), self.live.next_deadline());
        }
        assert_eq!(unfinished, self.live.is_running() && self.live.has_ready_branches());
        self.history.extend(events);
        for effect in effects {
            match effect {
                Effect::RunTask(request) => self.plan(&request),
                Effect::CancelTask(id) => {
                    // An answer that finds the history full is not written, and its task is given up.
                    let was_out = self.running.remove(&id) || self.ended.take() == Some(id);
                    assert!(was_out, "{id:?} is cancelled, and was not out");
                    self.planned.retain(|_, (task, _)| *task != id);
                }
            }
        }
        let open: BTreeSet<TaskId> = self.live.open_tasks().iter().map(|task| task.id).collect();
        assert_eq!(self.running, open, "what is out is what is waited for, or was cancelled");
    }

    fn plan(&mut self, request: &TaskRequest) {
        assert!(self.running.insert(request.id), "{:?} is asked for twice", request.id);
        let mut at = self.now;
        for Step { after_ms, act } in (self.script)(request) {
            at = at.plus_millis(after_ms);
            self.plans += 1;
            self.planned.insert((at, self.plans), (request.id, act));
        }
    }
}
