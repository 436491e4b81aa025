//! Task: has work done. Spec: States Language, "Task State".
//!
//! A task goes out with `…Scheduled` and `…Started` in one turn, and its answer comes back as a stimulus.
//! An activity starts when a worker takes it.

use crate::data::Path;
use crate::definition::{DataFlow, Resource, Seconds, State, StateKind, Task};
use crate::failure::{Failure, names};
use crate::interpreter::event::{BranchId, EventKind, Reason, Target, TaskScheduled};
use crate::interpreter::execution::{Phase, TaskId};
use crate::interpreter::failing::Raised;
use crate::interpreter::inspection::Step;
use crate::interpreter::queries::Queries;
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
        let Some(raw) = self.raw_input(branch) else { return };
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
        // Before the start, which a full history can turn into the end, and the end gives up what is out.
        self.run_task(TaskId { branch, scheduled: self.previous(branch) });
        if !matches!(target, Target::Activity { .. }) {
            self.emit_next(branch, EventKind::TaskStarted { target, worker_name: None });
        }
    }

    /// The call as the state's fields make it.
    pub(in crate::interpreter) fn request(
        &self,
        branch: BranchId,
        task: &Task,
        raw: &Payload,
    ) -> Result<TaskScheduled, Failure> {
        let token = task.resource.has_token().then(|| self.next_task_token(branch));
        let mut scene = self.scene(branch);
        scene.task_token = token.as_ref();
        let queries = Queries::new(scene, raw);
        let effective = queries.effective(&task.flow)?;
        let input = queries.fill(task.arguments.as_ref(), "Arguments", &effective)?;
        let filled = match &task.flow {
            DataFlow::JsonPath(_) => Step::AfterParameters,
            DataFlow::Jsonata(_) => Step::AfterArguments,
        };
        queries.scene().took(filled, &input);
        let timeout_seconds = seconds(&queries, task.timeout.as_ref(), "TimeoutSeconds", &effective)?;
        let heartbeat_seconds = seconds(&queries, task.heartbeat.as_ref(), "HeartbeatSeconds", &effective)?;
        let credentials_role_arn = match task.credentials.as_ref() {
            None => None,
            template @ Some(_) => role_arn(queries.fill(template, "Credentials", &effective)?.value())?,
        };
        // AWS: an activity's worker comes as itself, and `ActivityScheduled` has no member for a role.
        let credentials_role_arn =
            credentials_role_arn.filter(|_| !matches!(task.resource, Resource::Activity { .. }));
        Ok(TaskScheduled {
            target: target(&task.resource),
            region: self.execution.identity().region().into(),
            input,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        })
    }

    pub(in crate::interpreter) fn task_started(&mut self, id: TaskId, worker_name: Option<Text>) {
        if let Some(task) = self.execution.open_task(id)
            && !task.is_started
        {
            let target = task.request.target.clone();
            self.emit_next(id.branch, EventKind::TaskStarted { target, worker_name });
        }
    }

    pub(in crate::interpreter) fn task_schedule_failed(&mut self, id: TaskId, reason: Reason) {
        if let Some(task) = self.execution.open_task(id)
            && !task.is_started
        {
            let target = task.request.target.clone();
            self.emit_next(id.branch, EventKind::TaskScheduleFailed { target, reason: reason.clone() });
            self.fail(id.branch, reason);
        }
    }

    pub(in crate::interpreter) fn task_submit_failed(&mut self, id: TaskId, reason: Reason) {
        if let Some(task) = self.execution.open_task(id)
            && !task.is_submitted
        {
            let target = task.request.target.clone();
            self.emit_next(id.branch, EventKind::TaskSubmitFailed { target, reason: reason.clone() });
            self.fail(id.branch, reason);
        }
    }

    pub(in crate::interpreter) fn task_submitted(&mut self, id: TaskId, output: Payload) {
        if let Some(task) = self.execution.open_task(id)
            && !task.is_submitted
            // AWS: functions and activities have no such event.
            && matches!(task.request.target, Target::Service { .. })
        {
            let target = task.request.target.clone();
            if let Some(failure) =
                self.state(id.branch).and_then(|state| self.too_large(&state.name, &output))
            {
                // Unlike one that has answered, this task is still out.
                let reason = Reason::from(failure);
                self.emit_next(id.branch, EventKind::TaskFailed { target, reason: reason.clone() });
                self.cancel_task(id);
                return self.fail(id.branch, reason);
            }
            self.emit_next(id.branch, EventKind::TaskSubmitted { target, output });
        }
    }

    pub(in crate::interpreter) fn task_succeeded(&mut self, id: TaskId, output: Payload) {
        let Some(open) = self.execution.open_task(id) else { return };
        let target = open.request.target.clone();
        let Some(State { name, kind: StateKind::Task(task), .. }) = self.state(id.branch) else { return };
        if let Some(failure) = self.too_large(name, &output) {
            self.task_ended_badly(id.branch, target, failure.into());
            return;
        }
        let result = output.clone();
        self.emit_next(id.branch, EventKind::TaskSucceeded { target, output });
        let Some(raw) = self.raw_input(id.branch) else { return };
        match self.done(id.branch, task, &raw, &result) {
            Ok(leave) => self.leave(id.branch, leave),
            Err(failure) => self.fail_evaluation(id.branch, failure),
        }
    }

    pub(in crate::interpreter) fn done(
        &self,
        branch: BranchId,
        task: &Task,
        raw: &Payload,
        answer: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, raw).with_result(answer);
        queries.leave(&task.flow, &task.assign, task.transition, answer)
    }

    pub(in crate::interpreter) fn task_failed(&mut self, id: TaskId, reason: Reason) {
        if let Some(open) = self.execution.open_task(id) {
            self.task_ended_badly(id.branch, open.request.target.clone(), reason);
        }
    }

    fn task_ended_badly(&mut self, branch: BranchId, target: Target, reason: Reason) {
        self.emit_next(branch, EventKind::TaskFailed { target, reason: reason.clone() });
        // AWS: a failure that names no error is a `States.TaskFailed`.
        let error = reason.error.or_else(|| Some(names::TASK_FAILED.into()));
        self.fail(branch, Reason { error, ..reason });
    }

    /// The task, or its next heartbeat, did not come in time. Where it is not tried again, the answer is what
    /// is to fail its state.
    pub(in crate::interpreter) fn task_timed_out(&mut self, branch: BranchId) -> Option<Raised> {
        let visit = self.execution.visit(branch)?;
        let Phase::Task(task) = &visit.phase else { return None };
        let is_heartbeat = match (task.heartbeat_at, task.timeout_at) {
            (Some(heartbeat), Some(timeout)) => heartbeat < timeout,
            (heartbeat, None) => heartbeat.is_some(),
            (None, Some(_)) => false,
        };
        let target = task.request.target.clone();
        let id = TaskId { branch, scheduled: task.scheduled };
        // AWS: the event says `States.Timeout` for a missed heartbeat too, and gives no cause.
        let reason = Reason { error: Some(names::TIMEOUT.into()), cause: None };
        self.emit_next(branch, EventKind::TaskTimedOut { target, reason: reason.clone() });
        self.cancel_task(id);
        self.retry_timed_out(branch, reason, is_heartbeat)
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

/// The role in evaluated `Credentials`. One that cannot be read must not become a call in the machine's own role.
fn role_arn(credentials: &Value) -> Result<Option<Text>, Failure> {
    match credentials.as_object().and_then(|credentials| credentials.get("RoleArn")) {
        None => Ok(None),
        Some(Value::String(arn)) => Ok(Some(arn.clone())),
        Some(other) => {
            let cause = format!("The RoleArn in Credentials must be a string but was: {}", other.to_text());
            Err(Failure::new(names::RUNTIME, cause))
        }
    }
}

/// `TimeoutSeconds` or `HeartbeatSeconds`, as `field` says.
fn seconds(
    queries: &Queries<'_>,
    seconds: Option<&Seconds>,
    field: &str,
    input: &Payload,
) -> Result<Option<u32>, Failure> {
    match seconds {
        None => Ok(None),
        Some(Seconds::Fixed(seconds)) => Ok(Some(*seconds)),
        Some(Seconds::At(path)) => {
            let found = queries.scene().at(path, input)?;
            positive_seconds(field, path, &found).map(Some)
        }
        Some(Seconds::Query(query)) => {
            let found = query.evaluate_as(queries, field, "number", |found| found.as_number().cloned())?;
            let seconds = positive(&found).ok_or_else(|| {
                let cause = format!("The {field} field cannot be parsed as a positive integer: {found}");
                Failure::in_field(names::QUERY_EVALUATION_ERROR, cause, field)
            })?;
            Ok(Some(seconds))
        }
    }
}

fn positive(number: &Number) -> Option<u32> {
    number.as_i64().and_then(|seconds| u32::try_from(seconds).ok()).filter(|seconds| *seconds > 0)
}

fn positive_seconds(field: &str, path: &Path, found: &Value) -> Result<u32, Failure> {
    found.as_number().and_then(positive).ok_or_else(|| {
        let cause = format!(
            "The {field}Path parameter cannot be parsed as a positive integer: {} == {}",
            path.text(),
            found.to_text()
        );
        Failure::new(names::RUNTIME, cause)
    })
}
