//! What a caller is told when a call fails: AWS's error code and message, made in this one place.

use axum::http::StatusCode;
use darkroom_asl::definition::{Diagnostic, Severity};
use darkroom_engine::store::StoreError;
use darkroom_engine::{CreateError, EngineError, StartError};

/// A call that failed. What the variants hold goes into the message, except for `Internal`.
#[derive(Debug)]
pub(crate) enum ApiError {
    UnknownOperation,
    RequestTooLarge,
    /// The body is not what the action takes.
    Serialization(String),
    Validation(String),
    InvalidArn(String),
    InvalidName(String),
    InvalidDefinition(Vec<Diagnostic>),
    /// A definition that is right, but not one that can be tested.
    UntestableDefinition(String),
    InvalidExecutionInput(String),
    InvalidLoggingConfiguration(&'static str),
    InvalidToken,
    StateMachineAlreadyExists(String),
    StateMachineDoesNotExist(String),
    StateMachineDeleting(String),
    StateMachineTypeNotSupported,
    ExecutionAlreadyExists(String),
    ExecutionDoesNotExist(String),
    ResourceNotFound(String),
    /// The engine cannot just now: the caller may try again.
    Unavailable,
    /// A fault of ours; the detail goes to the log.
    Internal(String),
}

impl ApiError {
    /// The error's name on the wire.
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownOperation => "UnknownOperationException",
            Self::RequestTooLarge => "RequestEntityTooLargeException",
            Self::Serialization(_) => "SerializationException",
            Self::Validation(_) => "ValidationException",
            Self::InvalidArn(_) => "InvalidArn",
            Self::InvalidName(_) => "InvalidName",
            Self::InvalidDefinition(_) | Self::UntestableDefinition(_) => "InvalidDefinition",
            Self::InvalidExecutionInput(_) => "InvalidExecutionInput",
            Self::InvalidLoggingConfiguration(_) => "InvalidLoggingConfiguration",
            Self::InvalidToken => "InvalidToken",
            Self::StateMachineAlreadyExists(_) => "StateMachineAlreadyExists",
            Self::StateMachineDoesNotExist(_) => "StateMachineDoesNotExist",
            Self::StateMachineDeleting(_) => "StateMachineDeleting",
            Self::StateMachineTypeNotSupported => "StateMachineTypeNotSupported",
            Self::ExecutionAlreadyExists(_) => "ExecutionAlreadyExists",
            Self::ExecutionDoesNotExist(_) => "ExecutionDoesNotExist",
            Self::ResourceNotFound(_) => "ResourceNotFound",
            Self::Unavailable => "ServiceUnavailable",
            Self::Internal(_) => "InternalFailure",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::UnknownOperation => "The requested operation is not known here".to_owned(),
            Self::RequestTooLarge => "The request is too large".to_owned(),
            Self::Serialization(message)
            | Self::Validation(message)
            | Self::UntestableDefinition(message) => message.clone(),
            Self::InvalidArn(reason) => format!("Invalid Arn: '{reason}'"),
            Self::InvalidName(name) => format!("Invalid Name: '{name}'"),
            Self::InvalidDefinition(diagnostics) => {
                format!("Invalid State Machine Definition: '{}'", listed(diagnostics))
            }
            Self::InvalidExecutionInput(reason) => {
                format!("Invalid State Machine Execution Input: '{reason}'")
            }
            Self::InvalidLoggingConfiguration(reason) => format!("Invalid Logging Configuration: {reason}"),
            Self::InvalidToken => "Invalid Token: 'Invalid token'".to_owned(),
            Self::StateMachineAlreadyExists(arn) => format!("State Machine Already Exists: '{arn}'"),
            Self::StateMachineDoesNotExist(arn) => format!("State Machine Does Not Exist: '{arn}'"),
            Self::StateMachineDeleting(arn) => format!("State Machine is deleting: '{arn}'"),
            Self::StateMachineTypeNotSupported => {
                "This operation is not supported by this type of state machine".to_owned()
            }
            Self::ExecutionAlreadyExists(arn) => format!("Execution Already Exists: '{arn}'"),
            Self::ExecutionDoesNotExist(arn) => format!("Execution Does Not Exist: '{arn}'"),
            Self::ResourceNotFound(arn) => format!("Resource not found: '{arn}'"),
            Self::Unavailable => "The service is not available. Please try again".to_owned(),
            Self::Internal(_) => "An internal error occurred".to_owned(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        serde_json::json!({ "__type": self.code(), "message": self.message() }).to_string().into_bytes()
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

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Definition(diagnostics) => Self::InvalidDefinition(diagnostics),
            CreateError::AlreadyExists(arn) => Self::StateMachineAlreadyExists(arn.to_string()),
            CreateError::Deleting(arn) => Self::StateMachineDeleting(arn.to_string()),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::AlreadyExists { arn } => Self::ExecutionAlreadyExists(arn.to_string()),
            StartError::Store(error) => error.into(),
            StartError::ShutDown => Self::Unavailable,
        }
    }
}
