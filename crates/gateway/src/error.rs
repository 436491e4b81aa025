//! What a caller is told when a call fails: AWS's error code and message, made in this one place.

use darkroom_asl::definition::{Diagnostic, Severity};
use darkroom_engine::store::StoreError;
use darkroom_engine::{EngineError, NotRedrivable, PollError, ReportError, ResourceError, StartError};
use darkroom_port::Refusal;
use http::StatusCode;

/// A call that failed. What the variants hold goes into the message, except for `Internal`.
#[derive(Debug)]
pub(crate) enum ApiError {
    UnknownOperation,
    /// A request that was not let in.
    Refused(Refusal),
    /// The header of this name says that the body is something that is not read here.
    UnsupportedMediaType(&'static str),
    /// The body is not what the action takes.
    Serialization(String),
    Validation(String),
    /// The same, with the word that says which rule of the action's own is broken.
    Rule(Rule, String),
    MissingRequiredParameter,
    InvalidArn(String),
    InvalidName(String),
    InvalidDefinition(Vec<Diagnostic>),
    /// A definition that is right, but not one that can be tested.
    UntestableDefinition(String),
    InvalidExecutionInput(String),
    InvalidLoggingConfiguration(&'static str),
    InvalidEncryptionConfiguration(&'static str),
    InvalidToken,
    InvalidOutput(String),
    ActivityDoesNotExist(String),
    ActivityWorkerLimitExceeded,
    StateMachineAlreadyExists(String),
    StateMachineDoesNotExist(String),
    StateMachineDeleting(String),
    StateMachineTypeNotSupported,
    ExecutionAlreadyExists(String),
    ExecutionDoesNotExist(String),
    ExecutionNotRedrivable(NotRedrivable),
    ActivityAlreadyExists(String),
    /// The resource that a call is about is not there.
    ResourceNotFound(String),
    /// Something that a call refers to is not there.
    ReferenceNotFound,
    TooManyTags(String),
    Conflict(String),
    ServiceQuotaExceeded(String),
    TaskDoesNotExist,
    TaskTimedOut,
    /// Too much is under way: the caller may try again.
    Throttling,
    /// The engine cannot just now: the caller may try again.
    Unavailable,
    /// A fault of ours; the detail goes to the log.
    Internal(String),
}

/// `ValidationException.reason`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    ApiDoesNotSupportLabeledArns,
    MissingRequiredParameter,
    InvalidRoutingConfiguration,
}

impl Rule {
    fn as_str(self) -> &'static str {
        match self {
            Self::ApiDoesNotSupportLabeledArns => "API_DOES_NOT_SUPPORT_LABELED_ARNS",
            Self::MissingRequiredParameter => "MISSING_REQUIRED_PARAMETER",
            Self::InvalidRoutingConfiguration => "INVALID_ROUTING_CONFIGURATION",
        }
    }
}

impl ApiError {
    /// The error's name on the wire.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnknownOperation => "UnknownOperationException",
            Self::Refused(refusal) => refusal.code(),
            Self::UnsupportedMediaType(_) => "UnsupportedMediaTypeException",
            Self::Serialization(_) => "SerializationException",
            Self::Validation(_) | Self::Rule(..) => "ValidationException",
            Self::MissingRequiredParameter => "MissingRequiredParameter",
            Self::InvalidArn(_) => "InvalidArn",
            Self::InvalidName(_) => "InvalidName",
            Self::InvalidDefinition(_) | Self::UntestableDefinition(_) => "InvalidDefinition",
            Self::InvalidExecutionInput(_) => "InvalidExecutionInput",
            Self::InvalidLoggingConfiguration(_) => "InvalidLoggingConfiguration",
            Self::InvalidEncryptionConfiguration(_) => "InvalidEncryptionConfiguration",
            Self::InvalidToken => "InvalidToken",
            Self::InvalidOutput(_) => "InvalidOutput",
            Self::ActivityDoesNotExist(_) => "ActivityDoesNotExist",
            Self::ActivityWorkerLimitExceeded => "ActivityWorkerLimitExceeded",
            Self::StateMachineAlreadyExists(_) => "StateMachineAlreadyExists",
            Self::StateMachineDoesNotExist(_) => "StateMachineDoesNotExist",
            Self::StateMachineDeleting(_) => "StateMachineDeleting",
            Self::StateMachineTypeNotSupported => "StateMachineTypeNotSupported",
            Self::ExecutionAlreadyExists(_) => "ExecutionAlreadyExists",
            Self::ExecutionDoesNotExist(_) => "ExecutionDoesNotExist",
            Self::ExecutionNotRedrivable(_) => "ExecutionNotRedrivable",
            Self::ActivityAlreadyExists(_) => "ActivityAlreadyExists",
            Self::ResourceNotFound(_) | Self::ReferenceNotFound => "ResourceNotFound",
            Self::TooManyTags(_) => "TooManyTags",
            Self::Conflict(_) => "ConflictException",
            Self::ServiceQuotaExceeded(_) => "ServiceQuotaExceededException",
            Self::TaskDoesNotExist => "TaskDoesNotExist",
            Self::TaskTimedOut => "TaskTimedOut",
            Self::Throttling => "ThrottlingException",
            Self::Unavailable => "ServiceUnavailable",
            Self::Internal(_) => "InternalFailure",
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::UnknownOperation => "The requested operation is not known here".to_owned(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::UnsupportedMediaType(header) => format!("The {header} of the request is not supported"),
            Self::Serialization(message)
            | Self::Validation(message)
            | Self::UntestableDefinition(message)
            | Self::Rule(_, message)
            | Self::Conflict(message)
            | Self::ServiceQuotaExceeded(message) => message.clone(),
            // AWS: as recorded; it does not name what else may be given.
            Self::MissingRequiredParameter => {
                "Either the definition, the role ARN, the LoggingConfiguration, \
                                               or the TracingConfiguration must be specified"
                    .to_owned()
            }
            Self::InvalidArn(reason) => format!("Invalid Arn: '{reason}'"),
            Self::InvalidName(name) => format!("Invalid Name: '{name}'"),
            Self::InvalidDefinition(diagnostics) => {
                format!("Invalid State Machine Definition: '{}'", listed(diagnostics))
            }
            Self::InvalidExecutionInput(reason) => {
                format!("Invalid State Machine Execution Input: '{reason}'")
            }
            Self::InvalidLoggingConfiguration(reason) => format!("Invalid Logging Configuration: {reason}"),
            Self::InvalidEncryptionConfiguration(reason) => {
                format!("Invalid Encryption Configuration: {reason}")
            }
            Self::InvalidToken => "Invalid Token: 'Invalid token'".to_owned(),
            Self::InvalidOutput(reason) => format!("Invalid Output: '{reason}'"),
            Self::ActivityDoesNotExist(arn) => format!("Activity Does Not Exist: '{arn}'"),
            Self::ActivityWorkerLimitExceeded => {
                "The maximum number of workers concurrently polling for activity tasks has been reached."
                    .to_owned()
            }
            Self::StateMachineAlreadyExists(arn) => format!("State Machine Already Exists: '{arn}'"),
            Self::StateMachineDoesNotExist(arn) => format!("State Machine Does Not Exist: '{arn}'"),
            Self::StateMachineDeleting(arn) => format!("State Machine is deleting: '{arn}'"),
            Self::StateMachineTypeNotSupported => {
                "This operation is not supported by this type of state machine".to_owned()
            }
            Self::ExecutionAlreadyExists(arn) => format!("Execution Already Exists: '{arn}'"),
            Self::ExecutionNotRedrivable(reason) => format!("Execution Not Redrivable: '{reason}'"),
            Self::ExecutionDoesNotExist(arn) => format!("Execution Does Not Exist: '{arn}'"),
            Self::ActivityAlreadyExists(arn) => format!("Activity Already Exists: '{arn}'"),
            Self::ResourceNotFound(arn) => format!("Resource not found: '{arn}'"),
            Self::TaskDoesNotExist => "Task Does Not Exist: 'Provided task does not exist'".to_owned(),
            Self::TaskTimedOut => "Task Timed Out: 'Provided task does not exist anymore'".to_owned(),
            Self::Throttling => "Rate exceeded".to_owned(),
            Self::ReferenceNotFound => "Request references a resource that does not exist.".to_owned(),
            Self::TooManyTags(arn) => format!("Too many tags for resource: '{arn}'"),
            Self::Unavailable => "The service is not available. Please try again".to_owned(),
            Self::Internal(_) => "An internal error occurred".to_owned(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(refusal) => refusal.status(),
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether the call was refused for what is under way, and not for what it asks: it may be made again.
    pub(crate) fn is_throttling(&self) -> bool {
        matches!(self, Self::Throttling | Self::Unavailable | Self::Refused(Refusal::Throttling))
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = serde_json::json!({ "__type": self.code(), "message": self.message() });
        if let Self::Rule(rule, _) = self {
            body["reason"] = rule.as_str().into();
        }
        if let Self::ResourceNotFound(arn) | Self::TooManyTags(arn) = self {
            body["resourceName"] = arn.as_str().into();
        }
        body.to_string().into_bytes()
    }
}

/// AWS: `CODE: message at /location`, with `null` where there is no location.
fn listed(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let texts: Vec<String> = errors
        .map(|diagnostic| match diagnostic.location {
            Some(_) => diagnostic.to_string(),
            None => format!("{diagnostic} at null"),
        })
        .collect();
    texts.join(", ")
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => {
                tracing::error!(%error, "the store is not available");
                Self::Unavailable
            }
            StoreError::Conflict { .. } | StoreError::Refused { .. } | StoreError::Corrupt { .. } => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Thread(_) | EngineError::Definition(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<ResourceError> for ApiError {
    fn from(error: ResourceError) -> Self {
        match error {
            ResourceError::Definition(diagnostics) => Self::InvalidDefinition(diagnostics),
            ResourceError::StateMachineAlreadyExists(arn) => Self::StateMachineAlreadyExists(arn.to_string()),
            ResourceError::StateMachineDeleting(arn) => Self::StateMachineDeleting(arn.to_string()),
            ResourceError::StateMachineDoesNotExist(arn) => Self::StateMachineDoesNotExist(arn.to_string()),
            ResourceError::RevisionConflict { expected, current } => Self::Conflict(format!(
                "Failed to publish the State Machine version for revision {expected}. The current State \
                 Machine revision is {current}."
            )),
            ResourceError::VersionReferenced(aliases) => Self::Conflict(format!(
                "Version to be deleted must not be referenced by an alias. Current list of aliases \
                 referencing this version: [{}]",
                aliases.join(", ")
            )),
            ResourceError::NotFound(_) => Self::ReferenceNotFound,
            ResourceError::AliasAlreadyExists(arn) => {
                Self::Conflict(format!("State Machine Alias Already Exists: '{arn}'"))
            }
            ResourceError::QuotaExceeded { what, arn, max } => {
                Self::ServiceQuotaExceeded(format!("There can be {max} {what} of a state machine: '{arn}'"))
            }
            ResourceError::TooManyTags(arn) => Self::TooManyTags(arn.to_string()),
            ResourceError::ActivityAlreadyExists(arn) => Self::ActivityAlreadyExists(arn.to_string()),
            ResourceError::Store(error) => error.into(),
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::AlreadyExists { arn } => Self::ExecutionAlreadyExists(arn.to_string()),
            StartError::Store(error) => error.into(),
            StartError::TooMany => Self::Throttling,
            StartError::ShutDown => Self::Unavailable,
        }
    }
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::InvalidToken => Self::InvalidToken,
            ReportError::DoesNotExist => Self::TaskDoesNotExist,
            ReportError::Closed => Self::TaskTimedOut,
            ReportError::SetAside => Self::Internal(error.to_string()),
            ReportError::Store(error) => error.into(),
        }
    }
}

impl From<PollError> for ApiError {
    fn from(error: PollError) -> Self {
        match error {
            PollError::DoesNotExist(arn) => Self::ActivityDoesNotExist(arn.to_string()),
            PollError::TooManyPollers => Self::ActivityWorkerLimitExceeded,
            PollError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_throttled_that_may_be_made_again_as_it_is() {
        let full = || StoreError::Unavailable { place: "engine.db".into(), reason: "disk full".into() };
        for (error, is_throttling) in [
            (ApiError::from(StartError::TooMany), true),
            (ApiError::from(StartError::Store(full())), true),
            (ApiError::from(ReportError::Store(full())), true),
            (ApiError::from(Refusal::Throttling), true),
            (ApiError::from(Refusal::TooLarge), false),
            (ApiError::from(StartError::AlreadyExists { arn: "e".into() }), false),
            (ApiError::ActivityWorkerLimitExceeded, false),
            (ApiError::Validation("no".into()), false),
            (ApiError::Internal("a fault".into()), false),
        ] {
            assert_eq!(error.is_throttling(), is_throttling, "{error:?}");
        }
    }
}
