//! The patterns of `StringMatches`: `*` for any characters, `\*` and `\\` for themselves.
//!
//! Spec: States Language, "Data-test Expression".

use std::fmt;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The literal stretches: between each two of them is a `*`. At least one.
    stretches: Vec<String>,
}

/// A backslash that escapes nothing. The language makes it an error of the execution, not of the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenEscape;

impl fmt::Display for OpenEscape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The pattern of `StringMatches` has a backslash that escapes neither `*` nor `\\`")
    }
}

/// As [`Pattern::parse`] reads it.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, stretch) in self.stretches.iter().enumerate() {
            if position > 0 {
                f.write_str("*")?;
            }
            f.write_str(&stretch.replace('\\', r"\\").replace('*', r"\*"))?;
        }
        Ok(())
    }
}

impl Pattern {
    /// Compiles a pattern.
    pub fn parse(text: &str) -> Result<Pattern, OpenEscape> {
        let mut stretches = vec![];
        let mut stretch = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => stretches.push(std::mem::take(&mut stretch)),
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => stretch.push(escaped),
                    _ => return Err(OpenEscape),
                },
                itself => stretch.push(itself),
            }
        }
        stretches.push(stretch);
        Ok(Pattern { stretches })
    }

    /// Whether the whole text matches. The first place for each stretch is as good as any.
    pub fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.stretches.as_slice() else {
            return self.stretches.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for stretch in middle {
            match rest.find(stretch.as_str()) {
                Some(at) => rest = &rest[at + stretch.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("ab*ba", "aba", false),
            ("foo*.log", "foo-1.log", true),
            ("foo*.log", "foo-1.log.gz", false),
            ("*a*b*", "xaybz", true),
            ("*a*b*", "xbyaz", false),
            ("**", "x", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"a\\*b", r"a\xb", true),
            ("*ß", "größß", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(text), expected, "{pattern} {text}");
        }
        assert_eq!(Pattern::parse(r"a\b"), Err(OpenEscape));
        assert_eq!(Pattern::parse(r"a\"), Err(OpenEscape));
    }
}
