//! One state on its own: what `TestState` asks for.
//!
//! A [`Test`] is a state with an input, variables, a context object, and perhaps a mock of what it would call. It
//! is run by the interpreter's own turn, over an execution that is in that state and never leaves it, and answers
//! with a [`Report`]: how the state ends, where it would go, and each step of its data flow. What takes time, a
//! call or a wait, is asked of the caller.
//!
//! Spec: Step Functions API, "`TestState`". What AWS tells of each type of state is recorded, where a line says so.

mod context;
mod map;
mod refusal;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::refusal::Refusal;
use super::event::{BranchId, EventId, Reason, TaskScheduled};
use super::execution::{Branch, Execution, Phase, Position, Visit};
use super::failing::error_output;
use super::inspection::{Step, Steps, Trial};
use super::retry::{catcher_for, is_terminal, retrier_for};
use super::turn::{Leave, Turn};
use super::{Identity, Surroundings, TaskId, TaskProgress, TaskRequest};
use crate::data::Timestamp;
use crate::definition::{State, StateIndex, StateKind, StateMachine, Transition};
use crate::failure::{Failure, names};
use crate::json::{Object, Payload, Text, Value};

/// Which state is tested, and with what.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The machine that the state is part of.
    pub machine: Arc<StateMachine>,
    /// Which state.
    pub state: StateIndex,
    /// Who the execution is that the state seems to run in.
    pub identity: Arc<Identity>,
    /// The state's input.
    pub input: Payload,
    /// The variables that it finds.
    pub variables: BTreeMap<Text, Payload>,
    /// Its context object; absent, one is made of the identity. Given with a mock only.
    pub context: Option<Value>,
    /// What stands in for what the state calls or runs.
    pub mock: Option<Mock>,
    /// What happened before.
    pub configuration: Configuration,
}

/// What a Task, Parallel or Map comes to without running anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Mock {
    /// This result.
    Result(Payload),
    /// This error.
    Error(Reason),
}

/// `stateConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// How often the retrier that takes the error was used.
    pub retrier_retry_count: u32,
    /// Where in a Parallel or Map the mocked error comes from.
    pub error_caused_by_state: Option<Text>,
    /// How many of a Map's iterations failed.
    pub map_iteration_failure_count: Option<u32>,
    /// What a Map's `ItemReader` read.
    pub map_item_reader_data: Option<Text>,
}

/// How far a test came.
#[derive(Clone, Debug)]
pub enum Progress {
    /// To the end.
    Ended(Box<Report>),
    /// To a task: [`Test::answered`] goes on with how it ended.
    Call(TaskRequest),
    /// To a Wait: [`Test::woken`] goes on at this time.
    Wait(Timestamp),
}

/// How a state ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Well.
    Succeeded,
    /// Badly.
    Failed,
    /// Badly, and it would be tried again.
    Retriable,
    /// Badly, and a catcher took the error.
    CaughtError,
}

/// What became of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// Its output, if it was left.
    pub output: Option<Payload>,
    /// Why it ended badly.
    pub reason: Option<Reason>,
    /// The state that would follow.
    pub next: Option<Text>,
    /// What was seen on the way.
    pub inspection: Inspection,
}

/// What was seen on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The steps that AWS tells of a state of this type.
    pub steps: BTreeMap<Step, Payload>,
    /// The variables after the state; absent where there are none.
    pub variables: Option<Payload>,
    /// A Map's bounds.
    pub map: MapBounds,
    /// What took the error.
    pub handler: Option<Handler>,
}

/// A Map's bounds, as far as they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapBounds {
    /// How many iterations run at once; 0 is no limit.
    pub max_concurrency: Option<u32>,
    /// How many may fail.
    pub tolerated_failure_count: Option<f64>,
    /// The same in percent.
    pub tolerated_failure_percentage: Option<f64>,
}

/// Which entry of `Retry` or `Catch` took an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// A retrier.
    Retrier {
        /// Its place.
        index: usize,
        /// How long it waits, before jitter.
        backoff_seconds: u64,
    },
    /// A catcher.
    Catcher {
        /// Its place.
        index: usize,
    },
}

/// A state under test.
#[derive(Debug)]
pub struct Test {
    machine: Arc<StateMachine>,
    state: StateIndex,
    /// In the state, for as long as the test takes.
    execution: Execution,
    context: Value,
    has_given_context: bool,
    mock: Option<Mock>,
    configuration: Configuration,
    steps: Steps,
    map: MapBounds,
}

