//! What is wrong with a definition: one `Diagnostic` a problem, in the form of AWS.
//!
//! Severity, code, message and location are those of `ValidateStateMachineDefinition`; the span and the
//! help are ours, for people at a terminal. AWS promises neither wording nor order of its messages, but
//! programs compare them: where a text of AWS is known it is copied exactly, where it is not the message
//! follows the same manner.

use std::fmt;

use crate::json::Span;

/// One problem of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// An error refuses the definition, a warning does not.
    pub severity: Severity,
    /// The kind of problem.
    pub code: DiagnosticCode,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where, as AWS writes it: `/States/C/Choices[0]/Next`. `None` where AWS gives none.
    pub location: Option<String>,
    /// The bytes of the definition's text that are meant.
    pub span: Option<Span>,
    /// How to mend it.
    pub help: Option<String>,
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted, and probably wrong.
    Warning,
}

/// The kinds of problems: AWS's own, and below them ours, which are warnings only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiagnosticCode {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// There is no text.
    MissingDescription,
    /// The definition has another shape than the States Language asks for.
    SchemaValidationFailed,
    /// A transition leads nowhere, or no transition leads here.
    MissingTransitionTarget,
    /// No state ends the workflow.
    MissingEndState,
    /// Two states of the machine share a name.
    DuplicateStateName,
    /// A state's name is empty or too long.
    InvalidStateName,
    /// Two distributed maps share a label.
    DuplicateLabelName,
    /// A label is empty, too long, or holds a forbidden character.
    InvalidLabelName,
    /// A string is meant to be a `JSONata` expression and is none.
    InvalidJsonataExpression,
    /// A `JSONata` expression reads what its field cannot see.
    UnsupportedJsonataExpression,
    /// States are nested deeper than this implementation follows.
    TooDeeplyNested,
    /// AWS's warning: a value looks like a path, its key lacks `.$`.
    NoDollar,
    /// AWS's warning: a value looks like a path, its field is not one of the `…Path` fields.
    NoPath,
    /// AWS's warning: a Pass state's `Result` holds a path, which is not evaluated.
    PassResultIsStatic,
    /// A path is read that, on some route from `StartAt`, nothing has put there.
    PathNotProduced,
    /// A variable is read that no state assigns.
    VariableNotAssigned,
    /// A Task may wait for ever.
    TaskWithoutTimeout,
    /// A catcher or retrier behind one that takes everything.
    ErrorHandlerNeverMatches,
    /// An optimised integration is called without a parameter that it cannot do without.
    ParameterMissing,
    /// A `CloudFormation` function inside a payload, where nobody evaluates it.
    CloudFormationFunction,
    /// The machine ends well although it only gets there when something failed.
    FailureEndsInSuccess,
    /// A Task that runs only after a failure has no `Retry` and no `Catch` of its own.
    UnprotectedErrorHandler,
}

impl DiagnosticCode {
    /// The code as AWS writes it, or would.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Self::MissingDescription => "MISSING_DESCRIPTION",
            Self::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Self::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Self::MissingEndState => "MISSING_END_STATE",
            Self::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Self::InvalidStateName => "INVALID_STATE_NAME",
            Self::DuplicateLabelName => "DUPLICATE_LABEL_NAME",
            Self::InvalidLabelName => "INVALID_LABEL_NAME",
            Self::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            Self::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
            Self::TooDeeplyNested => "TOO_DEEPLY_NESTED",
            Self::NoDollar => "NO_DOLLAR",
            Self::NoPath => "NO_PATH",
            Self::PassResultIsStatic => "PASS_RESULT_IS_STATIC",
            Self::PathNotProduced => "PATH_NOT_PRODUCED",
            Self::VariableNotAssigned => "VARIABLE_NOT_ASSIGNED",
            Self::TaskWithoutTimeout => "TASK_WITHOUT_TIMEOUT",
            Self::ErrorHandlerNeverMatches => "ERROR_HANDLER_NEVER_MATCHES",
            Self::ParameterMissing => "PARAMETER_MISSING",
            Self::CloudFormationFunction => "CLOUDFORMATION_FUNCTION",
            Self::FailureEndsInSuccess => "FAILURE_ENDS_IN_SUCCESS",
            Self::UnprotectedErrorHandler => "UNPROTECTED_ERROR_HANDLER",
        }
    }

    /// Whether AWS has this code too. The API answers with these alone.
    pub fn is_known_to_aws(self) -> bool {
        match self {
            Self::InvalidJsonDescription
            | Self::MissingDescription
            | Self::SchemaValidationFailed
            | Self::MissingTransitionTarget
            | Self::MissingEndState
            | Self::DuplicateStateName
            | Self::InvalidStateName
            | Self::DuplicateLabelName
            | Self::InvalidLabelName
            | Self::InvalidJsonataExpression
            | Self::UnsupportedJsonataExpression
            | Self::TooDeeplyNested
            | Self::NoDollar
            | Self::NoPath
            | Self::PassResultIsStatic => true,
            Self::PathNotProduced
            | Self::VariableNotAssigned
            | Self::TaskWithoutTimeout
            | Self::ErrorHandlerNeverMatches
            | Self::ParameterMissing
            | Self::CloudFormationFunction
            | Self::FailureEndsInSuccess
            | Self::UnprotectedErrorHandler => false,
        }
    }
}

impl Severity {
    /// The severity as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
        }
    }
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// As in AWS's `Invalid State Machine Definition: '…'`: `CODE: message at /location`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)?;
        match &self.location {
            Some(location) => write!(formatter, " at {location}"),
            None => Ok(()),
        }
    }
}
