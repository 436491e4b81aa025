//! Task: has work done. Spec: States Language, "Task State".
//!
//! A task goes out with `…Scheduled` and `…Started` in one turn, and its answer comes back as a stimulus.
//! An activity starts when a worker takes it.

use crate::data::Path;
use crate::definition::{Resource, Seconds, State, Task};
use crate::failure::{Failure, names};
use crate::interpreter::data_flow::merge;
use crate::interpreter::event::{BranchId, EventKind, Reason, Target, TaskScheduled};
use crate::interpreter::execution::{Phase, TaskId};
use crate::interpreter::turn::{Leave, Turn};
use crate::json::{Number, Payload, Text, Value};

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_task(
        &mut self,
        branch: BranchId,
        state: &State,
        task: &Task,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        self.attempt_task(branch, task);
    }

    /// Gives the task out, for the first time or again.
    pub(in crate::interpreter) fn attempt_task(&mut self, branch: BranchId, task: &Task) {
        let raw = self.raw_input(branch);
        match self.request(branch, task, &raw) {
            Ok(scheduled) => self.schedule(branch, scheduled),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    fn schedule(&mut self, branch: BranchId, scheduled: TaskScheduled) {
        if let Some(state) = self.state(branch)
            && let Some(failure) = self.too_large(&state.name, &scheduled.input)
        {
            self.fail(branch, failure.into());
            return;
        }
        let target = scheduled.target.clone();
        self.emit_next(branch, EventKind::TaskScheduled(scheduled));
        let id = TaskId { branch, scheduled: self.previous(branch) };
        if !matches!(target, Target::Activity { .. }) {
            self.emit_next(branch, EventKind::TaskStarted { target, worker_name: None });
        }
        self.run_task(id);
    }

    /// The call as the state's fields make it.
    fn request(&self, branch: BranchId, task: &Task, raw: &Payload) -> Result<TaskScheduled, Failure> {
        let scene = self.scene(branch);
        let effective = scene.select(&task.input_path, raw)?;
        let input = scene.shape(task.parameters.as_ref(), &effective)?;
        let timeout_seconds =
            self.seconds(branch, task.timeout.as_ref(), "TimeoutSecondsPath", &effective)?;
        let heartbeat_seconds =
            self.seconds(branch, task.heartbeat.as_ref(), "HeartbeatSecondsPath", &effective)?;
        let credentials_role_arn = match &task.credentials {
            None => None,
            Some(template) => role_arn(&template.evaluate(&scene.view(effective.value()))?),
        };
        Ok(TaskScheduled {
            target: target(&task.resource),
            region: self.execution.identity().region().into(),
            input,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        })
    }

    fn seconds(
        &self,
        branch: BranchId,
        seconds: Option<&Seconds>,
        field: &str,
        input: &Payload,
    ) -> Result<Option<u32>, Failure> {
        match seconds {
            None => Ok(None),
            Some(Seconds::Fixed(seconds)) => Ok(Some(*seconds)),
            Some(Seconds::At(path)) => {
                let found = self.scene(branch).at(path, input)?;
                positive_seconds(field, path, &found).map(Some)
            }
        }
    }

    pub(in crate::interpreter) fn task_started(&mut self, task: TaskId, worker_name: Option<Text>) {
        if let Some(request) = self.execution.open_task(task) {
            let target = request.scheduled.target;
            self.emit_next(task.branch, EventKind::TaskStarted { target, worker_name });
        }
    }

    pub(in crate::interpreter) fn task_submitted(&mut self, task: TaskId, output: Payload) {
        if let Some(request) = self.execution.open_task(task) {
            let target = request.scheduled.target;
            self.emit_next(task.branch, EventKind::TaskSubmitted { target, output });
        }
    }

    pub(in crate::interpreter) fn task_succeeded(&mut self, id: TaskId, output: Payload) {
        let Some(request) = self.execution.open_task(id) else { return };
        let target = request.scheduled.target;
        if let Some(failure) = self.too_large(&request.state_name, &output) {
            self.task_ended_badly(id.branch, target, failure.into());
            return;
        }
        let result = output.clone();
        self.emit_next(id.branch, EventKind::TaskSucceeded { target, output });
        let Some(crate::definition::StateKind::Task(task)) = self.state(id.branch).map(|state| &state.kind)
        else {
            return;
        };
        match self.done(id.branch, task, &result) {
            Ok(leave) => self.leave(id.branch, leave),
            Err(failure) => self.fail_evaluation(id.branch, failure),
        }
    }

    fn done(&self, branch: BranchId, task: &Task, answer: &Payload) -> Result<Leave, Failure> {
        let raw = self.raw_input(branch);
        let scene = self.scene(branch);
        let result = scene.shape(task.result_selector.as_ref(), answer)?;
        let assigned = scene.assign(&task.assign, &result)?;
        let merged = merge(&task.result_path, &raw, &result)?;
        let output = scene.select(&task.output_path, &merged)?;
        Ok(Leave { output, assigned, transition: task.transition })
    }

    pub(in crate::interpreter) fn task_failed(&mut self, id: TaskId, reason: Reason) {
        if let Some(request) = self.execution.open_task(id) {
            self.task_ended_badly(id.branch, request.scheduled.target, reason);
        }
    }

    fn task_ended_badly(&mut self, branch: BranchId, target: Target, reason: Reason) {
        self.emit_next(branch, EventKind::TaskFailed { target, reason: reason.clone() });
        // AWS: a failure that names no error is a `States.TaskFailed`.
        let error = reason.error.or_else(|| Some(names::TASK_FAILED.into()));
        self.fail(branch, Reason { error, ..reason });
    }

    /// The task, or its next heartbeat, did not come in time. Plans the next attempt, if there is one; else
    /// the answer is why the state is to fail.
    pub(in crate::interpreter) fn task_timed_out(&mut self, branch: BranchId) -> Option<(BranchId, Reason)> {
        let visit = self.execution.visit(branch)?;
        let Phase::Task(task) = &visit.phase else { return None };
        let in_time = task.timeout_at.is_none_or(|at| at > self.now);
        let target = task.request.target.clone();
        let id = TaskId { branch, scheduled: task.scheduled };
        // AWS: the event says `States.Timeout` for a missed heartbeat too, and gives no cause.
        let reason = Reason { error: Some(names::TIMEOUT.into()), cause: None };
        self.cancel_task(id);
        self.emit_next(branch, EventKind::TaskTimedOut { target, reason: reason.clone() });
        let error = if in_time { names::HEARTBEAT_TIMEOUT } else { names::TIMEOUT };
        let reason = Reason { error: Some(error.into()), ..reason };
        // A retry stands in the event that it answers, which is the last one now.
        (!self.retry(branch, &reason)).then_some((branch, reason))
    }

    /// A task that has timed out, and is not tried again, fails its state, if that is still there.
    pub(in crate::interpreter) fn fail_timed_out(&mut self, branch: BranchId, reason: Reason) {
        let is_there =
            self.execution.visit(branch).is_some_and(|visit| matches!(visit.phase, Phase::Working));
        if self.execution.is_running() && is_there {
            self.fail(branch, reason);
        }
    }
}

fn target(resource: &Resource) -> Target {
    match resource {
        Resource::LambdaFunction { arn } => Target::LambdaFunction { resource: arn.clone() },
        Resource::Service { resource_type, resource, .. } => {
            Target::Service { resource_type: resource_type.clone(), resource: resource.clone() }
        }
        Resource::Activity { arn } => Target::Activity { resource: arn.clone() },
    }
}

/// The role in evaluated `Credentials`.
fn role_arn(credentials: &Value) -> Option<Text> {
    match credentials.as_object()?.get("RoleArn")? {
        Value::String(arn) => Some(arn.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn positive_seconds(field: &str, path: &Path, found: &Value) -> Result<u32, Failure> {
    found
        .as_number()
        .and_then(Number::as_i64)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| {
            let cause = format!(
                "The {field} parameter cannot be parsed as a positive integer: {} == {}",
                path.text(),
                found.to_text()
            );
            Failure::new(names::RUNTIME, cause)
        })
}