/// What running a state came to.
enum Outcome {
    Left(Leave),
    Failed(Reason),
    Call(TaskScheduled),
    Wait(Timestamp),
}

/// AWS: nothing is recorded of a test, so that no event is named where a cause names the one of the entry.
const ENTERED: EventId = EventId(0);

impl Test {
    /// A test that has not begun, or why there can be none.
    pub fn new(subject: Subject, now: Timestamp) -> Result<Self, Refusal> {
        refusal::check(&subject)?;
        let Subject { machine, state, identity, input, variables, context, mock, configuration } = subject;
        let has_given_context = context.is_some();
        let context = context.unwrap_or_else(|| {
            let name = &machine.state(state).name;
            context::made(&identity, name, &input, configuration.retrier_retry_count, now)
        });
        let mut execution = Execution::new(machine.clone(), identity, input.clone());
        let visit = Visit {
            state,
            entered: ENTERED,
            entered_after: ENTERED,
            entered_at: now,
            input,
            used: Vec::new(),
            has_failed: false,
            phase: Phase::Working,
        };
        execution.status = super::Status::Running;
        execution.started_at = now;
        execution.variable_bytes = variables.values().map(Payload::len_bytes).sum();
        execution.branches.add(Branch {
            parent: None,
            previous: ENTERED,
            variables,
            position: Position::In(Box::new(visit)),
            is_given_up: false,
        });
        let (steps, map) = (Steps::default(), MapBounds::default());
        Ok(Self { machine, state, execution, context, has_given_context, mock, configuration, steps, map })
    }

    /// Runs the state until it ends, or until something takes time.
    pub fn begin(&mut self, surroundings: Surroundings<'_>) -> Result<Progress, Refusal> {
        let mock = self.mock.take();
        let machine = self.machine.clone();
        let outcome = if let StateKind::Map(map) = &machine.state(self.state).kind {
            self.run_map(map, mock, surroundings)?
        } else {
            self.in_turn(surroundings, |turn, state, raw| run(turn, state, raw, mock))
        };
        Ok(match outcome {
            Outcome::Call(scheduled) => Progress::Call(TaskRequest {
                id: TaskId { branch: BranchId::ROOT, scheduled: ENTERED },
                state_name: machine.state(self.state).name.clone(),
                scheduled,
                scheduled_at: surroundings.now,
                progress: TaskProgress::Scheduled,
            }),
            Outcome::Wait(until) => Progress::Wait(until),
            ended @ (Outcome::Left(_) | Outcome::Failed(_)) => {
                Progress::Ended(Box::new(self.report(ended, surroundings)))
            }
        })
    }

