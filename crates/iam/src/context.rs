//! What is known of a request beside its action and resource: the condition keys and their values.

use std::collections::BTreeMap;

/// Condition keys and their values. Names of keys are compared without regard to case.
///
/// Documentation: IAM, "AWS global condition context keys".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// With one value more for the key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
        self
    }

    /// A key's values; none where the request does not have it.
    pub(crate) fn values(&self, key: &str) -> &[String] {
        self.0.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The value of a key that has exactly one.
    pub(crate) fn single(&self, key: &str) -> Option<&str> {
        match self.values(key) {
            [one] => Some(one),
            [] | [_, _, ..] => None,
        }
    }
}
