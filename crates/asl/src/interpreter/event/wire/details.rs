//! The `…EventDetails` of an event, in AWS's members.

use std::collections::BTreeMap;

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use crate::interpreter::event::{Iteration, Reason};
use crate::json::{Payload, Text};

/// The details objects, each with the member name that its type has.
macro_rules! details {
    ($($variant:ident($members:ident) = $name:literal,)*) => {
        #[derive(Debug, Serialize)]
        #[expect(clippy::enum_variant_names, reason = "the names are AWS's own")]
        pub(super) enum Details {
            $(#[serde(rename = $name)] $variant($members),)*
        }

        impl Details {
            /// The details under this member name, if it is one of theirs.
            pub(super) fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Option<Result<Self, A::Error>> {
                match name {
                    $($name => Some(map.next_value().map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// Whether details have this member name.
            pub(super) fn has(name: &str) -> bool {
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
pub(super) struct Truncated {
    pub(super) truncated: bool,
}

/// The role that a task is called as.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskCredentials {
    pub(super) role_arn: Text,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "the names are AWS's own")]
pub(super) struct InputDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_details: Option<Truncated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_machine_version_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_machine_alias_arn: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) heartbeat_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_credentials: Option<TaskCredentials>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "the names are AWS's own")]
pub(super) struct OutputDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_type: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_details: Option<Truncated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assigned_variables: Option<BTreeMap<Text, Payload>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assigned_variables_details: Option<Truncated>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReasonDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource_type: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<Text>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EvaluationDetails {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) cause: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) location: Option<Text>,
    pub(super) state: Text,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParametersDetails {
    pub(super) resource_type: Text,
    pub(super) resource: Text,
    pub(super) region: Text,
    pub(super) parameters: Payload,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) timeout_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) heartbeat_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) task_credentials: Option<TaskCredentials>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceDetails {
    pub(super) resource_type: Text,
    pub(super) resource: Text,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WorkerDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worker_name: Option<Text>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RedrivenDetails {
    pub(super) redrive_count: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LengthDetails {
    pub(super) length: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IterationDetails {
    pub(super) name: Text,
    pub(super) index: u32,
}

impl Details {
    /// Adds what only the API shows, and takes away the data where the caller wants none.
    pub(super) fn show(&mut self, include_data: bool) {
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
