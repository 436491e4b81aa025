//! An execution as a value: a tree of branches, each somewhere in its states.
//!
//! An [`Execution`] is what its history adds up to. It is changed by [`Execution::apply`] (in `apply.rs`)
//! and by nothing else; what is to happen next is found by [`Execution::decide`] (in `turn.rs`). It holds
//! no clock, no channel and no store, so it can be made, compared and thrown away at will.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::branches::Branches;
use super::event::{BranchId, EventId, Reason, TaskScheduled};
use crate::data::Timestamp;
use crate::definition::{Pattern, State, StateIndex, StateMachine};
use crate::json::{Payload, Text};

/// Who an execution is: what the context object and the start event say of it, fixed for its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The execution's ARN.
    pub execution_arn: Text,
    /// The execution's name.
    pub execution_name: Text,
    /// The state machine's ARN.
    pub state_machine_arn: Text,
    /// The state machine's name.
    pub state_machine_name: Text,
    /// The role that the state machine was created with.
    pub role_arn: Text,
    /// What of the state machine it was started through.
    pub qualifiers: Qualifiers,
    /// The state machine's revision that it runs, where there is one. No event says it.
    pub revision_id: Option<Text>,
    /// `X-Amzn-Trace-Id`: the trace that it belongs to, if it does. No event says it.
    pub trace_header: Option<Text>,
}

/// What an execution was started through, where that was not the state machine itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qualifiers {
    /// The version that it runs: named by the caller, or picked by an alias.
    pub version_arn: Option<Text>,
    /// The alias that picked the version.
    pub alias_arn: Option<Text>,
}

/// How an execution stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// No event yet.
    Pending,
    /// Under way.
    Running,
    /// Ended well, with this output.
    Succeeded(Payload),
    /// A state failed and nothing caught it.
    Failed(Reason),
    /// Outlived the machine's time.
    TimedOut(Reason),
    /// Stopped from outside.
    Aborted(Reason),
}

/// Branches that an execution may have begun to be taken for resting. Our choice.
const RESTING_BRANCHES_MAX: usize = 4_096;

/// One execution of a state machine.
#[derive(Clone, Debug)]
pub struct Execution {
    pub(super) machine: Arc<StateMachine>,
    pub(super) identity: Arc<Identity>,
    pub(super) input: Payload,
    pub(super) status: Status,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) last_event_id: EventId,
    pub(super) branches: Branches,
    /// The branches again, each below its parent: what a Map of many items finds its own by.
    pub(super) below: BTreeSet<(BranchId, BranchId)>,
    /// The bytes of all variables' values.
    pub(super) variable_bytes: usize,
    /// Branches that can enter their next state, in the order in which they came to it. One that was given up
    /// meanwhile may still stand in it, but never in front.
    pub(super) ready: VecDeque<BranchId>,
    /// When each branch that waits for a time is due.
    pub(super) deadlines: BTreeSet<(Timestamp, BranchId)>,
    /// The longest that it may run, whatever its machine says.
    pub(super) seconds_max: Option<u32>,
    /// When the machine's own time is over.
    pub(super) timeout_at: Option<Timestamp>,
    /// How often it went on after it had ended badly, and since when.
    pub(super) redrive_count: u32,
    pub(super) redriven_at: Option<Timestamp>,
}

/// One line of states: the machine's, a Parallel's branch or a Map's iteration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    pub(super) parent: Option<Parent>,
    /// What the next event of this branch names as its previous one.
    pub(super) previous: EventId,
    /// Variables of this branch's scope; outer scopes are the parents'.
    pub(super) variables: BTreeMap<Text, Payload>,
    pub(super) position: Position,
    /// A sibling failed, or the state around it. Where it was is kept, should the execution be redriven.
    pub(super) is_given_up: bool,
}

impl Branch {
    fn is_resting(&self) -> bool {
        let Position::In(visit) = &self.position else {
            return matches!(self.position, Position::Ended { .. });
        };
        match &visit.phase {
            Phase::Waiting { .. } | Phase::Backoff { .. } | Phase::Parallel { .. } | Phase::Map(_) => true,
            Phase::Task(task) => task.is_called_back() && task.is_submitted && task.heartbeat_at.is_none(),
            Phase::Working => false,
        }
    }
}

