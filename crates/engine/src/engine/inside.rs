//! Tasks that the engine answers itself: activities, which workers ask it for, and nested executions, which it
//! runs. They need the store, which the committer must not wait for, so a thread of their own looks after them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use darkroom_asl::interpreter::event::{Reason, Target};
use darkroom_asl::interpreter::{Identity, Stimulus, TaskId, TaskProgress, TaskRequest};
use darkroom_asl::json::Text;

use super::nested::Nested;
use super::outlet::Shards;
use crate::activity::{Activities, Waiting};
use crate::logged::logged;
use crate::shard::Input;
use crate::store::{ExecutionKey, Store};

/// What the thread is sent.
pub(super) enum ToInside {
    Run(ExecutionKey, Arc<Identity>, TaskRequest),
    Cancel(ExecutionKey, TaskId),
    Close,
}

/// The thread.
pub(super) struct Inside {
    pub(super) store: Arc<dyn Store>,
    pub(super) shards: Shards,
    pub(super) activities: Arc<Activities>,
    pub(super) nested: Nested,
    /// The children that tasks wait for, which end with them.
    pub(super) children: HashMap<(ExecutionKey, TaskId), Text>,
}

impl Inside {
    pub(super) fn run(mut self, messages: &Receiver<ToInside>) {
        while let Ok(message) = messages.recv() {
            match message {
                ToInside::Run(key, identity, request) => self.run_task(key, identity, request),
                ToInside::Cancel(key, task) => self.cancel(key, task),
                ToInside::Close => return,
            }
        }
    }

    fn run_task(&mut self, key: ExecutionKey, identity: Arc<Identity>, request: TaskRequest) {
        match &request.scheduled.target {
            Target::Activity { resource } => {
                let activity = resource.clone();
                self.queue(key, &identity, &activity, request);
            }
            Target::Service { .. } | Target::LambdaFunction { .. } => {
                let task = request.id;
                if let Some(child) = self.nested.run(key, identity, request) {
                    self.children.insert((key, task), child);
                }
            }
        }
    }

    /// Puts an activity's task where workers find it.
    fn queue(&self, key: ExecutionKey, identity: &Identity, activity: &Text, request: TaskRequest) {
        if request.progress != TaskProgress::Scheduled {
            // A worker had it before a crash. Its token is still good.
            return;
        }
        let task = request.id;
        match self.store.activity(activity) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let cause = format!("Activity Does Not Exist: '{activity}'");
                let error = darkroom_asl::failure::names::RUNTIME;
                let reason = Reason { error: Some(error.into()), cause: Some(cause.into()) };
                let stimulus = Stimulus::TaskScheduleFailed { task, reason };
                return self.shards.send(key, &identity.execution_arn, Input::Stimulus(key, stimulus));
            }
            // Whether it is there is found out when somebody asks for it.
            Err(error) => {
                let _around = logged(identity).entered();
                tracing::error!(%activity, %error, "an activity cannot be looked up");
            }
        }
        let arn = identity.execution_arn.clone();
        self.activities.offer(activity, Waiting { key, arn, task, input: request.scheduled.input });
    }

    /// A task was given up: AWS: what it waits for is stopped with it.
    fn cancel(&mut self, key: ExecutionKey, task: TaskId) {
        self.activities.withdraw(key, task);
        if let Some(child) = self.children.remove(&(key, task)) {
            self.nested.stop(&child);
        }
    }
}
