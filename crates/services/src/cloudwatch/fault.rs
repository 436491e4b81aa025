//! What CloudWatch's callers are told, in its own names. Each has one in the model and one in the query protocol.

use crate::wire::Fault;

pub(super) fn missing(member: &str) -> Fault {
    let message = format!("The parameter {member} is required.");
    Fault::sender(400, "MissingRequiredParameterException", message).in_query("MissingParameter")
}

pub(super) fn invalid_value(message: impl Into<String>) -> Fault {
    Fault::sender(400, "InvalidParameterValueException", message).in_query("InvalidParameterValue")
}

pub(super) fn invalid_combination(message: impl Into<String>) -> Fault {
    Fault::sender(400, "InvalidParameterCombinationException", message)
        .in_query("InvalidParameterCombination")
}

/// AWS: what the model's constraints refuse has a name that is in no model.
pub(super) fn validation(message: impl Into<String>) -> Fault {
    Fault::sender(400, "ValidationError", message).in_query("ValidationError")
}

pub(super) fn invalid_token() -> Fault {
    Fault::sender(400, "InvalidNextToken", "The next token specified is invalid.")
        .in_query("InvalidNextToken")
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> Fault {
    Fault::sender(400, "LimitExceededFault", message).in_query("LimitExceeded")
}

pub(super) fn no_alarm(name: &str) -> Fault {
    let message = format!("The alarm {name} does not exist");
    Fault::sender(404, "ResourceNotFound", message).in_query("ResourceNotFound")
}

/// What CloudWatch has and this does not: refused by name, and never done otherwise.
pub(super) fn unsupported(what: &str) -> Fault {
    validation(format!("{what} is not supported here"))
}
