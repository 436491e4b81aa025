//! What a test of a state cannot be: refused before the state is run.

use super::{Mock, Subject, context};
use crate::definition::{Map, Mode, Pattern, Resource, StateIndex, StateKind, StateMachine};
use crate::json::Value;

/// Why there can be no such test. The texts of the first six are AWS's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A Map or Parallel without a mock.
    #[error(
        "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, \
         Pass, Succeed, Fail, Choice]"
    )]
    NeedsMock,
    /// A mock for a state that calls and runs nothing.
    #[error("State type '{0}' is not supported when a mock is specified")]
    TakesNoMock(&'static str),
    /// The result of a Parallel, or of a Map without a `ResultWriter`, is an array.
    #[error("Mocked result must be an array.")]
    NotAnArray,
    /// And that of a Parallel has an item for each branch.
    #[error("Mocked result must contain the same number of items as number of Parallel branches.")]
    NotAnItemForEachBranch,
    /// The result of a Map with a `ResultWriter` says where the results are.
    #[error("Mocked result must be a JSON object.")]
    NotAnObject,
    /// An item is nothing that a state as such has.
    #[error("'Map' field is not supported when mocking a Context object")]
    MapInContext,
    /// A context object that none could be.
    #[error("Invalid Context object provided: {0}")]
    InvalidContext(String),
    /// A context object without a mock.
    #[error("A Context object can only be specified when a mock is specified")]
    ContextWithoutMock,
    /// A task that does not end with its call.
    #[error("TestState API does not support {0} unless a mock is specified")]
    NeedsMockFor(&'static str),
    /// A member of `stateConfiguration` that another type of state has.
    #[error("State type '{state_type}' does not support '{member}' in stateConfiguration")]
    NotOfThisType {
        /// The state's type.
        state_type: &'static str,
        /// The member.
        member: &'static str,
    },
    /// An error cannot come from there.
    #[error("State '{0}' specified in 'errorCausedByState' is not part of the tested state")]
    NotInside(String),
    /// More failures than items.
    #[error("'mapIterationFailureCount' is {failures}, but the Map state has {items} items")]
    MoreFailuresThanItems {
        /// How many iterations failed.
        failures: u32,
        /// How many there are.
        items: usize,
    },
}

impl Refusal {
    /// Whether it is the definition that is at fault, and not what is asked of it.
    pub fn is_of_definition(&self) -> bool {
        match self {
            Self::NeedsMock | Self::NeedsMockFor(_) => true,
            Self::TakesNoMock(_)
            | Self::NotAnArray
            | Self::NotAnItemForEachBranch
            | Self::NotAnObject
            | Self::MapInContext
            | Self::InvalidContext(_)
            | Self::ContextWithoutMock
            | Self::NotOfThisType { .. }
            | Self::NotInside(_)
            | Self::MoreFailuresThanItems { .. } => false,
        }
    }
}

/// Refuses what can be refused before anything is evaluated.
pub(super) fn check(subject: &Subject) -> Result<(), Refusal> {
    let Subject { machine, state, context, mock, .. } = subject;
    let kind = &machine.state(*state).kind;
    check_mock(kind, mock.as_ref())?;
    if let Some(context) = context {
        if mock.is_none() {
            return Err(Refusal::ContextWithoutMock);
        }
        let has_token = matches!(kind, StateKind::Task(task) if task.resource.has_token());
        context::check(context, has_token)?;
    }
    check_configuration(subject, kind)
}

fn check_mock(kind: &StateKind, mock: Option<&Mock>) -> Result<(), Refusal> {
    match (kind, mock) {
        (StateKind::Map(_) | StateKind::Parallel(_), None) => Err(Refusal::NeedsMock),
        (StateKind::Task(_), None) => {
            waits_for_more_than_its_call(kind).map_or(Ok(()), |what| Err(Refusal::NeedsMockFor(what)))
        }
        (StateKind::Parallel(parallel), Some(Mock::Result(result))) => match result.value() {
            Value::Array(items) if items.len() == parallel.branches.len() => Ok(()),
            Value::Array(_) => Err(Refusal::NotAnItemForEachBranch),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(Refusal::NotAnArray)
            }
        },
        (StateKind::Map(map), Some(Mock::Result(result))) => match (writes_results(map), result.value()) {
            (true, Value::Object(_)) | (false, Value::Array(_)) => Ok(()),
            (true, _) => Err(Refusal::NotAnObject),
            (false, _) => Err(Refusal::NotAnArray),
        },
        (StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_), Some(_)) => Ok(()),
        (
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_),
            mock,
        ) => match mock {
            None => Ok(()),
            Some(_) => Err(Refusal::TakesNoMock(type_name(kind))),
        },
    }
}

