//! An event in a few words.

use darkroom_asl::interpreter::event::{EventKind, HistoryEvent, Reason, Target};

use crate::diff::cut;

/// What an event is about: the state, the resource, or why something failed.
pub fn event(event: &HistoryEvent) -> String {
    match &event.kind {
        EventKind::ExecutionRedriven { redrive_count, .. } => format!("the {redrive_count}. time"),
        EventKind::StateEntered { name, .. } => name.to_string(),
        EventKind::StateExited { name, next, .. } => match next {
            Some(next) => format!("{name} → {next}"),
            None => name.to_string(),
        },
        EventKind::TaskScheduled(scheduled) => target(&scheduled.target),
        EventKind::TaskStarted { target: called, .. }
        | EventKind::TaskSubmitted { target: called, .. }
        | EventKind::TaskSucceeded { target: called, .. } => target(called),
        EventKind::ExecutionFailed(reason)
        | EventKind::ExecutionTimedOut(reason)
        | EventKind::ExecutionAborted(reason)
        | EventKind::TaskScheduleFailed { reason, .. }
        | EventKind::TaskSubmitFailed { reason, .. }
        | EventKind::TaskFailed { reason, .. }
        | EventKind::TaskTimedOut { reason, .. }
        | EventKind::EvaluationFailed { reason, .. } => reason_in_words(reason),
        EventKind::MapStateStarted(started) => format!("{} items", started.length),
        EventKind::MapIterationStarted { iteration, .. }
        | EventKind::MapIterationSucceeded(iteration)
        | EventKind::MapIterationFailed(iteration)
        | EventKind::MapIterationAborted(iteration) => {
            format!("{}, item {}", iteration.name, iteration.index)
        }
        EventKind::ExecutionStarted { .. }
        | EventKind::ExecutionSucceeded { .. }
        | EventKind::StateAborted { .. }
        | EventKind::ParallelStateStarted { .. }
        | EventKind::ParallelStateSucceeded
        | EventKind::ParallelStateFailed
        | EventKind::MapStateSucceeded
        | EventKind::MapStateFailed => String::new(),
    }
}

/// What a task calls.
pub fn target(target: &Target) -> String {
    match target {
        Target::LambdaFunction { resource } | Target::Activity { resource } => resource.to_string(),
        Target::Service { resource_type, resource } => format!("{resource_type}:{resource}"),
    }
}

/// Why something failed, on a line.
pub fn reason_in_words(reason: &Reason) -> String {
    match (&reason.error, &reason.cause) {
        (Some(error), Some(cause)) => cut(&format!("{error}: {cause}")),
        (Some(only), None) | (None, Some(only)) => cut(only),
        (None, None) => String::new(),
    }
}
