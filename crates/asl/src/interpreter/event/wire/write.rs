//! From an event to its two written forms.

use super::details::{
    Details, EvaluationDetails, InputDetails, LengthDetails, OutputDetails, ParametersDetails, ReasonDetails,
    RedrivenDetails, ServiceDetails, TaskCredentials, WorkerDetails,
};
use super::names::type_of;
use super::{Record, Replay, ReplayRetry, seconds};
use crate::data::Timestamp;
use crate::interpreter::event::{EventKind, HistoryEvent, MapStarted, Reason, Target, TaskScheduled};
use crate::json::{Payload, Text};

/// The event as the API shows it. Without `include_data`, inputs and outputs are left out.
pub fn to_api(event: &HistoryEvent, include_data: bool) -> Record {
    let mut record = to_record(event);
    record.replay = None;
    if let Some(details) = &mut record.details {
        details.show(include_data);
    }
    record
}

/// The event as it is stored.
pub fn to_record(event: &HistoryEvent) -> Record {
    let mut replay = Replay {
        branch: event.branch.0,
        retry: event.retry.map(|retry| ReplayRetry {
            branch: retry.branch.0,
            retrier: retry.retrier,
            at: retry.at.as_millis(),
        }),
        ..Replay::default()
    };
    let details = details_of(&event.kind, &mut replay);
    Record {
        timestamp: seconds(event.timestamp),
        event_type: type_of(&event.kind),
        id: event.id.0,
        previous_event_id: event.previous_event_id.0,
        details,
        replay: (replay != Replay::default()).then_some(replay),
    }
}

/// The event's details; what they do not hold goes into `replay`.
fn details_of(kind: &EventKind, replay: &mut Replay) -> Option<Details> {
    Some(match kind {
        EventKind::ExecutionStarted { input, role_arn, qualifiers } => {
            Details::ExecutionStartedEventDetails(InputDetails {
                input: Some(input.clone()),
                role_arn: Some(role_arn.clone()),
                state_machine_version_arn: qualifiers.version_arn.clone(),
                state_machine_alias_arn: qualifiers.alias_arn.clone(),
                ..InputDetails::default()
            })
        }
        EventKind::ExecutionSucceeded { output } => {
            Details::ExecutionSucceededEventDetails(OutputDetails::of(output))
        }
        EventKind::ExecutionFailed(reason) => Details::ExecutionFailedEventDetails(reason.into()),
        EventKind::ExecutionTimedOut(reason) => Details::ExecutionTimedOutEventDetails(reason.into()),
        EventKind::ExecutionAborted(reason) => Details::ExecutionAbortedEventDetails(reason.into()),
        EventKind::ExecutionRedriven { redrive_count, client_token } => {
            replay.client_token.clone_from(client_token);
            Details::ExecutionRedrivenEventDetails(RedrivenDetails { redrive_count: *redrive_count })
        }
        EventKind::StateEntered { state_type: _, name, input, wake_at } => {
            replay.wake_at = wake_at.map(Timestamp::as_millis);
            Details::StateEnteredEventDetails(InputDetails {
                name: Some(name.clone()),
                input: Some(input.clone()),
                ..InputDetails::default()
            })
        }
        EventKind::StateExited { state_type: _, name, output, assigned, next } => {
            replay.next.clone_from(next);
            if assigned.len() > 1 {
                replay.assigned = Some(assigned.iter().map(|(name, _)| name.clone()).collect());
            }
            Details::StateExitedEventDetails(OutputDetails {
                name: Some(name.clone()),
                assigned_variables: (!assigned.is_empty()).then(|| assigned.iter().cloned().collect()),
                ..OutputDetails::of(output)
            })
        }
        EventKind::TaskScheduled(scheduled) => scheduled_details(scheduled, replay),
        EventKind::TaskStarted { target, worker_name } => match target {
            Target::Service { resource_type, resource } => Details::TaskStartedEventDetails(ServiceDetails {
                resource_type: resource_type.clone(),
                resource: resource.clone(),
            }),
            Target::Activity { resource } => {
                replay.resource = Some(resource.clone());
                Details::ActivityStartedEventDetails(WorkerDetails { worker_name: worker_name.clone() })
            }
            Target::LambdaFunction { resource } => {
                replay.resource = Some(resource.clone());
                return None;
            }
        },
        EventKind::TaskScheduleFailed { target, reason } => {
            let details = ReasonDetails::of_target(target, reason, replay);
            match target {
                Target::LambdaFunction { .. } => Details::LambdaFunctionScheduleFailedEventDetails(details),
                Target::Service { .. } => Details::TaskStartFailedEventDetails(details),
                Target::Activity { .. } => Details::ActivityScheduleFailedEventDetails(details),
            }
        }
        EventKind::TaskSubmitFailed { target, reason } => {
            Details::TaskSubmitFailedEventDetails(ReasonDetails::of_target(target, reason, replay))
        }
        EventKind::TaskSubmitted { target, output } => {
            Details::TaskSubmittedEventDetails(OutputDetails::of_target(target, output, replay))
        }
        EventKind::TaskSucceeded { target, output } => {
            let details = OutputDetails::of_target(target, output, replay);
            match target {
                Target::LambdaFunction { .. } => Details::LambdaFunctionSucceededEventDetails(details),
                Target::Service { .. } => Details::TaskSucceededEventDetails(details),
                Target::Activity { .. } => Details::ActivitySucceededEventDetails(details),
            }
        }
        EventKind::TaskFailed { target, reason } => {
            let details = ReasonDetails::of_target(target, reason, replay);
            match target {
                Target::LambdaFunction { .. } => Details::LambdaFunctionFailedEventDetails(details),
                Target::Service { .. } => Details::TaskFailedEventDetails(details),
                Target::Activity { .. } => Details::ActivityFailedEventDetails(details),
            }
        }
        EventKind::TaskTimedOut { target, reason } => {
            let details = ReasonDetails::of_target(target, reason, replay);
            match target {
                Target::LambdaFunction { .. } => Details::LambdaFunctionTimedOutEventDetails(details),
                Target::Service { .. } => Details::TaskTimedOutEventDetails(details),
                Target::Activity { .. } => Details::ActivityTimedOutEventDetails(details),
            }
        }
        EventKind::EvaluationFailed { state, location, reason } => {
            Details::EvaluationFailedEventDetails(EvaluationDetails {
                error: reason.error.clone(),
                cause: reason.cause.clone(),
                location: location.clone(),
                state: state.clone(),
            })
        }
        EventKind::ParallelStateStarted { input } => {
            replay.input.clone_from(input);
            return None;
        }
        EventKind::MapStateStarted(MapStarted { length, items, max_concurrency }) => {
            replay.items = Some(items.clone());
            replay.max_concurrency = *max_concurrency;
            Details::MapStateStartedEventDetails(LengthDetails { length: *length })
        }
        EventKind::MapIterationStarted { iteration, input } => {
            replay.input.clone_from(input);
            Details::MapIterationStartedEventDetails(iteration.into())
        }
        EventKind::MapIterationSucceeded(iteration) => {
            Details::MapIterationSucceededEventDetails(iteration.into())
        }
        EventKind::MapIterationFailed(iteration) => Details::MapIterationFailedEventDetails(iteration.into()),
        EventKind::MapIterationAborted(iteration) => {
            Details::MapIterationAbortedEventDetails(iteration.into())
        }
        EventKind::StateAborted { .. }
        | EventKind::ParallelStateSucceeded
        | EventKind::ParallelStateFailed
        | EventKind::MapStateSucceeded
        | EventKind::MapStateFailed => return None,
    })
}

