//! One turn: a stimulus comes in, and the execution goes on until every branch waits for something.
//!
//! A turn changes its execution by emitting events, each applied at once by the same fold that replays
//! them. What a state does on its entry stands in `states/`, what happens to an error in `failing.rs`.

use super::data_flow::Scene;
use super::event::{BranchId, EventId, EventKind, HistoryEvent, Iteration, PlannedRetry, Reason, StateType};
use super::execution::{Branch, Execution, Parent, Phase, Position, Status, TaskId, Visit};
use super::failing::Raised;
use super::inspection::Trial;
use super::queries::Queries;
use super::{Decision, Effect, Limits, Random, Stimulus, Stopwatch, TaskTokens};
use crate::data::Timestamp;
use crate::definition::{State, StateKind, StateMachine, Transition};
use crate::failure::{Failure, names};
use crate::json::{Payload, Text, Value};

/// What a decision depends on beside the execution and the stimulus.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The time of the turn.
    pub now: Timestamp,
    /// Where chance comes from.
    pub random: &'a dyn Random,
    /// Where task tokens come from.
    pub tokens: &'a dyn TaskTokens,
    /// Measures how long an expression has been running.
    pub stopwatch: Stopwatch,
    /// The bounds.
    pub limits: &'a Limits,
    /// Whether the state machine is being deleted: the execution is aborted instead of entering another state.
    pub deleting: bool,
    /// Whether others wait for this turn: it then ends before a state that may take long, unfinished.
    pub is_in_a_hurry: bool,
}

/// A turn under way.
pub(super) struct Turn<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) machine: &'a StateMachine,
    pub(super) now: Timestamp,
    pub(super) limits: &'a Limits,
    random: &'a dyn Random,
    tokens: &'a dyn TaskTokens,
    deleting: bool,
    stopwatch: Stopwatch,
    is_in_a_hurry: bool,
    /// Of a state that is tested on its own: nothing is emitted then.
    trial: Option<Trial<'a>>,
    events: Vec<HistoryEvent>,
    effects: Vec<Effect>,
}

/// How a state is left.
pub(super) struct Leave {
    pub(super) output: Payload,
    pub(super) assigned: Vec<(Text, Payload)>,
    pub(super) transition: Transition,
}

impl Execution {
    /// What follows from `stimulus`. The execution has taken the decision's events into account when this
    /// returns; they and the effects are the caller's to make durable, in this order, and to let out.
    ///
    /// A stimulus for a task that is no longer open, or for an execution that has ended, changes nothing.
    ///
    /// # Panics
    ///
    /// When a decided event does not follow from the state it was decided on: a fault of this crate. The
    /// execution is then to be thrown away and read back from its history.
    pub fn decide(&mut self, stimulus: Stimulus, surroundings: Surroundings<'_>) -> Decision {
        let machine = self.machine.clone();
        let mut turn = Turn::new(self, &machine, surroundings, None);
        turn.take(stimulus);
        turn.run();
        let unfinished = turn.execution.is_running() && turn.execution.has_ready_branches();
        Decision { events: turn.events, effects: turn.effects, unfinished }
    }

    /// Whether deciding on the stimulus may take longer than the data at hand is large, so that whoever is in a hurry
    /// takes it elsewhere. Says nothing of the states that follow: a turn in a hurry ends before them.
    pub fn may_take_long(&self, stimulus: &Stimulus, now: Timestamp) -> bool {
        if !self.machine.may_take_long() {
            return false;
        }
        if let Stimulus::Redrive { .. } = stimulus {
            // It takes up whatever was left, wherever that was.
            return true;
        }
        if !self.is_running() {
            return false;
        }
        let is_slow = |branch: BranchId| match self.branches.get(branch).map(|branch| &branch.position) {
            Some(Position::Ready { state, .. }) => self.machine.state(*state).may_take_long,
            Some(Position::In(visit)) => self.machine.state(visit.state).may_take_long,
            Some(Position::Ended { .. }) | None => false,
        };
        match stimulus {
            Stimulus::Start
            | Stimulus::Stop(_)
            | Stimulus::TaskHeartbeat { .. }
            | Stimulus::Redrive { .. } => false,
            Stimulus::Continue => self.ready.front().copied().is_some_and(is_slow),
            Stimulus::TimersDue => {
                let due = self.deadlines.iter().take_while(|(at, _)| *at <= now);
                due.map(|(_, branch)| *branch).any(is_slow)
            }
            Stimulus::TaskStarted { task, .. }
            | Stimulus::TaskScheduleFailed { task, .. }
            | Stimulus::TaskSubmitted { task, .. }
            | Stimulus::TaskSubmitFailed { task, .. }
            | Stimulus::TaskSucceeded { task, .. }
            | Stimulus::TaskFailed { task, .. } => self.is_open(*task) && is_slow(task.branch),
        }
    }
}

