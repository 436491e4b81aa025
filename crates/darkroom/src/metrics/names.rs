//! What AWS/States calls what: the metrics, and the dimension that each family has.

use darkroom_asl::interpreter::event::Target;
use darkroom_asl::json::Text;
use darkroom_engine::store::ExecutionStatus;

/// The namespace of all of them.
pub const NAMESPACE: &str = "AWS/States";

/// What comes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    Scheduled,
    Started,
    Succeeded,
    Failed,
    TimedOut,
    HeartbeatTimedOut,
}

/// The metrics of a kind of task.
#[derive(Debug)]
pub struct Family {
    /// Its name outside AWS.
    pub kind: &'static str,
    pub dimension: &'static str,
    pub scheduled: &'static str,
    pub started: &'static str,
    pub succeeded: &'static str,
    pub failed: &'static str,
    pub timed_out: &'static str,
    /// From when it was scheduled to when it started, from then to its end, and both.
    pub schedule_time: &'static str,
    pub run_time: &'static str,
    pub time: &'static str,
}

const LAMBDA_FUNCTIONS: Family = Family {
    kind: "lambda",
    dimension: "LambdaFunctionArn",
    scheduled: "LambdaFunctionsScheduled",
    started: "LambdaFunctionsStarted",
    succeeded: "LambdaFunctionsSucceeded",
    failed: "LambdaFunctionsFailed",
    timed_out: "LambdaFunctionsTimedOut",
    schedule_time: "LambdaFunctionScheduleTime",
    run_time: "LambdaFunctionRunTime",
    time: "LambdaFunctionTime",
};

const SERVICE_INTEGRATIONS: Family = Family {
    kind: "service",
    dimension: "ServiceIntegrationResourceArn",
    scheduled: "ServiceIntegrationsScheduled",
    started: "ServiceIntegrationsStarted",
    succeeded: "ServiceIntegrationsSucceeded",
    failed: "ServiceIntegrationsFailed",
    timed_out: "ServiceIntegrationsTimedOut",
    schedule_time: "ServiceIntegrationScheduleTime",
    run_time: "ServiceIntegrationRunTime",
    time: "ServiceIntegrationTime",
};

const ACTIVITIES: Family = Family {
    kind: "activity",
    dimension: "ActivityArn",
    scheduled: "ActivitiesScheduled",
    started: "ActivitiesStarted",
    succeeded: "ActivitiesSucceeded",
    failed: "ActivitiesFailed",
    timed_out: "ActivitiesTimedOut",
    schedule_time: "ActivityScheduleTime",
    run_time: "ActivityRunTime",
    time: "ActivityTime",
};

impl Family {
    /// The family of a target, and the value of its dimension.
    pub fn of(target: &Target) -> (&'static Self, Text) {
        match target {
            Target::LambdaFunction { resource } => (&LAMBDA_FUNCTIONS, resource.clone()),
            Target::Activity { resource } => (&ACTIVITIES, resource.clone()),
            Target::Service { resource_type, resource } => {
                (&SERVICE_INTEGRATIONS, format!("arn:aws:states:::{resource_type}:{resource}").into())
            }
        }
    }

    /// The count of an outcome.
    pub fn count(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Scheduled => self.scheduled,
            Outcome::Started => self.started,
            Outcome::Succeeded => self.succeeded,
            Outcome::Failed => self.failed,
            // AWS: activities alone have a count of their own for silence.
            Outcome::HeartbeatTimedOut if self.kind == ACTIVITIES.kind => "ActivitiesHeartbeatTimedOut",
            Outcome::TimedOut | Outcome::HeartbeatTimedOut => self.timed_out,
        }
    }
}

impl Outcome {
    /// Whether the task is over.
    pub fn is_end(self) -> bool {
        match self {
            Self::Scheduled | Self::Started => false,
            Self::Succeeded | Self::Failed | Self::TimedOut | Self::HeartbeatTimedOut => true,
        }
    }

    /// Its name outside AWS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::HeartbeatTimedOut => "heartbeat_timed_out",
        }
    }
}

/// The count of executions that ended so, that of redriven ones, and its name outside AWS.
pub fn ended(status: ExecutionStatus) -> Option<(&'static str, &'static str, &'static str)> {
    match status {
        ExecutionStatus::Running => None,
        ExecutionStatus::Succeeded => {
            Some(("ExecutionsSucceeded", "RedrivenExecutionsSucceeded", "succeeded"))
        }
        ExecutionStatus::Failed => Some(("ExecutionsFailed", "RedrivenExecutionsFailed", "failed")),
        ExecutionStatus::TimedOut => Some(("ExecutionsTimedOut", "RedrivenExecutionsTimedOut", "timed_out")),
        ExecutionStatus::Aborted => Some(("ExecutionsAborted", "RedrivenExecutionsAborted", "aborted")),
    }
}
