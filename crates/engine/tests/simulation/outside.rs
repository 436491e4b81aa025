//! What stands around the engine for the sake of tasks: workers that poll and report, and nested executions.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use darkroom_asl::definition::Pattern;
use darkroom_asl::interpreter::event::{Reason, Target};
use darkroom_asl::interpreter::{Identity, Stimulus, TaskId, TaskProgress, TaskRequest};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{EndStatus, ExecutionKey, Parent, Store};
use darkroom_engine::{Input, Outcome, RedriveRequest, Report, ReportError, StartRequest, Started};

use crate::machines::CHILD;
use crate::world::{World, identity};

/// What the world keeps of it.
#[derive(Default)]
pub struct Outside {
    /// Activities' tasks that wait for a worker.
    queue: VecDeque<(ExecutionKey, TaskId)>,
    /// Tasks whose token somebody has. Tokens outlive the process.
    held: Vec<(ExecutionKey, TaskId)>,
    /// What the engine's own threads are about to tell the shard. Dies with the process.
    mail: Arc<Mutex<VecDeque<Input>>>,
    /// What callers were told.
    told: Arc<Mutex<Vec<Told>>>,
    /// Activities' tasks that a worker was given.
    handed_out: BTreeSet<(ExecutionKey, TaskId)>,
    /// What this process was told, where all goes well.
    reported: BTreeSet<(ExecutionKey, TaskId)>,
    last_child: i64,
}

/// What a caller was told.
enum Told {
    /// A worker was given the task.
    Taken(ExecutionKey, TaskId),
    /// A report was taken, or was not.
    Reported {
        key: ExecutionKey,
        task: TaskId,
        is_end: bool,
        taken: bool,
    },
    Redriven,
}

/// Children's keys start here.
const FIRST_CHILD: i64 = 1_000;