impl OpenTask {
    /// Whether its end comes with its token, from outside.
    fn is_called_back(&self) -> bool {
        self.request.target.pattern() == Pattern::WaitForTaskToken
    }
}

/// The Parallel or Map state that a branch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    /// The branch that is in that state.
    pub(super) branch: BranchId,
    /// Which of its branches, or items, this is.
    pub(super) index: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Position {
    /// Between states.
    Ready { state: StateIndex, input: Payload },
    /// In a state.
    In(Box<Visit>),
    /// An iteration whose last state was left, before `MapIterationSucceeded` takes its output.
    Ended { output: Payload },
}

/// A state, from its entry to its exit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Visit {
    pub(super) state: StateIndex,
    pub(super) entered: EventId,
    /// The event before that one.
    pub(super) entered_after: EventId,
    pub(super) entered_at: Timestamp,
    /// The raw input.
    pub(super) input: Payload,
    /// How often each retrier was used; empty until one was.
    pub(super) used: Vec<u32>,
    /// A Parallel or a Map that has failed: what runs below it is given up, and kept until the state is left.
    pub(super) has_failed: bool,
    pub(super) phase: Phase,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// Nothing is open: just entered, or about to leave.
    Working,
    /// A Wait.
    Waiting { until: Timestamp },
    /// A task is out.
    Task(OpenTask),
    /// Between a failure and the next attempt.
    Backoff { until: Timestamp },
    /// Branches run.
    Parallel {
        outputs: Vec<Option<Payload>>,
        /// How many of them are missing.
        missing: usize,
    },
    /// Iterations run.
    Map(Iterations),
}

/// A task that is out.
#[derive(Clone, Debug)]
pub(super) struct OpenTask {
    pub(super) scheduled: EventId,
    pub(super) scheduled_at: Timestamp,
    pub(super) request: TaskScheduled,
    /// `…Started` was written, and `TaskSubmitted` was. Told again, after a crash, they are not written again.
    pub(super) is_started: bool,
    pub(super) is_submitted: bool,
    pub(super) timeout_at: Option<Timestamp>,
    /// Moves with each heartbeat, which writes no event; a replay starts it anew.
    pub(super) heartbeat_at: Option<Timestamp>,
}

impl PartialEq for OpenTask {
    /// The time of the next heartbeat is not part of the history, so it is not compared.
    fn eq(&self, other: &Self) -> bool {
        self.scheduled == other.scheduled
            && self.request == other.request
            && self.is_started == other.is_started
            && self.is_submitted == other.is_submitted
            && self.timeout_at == other.timeout_at
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Iterations {
    pub(super) items: Payload,
    pub(super) max_concurrency: u32,
    /// The index of the first item that has not started.
    pub(super) next: u32,
    pub(super) running: u32,
    pub(super) outputs: Vec<Option<Payload>>,
}

/// Which task an answer belongs to. A late or doubled answer names one that is no longer open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    /// The branch that waits for it.
    pub branch: BranchId,
    /// The event that gave it out: unique in the execution, so it serves as the idempotency token.
    pub scheduled: EventId,
}

/// A task to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRequest {
    /// What to name in the answer.
    pub id: TaskId,
    /// The state that asks.
    pub state_name: Text,
    /// The call.
    pub scheduled: TaskScheduled,
    /// When it was given out.
    pub scheduled_at: Timestamp,
    /// How far it had come: further than [`TaskProgress::Scheduled`] only after a replay.
    pub progress: TaskProgress,
}

/// How far a task has come that is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskProgress {
    /// It was given out.
    Scheduled,
    /// Somebody has begun it. For all but activities that follows at once, and says no more than `Scheduled`.
    Started,
    /// The job that it waits for was begun, or the one that will call back was asked.
    Submitted,
}

impl PartialEq for Execution {
    /// Compares what the history says; the queue and the deadlines follow from it and are compared too,
    /// except for heartbeats (see [`OpenTask`]).
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.input == other.input
            && self.status == other.status
            && self.started_at == other.started_at
            && self.ended_at == other.ended_at
            && self.last_event_id == other.last_event_id
            && self.branches == other.branches
            && self.ready == other.ready
            && self.timeout_at == other.timeout_at
            && self.redrive_count == other.redrive_count
            && self.redriven_at == other.redriven_at
    }
}