fn scheduled_details(scheduled: &TaskScheduled, replay: &mut Replay) -> Details {
    let TaskScheduled { target, region, input, timeout_seconds, heartbeat_seconds, credentials_role_arn } =
        scheduled;
    let task_credentials = credentials_role_arn.clone().map(|role_arn| TaskCredentials { role_arn });
    let mut by_input = |resource: &Text, heartbeat| {
        replay.region = Some(region.clone());
        InputDetails {
            resource: Some(resource.clone()),
            input: Some(input.clone()),
            timeout_in_seconds: *timeout_seconds,
            heartbeat_in_seconds: heartbeat,
            ..InputDetails::default()
        }
    };
    match target {
        Target::LambdaFunction { resource } => {
            let details = InputDetails { task_credentials, ..by_input(resource, None) };
            replay.heartbeat = *heartbeat_seconds;
            Details::LambdaFunctionScheduledEventDetails(details)
        }
        Target::Activity { resource } => {
            Details::ActivityScheduledEventDetails(by_input(resource, *heartbeat_seconds))
        }
        Target::Service { resource_type, resource } => {
            Details::TaskScheduledEventDetails(ParametersDetails {
                resource_type: resource_type.clone(),
                resource: resource.clone(),
                region: region.clone(),
                parameters: input.clone(),
                timeout_in_seconds: *timeout_seconds,
                heartbeat_in_seconds: *heartbeat_seconds,
                task_credentials,
            })
        }
    }
}

impl OutputDetails {
    fn of(output: &Payload) -> Self {
        Self { output: Some(output.clone()), ..Self::default() }
    }

    fn of_target(target: &Target, output: &Payload, replay: &mut Replay) -> Self {
        let (resource_type, resource) = service_members(target, replay);
        Self { resource_type, resource, ..Self::of(output) }
    }
}

impl ReasonDetails {
    fn of_target(target: &Target, reason: &Reason, replay: &mut Replay) -> Self {
        let (resource_type, resource) = service_members(target, replay);
        Self { resource_type, resource, ..reason.into() }
    }
}

/// A service's two members; a function's or an activity's ARN goes into `replay`.
fn service_members(target: &Target, replay: &mut Replay) -> (Option<Text>, Option<Text>) {
    match target {
        Target::Service { resource_type, resource } => (Some(resource_type.clone()), Some(resource.clone())),
        Target::LambdaFunction { resource } | Target::Activity { resource } => {
            replay.resource = Some(resource.clone());
            (None, None)
        }
    }
}