    /// Goes on with how the state's task ended.
    pub fn answered(&mut self, answer: Result<Payload, Reason>, surroundings: Surroundings<'_>) -> Report {
        let mock = match answer {
            Ok(result) => Mock::Result(result),
            Err(reason) => Mock::Error(reason),
        };
        let outcome = self.in_turn(surroundings, |turn, state, raw| match &state.kind {
            StateKind::Task(task) => {
                finish(turn, mock, |result| turn.done(BranchId::ROOT, task, raw, result))
            }
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_)
            | StateKind::Parallel(_)
            | StateKind::Map(_) => unreachable!("only a Task asks for a call"),
        });
        self.report(outcome, surroundings)
    }

    /// Goes on with a Wait whose time has come.
    pub fn woken(&mut self, surroundings: Surroundings<'_>) -> Report {
        let outcome = self.in_turn(surroundings, |turn, state, raw| match &state.kind {
            StateKind::Wait(wait) => outcome(turn, turn.waited(BranchId::ROOT, wait, raw)),
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_)
            | StateKind::Parallel(_)
            | StateKind::Map(_) => unreachable!("only a Wait asks for time"),
        });
        self.report(outcome, surroundings)
    }

    /// Ends a test that has taken longer than one may. Nothing of the state's own takes this error.
    pub fn expired(&mut self) -> Report {
        let reason = Reason { error: Some(names::TIMEOUT.into()), cause: None };
        self.reported(Status::Failed, Some(reason), None)
    }

    /// Does something in a turn of the execution.
    fn in_turn<T>(
        &mut self,
        surroundings: Surroundings<'_>,
        work: impl FnOnce(&Turn<'_>, &State, &Payload) -> T,
    ) -> T {
        let machine = self.machine.clone();
        let trial = Trial { context: &self.context, is_given: self.has_given_context, steps: &self.steps };
        let turn = Turn::new(&mut self.execution, &machine, surroundings, Some(trial));
        let raw = turn.raw_input(BranchId::ROOT).expect("a test's execution stays in its state");
        work(&turn, machine.state(self.state), &raw)
    }

    fn report(&mut self, outcome: Outcome, surroundings: Surroundings<'_>) -> Report {
        let reason = match outcome {
            Outcome::Left(leave) => {
                let over = self.in_turn(surroundings, |turn, _, _| turn.over_limit(BranchId::ROOT, &leave));
                match over {
                    None => return self.left(Status::Succeeded, leave, None, None),
                    Some(failure) => failure.into(),
                }
            }
            Outcome::Failed(reason) => reason,
            Outcome::Call(_) | Outcome::Wait(_) => unreachable!("a test is reported on at its end"),
        };
        self.failed(reason, surroundings)
    }

    /// What the state does with an error.
    fn failed(&mut self, reason: Reason, surroundings: Surroundings<'_>) -> Report {
        let used = self.configuration.retrier_retry_count;
        let machine = self.machine.clone();
        let state = machine.state(self.state);
        let error = reason.error.as_deref();
        if is_terminal(error) {
            return self.reported(Status::Failed, Some(reason), None);
        }
        if let Some((index, retrier)) = retrier_for(state.retry(), error)
            && let Some(delay_ms) = retrier.next_delay_ms(used)
        {
            let handler = Handler::Retrier { index, backoff_seconds: delay_ms / 1000 };
            return self.reported(Status::Retriable, Some(reason), Some(handler));
        }
        let Some((index, catcher)) = catcher_for(state.catch(), error) else {
            return self.reported(Status::Failed, Some(reason), None);
        };
        let caught = self.in_turn(surroundings, |turn, _, raw| {
            let error = error_output(&reason);
            let queries = turn.queries(BranchId::ROOT, raw).with_error(&error);
            let transition = Transition::Next(catcher.next);
            let left = queries.leave_caught(&catcher.output, &catcher.assign, transition, &error);
            match left {
                Ok(leave) => match turn.over_limit(BranchId::ROOT, &leave) {
                    None => Ok(leave),
                    Some(failure) => Err(failure.into()),
                },
                Err(failure) => Err(placed(turn, failure)),
            }
        });
        match caught {
            Ok(leave) => {
                let handler = Handler::Catcher { index };
                self.left(Status::CaughtError, leave, Some(reason), Some(handler))
            }
            // As in an execution, what a catcher cannot do is not caught again.
            Err(reason) => self.reported(Status::Failed, Some(reason), None),
        }
    }

    fn left(
        &mut self,
        status: Status,
        leave: Leave,
        reason: Option<Reason>,
        handler: Option<Handler>,
    ) -> Report {
        let Leave { output, assigned, transition } = leave;
        if let Some(branch) = self.execution.branches.get_mut(BranchId::ROOT) {
            branch.variables.extend(assigned);
        }
        let next = match transition {
            Transition::Next(index) => Some(self.machine.state(index).name.clone()),
            Transition::End => None,
        };
        Report { output: Some(output), next, ..self.reported(status, reason, handler) }
    }

    fn reported(&self, status: Status, reason: Option<Reason>, handler: Option<Handler>) -> Report {
        let variables = self.execution.branches.get(BranchId::ROOT).map(|branch| &branch.variables);
        let variables = variables.filter(|variables| !variables.is_empty()).map(|variables| {
            let members = variables.iter().map(|(name, value)| (name.clone(), value.value().clone()));
            Payload::from_value(Value::from(members.collect::<Object>()))
        });
        let steps = self.steps.only(shown(&self.machine.state(self.state).kind));
        let inspection = Inspection { steps, variables, map: self.map, handler };
        Report { status, output: None, reason, next: None, inspection }
    }
}