/// What a task waits for, if not for the answer of its call.
fn waits_for_more_than_its_call(kind: &StateKind) -> Option<&'static str> {
    let StateKind::Task(task) = kind else { return None };
    match &task.resource {
        Resource::LambdaFunction { .. } | Resource::Service { pattern: Pattern::RequestResponse, .. } => None,
        Resource::Service { pattern: Pattern::RunAJob, .. } => Some("the .sync service integration pattern"),
        Resource::Service { pattern: Pattern::WaitForTaskToken, .. } => {
            Some("the .waitForTaskToken service integration pattern")
        }
        Resource::Activity { .. } => Some("Activity tasks"),
    }
}

/// Whether a Map's results go to a bucket, and not into its output.
fn writes_results(map: &Map) -> bool {
    match &map.mode {
        Mode::Inline => false,
        Mode::Distributed(distributed) => {
            distributed.result_writer.as_ref().is_some_and(|writer| writer.resource.is_some())
        }
    }
}

fn check_configuration(subject: &Subject, kind: &StateKind) -> Result<(), Refusal> {
    let configuration = &subject.configuration;
    let state_type = type_name(kind);
    let is_map = matches!(kind, StateKind::Map(_));
    let of_maps = [
        ("mapIterationFailureCount", configuration.map_iteration_failure_count.is_some()),
        ("mapItemReaderData", configuration.map_item_reader_data.is_some()),
    ];
    for (member, is_given) in of_maps {
        if is_given && !is_map {
            return Err(Refusal::NotOfThisType { state_type, member });
        }
    }
    let Some(name) = &configuration.error_caused_by_state else { return Ok(()) };
    let starts: Vec<StateIndex> = match kind {
        StateKind::Map(map) => vec![map.processor],
        StateKind::Parallel(parallel) => parallel.branches.clone(),
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => {
            return Err(Refusal::NotOfThisType { state_type, member: "errorCausedByState" });
        }
    };
    if is_reached(&subject.machine, starts, name) {
        Ok(())
    } else {
        Err(Refusal::NotInside(name.to_string()))
    }
}

/// Whether a state of this name is among those that these lead to, inside each other's branches included.
fn is_reached(machine: &StateMachine, mut waiting: Vec<StateIndex>, name: &str) -> bool {
    let mut reached = vec![false; machine.states().count()];
    while let Some(index) = waiting.pop() {
        if std::mem::replace(&mut reached[index.as_usize()], true) {
            continue;
        }
        let state = machine.state(index);
        if &*state.name == name {
            return true;
        }
        waiting.extend(state.targets());
        match &state.kind {
            StateKind::Parallel(parallel) => waiting.extend(&parallel.branches),
            StateKind::Map(map) => waiting.push(map.processor),
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed(_)
            | StateKind::Fail(_) => {}
        }
    }
    false
}

/// `Type`, as it is written.
fn type_name(kind: &StateKind) -> &'static str {
    match kind {
        StateKind::Task(_) => "Task",
        StateKind::Pass(_) => "Pass",
        StateKind::Choice(_) => "Choice",
        StateKind::Wait(_) => "Wait",
        StateKind::Succeed(_) => "Succeed",
        StateKind::Fail(_) => "Fail",
        StateKind::Parallel(_) => "Parallel",
        StateKind::Map(_) => "Map",
    }
}
