//! The roles that ship with the image workflow: what it and each of its functions may do, and no more.
//!
//! The policies are the files under `workflows/roles/`, whose placeholders are the workflow's own.

use std::collections::BTreeMap;

use anyhow::Context;
use darkroom_iam::Policy;

use crate::workflow::{self, PROJECT};

/// The end of each role's name, behind the project's, and its policy.
const SHIPPED: [(&str, &str); 7] = [
    ("step-functions-role", include_str!("../../../workflows/roles/step-functions.json")),
    ("upload-role", include_str!("../../../workflows/roles/upload.json")),
    ("validation-role", include_str!("../../../workflows/roles/validation.json")),
    ("resize-role", include_str!("../../../workflows/roles/resize.json")),
    ("watermark-role", include_str!("../../../workflows/roles/watermark.json")),
    ("error-handler-role", include_str!("../../../workflows/roles/error-handler.json")),
    ("cleanup-role", include_str!("../../../workflows/roles/cleanup.json")),
];

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
