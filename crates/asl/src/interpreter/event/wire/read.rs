//! From a stored record back to the event.

use std::collections::BTreeMap;

use super::details::{Details, InputDetails, OutputDetails};
use super::{Record, RecordError, Replay, timestamp};
use crate::data::Timestamp;
use crate::interpreter::Qualifiers;
use crate::interpreter::event::{
    BranchId, EventId, EventKind, HistoryEvent, MapStarted, PlannedRetry, Reason, StateType, Target,
    TaskScheduled,
};
use crate::json::{Payload, Text};

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
        self.event_type.strip_suffix(suffix).and_then(StateType::from_name).ok_or_else(|| self.unknown())
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
