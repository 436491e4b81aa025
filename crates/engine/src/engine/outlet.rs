//! The way out: what leaves once its cause is durable, and the way to each shard.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use darkroom_asl::definition::Pattern;
use darkroom_asl::interpreter::event::Target;
use darkroom_asl::interpreter::{Effect, Identity, Stimulus, TaskId, TaskProgress, TaskRequest};

use super::ToShard;
use super::inside::{Inside, ToInside};
use crate::executor::{Answer, Invocation, TaskExecutor, TaskOutcome};
use crate::shard::{Input, Part, Release};
use crate::store::ExecutionKey;

/// Every shard's way in.
#[derive(Clone)]
pub(super) struct Shards {
    pub(super) standard: Arc<[Sender<ToShard>]>,
    pub(super) express: Arc<[Sender<ToShard>]>,
}

/// Where effects go.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) executor: Arc<dyn TaskExecutor>,
    pub(super) inside: Sender<ToInside>,
    pub(super) shards: Shards,
}

impl Shards {
    /// Sends to the shard that owns the execution of this ARN. A shard that has gone drops what it is sent, which
    /// is an answer to whoever waits for one.
    pub(super) fn send(&self, key: ExecutionKey, arn: &str, input: Input) {
        let shards = if key.is_express() { &self.express } else { &self.standard };
        let _ = shards[Part::number_of(arn, shards.len())].send(ToShard::Input(input));
    }

    /// Sends to the shard that owns the Standard execution of this ARN.
    pub(super) fn send_by_arn(&self, arn: &str, input: Input) {
        self.send(ExecutionKey::default(), arn, input);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Sender<ToShard>> {
        self.standard.iter().chain(self.express.iter())
    }

    pub(super) fn close(&self) {
        for shard in self.all() {
            // A shard that has gone is closed already.
            let _ = shard.send(ToShard::Close);
        }
    }
}

impl Outlet {
    /// Lets out what an execution owes, once nothing stands in its way.
    pub(super) fn release(&self, release: Release) {
        let Release { key, identity, effects, replies, ended: _, rests_at: _ } = release;
        for reply in replies {
            reply(Ok(()));
        }
        self.let_out(key, &identity, effects);
    }

    pub(super) fn let_out(&self, key: ExecutionKey, identity: &Arc<Identity>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::RunTask(request) => self.run_task(key, identity, request),
                Effect::CancelTask(id) => {
                    self.executor.cancel(key, id);
                    let _ = self.inside.send(ToInside::Cancel(key, id));
                }
            }
        }
    }

    fn run_task(&self, key: ExecutionKey, identity: &Arc<Identity>, request: TaskRequest) {
        if Inside::takes(&request.scheduled.target) {
            return self.run_inside(Invocation { key, identity: identity.clone(), request });
        }
        let pattern = request.scheduled.target.pattern();
        if pattern == Pattern::WaitForTaskToken && request.progress == TaskProgress::Submitted {
            // Who is to call back was asked before a crash: the token in its hands is still good.
            return;
        }
        let task = request.id;
        let (shards, arn) = (self.shards.clone(), identity.execution_arn.clone());
        let answer = Answer::new(move |outcome| {
            // After the engine's end the task is still open in its history, and is run again.
            shards.send(key, &arn, Input::Stimulus(key, stimulus(task, pattern, outcome)));
        });
        self.executor.start(Invocation { key, identity: identity.clone(), request }, answer);
    }

    fn run_inside(&self, invocation: Invocation) {
        let Invocation { key, identity, request } = &invocation;
        // What was begun before a crash was allowed then.
        if request.progress != TaskProgress::Submitted
            && let Some(reason) = self.executor.refusal(&invocation)
        {
            let task = request.id;
            let stimulus = match request.scheduled.target.pattern() {
                Pattern::RequestResponse => Stimulus::TaskFailed { task, reason },
                Pattern::RunAJob | Pattern::WaitForTaskToken => Stimulus::TaskSubmitFailed { task, reason },
            };
            return self.shards.send(*key, &identity.execution_arn, Input::Stimulus(*key, stimulus));
        }
        let Invocation { key, identity, request } = invocation;
        // After the engine's end the task is still open in its history.
        let _ = self.inside.send(ToInside::Run(key, identity, request));
    }

    pub(super) fn tell(&self, key: ExecutionKey, identity: &Identity, input: Input) {
        self.shards.send(key, &identity.execution_arn, input);
    }
}

/// What a call's outcome is to the task.
pub(super) fn stimulus(task: TaskId, pattern: Pattern, outcome: TaskOutcome) -> Stimulus {
    match (pattern, outcome) {
        (Pattern::RequestResponse | Pattern::RunAJob, Ok(output)) => Stimulus::TaskSucceeded { task, output },
        (Pattern::RequestResponse | Pattern::RunAJob, Err(reason)) => Stimulus::TaskFailed { task, reason },
        (Pattern::WaitForTaskToken, Ok(output)) => Stimulus::TaskSubmitted { task, output },
        (Pattern::WaitForTaskToken, Err(reason)) => Stimulus::TaskSubmitFailed { task, reason },
    }
}

impl Inside {
    /// Whether the engine answers a task of this target itself.
    pub(super) fn takes(target: &Target) -> bool {
        match target {
            Target::Activity { .. } => true,
            Target::Service { resource_type, resource } => {
                &**resource_type == "states" && resource.split('.').next() == Some("startExecution")
            }
            Target::LambdaFunction { .. } => false,
        }
    }
}
