//! The two written forms of a history event: AWS's, for the API, and the stored record.
//!
//! Both are one JSON object in AWS's member names. The stored record leaves out what is always the same
//! (`inputDetails`) and adds one member, `replay`, with what AWS's form does not say. [`Record`] is that
//! object as a Rust type: events are converted to and from it by hand, in two exhaustive matches.
//!
//! Spec: Step Functions API, `HistoryEvent` and its `…EventDetails`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{
    BranchId, EventId, EventKind, HistoryEvent, Iteration, MapStarted, PlannedRetry, Reason, StateType,
    Target, TaskScheduled,
};
use crate::data::Timestamp;
use crate::interpreter::Qualifiers;
use crate::json::{Payload, Text};

/// A stored record that no event of this version can be read from.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A type that is not known, or is not written by this version.
    #[error("event {id} has the type `{event_type}`, which this version does not know")]
    UnknownType {
        /// The event's id.
        id: u32,
        /// Its `type`.
        event_type: String,
    },
    /// A member that the type needs.
    #[error("event {id} of type `{event_type}` lacks `{member}`")]
    MissingMember {
        /// The event's id.
        id: u32,
        /// Its `type`.
        event_type: String,
        /// The member's name.
        member: &'static str,
    },
}

/// A history event as one JSON object.
///
/// Written with its details under the member name of their type; read by `RecordVisitor`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    timestamp: f64,
    #[serde(rename = "type")]
    event_type: Cow<'static, str>,
    id: u32,
    previous_event_id: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Replay>,
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

/// Reads a record member by member. A flattened `Option<Details>` would take details that cannot be read for
/// details that are not there; here the error says what is wrong with which member.
struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a history event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let (mut timestamp, mut event_type, mut id, mut previous_event_id) = (None, None, None, None);
        let mut record = Record::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "timestamp" => timestamp = Some(map.next_value()?),
                "type" => event_type = Some(Cow::Owned(map.next_value::<String>()?)),
                "id" => id = Some(map.next_value()?),
                "previousEventId" => previous_event_id = Some(map.next_value()?),
                "replay" => record.replay = map.next_value()?,
                _ => match Details::read(&name, &mut map) {
                    Some(details) => {
                        let named = |error| de::Error::custom(format_args!("{name}: {error}"));
                        record.details = Some(details.map_err(named)?);
                    }
                    // A later version may say more.
                    None => drop(map.next_value::<de::IgnoredAny>()?),
                },
            }
        }
        record.timestamp = timestamp.ok_or_else(|| de::Error::missing_field("timestamp"))?;
        record.event_type = event_type.ok_or_else(|| de::Error::missing_field("type"))?;
        record.id = id.ok_or_else(|| de::Error::missing_field("id"))?;
        record.previous_event_id =
            previous_event_id.ok_or_else(|| de::Error::missing_field("previousEventId"))?;
        Ok(record)
    }
}