impl<'a> Turn<'a> {
    /// A turn in which nothing has happened.
    pub(super) fn new(
        execution: &'a mut Execution,
        machine: &'a StateMachine,
        surroundings: Surroundings<'a>,
        trial: Option<Trial<'a>>,
    ) -> Self {
        let Surroundings { now, random, tokens, stopwatch, limits, deleting, is_in_a_hurry } = surroundings;
        let (events, effects) = (Vec::new(), Vec::new());
        Self {
            execution,
            machine,
            now,
            limits,
            random,
            tokens,
            deleting,
            stopwatch,
            is_in_a_hurry,
            trial,
            events,
            effects,
        }
    }

    fn take(&mut self, stimulus: Stimulus) {
        match (&self.execution.status, stimulus) {
            (Status::Pending, Stimulus::Start) => self.start(),
            (Status::Running, stimulus) => self.go_on(stimulus),
            (
                Status::Failed(_) | Status::TimedOut(_) | Status::Aborted(_),
                Stimulus::Redrive { client_token },
            ) => self.redrive(client_token),
            (
                Status::Pending
                | Status::Succeeded(_)
                | Status::Failed(_)
                | Status::TimedOut(_)
                | Status::Aborted(_),
                _,
            ) => {}
        }
    }

    fn go_on(&mut self, stimulus: Stimulus) {
        match stimulus {
            Stimulus::Start | Stimulus::Continue | Stimulus::Redrive { .. } => {}
            Stimulus::TimersDue => self.timers_due(),
            Stimulus::Stop(reason) => {
                // AWS: the abort names 0 as its previous event, and no state is aborted before it.
                self.end(EventId(0), EventKind::ExecutionAborted(reason));
            }
            Stimulus::TaskStarted { task, worker_name } => self.task_started(task, worker_name),
            Stimulus::TaskScheduleFailed { task, reason } => self.task_schedule_failed(task, reason),
            Stimulus::TaskSubmitFailed { task, reason } => self.task_submit_failed(task, reason),
            Stimulus::TaskSubmitted { task, output } => self.task_submitted(task, output),
            Stimulus::TaskSucceeded { task, output } => self.task_succeeded(task, output),
            Stimulus::TaskFailed { task, reason } => self.task_failed(task, reason),
            Stimulus::TaskHeartbeat { task } => {
                if self.execution.is_open(task) {
                    self.execution.postpone_heartbeat(task.branch, self.now);
                }
            }
        }
    }

    /// Enters states until every branch waits, or the turn's budget is used up.
    fn run(&mut self) {
        while self.events.len() < self.limits.turn_events_max {
            let Some(branch) = self.execution.ready.front().copied() else { break };
            if self.deleting {
                // AWS: executions of a deleted state machine are ended at their next transition.
                return self.end(EventId(0), EventKind::ExecutionAborted(Reason::default()));
            }
            if self.is_in_a_hurry && self.execution.may_take_long(&Stimulus::Continue, self.now) {
                break;
            }
            self.enter(branch);
        }
    }

    fn start(&mut self) {
        let input = self.execution.input.clone();
        let identity = &self.execution.identity;
        let (role_arn, qualifiers) = (identity.role_arn.clone(), identity.qualifiers.clone());
        self.emit(BranchId::ROOT, EventId(0), EventKind::ExecutionStarted { input, role_arn, qualifiers });
    }