/// Runs a state of any type but Map.
fn run(turn: &Turn<'_>, state: &State, raw: &Payload, mock: Option<Mock>) -> Outcome {
    const ROOT: BranchId = BranchId::ROOT;
    match &state.kind {
        StateKind::Pass(pass) => outcome(turn, turn.pass(ROOT, pass, raw)),
        StateKind::Choice(choice) => outcome(turn, turn.choose(ROOT, choice, raw)),
        StateKind::Succeed(succeed) => outcome(turn, turn.succeed(ROOT, succeed, raw)),
        StateKind::Wait(wait) => match turn.wake_at(ROOT, wait, raw) {
            Ok(until) if until > turn.now => Outcome::Wait(until),
            Ok(_) => outcome(turn, turn.waited(ROOT, wait, raw)),
            Err(failure) => Outcome::Failed(placed(turn, failure)),
        },
        StateKind::Fail(fail) => match turn.reason(ROOT, fail, raw) {
            Ok(reason) => Outcome::Failed(reason),
            Err(failure) => Outcome::Failed(placed(turn, failure)),
        },
        StateKind::Task(task) => match turn.request(ROOT, task, raw) {
            Err(failure) => Outcome::Failed(placed(turn, failure)),
            Ok(scheduled) => match (turn.too_large(&state.name, &scheduled.input), mock) {
                (Some(failure), _) => Outcome::Failed(failure.into()),
                (None, Some(mock)) => finish(turn, mock, |result| turn.done(ROOT, task, raw, result)),
                (None, None) => Outcome::Call(scheduled),
            },
        },
        StateKind::Parallel(parallel) => match (turn.branch_input(ROOT, parallel, raw), mock) {
            (Err(failure), _) => Outcome::Failed(placed(turn, failure)),
            (Ok(_), Some(mock)) => finish(turn, mock, |result| turn.joined(ROOT, parallel, raw, result)),
            (Ok(_), None) => unreachable!("a Parallel is not tested without a mock"),
        },
        StateKind::Map(_) => unreachable!("a Map has a run of its own"),
    }
}

/// Leaves a state with its result, or fails it.
fn finish(turn: &Turn<'_>, mock: Mock, leave: impl FnOnce(&Payload) -> Result<Leave, Failure>) -> Outcome {
    match mock {
        Mock::Result(result) => {
            let name = turn.state(BranchId::ROOT).map(|state| &state.name);
            if let Some(failure) = name.and_then(|name| turn.too_large(name, &result)) {
                return Outcome::Failed(failure.into());
            }
            turn.scene(BranchId::ROOT).took(Step::Result, &result);
            outcome(turn, leave(&result))
        }
        // AWS: a failure that names no error is a `States.TaskFailed`.
        Mock::Error(Reason { error, cause }) => {
            Outcome::Failed(Reason { error: error.or_else(|| Some(names::TASK_FAILED.into())), cause })
        }
    }
}

fn outcome(turn: &Turn<'_>, left: Result<Leave, Failure>) -> Outcome {
    match left {
        Ok(leave) => Outcome::Left(leave),
        Err(failure) => Outcome::Failed(placed(turn, failure)),
    }
}

/// A failure of the state's own fields, whose cause names the state.
fn placed(turn: &Turn<'_>, failure: Failure) -> Reason {
    turn.placed(BranchId::ROOT, failure).expect("a test's execution stays in its state")
}

/// The steps that are told of a state. AWS: recorded, for each type that is tested without or with a mock.
fn shown(kind: &StateKind) -> &'static [Step] {
    match kind {
        StateKind::Task(_) => &[
            Step::AfterInputPath,
            Step::AfterParameters,
            Step::AfterArguments,
            Step::Result,
            Step::AfterResultSelector,
            Step::AfterResultPath,
        ],
        StateKind::Pass(pass) if pass.result.is_some() => {
            &[Step::Result, Step::AfterResultSelector, Step::AfterResultPath]
        }
        StateKind::Pass(_) => {
            &[Step::AfterInputPath, Step::AfterParameters, Step::AfterResultSelector, Step::AfterResultPath]
        }
        StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) => &[Step::AfterInputPath],
        StateKind::Fail(_) => &[],
        StateKind::Parallel(_) => &[Step::AfterResultSelector, Step::AfterResultPath],
        StateKind::Map(_) => &[
            Step::AfterInputPath,
            Step::AfterItemsPath,
            Step::AfterItemsPointer,
            Step::AfterItemSelector,
            Step::AfterItemBatcher,
            Step::AfterResultSelector,
            Step::AfterResultPath,
        ],
    }
}
