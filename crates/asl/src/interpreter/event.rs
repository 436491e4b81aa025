//! History events: what is decided, what is stored, what the user sees.
//!
//! A [`HistoryEvent`] is AWS's own history event. Beside its members it carries the little that a replay
//! needs and AWS's events do not say: the branch it belongs to, a retry that was planned, and, in some
//! variants, values that were drawn or computed once (a Wait's end, a Map's items). Those stand in the
//! stored record and never in an API answer; [`wire`] is where the two forms are made.
//!
//! Spec: Step Functions API, `HistoryEvent`.

pub mod wire;

pub use crate::definition::StateType;

use super::execution::Qualifiers;
use crate::data::Timestamp;
use crate::definition::Pattern;
use crate::failure::Failure;
use crate::json::{Payload, Text};

/// An event's place in its history: dense, from 1. 0 is "nothing before it".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u32);

/// A branch of the execution's tree, numbered in the order in which branches start. 0 is the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchId(pub u32);

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// Dense, from 1.
    pub id: EventId,
    /// The event that led to this one.
    pub previous_event_id: EventId,
    /// When it was decided.
    pub timestamp: Timestamp,
    /// Not in the API: the branch that it happened in.
    pub branch: BranchId,
    /// Not in the API: with this event a state failed, and will be tried again.
    pub retry: Option<PlannedRetry>,
    /// What happened.
    pub kind: EventKind,
}

/// A state that failed and is to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRetry {
    /// The branch whose state is tried again: the event's own, or an outer one.
    pub branch: BranchId,
    /// Which of the state's retriers counts one more use.
    pub retrier: u32,
    /// When, jitter included.
    pub at: Timestamp,
}

/// What a task calls, with all that the call needs beside its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Lambda function by its ARN: `LambdaFunction…` events.
    LambdaFunction {
        /// The function's ARN.
        resource: Text,
    },
    /// A service integration: `Task…` events.
    Service {
        /// `lambda`, `sns`, `aws-sdk:s3`.
        resource_type: Text,
        /// `invoke`, `startExecution.sync:2`.
        resource: Text,
    },
    /// An activity: `Activity…` events.
    Activity {
        /// The activity's ARN.
        resource: Text,
    },
}