    fn enter(&mut self, branch: BranchId) {
        let Some(Branch { position: Position::Ready { state, input }, .. }) =
            self.execution.branches.get(branch)
        else {
            return;
        };
        let (index, input) = (*state, input.clone());
        let machine = self.machine;
        let state = machine.state(index);
        match &state.kind {
            StateKind::Task(task) => self.enter_task(branch, state, task, &input),
            StateKind::Pass(pass) => self.enter_pass(branch, state, pass, &input),
            StateKind::Choice(choice) => self.enter_choice(branch, state, choice, &input),
            StateKind::Wait(wait) => self.enter_wait(branch, state, wait, &input),
            StateKind::Succeed(succeed) => self.enter_succeed(branch, state, succeed, &input),
            StateKind::Fail(fail) => self.enter_fail(branch, state, fail, &input),
            StateKind::Parallel(parallel) => self.enter_parallel(branch, state, parallel, &input),
            StateKind::Map(map) => self.enter_map(branch, state, map, &input),
        }
    }

    pub(super) fn timers_due(&mut self) {
        if self.execution.timeout_at.is_some_and(|at| at <= self.now) {
            // AWS: the machine's own time-out names 0 as its previous event, and has no cause.
            let reason = Reason { error: Some(names::TIMEOUT.into()), cause: None };
            self.end(EventId(0), EventKind::ExecutionTimedOut(reason));
            return;
        }
        // AWS: tasks that time out together have all timed out before the first of them fails anything.
        let mut timed_out = Vec::new();
        let due: Vec<BranchId> = self
            .execution
            .deadlines
            .iter()
            .take_while(|(at, _)| *at <= self.now)
            .map(|(_, branch)| *branch)
            .collect();
        for branch in due {
            // An earlier one of these may have ended the execution, or this branch.
            let visit = self.execution.visit(branch).filter(|_| self.execution.is_running());
            let deadline = visit.and_then(Visit::deadline);
            if deadline.is_some_and(|at| at <= self.now) {
                timed_out.extend(self.timer_due(branch).map(|raised| (branch, raised)));
            }
        }
        for (branch, raised) in timed_out {
            self.fail_timed_out(branch, raised);
        }
    }

    /// What a branch waited for is due. The answer is a time-out that is still to fail its state.
    fn timer_due(&mut self, branch: BranchId) -> Option<Raised> {
        let machine = self.machine;
        let visit = self.execution.visit(branch)?;
        let state = machine.state(visit.state);
        match (&visit.phase, &state.kind) {
            (Phase::Waiting { .. }, StateKind::Wait(wait)) => self.end_wait(branch, wait),
            (Phase::Task(_), StateKind::Task(_)) => return self.task_timed_out(branch),
            (Phase::Backoff { .. }, StateKind::Task(task)) => self.attempt_task(branch, task),
            (Phase::Backoff { .. }, StateKind::Parallel(parallel)) => self.attempt_parallel(branch, parallel),
            (Phase::Backoff { .. }, StateKind::Map(map)) => self.attempt_map(branch, map),
            _ => unreachable!("only a Wait, a task or a retry has a deadline"),
        }
        None
    }

    /// Emits a state's entry.
    pub(super) fn emit_entered(
        &mut self,
        branch: BranchId,
        state: &State,
        input: &Payload,
        wake_at: Option<Timestamp>,
    ) {
        let kind = EventKind::StateEntered {
            state_type: state_type(&state.kind),
            name: state.name.clone(),
            input: input.clone(),
            wake_at,
        };
        self.emit_next(branch, kind);
    }

    /// Leaves the branch's state, and ends the branch where nothing follows.
    pub(super) fn leave(&mut self, branch: BranchId, leave: Leave) {
        match self.over_limit(branch, &leave) {
            Some(failure) => self.fail(branch, failure.into()),
            None => self.exit(branch, leave),
        }
    }

    /// Why a state cannot be left like this: its output, or what it assigns, is over a quota.
    pub(super) fn over_limit(&self, branch: BranchId, leave: &Leave) -> Option<Failure> {
        let name = &self.state(branch)?.name;
        self.too_large(name, &leave.output)
            .or_else(|| self.variables_too_large(branch, name, &leave.assigned))
    }

    /// Leaves the branch's state with what is within the quotas.
    pub(super) fn exit(&mut self, branch: BranchId, leave: Leave) {
        let Some(state) = self.state(branch) else { return };
        let Leave { output, assigned, transition } = leave;
        let next = match transition {
            Transition::Next(index) => Some(self.machine.state(index).name.clone()),
            Transition::End => None,
        };
        let parent = self.execution.branches.get(branch).and_then(|branch| branch.parent);
        let kind = EventKind::StateExited {
            state_type: state_type(&state.kind),
            name: state.name.clone(),
            output: output.clone(),
            assigned,
            next,
        };
        self.emit_next(branch, kind);
        if transition != Transition::End || !self.execution.is_running() {
            return;
        }
        match parent {
            None => {
                let previous = self.previous(branch);
                self.end(previous, EventKind::ExecutionSucceeded { output });
            }
            Some(parent) => self.branch_ended(branch, parent),
        }
    }

