//! What can go wrong with a function, and whether trying again can help.

use crate::keys::ImageKey;
use crate::records::{DynamoDbError, StoreError};
use crate::refusal::Refusal;

/// Why a function failed: what a Lambda would report as its error.
///
/// An invalid picture is no failure of *validation*, whose answer it is; it is one of every other function.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The event lacks something, or something in it is of the wrong type.
    #[error("the event is not one that `{function}` takes: {problem}")]
    InvalidEvent {
        /// The function's name.
        function: &'static str,
        /// What was found, and where.
        problem: String,
    },
    /// An id or a key that must not become a path.
    #[error("{name} {value:?} is not allowed: {problem}")]
    InvalidKey {
        /// The member of the event.
        name: &'static str,
        /// Its value, shortened.
        value: String,
        /// The rule that it breaks.
        problem: String,
    },
    /// There is no such object.
    #[error("there is no object {key:?} in the {bucket} bucket")]
    ObjectNotFound {
        /// `input` or `output`.
        bucket: &'static str,
        /// The object's key.
        key: String,
    },
    /// The picture cannot be processed.
    #[error("{key:?} cannot be processed: {refusal}")]
    ImageRefused {
        /// The object's key.
        key: String,
        /// Why, in words for the picture's owner.
        refusal: Refusal,
    },
    /// A failure was reported of an image that has no record.
    #[error("there is no record of {0}")]
    RecordNotFound(ImageKey),
    /// A bucket did not do what it was asked to.
    #[error("the {bucket} bucket failed at {key:?}: {reason}")]
    Bucket {
        /// `input` or `output`.
        bucket: &'static str,
        /// The object's key.
        key: String,
        /// The store's own words.
        reason: String,
    },
    /// The function's role does not allow what it tried.
    #[error("{0}")]
    AccessDenied(String),
    /// The records could not be read or written.
    #[error("the image records failed: {0}")]
    Records(#[source] StoreError),
}

impl From<StoreError> for FunctionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DynamoDb(DynamoDbError::AccessDenied(message)) => Self::AccessDenied(message),
            error => Self::Records(error),
        }
    }
}

impl FunctionError {
    /// The error's name in the workflow, as a Lambda's `errorType`.
    ///
    /// Faults of our machinery carry the name that the workflow's `Retry` lists for them; what is wrong with
    /// the event or the picture has names of its own, which a `Catch` can tell apart.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidEvent { .. } => "InvalidEvent",
            Self::InvalidKey { .. } => "InvalidKey",
            Self::ObjectNotFound { .. } => "ObjectNotFound",
            Self::ImageRefused { .. } => "ImageRefused",
            Self::RecordNotFound(_) => "RecordNotFound",
            Self::AccessDenied(_) => "AccessDenied",
            Self::Bucket { .. } | Self::Records(_) => "Lambda.ServiceException",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Bucket { .. } | Self::Records(_) => true,
            Self::InvalidEvent { .. }
            | Self::InvalidKey { .. }
            | Self::ObjectNotFound { .. }
            | Self::ImageRefused { .. }
            | Self::RecordNotFound(_)
            | Self::AccessDenied(_) => false,
        }
    }
}
