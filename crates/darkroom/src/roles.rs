//! The roles that ship: what the state machines and each of the functions may do, and no more. Their names and policies
//! (`deploy/policies/`) are those that they have on AWS.

use std::collections::BTreeMap;

use anyhow::Context;
use darkroom_iam::Policy;

use crate::workflow::{self, PROJECT};

/// The end of each role's name, behind the project's, and its policy.
const SHIPPED: [(&str, &str); 7] = [
    ("image-processing-state-machine", include_str!("../../../deploy/policies/state-machine.json")),
    ("upload-state-machine", include_str!("../../../deploy/policies/upload.json")),
    ("validation-function", include_str!("../../../deploy/policies/function-validation.json")),
    ("resize-function", include_str!("../../../deploy/policies/function-resize.json")),
    ("watermark-function", include_str!("../../../deploy/policies/function-watermark.json")),
    ("error-handler-function", include_str!("../../../deploy/policies/function-error-handler.json")),
    ("cleanup-function", include_str!("../../../deploy/policies/function-cleanup.json")),
];

/// The ARN of a state machine's role, by the end of the state machine's name.
pub fn of_state_machine(account: &str, name: &str) -> String {
    arn(account, &format!("{PROJECT}-{name}-state-machine"))
}

/// The ARN of a function's role, by the function's name.
pub fn of_function(account: &str, name: &str) -> String {
    arn(account, &format!("{name}-function"))
}

/// The ARN of a role of this account.
pub fn arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

/// The shipped roles, by their ARNs. `placeholders` are filled for where the workflow runs.
pub fn shipped(
    account: &str,
    placeholders: &[(&str, &str)],
) -> anyhow::Result<BTreeMap<String, Vec<Policy>>> {
    let role = |(name, text): (&str, &str)| {
        let name = format!("{PROJECT}-{name}");
        let policy = Policy::parse(&workflow::fill(text, placeholders.iter().copied()))
            .with_context(|| format!("the policy of {name}"))?;
        Ok((arn(account, &name), vec![policy]))
    };
    SHIPPED.into_iter().map(role).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn every_shipped_policy_is_one() {
        let names = crate::serve::settings::Names::default();
        let roles = shipped("000000000000", &names.placeholders("us-east-1", "000000000000")).unwrap();
        assert_eq!(roles.len(), SHIPPED.len());
        assert!(!format!("{roles:?}").contains("Variable"), "a placeholder was not filled");
        assert!(roles.keys().all(|arn| arn.starts_with("arn:aws:iam::000000000000:role/darkroom-")));
    }
}
