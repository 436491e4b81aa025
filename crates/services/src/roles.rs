//! Roles: what whoever holds one may do. State machines hold one each, and so do functions.
//!
//! A role that is configured is held to its policies, and one that is not to nothing, unless the roles are strict:
//! then it may do nothing. So a state machine whose role is made up runs as long as nobody asks for more.

use std::collections::BTreeMap;

use darkroom_iam::{Context, Decision, Denial, Policy, Request, decide};

use crate::clock::{Clock, iso_seconds};

/// The roles that are known, by their ARNs.
#[derive(Clone, Debug)]
pub struct Roles {
    known: BTreeMap<String, Vec<Policy>>,
    are_strict: bool,
    clock: Clock,
}

/// Somebody who holds a role just now.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// The role's ARN.
    pub role_arn: &'a str,
    /// Told apart by this name from others who hold it.
    pub name: &'a str,
    /// Where the call goes to.
    pub region: &'a str,
}

/// A permission that a call needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Such as `lambda:InvokeFunction`.
    pub action: String,
    /// An ARN, or `*` where the action has no resource.
    pub resource: String,
    /// Condition keys of the service's own, with their values.
    pub keys: Vec<(&'static str, String)>,
}

/// A need that the role does not fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was needed.
    pub need: Need,
    denial: Denial,
    user: String,
}

impl Need {
    /// A need without condition keys of its own.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), keys: Vec::new() }
    }
}

impl Roles {
    /// These roles. Where they are strict, a role that is not among them may do nothing.
    pub fn new(known: BTreeMap<String, Vec<Policy>>, are_strict: bool, clock: Clock) -> Self {
        Self { known, are_strict, clock }
    }

    /// No roles: everybody may do everything.
    pub fn none() -> Self {
        Self::new(BTreeMap::new(), false, Clock::System)
    }

    /// Whether whoever holds the role may do all that is needed; the first thing that he may not do.
    pub fn check(&self, session: Session<'_>, needs: &[Need]) -> Result<(), Refused> {
        let policies = match self.known.get(session.role_arn) {
            Some(policies) => policies.as_slice(),
            None if self.are_strict => &[],
            None => return Ok(()),
        };
        for need in needs {
            let context = self.context(session, need);
            let request = Request { action: &need.action, resource: &need.resource, context: &context };
            match decide(policies, &request) {
                Decision::Allowed => {}
                Decision::Denied(denial) => {
                    return Err(Refused { need: need.clone(), denial, user: session.user() });
                }
            }
        }
        Ok(())
    }

    /// What conditions may ask about. Documentation: IAM, "AWS global condition context keys".
    fn context(&self, session: Session<'_>, need: &Need) -> Context {
        let now_ms = self.clock.now_ms();
        let context = Context::default()
            .with("aws:PrincipalArn", session.role_arn)
            .with("aws:PrincipalAccount", session.account())
            .with("aws:PrincipalType", "AssumedRole")
            .with("aws:RequestedRegion", session.region)
            .with("aws:SecureTransport", "true")
            .with("aws:CurrentTime", iso_seconds(now_ms))
            .with("aws:EpochTime", (now_ms / 1000).to_string());
        need.keys.iter().fold(context, |context, (key, value)| context.with(key, value))
    }
}

impl Session<'_> {
    fn account(&self) -> &str {
        self.role_arn.split(':').nth(4).unwrap_or_default()
    }

    /// The ARN of whoever holds the role. A role's path is not in it.
    fn user(&self) -> String {
        let role = self.role_arn.rsplit('/').next().unwrap_or_default();
        format!("arn:aws:sts::{}:assumed-role/{role}/{}", self.account(), self.name)
    }
}

impl Refused {
    /// AWS's words for it.
    pub fn message(&self) -> String {
        self.message_as(&self.need.action, &self.need.resource)
    }

    /// The same, of a service that shows the action and the resource in a way of its own.
    pub fn message_as(&self, action: &str, resource: &str) -> String {
        self.denial.message(&self.user, action, resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_role_is_held_to_its_policies_and_an_unknown_one_only_where_roles_are_strict() {
        let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage",
            "Resource": "arn:aws:sqs:*:1:q", "Condition": {"StringEquals": {"aws:PrincipalAccount": "1"},
            "DateLessThan": {"aws:CurrentTime": "1970-01-02"}}}}"#;
        let known =
            BTreeMap::from([("arn:aws:iam::1:role/a/r".to_owned(), vec![Policy::parse(policy).unwrap()])]);
        let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
        let roles = |are_strict| Roles::new(known.clone(), are_strict, Clock::Manual(clock.clone()));
        let session = |role_arn| Session { role_arn, name: "s", region: "eu-west-1" };
        let (send, other) = (
            Need::new("sqs:SendMessage", "arn:aws:sqs:eu:1:q"),
            Need::new("sqs:SendMessage", "arn:aws:sqs:eu:1:p"),
        );
        for (role_arn, need, are_strict, allowed) in [
            ("arn:aws:iam::1:role/a/r", &send, false, true),
            ("arn:aws:iam::1:role/a/r", &other, false, false),
            ("arn:aws:iam::1:role/unknown", &other, false, true),
            ("arn:aws:iam::1:role/unknown", &send, true, false),
            ("arn:aws:iam::1:role/a/r", &send, true, true),
        ] {
            let checked = roles(are_strict).check(session(role_arn), std::slice::from_ref(need));
            assert_eq!(checked.is_ok(), allowed, "{role_arn} {need:?}");
        }
        let refused =
            roles(false).check(session("arn:aws:iam::1:role/a/r"), &[send.clone(), other]).unwrap_err();
        assert!(
            refused.message().starts_with(
                "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: sqs:SendMessage on resource: \
                 arn:aws:sqs:eu:1:p because"
            ),
            "{}",
            refused.message()
        );
        clock.store(2 * 86_400_000, std::sync::atomic::Ordering::SeqCst);
        assert!(roles(false).check(session("arn:aws:iam::1:role/a/r"), &[send]).is_err());
    }
}
