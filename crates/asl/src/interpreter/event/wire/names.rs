//! The types of events, as the API names them.

use std::borrow::Cow;

use crate::interpreter::event::{EventKind, HistoryEvent, StateType, Target};

/// The names of one event of the state families, an entry a type, so that no event allocates its name.
fn state_event(state_type: StateType, entered: &'static [&'static str; 8]) -> Cow<'static, str> {
    Cow::Borrowed(entered[state_type as usize])
}

const ENTERED: [&str; 8] = [
    "TaskStateEntered",
    "PassStateEntered",
    "ChoiceStateEntered",
    "WaitStateEntered",
    "SucceedStateEntered",
    "FailStateEntered",
    "ParallelStateEntered",
    "MapStateEntered",
];
const EXITED: [&str; 8] = [
    "TaskStateExited",
    "PassStateExited",
    "ChoiceStateExited",
    "WaitStateExited",
    "SucceedStateExited",
    "FailStateExited",
    "ParallelStateExited",
    "MapStateExited",
];
const ABORTED: [&str; 8] = [
    "TaskStateAborted",
    "PassStateAborted",
    "ChoiceStateAborted",
    "WaitStateAborted",
    "SucceedStateAborted",
    "FailStateAborted",
    "ParallelStateAborted",
    "MapStateAborted",
];

/// The event's `type`, as the API names it.
pub fn type_name(event: &HistoryEvent) -> Cow<'static, str> {
    type_of(&event.kind)
}

pub(super) fn type_of(kind: &EventKind) -> Cow<'static, str> {
    let family = |target: &Target, lambda, task, activity| {
        Cow::Borrowed(match target {
            Target::LambdaFunction { .. } => lambda,
            Target::Service { .. } => task,
            Target::Activity { .. } => activity,
        })
    };
    match kind {
        EventKind::ExecutionStarted { .. } => "ExecutionStarted".into(),
        EventKind::ExecutionSucceeded { .. } => "ExecutionSucceeded".into(),
        EventKind::ExecutionFailed(_) => "ExecutionFailed".into(),
        EventKind::ExecutionTimedOut(_) => "ExecutionTimedOut".into(),
        EventKind::ExecutionAborted(_) => "ExecutionAborted".into(),
        EventKind::ExecutionRedriven { .. } => "ExecutionRedriven".into(),
        EventKind::StateEntered { state_type, .. } => state_event(*state_type, &ENTERED),
        EventKind::StateExited { state_type, .. } => state_event(*state_type, &EXITED),
        EventKind::StateAborted { state_type } => state_event(*state_type, &ABORTED),
        EventKind::TaskScheduled(scheduled) => {
            family(&scheduled.target, "LambdaFunctionScheduled", "TaskScheduled", "ActivityScheduled")
        }
        EventKind::TaskStarted { target, .. } => {
            family(target, "LambdaFunctionStarted", "TaskStarted", "ActivityStarted")
        }
        EventKind::TaskScheduleFailed { target, .. } => {
            // A service's call has no such event of its own: it fails to start.
            family(target, "LambdaFunctionScheduleFailed", "TaskStartFailed", "ActivityScheduleFailed")
        }
        EventKind::TaskSubmitFailed { .. } => "TaskSubmitFailed".into(),
        EventKind::TaskSubmitted { .. } => "TaskSubmitted".into(),
        EventKind::TaskSucceeded { target, .. } => {
            family(target, "LambdaFunctionSucceeded", "TaskSucceeded", "ActivitySucceeded")
        }
        EventKind::TaskFailed { target, .. } => {
            family(target, "LambdaFunctionFailed", "TaskFailed", "ActivityFailed")
        }
        EventKind::TaskTimedOut { target, .. } => {
            family(target, "LambdaFunctionTimedOut", "TaskTimedOut", "ActivityTimedOut")
        }
        EventKind::EvaluationFailed { .. } => "EvaluationFailed".into(),
        EventKind::ParallelStateStarted { .. } => "ParallelStateStarted".into(),
        EventKind::ParallelStateSucceeded => "ParallelStateSucceeded".into(),
        EventKind::ParallelStateFailed => "ParallelStateFailed".into(),
        EventKind::MapStateStarted(_) => "MapStateStarted".into(),
        EventKind::MapStateSucceeded => "MapStateSucceeded".into(),
        EventKind::MapStateFailed => "MapStateFailed".into(),
        EventKind::MapIterationStarted { .. } => "MapIterationStarted".into(),
        EventKind::MapIterationSucceeded(_) => "MapIterationSucceeded".into(),
        EventKind::MapIterationFailed(_) => "MapIterationFailed".into(),
        EventKind::MapIterationAborted(_) => "MapIterationAborted".into(),
    }
}
