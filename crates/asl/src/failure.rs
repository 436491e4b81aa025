//! A state's failure: what the workflow handles, as opposed to what our machinery suffers.
//!
//! Spec: States Language, "Errors" and its appendix of predefined error names.

use crate::json::Text;

/// An error's name and its cause, as `Retry` and `Catch` see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `States.*`, or a name that a task gave.
    pub error: Text,
    /// Free text, for people.
    pub cause: Option<Text>,
    /// The field of a `JSONata` state that could not be evaluated: `Output/total`.
    pub location: Option<Text>,
}

impl Failure {
    /// A failure with a cause.
    pub fn new(error: impl Into<Text>, cause: impl Into<Text>) -> Self {
        Self { error: error.into(), cause: Some(cause.into()), location: None }
    }

    /// A failure of a field, which the history's `EvaluationFailed` event names.
    pub fn in_field(error: impl Into<Text>, cause: impl Into<Text>, field: impl Into<Text>) -> Self {
        Self { location: Some(field.into()), ..Self::new(error, cause) }
    }
}

/// The predefined error names.
#[expect(missing_docs, reason = "the names are the States Language's own")]
pub mod names {
    pub const ALL: &str = "States.ALL";
    pub const TASK_FAILED: &str = "States.TaskFailed";
    pub const TIMEOUT: &str = "States.Timeout";
    pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
    pub const PERMISSIONS: &str = "States.Permissions";
    pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
    pub const RUNTIME: &str = "States.Runtime";
    pub const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
    pub const BRANCH_FAILED: &str = "States.BranchFailed";
    pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
    pub const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
    pub const INTRINSIC_FAILURE: &str = "States.IntrinsicFailure";
    pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
    pub const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
    pub const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";
    pub const RESULT_WRITER_FAILED: &str = "States.ResultWriterFailed";
    pub const HTTP_SOCKET: &str = "States.Http.Socket";
    /// Followed by the status code.
    pub const HTTP_STATUS_CODE_PREFIX: &str = "States.Http.StatusCode.";
}
