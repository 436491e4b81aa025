//! What an expression is evaluated against.

use crate::json::Value;

/// The data an expression can reach, and the chance it can ask for.
///
/// Spec: States Language, "Paths", "Context Object" and "Variables".
pub trait Environment {
    /// What `$` stands for: the effective input of the field.
    fn input(&self) -> &Value;

    /// What `$$` stands for: the context object.
    fn context(&self) -> &Value;

    /// What `$name` stands for; `None` where no such variable was assigned.
    fn variable(&self, name: &str) -> Option<Value>;

    /// The next random number. Whoever decides draws it, and keeps the outcome in the history.
    fn random_u64(&self) -> u64;
}