impl World {
    /// Whether a task is one that stands here, and not among the ordinary jobs.
    pub fn takes_outside(&mut self, key: ExecutionKey, request: &TaskRequest) -> bool {
        let is_nested = matches!(
            &request.scheduled.target,
            Target::Service { resource_type, .. } if &**resource_type == "states"
        );
        match (&request.scheduled.target, request.scheduled.target.pattern()) {
            (Target::Activity { .. }, _) => {
                if request.progress == TaskProgress::Scheduled {
                    self.outside.queue.push_back((key, request.id));
                }
            }
            (Target::Service { .. }, _) if is_nested => self.run_child(key, request),
            (Target::Service { .. }, Pattern::WaitForTaskToken) => {
                if request.progress != TaskProgress::Submitted {
                    let task = request.id;
                    let output = Payload::from_trusted(r#"{"MessageId": "m"}"#);
                    self.post(Input::Stimulus(key, Stimulus::TaskSubmitted { task, output }));
                    self.outside.held.push((key, task));
                }
            }
            (Target::LambdaFunction { .. } | Target::Service { .. }, _) => return false,
        }
        true
    }

    pub fn cancel_outside(&mut self, key: ExecutionKey, task: TaskId) {
        self.outside.queue.retain(|waiting| *waiting != (key, task));
        let child = child_identity(key, task).execution_arn.clone();
        self.post(Input::Stop(child, Reason::default(), Box::new(drop)));
    }

    fn run_child(&mut self, key: ExecutionKey, request: &TaskRequest) {
        let identity = child_identity(key, request.id);
        let (task, arn, mail) = (request.id, identity.execution_arn.clone(), self.outside.mail.clone());
        if request.progress == TaskProgress::Submitted {
            return self.post(watch(key, task, arn, mail));
        }
        self.outside.last_child += 1;
        self.counts.children += 1;
        let (definition, machine) = self.define(&CHILD);
        let start = StartRequest {
            key: ExecutionKey(FIRST_CHILD + self.outside.last_child),
            identity,
            machine,
            definition,
            input: Payload::from_trusted("{}"),
            parent: Some(Parent { key, task, waits: true }),
        };
        let reply = Box::new(move |started: Result<Started, _>| {
            let started: Started = started.expect("a child of its own task");
            let output = Payload::from_trusted(format!("\"{}\"", started.arn));
            let submitted = Input::Stimulus(key, Stimulus::TaskSubmitted { task, output });
            mail.lock().expect("one thread").push_back(submitted);
            let watch = watch(key, task, arn, mail.clone());
            mail.lock().expect("one thread").push_back(watch);
        });
        self.post(Input::Start(start, reply));
    }

    fn post(&mut self, input: Input) {
        self.outside.mail.lock().expect("one thread").push_back(input);
    }

    /// The engine's own threads come to what they have to tell.
    pub fn deliver_mail(&mut self) {
        let mail = std::mem::take(&mut *self.outside.mail.lock().expect("one thread"));
        for input in mail {
            self.shard.push(input);
        }
    }

    /// A worker asks for a task.
    pub fn poll(&mut self) -> bool {
        let Some((key, task)) = self.outside.queue.pop_front() else { return false };
        let told = self.outside.told.clone();
        let reply = Box::new(move |taken: Result<bool, _>| {
            if taken.is_ok_and(|taken| taken) {
                told.lock().expect("one thread").push(Told::Taken(key, task));
            }
        });
        self.shard.push(Input::Take(key, task, Some("worker".into()), reply));
        true
    }

    /// Somebody with a token says what came of the task; sometimes twice.
    pub fn report_one(&mut self) {
        if self.outside.held.is_empty() {
            return;
        }
        let place = self.dice.place(self.outside.held.len());
        let (key, task) = self.outside.held[place];
        if self.dice.one_in(4) {
            self.counts.doubled_answers += 1;
        } else {
            self.outside.held.swap_remove(place);
        }
        let report = match self.dice.below(8) {
            0 => Report::Failure(Reason { error: Some("Flaky".into()), cause: None }),
            1 => Report::Failure(Reason::default()),
            2 => Report::Heartbeat,
            _ => Report::Success(Payload::from_trusted(r#"{"reported": 1.0}"#)),
        };
        self.report(key, task, report);
    }

    /// Everybody with a token says that all went well, and again, since a crash may have taken the answer along.
    pub fn report_all_well(&mut self) {
        for (key, task) in self.outside.held.clone() {
            if !self.outside.reported.insert((key, task)) {
                continue;
            }
            self.report(key, task, Report::Success(Payload::from_trusted(r#"{"ok": true}"#)));
        }
    }

    fn report(&mut self, key: ExecutionKey, task: TaskId, report: Report) {
        let told = self.outside.told.clone();
        let is_end = report != Report::Heartbeat;
        let reply = Box::new(move |taken: Result<(), ReportError>| {
            let taken = match taken {
                Ok(()) => true,
                Err(ReportError::Closed) => false,
                Err(other) => panic!("{key:?} {task:?}: {other}"),
            };
            told.lock().expect("one thread").push(Told::Reported { key, task, is_end, taken });
        });
        self.shard.push(Input::Report(key, task, report, reply));
    }

    /// Somebody redrives one that ended badly.
    pub fn redrive_one(&mut self) {
        let key = ExecutionKey(*self.dice.pick(&[1, 2, 3]));
        let arn = identity(key).execution_arn.clone();
        let Some(stored) = self.store.execution(&arn).expect("a store in memory") else { return };
        if !stored.end.is_some_and(|end| end.is_bad()) {
            return;
        }
        self.say(|| format!("redrive {}", key.0));
        let machine = self.definitions[&stored.definition].clone();
        let told = self.outside.told.clone();
        let reply = Box::new(move |redriven: Result<_, _>| {
            if redriven.is_ok() {
                told.lock().expect("one thread").push(Told::Redriven);
            }
        });
        self.shard.push(Input::Redrive(RedriveRequest { arn, machine, client_token: None }, reply));
    }

    /// What callers were told must be so, for good.
    pub fn hear(&mut self) {
        let told = std::mem::take(&mut *self.outside.told.lock().expect("one thread"));
        for told in told {
            match told {
                Told::Taken(key, task) => {
                    assert!(
                        self.outside.handed_out.insert((key, task)),
                        "given away twice: {key:?} {task:?}"
                    );
                    self.outside.held.push((key, task));
                    self.counts.handed_out += 1;
                }
                Told::Reported { key, task, is_end, taken } => {
                    let is_settled = self.settled.contains(&(key, task));
                    assert!(
                        !(taken && is_end) || is_settled,
                        "acknowledged, and not durable: {key:?} {task:?}"
                    );
                    assert!(
                        taken || is_settled || self.was_given_up(key, task),
                        "refused, and still open: {key:?} {task:?}"
                    );
                    self.counts.reported += u64::from(taken);
                }
                Told::Redriven => self.counts.redriven += 1,
            }
        }
    }

    /// What of it dies with the process.
    pub fn crash_outside(&mut self) {
        self.outside.reported.clear();
        self.outside.queue.clear();
        self.outside.mail = Arc::default();
    }

    pub fn is_quiet_outside(&self) -> bool {
        self.outside.queue.is_empty() && self.outside.mail.lock().expect("one thread").is_empty()
    }
}

fn watch(key: ExecutionKey, task: TaskId, arn: Text, mail: Arc<Mutex<VecDeque<Input>>>) -> Input {
    let reply = Box::new(move |outcome: Option<Arc<Outcome>>| {
        let outcome = outcome.expect("a child that was started is there");
        let stimulus = match &outcome.end.status {
            EndStatus::Succeeded(output) => Stimulus::TaskSucceeded { task, output: output.clone() },
            EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_) => {
                let reason = Reason { error: Some("States.TaskFailed".into()), cause: None };
                Stimulus::TaskFailed { task, reason }
            }
        };
        mail.lock().expect("one thread").push_back(Input::Stimulus(key, stimulus));
    });
    Input::Watch(arn, reply)
}

/// A child's name follows from its task: the same task finds the same child.
fn child_identity(key: ExecutionKey, task: TaskId) -> Arc<Identity> {
    let parent = identity(key);
    Arc::new(Identity {
        execution_arn: format!("{}-child-{}", parent.execution_arn, task.scheduled.0).into(),
        execution_name: format!("{}-child-{}", key.0, task.scheduled.0).into(),
        ..(*parent).clone()
    })
}