impl Identity {
    /// The region that the execution's ARN names; empty where it is no ARN.
    pub fn region(&self) -> &str {
        self.execution_arn.split(':').nth(3).unwrap_or_default()
    }
}

impl Execution {
    /// An execution that has not started: `Stimulus::Start` is its first.
    pub fn new(machine: Arc<StateMachine>, identity: Arc<Identity>, input: Payload) -> Self {
        Self {
            machine,
            identity,
            input,
            status: Status::Pending,
            started_at: Timestamp::from_millis(0),
            ended_at: None,
            last_event_id: EventId::default(),
            branches: Branches::default(),
            below: BTreeSet::new(),
            variable_bytes: 0,
            ready: VecDeque::new(),
            deadlines: BTreeSet::new(),
            seconds_max: None,
            timeout_at: None,
            redrive_count: 0,
            redriven_at: None,
        }
    }

    /// The same, timed out after so many seconds where its machine does not do so before.
    #[must_use]
    pub fn within(mut self, seconds_max: u32) -> Self {
        self.seconds_max = Some(seconds_max);
        self
    }

    /// Who it is.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// How it stands.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Its input, as the caller wrote it.
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// When it started; the epoch while it is pending.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// How often it was redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrive_count
    }

    /// The id of its last event.
    pub fn last_event_id(&self) -> EventId {
        self.last_event_id
    }

    /// Whether it is neither pending nor over.
    pub fn is_running(&self) -> bool {
        matches!(self.status, Status::Running)
    }

    /// Whether a branch can go on at once: true after a turn that ran out of its budget.
    pub fn has_ready_branches(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether nothing is under way: each branch waits for a time, or for somebody outside who was asked to call
    /// back. All that goes on then follows from the history, so that the execution need not be kept in memory. What
    /// counts heartbeats is not in the history, and so is under way; and so is an execution that has begun more than
    /// [`RESTING_BRANCHES_MAX`] branches, which would take long to look through.
    pub fn is_resting(&self) -> bool {
        self.is_running()
            && self.ready.is_empty()
            && self.branches.begun() <= RESTING_BRANCHES_MAX
            && self.branches.iter().all(|(_, branch)| branch.is_given_up || branch.is_resting())
    }

    /// The earliest time at which something is due, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let branch = self.deadlines.first().map(|(at, _)| *at);
        match (branch, self.timeout_at) {
            (Some(branch), Some(machine)) => Some(branch.min(machine)),
            (one, other) => one.or(other),
        }
    }

    /// The tasks that are out. After a replay, each is to be run again under its old id, as far as its progress
    /// asks for it.
    pub fn open_tasks(&self) -> Vec<TaskRequest> {
        let branches = self.is_running().then(|| self.branches.iter());
        branches.into_iter().flatten().filter_map(|(id, branch)| self.task_request(id, branch)).collect()
    }

    /// The same tasks, by their ids alone.
    pub(super) fn open_task_ids(&self) -> impl Iterator<Item = TaskId> {
        let branches = self.is_running().then(|| self.branches.iter());
        let live = branches.into_iter().flatten().filter(|(_, branch)| !branch.is_given_up);
        live.filter_map(|(id, branch)| match &branch.position {
            Position::In(visit) => match &visit.phase {
                Phase::Task(task) => Some(TaskId { branch: id, scheduled: task.scheduled }),
                Phase::Working
                | Phase::Waiting { .. }
                | Phase::Backoff { .. }
                | Phase::Parallel { .. }
                | Phase::Map(_) => None,
            },
            Position::Ready { .. } | Position::Ended { .. } => None,
        })
    }

    /// Whether an answer for this task is still waited for.
    pub fn is_open(&self, id: TaskId) -> bool {
        self.open_task(id).is_some()
    }

    /// How far the task has come, while it is open.
    pub fn task_progress(&self, id: TaskId) -> Option<TaskProgress> {
        self.open_task(id).map(OpenTask::progress)
    }

    /// The task, while it is open.
    pub(super) fn open_task(&self, id: TaskId) -> Option<&OpenTask> {
        match &self.visit(id.branch)?.phase {
            Phase::Task(task) if task.scheduled == id.scheduled && self.is_running() => Some(task),
            Phase::Task(_)
            | Phase::Working
            | Phase::Waiting { .. }
            | Phase::Backoff { .. }
            | Phase::Parallel { .. }
            | Phase::Map(_) => None,
        }
    }

    pub(super) fn task_request(&self, id: BranchId, branch: &Branch) -> Option<TaskRequest> {
        let Position::In(visit) = &branch.position else { return None };
        if branch.is_given_up {
            return None;
        }
        let Phase::Task(task) = &visit.phase else { return None };
        Some(TaskRequest {
            id: TaskId { branch: id, scheduled: task.scheduled },
            state_name: self.machine.state(visit.state).name.clone(),
            scheduled: task.request.clone(),
            scheduled_at: task.scheduled_at,
            progress: task.progress(),
        })
    }

    /// The visit of a branch that is in a state, and not given up.
    pub(super) fn visit(&self, branch: BranchId) -> Option<&Visit> {
        match &self.branches.get(branch).filter(|branch| !branch.is_given_up)?.position {
            Position::In(visit) => Some(visit),
            Position::Ready { .. } | Position::Ended { .. } => None,
        }
    }

    /// The state of the branch's visit.
    pub(super) fn visited_state(&self, branch: BranchId) -> Option<&State> {
        self.visit(branch).map(|visit| self.machine.state(visit.state))
    }

    /// A variable as the branch sees it: its own scope, then the outer ones.
    pub(super) fn variable(&self, branch: BranchId, name: &str) -> Option<&Payload> {
        let mut scope = self.branches.get(branch);
        while let Some(branch) = scope {
            if let Some(value) = branch.variables.get(name) {
                return Some(value);
            }
            scope = branch.parent.and_then(|parent| self.branches.get(parent.branch));
        }
        None
    }

    /// How many bytes the execution's variables would have with these in the branch's scope.
    pub(super) fn variable_bytes_with(&self, branch: BranchId, assigned: &[(Text, Payload)]) -> usize {
        let held = self.branches.get(branch).map(|branch| &branch.variables);
        assigned.iter().fold(self.variable_bytes, |bytes, (name, value)| {
            let replaced = held.and_then(|held| held.get(name)).map_or(0, Payload::len_bytes);
            bytes - replaced + value.len_bytes()
        })
    }

    /// The branches of the Parallel or Map that `parent` is in, in the order in which they started.
    pub(super) fn children(&self, parent: BranchId) -> Vec<BranchId> {
        let all = (parent, BranchId(0))..=(parent, BranchId(u32::MAX));
        self.below.range(all).map(|(_, child)| *child).collect()
    }
}

impl OpenTask {
    fn progress(&self) -> TaskProgress {
        match (self.is_submitted, self.is_started) {
            (true, _) => TaskProgress::Submitted,
            (false, true) => TaskProgress::Started,
            (false, false) => TaskProgress::Scheduled,
        }
    }
}

impl Branch {
    /// The bytes of its variables' values.
    pub(super) fn variable_bytes(&self) -> usize {
        self.variables.values().map(Payload::len_bytes).sum()
    }
}

impl Iterations {
    /// Whether every item has its output.
    pub(super) fn is_done(&self) -> bool {
        self.running == 0 && self.next as usize >= self.outputs.len()
    }
}

impl Visit {
    /// How often the state was tried again.
    pub(super) fn retry_count(&self) -> u32 {
        self.used.iter().sum()
    }

    /// When this visit is due, if it waits for a time.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting { until } | Phase::Backoff { until } => Some(*until),
            Phase::Task(task) => match (task.timeout_at, task.heartbeat_at) {
                (Some(timeout), Some(heartbeat)) => Some(timeout.min(heartbeat)),
                (one, other) => one.or(other),
            },
            Phase::Working | Phase::Parallel { .. } | Phase::Map(_) => None,
        }
    }
}
