//! The checks that AWS makes of an input's members before it looks at what they mean.
//!
//! All that are broken are told in one message. Bounds and enumerations are those of the API's model; a
//! length is counted in UTF-16 units, as the service's own language counts.

use crate::error::ApiError;

/// Bytes of a definition, in the API's model.
pub(crate) const DEFINITION_MAX: usize = 1_048_576;
/// Characters of an execution's input.
pub(crate) const INPUT_MAX: usize = 262_144;
/// Characters of a task's output.
pub(crate) const OUTPUT_MAX: usize = 262_144;
/// Characters of a task token.
pub(crate) const TASK_TOKEN_MAX: usize = 2_048;
/// Characters of a trace header.
pub(crate) const TRACE_HEADER_MAX: usize = 256;
/// Characters of a name.
pub(crate) const NAME_MAX: usize = 80;
/// Characters of an ARN.
pub(crate) const ARN_MAX: usize = 256;
/// Characters of an error name.
pub(crate) const ERROR_MAX: usize = 256;
/// Characters of a cause.
pub(crate) const CAUSE_MAX: usize = 32_768;
/// Items on a page.
pub(crate) const PAGE_MAX: i64 = 1_000;

/// Gathers what is wrong with an input's members.
#[derive(Default)]
pub(crate) struct Members {
    broken: Vec<String>,
}

impl Members {
    /// A member that must be there.
    pub(crate) fn required<T: Default>(&mut self, path: &str, member: Option<T>) -> T {
        member.unwrap_or_else(|| {
            self.broken.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            ));
            T::default()
        })
    }

    /// A text of a length between these.
    pub(crate) fn length(&mut self, path: &str, text: &str, min: usize, max: usize) {
        let length = text.encode_utf16().count();
        if length < min {
            self.fail(path, text, &format!("Member must have length greater than or equal to {min}"));
        } else if length > max {
            self.fail(path, text, &format!("Member must have length less than or equal to {max}"));
        }
    }

    /// A required text of a length between these.
    pub(crate) fn text(&mut self, path: &str, member: Option<String>, min: usize, max: usize) -> String {
        let is_there = member.is_some();
        let text = self.required(path, member);
        if is_there {
            self.length(path, &text, min, max);
        }
        text
    }

    /// A number between these.
    pub(crate) fn range(&mut self, path: &str, number: i64, min: i64, max: i64) {
        if number < min {
            let rule = format!("Member must have value greater than or equal to {min}");
            self.fail(path, &number.to_string(), &rule);
        } else if number > max {
            let rule = format!("Member must have value less than or equal to {max}");
            self.fail(path, &number.to_string(), &rule);
        }
    }

    /// One of these words, in AWS's order, or nothing.
    pub(crate) fn word<T: Copy>(
        &mut self,
        path: &str,
        member: Option<&str>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let member = member?;
        let found = words.iter().find(|(word, _)| *word == member).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.fail(path, member, &format!("Member must satisfy enum value set: [{}]", names.join(", ")));
        }
        found
    }

    fn fail(&mut self, path: &str, value: &str, rule: &str) {
        self.broken.push(format!("Value '{value}' at '{path}' failed to satisfy constraint: {rule}"));
    }

    /// Whether all is well.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        match self.broken.len() {
            0 => Ok(()),
            1 => Err(ApiError::Validation(format!("1 validation error detected: {}", self.broken[0]))),
            count => Err(ApiError::Validation(format!(
                "{count} validation errors detected: {}",
                self.broken.join("; ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(members: Members) -> String {
        match members.check() {
            Err(ApiError::Validation(message)) => message,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn one_and_several_broken_members_are_told_in_awss_words() {
        let mut members = Members::default();
        members.range("maxResults", 1001, 0, PAGE_MAX);
        assert_eq!(
            message(members),
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: \
             Member must have value less than or equal to 1000"
        );
        let mut members = Members::default();
        let _: String = members.text("name", None, 1, 80);
        let _: Option<u8> = members.word("type", Some("standard"), &[("STANDARD", 1), ("EXPRESS", 2)]);
        assert_eq!(
            message(members),
            "2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must \
             not be null; Value 'standard' at 'type' failed to satisfy constraint: Member must satisfy enum \
             value set: [STANDARD, EXPRESS]"
        );
    }
}