    /// The end of the execution: nothing that is out matters any more.
    pub(super) fn end(&mut self, previous: EventId, kind: EventKind) {
        if self.execution.ended_at.is_none() {
            self.effects.extend(self.execution.open_task_ids().map(Effect::CancelTask));
        }
        self.emit(BranchId::ROOT, previous, kind);
    }

    /// Emits an event that follows the branch's last one.
    pub(super) fn emit_next(&mut self, branch: BranchId, kind: EventKind) {
        self.emit(branch, self.previous(branch), kind);
    }

    /// Emits an event: it stands in the decision, and has been applied.
    pub(super) fn emit(&mut self, branch: BranchId, previous: EventId, kind: EventKind) {
        if self.execution.ended_at.is_some() {
            return;
        }
        let id = self.execution.last_event_id.next();
        if id.0 >= self.limits.history_events_max && !kind.is_terminal() {
            let reason = history_is_full(self.limits.history_events_max);
            return self.end(previous, EventKind::ExecutionFailed(reason));
        }
        let event =
            HistoryEvent { id, previous_event_id: previous, timestamp: self.now, branch, retry: None, kind };
        self.execution.apply(&event).expect("a decided event follows from the state it was decided on");
        self.events.push(event);
    }

    /// Emits the event that follows an end: what [`Turn::emit`] would not.
    pub(super) fn emit_redriven(&mut self, kind: EventKind) {
        let previous_event_id = self.execution.last_event_id;
        let event = HistoryEvent {
            id: previous_event_id.next(),
            previous_event_id,
            timestamp: self.now,
            branch: BranchId::ROOT,
            retry: None,
            kind,
        };
        self.execution.apply(&event).expect("an execution that ended badly can be redriven");
        self.events.push(event);
    }

    /// Notes on the last event that with it, or with `failing` before it, a state failed and is tried again.
    ///
    /// Answers whether it could. A new attempt whose fields fail before anything is scheduled has no event to be
    /// noted on, and must not use another branch's: it counts as the last one. It would only fail again, since
    /// what its fields are evaluated with is what it was.
    pub(super) fn note_retry(&mut self, failing: EventId, retry: PlannedRetry) -> bool {
        let Some(event) = self.events.last_mut() else { return false };
        if event.failing() != failing || event.retry.is_some() {
            return false;
        }
        event.retry = Some(retry);
        let event = event.clone();
        self.execution.apply_retry(&event, &retry).expect("a retry is of a state that was entered");
        true
    }

    pub(super) fn run_task(&mut self, id: TaskId) {
        let branch = self.execution.branches.get(id.branch);
        let request = branch.and_then(|branch| self.execution.task_request(id.branch, branch));
        self.effects.extend(request.map(Effect::RunTask));
    }

    /// To be called after the event that says why: with a full history that one was the end, which has given up
    /// every task already.
    pub(super) fn cancel_task(&mut self, id: TaskId) {
        if self.execution.is_running() {
            self.effects.push(Effect::CancelTask(id));
        }
    }

