//! What AWS/States calls what: the metrics with their units, and the dimension that each family has.
//!
//! AWS: "Monitoring Step Functions metrics using Amazon CloudWatch". It does not say in which unit the memory of Express
//! executions is told; here it is bytes.

use darkroom_asl::interpreter::event::Target;
use darkroom_asl::json::Text;
use darkroom_engine::store::ExecutionStatus;
use darkroom_services::cloudwatch::Unit;

/// The namespace of all of them.
pub const NAMESPACE: &str = "AWS/States";

/// The dimension of executions.
pub const STATE_MACHINE: &str = "StateMachineArn";
/// Beside it, the number of the version that an execution was started through.
pub const VERSION: &str = "Version";
/// Beside it, the name of the alias that an execution was started through.
pub const ALIAS: &str = "Alias";
/// The dimension of what the service does beside executions.
pub const SERVICE_METRIC: &str = "ServiceMetric";
/// Its value for state transitions.
pub const STATE_TRANSITION: &str = "StateTransition";
/// The dimension of calls of the API.
pub const API_NAME: &str = "APIName";

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// As AWS calls it.
    pub text: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// Whether it is also told without its dimension, of the whole account.
    pub is_totalled: bool,
}

impl Name {
    const fn count(text: &'static str) -> Self {
        Self { text, unit: Unit::COUNT, is_totalled: false }
    }

    const fn milliseconds(text: &'static str) -> Self {
        Self { text, unit: Unit::MILLISECONDS, is_totalled: false }
    }

    const fn bytes(text: &'static str) -> Self {
        Self { text, unit: Unit::BYTES, is_totalled: false }
    }

    const fn totalled(self) -> Self {
        Self { is_totalled: true, ..self }
    }
}

pub const EXECUTIONS_STARTED: Name = Name::count("ExecutionsStarted").totalled();
pub const EXECUTION_TIME: Name = Name::milliseconds("ExecutionTime").totalled();
pub const EXECUTION_THROTTLED: Name = Name::count("ExecutionThrottled").totalled();
pub const EXECUTIONS_REDRIVEN: Name = Name::count("ExecutionsRedriven");
/// Not in AWS's list: from an execution's end to its redrive.
pub const TIME_TO_REDRIVE: Name = Name::milliseconds("RedrivenExecutionsTimeToRedrive");
pub const EXPRESS_BILLED_DURATION: Name = Name::milliseconds("ExpressExecutionBilledDuration").totalled();
pub const EXPRESS_BILLED_MEMORY: Name = Name::bytes("ExpressExecutionBilledMemory").totalled();
pub const EXPRESS_MEMORY: Name = Name::bytes("ExpressExecutionMemory");
pub const CONSUMED_CAPACITY: Name = Name::count("ConsumedCapacity");
pub const THROTTLED_EVENTS: Name = Name::count("ThrottledEvents");
pub const PROVISIONED_BUCKET_SIZE: Name = Name::count("ProvisionedBucketSize");

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
    pub scheduled: Name,
    pub started: Name,
    pub succeeded: Name,
    pub failed: Name,
    pub timed_out: Name,
    /// AWS: activities alone have a count of their own for silence; for the others it is a time-out.
    pub heartbeat_timed_out: Name,
    /// From when it was scheduled to when it started, from then to its end, and both.
    pub schedule_time: Name,
    pub run_time: Name,
    pub time: Name,
}

const LAMBDA_FUNCTIONS: Family = Family {
    kind: "lambda",
    dimension: "LambdaFunctionArn",
    scheduled: Name::count("LambdaFunctionsScheduled"),
    started: Name::count("LambdaFunctionsStarted"),
    succeeded: Name::count("LambdaFunctionsSucceeded"),
    failed: Name::count("LambdaFunctionsFailed"),
    timed_out: Name::count("LambdaFunctionsTimedOut"),
    heartbeat_timed_out: Name::count("LambdaFunctionsTimedOut"),
    schedule_time: Name::milliseconds("LambdaFunctionScheduleTime"),
    run_time: Name::milliseconds("LambdaFunctionRunTime"),
    time: Name::milliseconds("LambdaFunctionTime"),
};

const SERVICE_INTEGRATIONS: Family = Family {
    kind: "service",
    dimension: "ServiceIntegrationResourceArn",
    scheduled: Name::count("ServiceIntegrationsScheduled"),
    started: Name::count("ServiceIntegrationsStarted"),
    succeeded: Name::count("ServiceIntegrationsSucceeded"),
    failed: Name::count("ServiceIntegrationsFailed"),
    timed_out: Name::count("ServiceIntegrationsTimedOut"),
    heartbeat_timed_out: Name::count("ServiceIntegrationsTimedOut"),
    schedule_time: Name::milliseconds("ServiceIntegrationScheduleTime"),
    run_time: Name::milliseconds("ServiceIntegrationRunTime"),
    time: Name::milliseconds("ServiceIntegrationTime"),
};

const ACTIVITIES: Family = Family {
    kind: "activity",
    dimension: "ActivityArn",
    scheduled: Name::count("ActivitiesScheduled").totalled(),
    started: Name::count("ActivitiesStarted").totalled(),
    succeeded: Name::count("ActivitiesSucceeded").totalled(),
    failed: Name::count("ActivitiesFailed").totalled(),
    timed_out: Name::count("ActivitiesTimedOut").totalled(),
    heartbeat_timed_out: Name::count("ActivitiesHeartbeatTimedOut").totalled(),
    schedule_time: Name::milliseconds("ActivityScheduleTime").totalled(),
    run_time: Name::milliseconds("ActivityRunTime").totalled(),
    time: Name::milliseconds("ActivityTime").totalled(),
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
    pub fn count(&self, outcome: Outcome) -> Name {
        match outcome {
            Outcome::Scheduled => self.scheduled,
            Outcome::Started => self.started,
            Outcome::Succeeded => self.succeeded,
            Outcome::Failed => self.failed,
            Outcome::TimedOut => self.timed_out,
            Outcome::HeartbeatTimedOut => self.heartbeat_timed_out,
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

/// How executions end.
#[derive(Debug)]
pub struct Ending {
    /// Its name outside AWS.
    pub name: &'static str,
    /// Executions that ended so.
    pub count: Name,
    /// Those among them that had been redriven.
    pub redriven: Name,
}

const SUCCEEDED: Ending = Ending {
    name: "succeeded",
    count: Name::count("ExecutionsSucceeded").totalled(),
    redriven: Name::count("RedrivenExecutionsSucceeded"),
};
const FAILED: Ending = Ending {
    name: "failed",
    count: Name::count("ExecutionsFailed").totalled(),
    redriven: Name::count("RedrivenExecutionsFailed"),
};
const TIMED_OUT: Ending = Ending {
    name: "timed_out",
    count: Name::count("ExecutionsTimedOut").totalled(),
    redriven: Name::count("RedrivenExecutionsTimedOut"),
};
const ABORTED: Ending = Ending {
    name: "aborted",
    count: Name::count("ExecutionsAborted").totalled(),
    redriven: Name::count("RedrivenExecutionsAborted"),
};

impl Ending {
    /// The ending that a status is, if it is one.
    pub fn of(status: ExecutionStatus) -> Option<&'static Self> {
        match status {
            ExecutionStatus::Running => None,
            ExecutionStatus::Succeeded => Some(&SUCCEEDED),
            ExecutionStatus::Failed => Some(&FAILED),
            ExecutionStatus::TimedOut => Some(&TIMED_OUT),
            ExecutionStatus::Aborted => Some(&ABORTED),
        }
    }
}