/// What happened. Variants are AWS's event types, folded where only a name differs.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The execution started.
    ExecutionStarted {
        /// The caller's text, byte for byte.
        input: Payload,
        /// The state machine's role.
        role_arn: Text,
        /// The version and the alias that it was started through.
        qualifiers: Qualifiers,
    },
    /// The root branch came to its end.
    ExecutionSucceeded {
        /// The last state's output.
        output: Payload,
    },
    /// A state failed, and nothing caught it.
    ExecutionFailed(Reason),
    /// The execution outlived the machine's `TimeoutSeconds`.
    ExecutionTimedOut(Reason),
    /// Somebody stopped it.
    ExecutionAborted(Reason),
    /// Somebody had it go on after it had ended badly.
    ExecutionRedriven {
        /// How often that has happened, this time included.
        redrive_count: u32,
        /// Not in the API: what the caller named its request by.
        client_token: Option<Text>,
    },
    /// `<Type>StateEntered`.
    StateEntered {
        /// The state's type.
        state_type: StateType,
        /// The state's name.
        name: Text,
        /// The raw input.
        input: Payload,
        /// Not in the API: when a Wait ends.
        wake_at: Option<Timestamp>,
    },
    /// `<Type>StateExited`.
    StateExited {
        /// The state's type.
        state_type: StateType,
        /// The state's name.
        name: Text,
        /// What goes on.
        output: Payload,
        /// Variables set on the way out.
        assigned: Vec<(Text, Payload)>,
        /// Not in the API: the state that follows, none at the end of a branch.
        next: Option<Text>,
    },
    /// `<Type>StateAborted`: given up because a sibling failed.
    StateAborted {
        /// The state's type: Task, Wait, Parallel or Map.
        state_type: StateType,
    },
    /// `LambdaFunctionScheduled`, `TaskScheduled`, `ActivityScheduled`.
    TaskScheduled(TaskScheduled),
    /// `LambdaFunctionStarted`, `TaskStarted`, `ActivityStarted`.
    TaskStarted {
        /// What was called.
        target: Target,
        /// The worker that took it, for an activity.
        worker_name: Option<Text>,
    },
    /// `ActivityScheduleFailed`, `LambdaFunctionScheduleFailed`: there was nobody to give the task to.
    TaskScheduleFailed {
        /// What was to be called.
        target: Target,
        /// Why.
        reason: Reason,
    },
    /// `TaskSubmitFailed`: a job or a callback could not be begun.
    TaskSubmitFailed {
        /// What was called.
        target: Target,
        /// What the answer said.
        reason: Reason,
    },
    /// `TaskSubmitted`: a job or a callback was begun.
    TaskSubmitted {
        /// What was called.
        target: Target,
        /// The call's answer.
        output: Payload,
    },
    /// `LambdaFunctionSucceeded`, `TaskSucceeded`, `ActivitySucceeded`.
    TaskSucceeded {
        /// What was called.
        target: Target,
        /// The answer.
        output: Payload,
    },
    /// `LambdaFunctionFailed`, `TaskFailed`, `ActivityFailed`.
    TaskFailed {
        /// What was called.
        target: Target,
        /// What the answer said.
        reason: Reason,
    },
    /// `LambdaFunctionTimedOut`, `TaskTimedOut`, `ActivityTimedOut`.
    TaskTimedOut {
        /// What was called.
        target: Target,
        /// What the answer said.
        reason: Reason,
    },
    /// `EvaluationFailed`: a field of a `JSONata` state could not be evaluated.
    EvaluationFailed {
        /// The state's name.
        state: Text,
        /// The field: `Output/total`. AWS: none where it is the input itself that does not do.
        location: Option<Text>,
        /// What the state fails with.
        reason: Reason,
    },
    /// `ParallelStateStarted`.
    ParallelStateStarted {
        /// Not in the API: what each branch starts with, where that is not the state's input.
        input: Option<Payload>,
    },
    /// `ParallelStateSucceeded`.
    ParallelStateSucceeded,
    /// `ParallelStateFailed`.
    ParallelStateFailed,
    /// `MapStateStarted`.
    MapStateStarted(MapStarted),
    /// `MapStateSucceeded`.
    MapStateSucceeded,
    /// `MapStateFailed`.
    MapStateFailed,
    /// `MapIterationStarted`. Its branch is the Map's; it starts the next branch.
    MapIterationStarted {
        /// Which, in the Map.
        iteration: Iteration,
        /// Not in the API: what it starts with, where that is not the item.
        input: Option<Payload>,
    },
    /// `MapIterationSucceeded`.
    MapIterationSucceeded(Iteration),
    /// `MapIterationFailed`.
    MapIterationFailed(Iteration),
    /// `MapIterationAborted`.
    MapIterationAborted(Iteration),
}

/// A task that was given out.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskScheduled {
    /// What is called.
    pub target: Target,
    /// The region of the call.
    pub region: Text,
    /// The payload or the parameters.
    pub input: Payload,
    /// How long it may take.
    pub timeout_seconds: Option<u32>,
    /// How long it may be silent. Not in the API for Lambda functions.
    pub heartbeat_seconds: Option<u32>,
    /// The role to call as.
    pub credentials_role_arn: Option<Text>,
}

/// A Map that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct MapStarted {
    /// How many items.
    pub length: u32,
    /// Not in the API: the items, an array.
    pub items: Payload,
    /// Not in the API: how many iterations run at once; 0 is no limit.
    pub max_concurrency: u32,
}

/// An iteration of a Map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iteration {
    /// The Map state's name.
    pub name: Text,
    /// The item's place, from 0.
    pub index: u32,
}

/// Why something ended badly, as far as anybody said: both members may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// An error name.
    pub error: Option<Text>,
    /// A text for people.
    pub cause: Option<Text>,
}

impl Target {
    /// How the end of a call of it is learned of, by the suffix of a service's `resource`. What is no service
    /// answers by itself.
    pub fn pattern(&self) -> Pattern {
        match self {
            Self::LambdaFunction { .. } | Self::Activity { .. } => Pattern::RequestResponse,
            Self::Service { resource, .. } => match resource.split_once('.').map(|(_, suffix)| suffix) {
                Some("waitForTaskToken") => Pattern::WaitForTaskToken,
                Some("sync" | "sync:2") => Pattern::RunAJob,
                _ => Pattern::RequestResponse,
            },
        }
    }
}

impl EventId {
    /// The id that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl BranchId {
    /// The branch that an execution starts with.
    pub const ROOT: Self = Self(0);
}

impl EventKind {
    /// Whether the execution is over with this event.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::ExecutionSucceeded { .. }
                | Self::ExecutionFailed(_)
                | Self::ExecutionTimedOut(_)
                | Self::ExecutionAborted(_)
        )
    }
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        Self { error: Some(failure.error), cause: failure.cause }
    }
}