    /// What the fields of the branch's state are evaluated against.
    pub(super) fn scene(&self, branch: BranchId) -> Scene<'_> {
        Scene {
            execution: self.execution,
            branch,
            now: self.now,
            random: self.random,
            stopwatch: self.stopwatch,
            limits: self.limits,
            item: None,
            task_token: None,
            trial: self.trial,
        }
    }

    /// The same for fields that either query language may have, with the state's raw input.
    pub(super) fn queries<'s>(&'s self, branch: BranchId, raw: &'s Payload) -> Queries<'s> {
        Queries::new(self.scene(branch), raw)
    }

    /// The token of the task that the branch's next event gives out.
    pub(super) fn next_task_token(&self, branch: BranchId) -> Text {
        self.tokens.token(TaskId { branch, scheduled: self.execution.last_event_id.next() })
    }

    pub(super) fn draw(&self) -> u64 {
        self.random.next_u64()
    }

    /// The event that the branch's next one names as its previous one.
    pub(super) fn previous(&self, branch: BranchId) -> EventId {
        self.execution.branches.get(branch).map_or(EventId(0), |branch| branch.previous)
    }

    /// The state that the branch is in, while the execution runs.
    pub(super) fn state(&self, branch: BranchId) -> Option<&'a State> {
        self.execution
            .visit(branch)
            .filter(|_| self.execution.is_running())
            .map(|visit| self.machine.state(visit.state))
    }

    pub(super) fn iteration(&self, branch: BranchId, index: u32) -> Option<Iteration> {
        let state = self.execution.visited_state(branch)?;
        Some(Iteration { name: state.name.clone(), index })
    }

    /// The raw input of the state that the branch is in; none when the state's last event ended the execution,
    /// because the history was full.
    pub(super) fn raw_input(&self, branch: BranchId) -> Option<Payload> {
        let visit = self.execution.visit(branch).filter(|_| self.execution.is_running());
        visit.map(|visit| visit.input.clone())
    }

    /// A branch of a Parallel or an iteration of a Map came to its end.
    fn branch_ended(&mut self, child: BranchId, parent: Parent) {
        let Some(state) = self.state(parent.branch) else { return };
        match &state.kind {
            StateKind::Parallel(parallel) => {
                if let Some(outputs) = self.joined_outputs(parent.branch) {
                    self.end_parallel(parent.branch, parallel, outputs);
                }
            }
            StateKind::Map(map) => {
                let iteration = Iteration { name: state.name.clone(), index: parent.index };
                self.iteration_ended(parent.branch, child, iteration, map);
            }
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => unreachable!("only a Parallel or a Map has branches"),
        }
    }

    /// The outputs of a Parallel's branches, once none is missing.
    fn joined_outputs(&self, branch: BranchId) -> Option<Vec<Value>> {
        match &self.execution.visit(branch)?.phase {
            Phase::Parallel { outputs, missing: 0 } => {
                outputs.iter().map(|output| output.as_ref().map(|output| output.value().clone())).collect()
            }
            Phase::Parallel { missing: 1.., .. }
            | Phase::Working
            | Phase::Waiting { .. }
            | Phase::Task(_)
            | Phase::Backoff { .. }
            | Phase::Map(_) => None,
        }
    }

    /// The failure of a payload over the quota.
    pub(super) fn too_large(&self, name: &Text, payload: &Payload) -> Option<Failure> {
        payload.exceeds(self.limits.payload_bytes_max).then(|| {
            Failure::new(
                names::DATA_LIMIT_EXCEEDED,
                format!(
                    "The state/task '{name}' returned a result with a size exceeding the maximum number of \
                     bytes service limit."
                ),
            )
        })
    }

    /// The failure of an `Assign` over the quotas for one, or for all variables that live.
    fn variables_too_large(
        &self,
        branch: BranchId,
        name: &Text,
        assigned: &[(Text, Payload)],
    ) -> Option<Failure> {
        let Limits { variable_bytes_max: one_max, variables_bytes_max: all_max, .. } = *self.limits;
        let fits = assigned.iter().all(|(_, value)| !value.exceeds(one_max))
            && assigned.iter().map(|(_, value)| value.len_bytes()).sum::<usize>() <= one_max
            && (assigned.is_empty() || self.execution.variable_bytes_with(branch, assigned) <= all_max);
        (!fits).then(|| {
            let cause =
                format!("The state '{name}' assigns variables with a size exceeding the service limit.");
            Failure::new(names::DATA_LIMIT_EXCEEDED, cause)
        })
    }
}

fn history_is_full(events_max: u32) -> Reason {
    let cause = format!("The execution reached the maximum number of history events ({events_max}).");
    Failure::new(names::RUNTIME, cause).into()
}

/// The word for a state in event names.
pub(super) fn state_type(kind: &StateKind) -> StateType {
    match kind {
        StateKind::Task(_) => StateType::Task,
        StateKind::Pass(_) => StateType::Pass,
        StateKind::Choice(_) => StateType::Choice,
        StateKind::Wait(_) => StateType::Wait,
        StateKind::Succeed(_) => StateType::Succeed,
        StateKind::Fail(_) => StateType::Fail,
        StateKind::Parallel(_) => StateType::Parallel,
        StateKind::Map(_) => StateType::Map,
    }
}