/// The details objects, each with the member name that its type has.
macro_rules! details {
    ($($variant:ident($members:ident) = $name:literal,)*) => {
        #[derive(Debug, Serialize)]
        #[expect(clippy::enum_variant_names, reason = "the names are AWS's own")]
        enum Details {
            $(#[serde(rename = $name)] $variant($members),)*
        }

        impl Details {
            /// The details under this member name, if it is one of theirs.
            fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Option<Result<Self, A::Error>> {
                match name {
                    $($name => Some(map.next_value().map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// Whether details have this member name.
            fn has(name: &str) -> bool {
                matches!(name, $($name)|*)
            }
        }
    };
}

details! {
    ExecutionStartedEventDetails(InputDetails) = "executionStartedEventDetails",
    ExecutionSucceededEventDetails(OutputDetails) = "executionSucceededEventDetails",
    ExecutionFailedEventDetails(ReasonDetails) = "executionFailedEventDetails",
    ExecutionTimedOutEventDetails(ReasonDetails) = "executionTimedOutEventDetails",
    ExecutionAbortedEventDetails(ReasonDetails) = "executionAbortedEventDetails",
    ExecutionRedrivenEventDetails(RedrivenDetails) = "executionRedrivenEventDetails",
    StateEnteredEventDetails(InputDetails) = "stateEnteredEventDetails",
    StateExitedEventDetails(OutputDetails) = "stateExitedEventDetails",
    LambdaFunctionScheduleFailedEventDetails(ReasonDetails) = "lambdaFunctionScheduleFailedEventDetails",
    LambdaFunctionScheduledEventDetails(InputDetails) = "lambdaFunctionScheduledEventDetails",
    LambdaFunctionSucceededEventDetails(OutputDetails) = "lambdaFunctionSucceededEventDetails",
    LambdaFunctionFailedEventDetails(ReasonDetails) = "lambdaFunctionFailedEventDetails",
    LambdaFunctionTimedOutEventDetails(ReasonDetails) = "lambdaFunctionTimedOutEventDetails",
    TaskScheduledEventDetails(ParametersDetails) = "taskScheduledEventDetails",
    TaskStartFailedEventDetails(ReasonDetails) = "taskStartFailedEventDetails",
    TaskStartedEventDetails(ServiceDetails) = "taskStartedEventDetails",
    TaskSubmitFailedEventDetails(ReasonDetails) = "taskSubmitFailedEventDetails",
    TaskSubmittedEventDetails(OutputDetails) = "taskSubmittedEventDetails",
    TaskSucceededEventDetails(OutputDetails) = "taskSucceededEventDetails",
    TaskFailedEventDetails(ReasonDetails) = "taskFailedEventDetails",
    TaskTimedOutEventDetails(ReasonDetails) = "taskTimedOutEventDetails",
    ActivityScheduleFailedEventDetails(ReasonDetails) = "activityScheduleFailedEventDetails",
    ActivityScheduledEventDetails(InputDetails) = "activityScheduledEventDetails",
    ActivityStartedEventDetails(WorkerDetails) = "activityStartedEventDetails",
    ActivitySucceededEventDetails(OutputDetails) = "activitySucceededEventDetails",
    ActivityFailedEventDetails(ReasonDetails) = "activityFailedEventDetails",
    ActivityTimedOutEventDetails(ReasonDetails) = "activityTimedOutEventDetails",
    MapStateStartedEventDetails(LengthDetails) = "mapStateStartedEventDetails",
    MapIterationStartedEventDetails(IterationDetails) = "mapIterationStartedEventDetails",
    MapIterationSucceededEventDetails(IterationDetails) = "mapIterationSucceededEventDetails",
    MapIterationFailedEventDetails(IterationDetails) = "mapIterationFailedEventDetails",
    MapIterationAbortedEventDetails(IterationDetails) = "mapIterationAbortedEventDetails",
    EvaluationFailedEventDetails(EvaluationDetails) = "evaluationFailedEventDetails",
}

/// `inputDetails`, `outputDetails`: the API never cuts what it shows.
#[derive(Debug, Serialize, Deserialize)]
struct Truncated {
    truncated: bool,
}

/// The role that a task is called as.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskCredentials {
    role_arn: Text,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "the names are AWS's own")]
struct InputDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_details: Option<Truncated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_credentials: Option<TaskCredentials>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "the names are AWS's own")]
struct OutputDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Truncated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_variables: Option<BTreeMap<Text, Payload>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_variables_details: Option<Truncated>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReasonDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Text>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EvaluationDetails {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cause: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    location: Option<Text>,
    state: Text,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParametersDetails {
    resource_type: Text,
    resource: Text,
    region: Text,
    parameters: Payload,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    timeout_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    heartbeat_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    task_credentials: Option<TaskCredentials>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceDetails {
    resource_type: Text,
    resource: Text,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WorkerDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_name: Option<Text>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivenDetails {
    redrive_count: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct LengthDetails {
    length: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct IterationDetails {
    name: Text,
    index: u32,
}

/// What a replay needs beside AWS's members. Absent members are the ordinary case.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Replay {
    #[serde(skip_serializing_if = "is_zero")]
    branch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<ReplayRetry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wake_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Payload>,
    #[serde(skip_serializing_if = "is_zero")]
    max_concurrency: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    /// The function or activity of a `…Succeeded`, `…Failed` or `…TimedOut`, whose details do not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Text>,
    /// A Lambda function's heartbeat, which its details do not name.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<u32>,
    /// What the request of a redrive was named by.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<Text>,
    /// The order in which variables were assigned, which the API's map does not keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned: Option<Vec<Text>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ReplayRetry {
    branch: u32,
    retrier: u32,
    at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

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

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 need 41 bits of a double's 53")]
fn seconds(timestamp: Timestamp) -> f64 {
    timestamp.as_millis() as f64 / 1000.0
}

#[expect(clippy::cast_possible_truncation, reason = "a timestamp that we wrote; saturates otherwise")]
fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0).round() as i64)
}

impl StateType {
    /// The word in event names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pass => "Pass",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [
            Self::Task,
            Self::Pass,
            Self::Choice,
            Self::Wait,
            Self::Succeed,
            Self::Fail,
            Self::Parallel,
            Self::Map,
        ]
        .into_iter()
        .find(|state_type| state_type.as_str() == word)
    }
}

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

fn type_of(kind: &EventKind) -> Cow<'static, str> {
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

impl Details {
    /// Adds what only the API shows, and takes away the data where the caller wants none.
    fn show(&mut self, include_data: bool) {
        let truncated = || Some(Truncated { truncated: false });
        match self {
            Self::ExecutionStartedEventDetails(details)
            | Self::StateEnteredEventDetails(details)
            | Self::LambdaFunctionScheduledEventDetails(details)
            | Self::ActivityScheduledEventDetails(details) => {
                details.input_details = truncated();
                if !include_data {
                    details.input = None;
                }
            }
            Self::ExecutionSucceededEventDetails(details)
            | Self::StateExitedEventDetails(details)
            | Self::LambdaFunctionSucceededEventDetails(details)
            | Self::TaskSubmittedEventDetails(details)
            | Self::TaskSucceededEventDetails(details)
            | Self::ActivitySucceededEventDetails(details) => {
                details.output_details = truncated();
                if details.assigned_variables.is_some() {
                    details.assigned_variables_details = truncated();
                }
                if !include_data {
                    details.output = None;
                    details.assigned_variables = None;
                }
            }
            Self::ExecutionFailedEventDetails(_)
            | Self::ExecutionTimedOutEventDetails(_)
            | Self::ExecutionAbortedEventDetails(_)
            | Self::ExecutionRedrivenEventDetails(_)
            | Self::LambdaFunctionScheduleFailedEventDetails(_)
            | Self::LambdaFunctionFailedEventDetails(_)
            | Self::LambdaFunctionTimedOutEventDetails(_)
            | Self::TaskScheduledEventDetails(_)
            | Self::TaskStartFailedEventDetails(_)
            | Self::TaskSubmitFailedEventDetails(_)
            | Self::TaskStartedEventDetails(_)
            | Self::TaskFailedEventDetails(_)
            | Self::TaskTimedOutEventDetails(_)
            | Self::ActivityScheduleFailedEventDetails(_)
            | Self::ActivityStartedEventDetails(_)
            | Self::ActivityFailedEventDetails(_)
            | Self::ActivityTimedOutEventDetails(_)
            | Self::MapStateStartedEventDetails(_)
            | Self::MapIterationStartedEventDetails(_)
            | Self::MapIterationSucceededEventDetails(_)
            | Self::MapIterationFailedEventDetails(_)
            | Self::MapIterationAbortedEventDetails(_)
            | Self::EvaluationFailedEventDetails(_) => {}
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

impl From<&Reason> for ReasonDetails {
    fn from(reason: &Reason) -> Self {
        Self { error: reason.error.clone(), cause: reason.cause.clone(), ..Self::default() }
    }
}

impl From<ReasonDetails> for Reason {
    fn from(details: ReasonDetails) -> Self {
        Self { error: details.error, cause: details.cause }
    }
}

impl From<&Iteration> for IterationDetails {
    fn from(iteration: &Iteration) -> Self {
        Self { name: iteration.name.clone(), index: iteration.index }
    }
}

impl From<IterationDetails> for Iteration {
    fn from(details: IterationDetails) -> Self {
        Self { name: details.name, index: details.index }
    }
}

impl TryFrom<Record> for HistoryEvent {
    type Error = RecordError;

    /// Reads a stored record back.
    fn try_from(record: Record) -> Result<Self, RecordError> {
        let mut replay = record.replay.unwrap_or_default();
        let reader = Reader { id: record.id, event_type: &record.event_type };
        let kind = reader.kind(record.details, &mut replay)?;
        Ok(Self {
            id: EventId(record.id),
            previous_event_id: EventId(record.previous_event_id),
            timestamp: timestamp(record.timestamp),
            branch: BranchId(replay.branch),
            retry: replay.retry.map(|retry| PlannedRetry {
                branch: BranchId(retry.branch),
                retrier: retry.retrier,
                at: Timestamp::from_millis(retry.at),
            }),
            kind,
        })
    }
}

/// Reads one record; knows what to name when something is missing.
struct Reader<'a> {
    id: u32,
    event_type: &'a str,
}

impl Reader<'_> {
    fn need<T>(&self, member: &'static str, value: Option<T>) -> Result<T, RecordError> {
        value.ok_or_else(|| RecordError::MissingMember {
            id: self.id,
            event_type: self.event_type.to_owned(),
            member,
        })
    }

    fn unknown(&self) -> RecordError {
        RecordError::UnknownType { id: self.id, event_type: self.event_type.to_owned() }
    }

    /// The state type of a `<Type>State<suffix>`.
    fn state_type(&self, suffix: &str) -> Result<StateType, RecordError> {
        self.event_type.strip_suffix(suffix).and_then(StateType::parse).ok_or_else(|| self.unknown())
    }

    fn kind(&self, details: Option<Details>, replay: &mut Replay) -> Result<EventKind, RecordError> {
        let Some(details) = details else {
            return self.kind_without_details(replay);
        };
        Ok(match details {
            Details::ExecutionStartedEventDetails(details) => EventKind::ExecutionStarted {
                input: self.need("input", details.input)?,
                role_arn: self.need("roleArn", details.role_arn)?,
                qualifiers: Qualifiers {
                    version_arn: details.state_machine_version_arn,
                    alias_arn: details.state_machine_alias_arn,
                },
            },
            Details::ExecutionSucceededEventDetails(details) => {
                EventKind::ExecutionSucceeded { output: self.need("output", details.output)? }
            }
            Details::ExecutionFailedEventDetails(details) => EventKind::ExecutionFailed(details.into()),
            Details::ExecutionTimedOutEventDetails(details) => EventKind::ExecutionTimedOut(details.into()),
            Details::ExecutionAbortedEventDetails(details) => EventKind::ExecutionAborted(details.into()),
            Details::ExecutionRedrivenEventDetails(details) => EventKind::ExecutionRedriven {
                redrive_count: details.redrive_count,
                client_token: replay.client_token.take(),
            },
            Details::StateEnteredEventDetails(details) => EventKind::StateEntered {
                state_type: self.state_type("StateEntered")?,
                name: self.need("name", details.name)?,
                input: self.need("input", details.input)?,
                wake_at: replay.wake_at.map(Timestamp::from_millis),
            },
            Details::EvaluationFailedEventDetails(details) => EventKind::EvaluationFailed {
                state: details.state,
                location: details.location,
                reason: Reason { error: details.error, cause: details.cause },
            },
            Details::StateExitedEventDetails(details) => {
                let assigned = details.assigned_variables.unwrap_or_default();
                EventKind::StateExited {
                    state_type: self.state_type("StateExited")?,
                    name: self.need("name", details.name)?,
                    output: self.need("output", details.output)?,
                    assigned: in_order(assigned, replay.assigned.take()),
                    next: replay.next.take(),
                }
            }
            Details::LambdaFunctionScheduledEventDetails(details) => {
                let resource = self.need("resource", details.resource.clone())?;
                self.scheduled(Target::LambdaFunction { resource }, details, replay)?
            }
            Details::ActivityScheduledEventDetails(details) => {
                let resource = self.need("resource", details.resource.clone())?;
                self.scheduled(Target::Activity { resource }, details, replay)?
            }
            Details::TaskScheduledEventDetails(details) => EventKind::TaskScheduled(TaskScheduled {
                target: Target::Service { resource_type: details.resource_type, resource: details.resource },
                region: details.region,
                input: details.parameters,
                timeout_seconds: details.timeout_in_seconds,
                heartbeat_seconds: details.heartbeat_in_seconds,
                credentials_role_arn: details.task_credentials.map(|credentials| credentials.role_arn),
            }),
            Details::TaskStartedEventDetails(details) => EventKind::TaskStarted {
                target: Target::Service { resource_type: details.resource_type, resource: details.resource },
                worker_name: None,
            },
            Details::ActivityStartedEventDetails(details) => {
                EventKind::TaskStarted { target: self.activity(replay)?, worker_name: details.worker_name }
            }
            Details::LambdaFunctionScheduleFailedEventDetails(details) => {
                EventKind::TaskScheduleFailed { target: self.function(replay)?, reason: details.into() }
            }
            Details::ActivityScheduleFailedEventDetails(details) => {
                EventKind::TaskScheduleFailed { target: self.activity(replay)?, reason: details.into() }
            }
            Details::TaskStartFailedEventDetails(details) => EventKind::TaskScheduleFailed {
                target: self.service(details.resource_type.clone(), details.resource.clone())?,
                reason: details.into(),
            },
            Details::TaskSubmitFailedEventDetails(details) => EventKind::TaskSubmitFailed {
                target: self.service(details.resource_type.clone(), details.resource.clone())?,
                reason: details.into(),
            },
            Details::TaskSubmittedEventDetails(details) => EventKind::TaskSubmitted {
                target: self.service(details.resource_type, details.resource)?,
                output: self.need("output", details.output)?,
            },
            Details::LambdaFunctionSucceededEventDetails(details) => {
                self.succeeded(self.function(replay)?, details)?
            }
            Details::ActivitySucceededEventDetails(details) => {
                self.succeeded(self.activity(replay)?, details)?
            }
            Details::TaskSucceededEventDetails(details) => {
                let target = self.service(details.resource_type.clone(), details.resource.clone())?;
                self.succeeded(target, details)?
            }
            Details::LambdaFunctionFailedEventDetails(details) => {
                EventKind::TaskFailed { target: self.function(replay)?, reason: details.into() }
            }
            Details::ActivityFailedEventDetails(details) => {
                EventKind::TaskFailed { target: self.activity(replay)?, reason: details.into() }
            }
            Details::TaskFailedEventDetails(details) => EventKind::TaskFailed {
                target: self.service(details.resource_type.clone(), details.resource.clone())?,
                reason: details.into(),
            },
            Details::LambdaFunctionTimedOutEventDetails(details) => {
                EventKind::TaskTimedOut { target: self.function(replay)?, reason: details.into() }
            }
            Details::ActivityTimedOutEventDetails(details) => {
                EventKind::TaskTimedOut { target: self.activity(replay)?, reason: details.into() }
            }
            Details::TaskTimedOutEventDetails(details) => EventKind::TaskTimedOut {
                target: self.service(details.resource_type.clone(), details.resource.clone())?,
                reason: details.into(),
            },
            Details::MapStateStartedEventDetails(details) => EventKind::MapStateStarted(MapStarted {
                length: details.length,
                items: self.need("replay.items", replay.items.take())?,
                max_concurrency: replay.max_concurrency,
            }),
            Details::MapIterationStartedEventDetails(details) => {
                EventKind::MapIterationStarted { iteration: details.into(), input: replay.input.take() }
            }
            Details::MapIterationSucceededEventDetails(details) => {
                EventKind::MapIterationSucceeded(details.into())
            }
            Details::MapIterationFailedEventDetails(details) => EventKind::MapIterationFailed(details.into()),
            Details::MapIterationAbortedEventDetails(details) => {
                EventKind::MapIterationAborted(details.into())
            }
        })
    }

    fn kind_without_details(&self, replay: &mut Replay) -> Result<EventKind, RecordError> {
        Ok(match self.event_type {
            "LambdaFunctionStarted" => {
                EventKind::TaskStarted { target: self.function(replay)?, worker_name: None }
            }
            "ParallelStateStarted" => EventKind::ParallelStateStarted { input: replay.input.take() },
            "ParallelStateSucceeded" => EventKind::ParallelStateSucceeded,
            "ParallelStateFailed" => EventKind::ParallelStateFailed,
            "MapStateSucceeded" => EventKind::MapStateSucceeded,
            "MapStateFailed" => EventKind::MapStateFailed,
            _ if self.needs_details() => return self.need("details", None),
            _ => EventKind::StateAborted { state_type: self.state_type("StateAborted")? },
        })
    }

    fn needs_details(&self) -> bool {
        let mut letters = self.event_type.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let own: String = first.into_iter().chain(letters).chain("EventDetails".chars()).collect();
        Details::has(&own)
            || self.state_type("StateEntered").is_ok()
            || self.state_type("StateExited").is_ok()
    }

    fn scheduled(
        &self,
        target: Target,
        details: InputDetails,
        replay: &mut Replay,
    ) -> Result<EventKind, RecordError> {
        Ok(EventKind::TaskScheduled(TaskScheduled {
            target,
            region: self.need("replay.region", replay.region.take())?,
            input: self.need("input", details.input)?,
            timeout_seconds: details.timeout_in_seconds,
            heartbeat_seconds: details.heartbeat_in_seconds.or(replay.heartbeat),
            credentials_role_arn: details.task_credentials.map(|credentials| credentials.role_arn),
        }))
    }

    fn succeeded(&self, target: Target, details: OutputDetails) -> Result<EventKind, RecordError> {
        Ok(EventKind::TaskSucceeded { target, output: self.need("output", details.output)? })
    }

    fn service(&self, resource_type: Option<Text>, resource: Option<Text>) -> Result<Target, RecordError> {
        Ok(Target::Service {
            resource_type: self.need("resourceType", resource_type)?,
            resource: self.need("resource", resource)?,
        })
    }

    fn function(&self, replay: &mut Replay) -> Result<Target, RecordError> {
        Ok(Target::LambdaFunction { resource: self.need("replay.resource", replay.resource.take())? })
    }

    fn activity(&self, replay: &mut Replay) -> Result<Target, RecordError> {
        Ok(Target::Activity { resource: self.need("replay.resource", replay.resource.take())? })
    }
}

/// The variables in the order in which they were assigned.
fn in_order(mut assigned: BTreeMap<Text, Payload>, order: Option<Vec<Text>>) -> Vec<(Text, Payload)> {
    match order {
        None => assigned.into_iter().collect(),
        Some(order) => {
            order.into_iter().filter_map(|name| assigned.remove(&name).map(|value| (name, value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HistoryEvent, String> {
        let record: Record = serde_json::from_str(text).map_err(|error| error.to_string())?;
        HistoryEvent::try_from(record).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, expected) in [
            (
                r#"{"timestamp":1,"type":"MapStateStarted","id":1,"previousEventId":0,"mapStateStartedEventDetails":{"length":-1}}"#,
                "mapStateStartedEventDetails: invalid value: integer `-1`, expected u32",
            ),
            (
                r#"{"timestamp":1,"type":"PassStateEntered","id":1,"previousEventId":0,"stateEnteredEventDetails":{"name":"A","input":"{"}}"#,
                "stateEnteredEventDetails: ",
            ),
            (
                r#"{"timestamp":1,"type":"PassStateEntered","id":1,"previousEventId":0,"stateEnteredEventDetails":{"name":"A"}}"#,
                "event 1 of type `PassStateEntered` lacks `input`",
            ),
            (
                r#"{"timestamp":1,"type":"PassStateEntered","id":1,"previousEventId":0}"#,
                "event 1 of type `PassStateEntered` lacks `details`",
            ),
            (
                r#"{"timestamp":1,"type":"Dreamt","id":7,"previousEventId":0}"#,
                "event 7 has the type `Dreamt`, which this version does not know",
            ),
            (r#"{"timestamp":1,"type":"MapStateFailed","previousEventId":0}"#, "missing field `id`"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn members_of_a_later_version_are_passed_over() {
        let text = r#"{"timestamp":1.5,"type":"MapStateFailed","id":1,"previousEventId":0,"new":{"a":[1]}}"#;
        assert_eq!(read(text).map(|event| event.kind), Ok(EventKind::MapStateFailed));
    }
}
