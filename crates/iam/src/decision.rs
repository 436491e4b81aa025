//! A request against a role's policies.

use crate::context::Context;
use crate::policy::{Effect, Policy};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Such as `lambda:InvokeFunction`; compared without regard to case.
    pub action: &'a str,
    /// The ARN of what it is done to, or `*` where the action has no resource.
    pub resource: &'a str,
    /// What conditions and variables may ask about.
    pub context: &'a Context,
}

/// Whether he may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// It is refused.
    Denied(Denial),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No statement allows it.
    Implicit,
    /// A statement denies it.
    Explicit,
}

/// Decides: one `Deny` that applies wins over all, without one an `Allow` that applies is needed.
pub fn decide<'p>(policies: impl IntoIterator<Item = &'p Policy>, request: &Request<'_>) -> Decision {
    let mut decision = Decision::Denied(Denial::Implicit);
    for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
        if statement.applies(request) {
            match statement.effect {
                Effect::Deny => return Decision::Denied(Denial::Explicit),
                Effect::Allow => decision = Decision::Allowed,
            }
        }
    }
    decision
}

impl Denial {
    /// AWS's words for it. `action` and `resource` are as the service shows them.
    pub fn message(self, principal: &str, action: &str, resource: &str) -> String {
        let reason = match self {
            Self::Implicit => format!("because no identity-based policy allows the {action} action"),
            Self::Explicit => "with an explicit deny in an identity-based policy".to_owned(),
        };
        format!("User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}")
    }
}
