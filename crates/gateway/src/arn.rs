//! ARNs and names of Step Functions' resources.

use darkroom_engine::arn::is_name;
use darkroom_engine::{QualifiedArn, Qualifier};

use crate::error::{ApiError, Rule};
use crate::protocol::Context;

/// What the parts of a Step Functions ARN are: `arn:aws:states:<region>:<account>:<kind>:<rest>`.
pub(crate) struct StatesArn<'a> {
    region: &'a str,
    account: &'a str,
    kind: &'a str,
    rest: &'a str,
}

impl<'a> StatesArn<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        let refused = || ApiError::InvalidArn(format!("Invalid ARN prefix: {text}"));
        let mut parts = text.splitn(7, ':');
        let mut next = || parts.next().ok_or_else(refused);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, kind, rest) = (next()?, next()?, next()?, next()?);
        let is_ours = arn == "arn" && partition.starts_with("aws") && service == "states" && !rest.is_empty();
        if is_ours { Ok(Self { region, account, kind, rest }) } else { Err(refused()) }
    }

    /// The region and the account of an ARN.
    pub(crate) fn place(text: &'a str) -> Option<(&'a str, &'a str)> {
        Self::parse(text).ok().map(|arn| (arn.region, arn.account))
    }

    fn of_kind(text: &'a str, kind: &str) -> Result<Self, ApiError> {
        let arn = Self::parse(text)?;
        if arn.kind == kind {
            return Ok(arn);
        }
        Err(not_here(arn.kind))
    }

    /// The ARN of a state machine, or of a version or an alias of it.
    pub(crate) fn state_machine(text: &'a str) -> Result<Self, ApiError> {
        Self::of_kind(text, "stateMachine")
    }

    /// The ARN of a state machine, and of nothing of it.
    pub(crate) fn unqualified(text: &'a str) -> Result<Self, ApiError> {
        let arn = Self::state_machine(text)?;
        if arn.rest.contains('/') {
            let message = format!("The ARN of a labeled Map state is not supported here: '{text}'");
            return Err(ApiError::Rule(Rule::ApiDoesNotSupportLabeledArns, message));
        }
        if arn.rest.contains(':') {
            let message = format!("The ARN of a version or an alias is not supported here: '{text}'");
            return Err(ApiError::Validation(message));
        }
        Ok(arn)
    }

    /// The ARN of a Standard execution.
    pub(crate) fn execution(text: &'a str) -> Result<Self, ApiError> {
        let arn = Self::of_kind(text, "execution")?;
        if arn.rest.contains(':') {
            return Ok(arn);
        }
        Err(ApiError::InvalidArn(format!("Invalid ARN prefix: {text}")))
    }

    /// The ARN of an activity.
    pub(crate) fn activity(text: &'a str) -> Result<Self, ApiError> {
        Self::of_kind(text, "activity")
    }

    /// The ARN of a map run.
    pub(crate) fn map_run(text: &'a str) -> Result<Self, ApiError> {
        Self::of_kind(text, "mapRun")
    }

    /// The ARN of anything that may have tags.
    pub(crate) fn taggable(text: &'a str) -> Result<Self, ApiError> {
        let arn = Self::parse(text)?;
        if matches!(arn.kind, "stateMachine" | "activity") {
            Ok(arn)
        } else {
            Self::of_kind(text, "stateMachine")
        }
    }
}

/// The version that an ARN names: its state machine's ARN, and its number.
pub(crate) fn version(text: &str) -> Result<(&str, u32), ApiError> {
    let arn = StatesArn::state_machine(text)?;
    match QualifiedArn::parse(text) {
        QualifiedArn { state_machine_arn, qualifier: Some(Qualifier::Version(number)) } => {
            Ok((state_machine_arn, number))
        }
        QualifiedArn { qualifier: Some(Qualifier::Alias(_)) | None, .. } => Err(not_here(arn.kind)),
    }
}

/// Whether an ARN names an alias.
pub(crate) fn check_alias(text: &str) -> Result<(), ApiError> {
    let arn = StatesArn::state_machine(text)?;
    match QualifiedArn::parse(text).qualifier {
        Some(Qualifier::Alias(_)) => Ok(()),
        Some(Qualifier::Version(_)) | None => Err(not_here(arn.kind)),
    }
}

fn not_here(kind: &str) -> ApiError {
    ApiError::InvalidArn(format!("Resource type not valid in this context: {kind}"))
}

/// The ARN of a state machine of the caller's.
pub(crate) fn of_state_machine(context: &Context, name: &str) -> String {
    format!("arn:aws:states:{}:{}:stateMachine:{name}", context.region, context.account)
}

/// The ARN of an activity of the caller's.
pub(crate) fn of_activity(context: &Context, name: &str) -> String {
    format!("arn:aws:states:{}:{}:activity:{name}", context.region, context.account)
}

/// Whether a role's ARN looks like one.
pub(crate) fn check_role(text: &str) -> Result<(), ApiError> {
    let mut parts = text.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.next().is_some_and(|part| part.starts_with("aws"));
    if is_arn && parts.nth(3).is_some_and(|rest| !rest.is_empty()) {
        return Ok(());
    }
    Err(ApiError::InvalidArn(format!("Invalid ARN prefix: {text}")))
}

/// Whether AWS takes this as the name of a state machine, an execution or an activity. Its length is checked before.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if is_name(name) { Ok(()) } else { Err(ApiError::InvalidName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_say_what_they_name() {
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:photos";
        assert!(StatesArn::state_machine(machine).is_ok_and(|arn| arn.region == "eu-west-1"));
        let message = |text| match StatesArn::execution(text) {
            Err(ApiError::InvalidArn(message)) => message,
            _ => "accepted".to_owned(),
        };
        assert_eq!(message("nonsense"), "Invalid ARN prefix: nonsense");
        let express = "arn:aws:states:eu-west-1:123456789012:express:photos:a:b";
        assert_eq!(message(express), "Resource type not valid in this context: express");
    }
}
