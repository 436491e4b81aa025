//! The access keys that requests may be signed with, read from a file in the shape of AWS's shared credentials.
//!
//! ```text
//! [anna]
//! aws_access_key_id = AKIDEXAMPLE
//! aws_secret_access_key = wJalrXUtnFEMI
//! ```
//!
//! A section for each key; its name says nothing to the server. `aws_session_token` may stand with them, and is then
//! demanded. Other members, which clients may have there, are passed over.

use std::collections::HashMap;

use subtle::ConstantTimeEq as _;

/// The access keys of a server.
pub struct Credentials {
    first: AccessKey,
    others: HashMap<String, AccessKey>,
}

/// An access key. Its secret is never shown.
#[derive(Clone)]
pub struct AccessKey {
    /// What it is known by.
    pub id: String,
    /// What is signed with.
    pub secret: String,
    /// What is sent along, where it belongs to a session.
    pub session_token: Option<String>,
}

/// Why a text holds no access keys that can be used. Secrets are not named.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialsError {
    /// A line that is neither a section, a member nor a comment.
    #[error("line {line} is neither `[name]` nor `name = value`")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A member before the first section.
    #[error("line {line} stands in no section; a section begins with `[name]`")]
    NoSection {
        /// Counted from 1.
        line: usize,
    },
    /// A section without one of the two members that make a key.
    #[error("section [{section}] has no `{member}`")]
    Incomplete {
        /// The section's name.
        section: String,
        /// What is missing.
        member: &'static str,
    },
    /// Two sections with one access key.
    #[error("section [{section}] has an access key id that an earlier one has")]
    Twice {
        /// The later section's name.
        section: String,
    },
    /// No section at all.
    #[error(
        "there is no access key; write `[name]`, `aws_access_key_id = …` and `aws_secret_access_key = …`"
    )]
    Empty,
}

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";

/// A section that is being read.
struct Section<'a> {
    name: &'a str,
    members: HashMap<String, &'a str>,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the text of a credentials file. At least one access key must be there.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let mut sections: Vec<Section> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                sections.push(Section { name: name.trim(), members: HashMap::new() });
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(CredentialsError::Line { line: number })?;
            let section = sections.last_mut().ok_or(CredentialsError::NoSection { line: number })?;
            section.members.insert(name.trim().to_ascii_lowercase(), value.trim());
        }
        let (mut first, mut others) = (None, HashMap::new());
        for section in sections {
            let key = section.key()?;
            let is_taken = |first: &AccessKey| first.id == key.id || others.contains_key(&key.id);
            if first.as_ref().is_some_and(is_taken) {
                return Err(CredentialsError::Twice { section: section.name.to_owned() });
            }
            if first.is_none() {
                first = Some(key);
            } else {
                others.insert(key.id.clone(), key);
            }
        }
        Ok(Self { first: first.ok_or(CredentialsError::Empty)?, others })
    }

    /// The first of them, for the server's own programs.
    pub fn first(&self) -> &AccessKey {
        &self.first
    }

    /// The key of this id, if the session token that came with it is the one that belongs to it.
    pub(crate) fn find(&self, id: &str, session_token: Option<&str>) -> Option<&AccessKey> {
        let key = if self.first.id == id { &self.first } else { self.others.get(id)? };
        let is_right = match (&key.session_token, session_token) {
            (None, None) => true,
            (Some(expected), Some(found)) => expected.as_bytes().ct_eq(found.as_bytes()).into(),
            (None, Some(_)) | (Some(_), None) => false,
        };
        is_right.then_some(key)
    }
}

impl Section<'_> {
    fn key(&self) -> Result<AccessKey, CredentialsError> {
        Ok(AccessKey {
            id: self.member(ID)?.to_owned(),
            secret: self.member(SECRET)?.to_owned(),
            session_token: self.members.get(TOKEN).map(|token| (*token).to_owned()),
        })
    }

    fn member(&self, name: &'static str) -> Result<&str, CredentialsError> {
        let value = self.members.get(name).copied().filter(|value| !value.is_empty());
        value.ok_or_else(|| CredentialsError::Incomplete { section: self.name.to_owned(), member: name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_client_s_can_be_used() -> Result<(), CredentialsError> {
        let text = "# mine\n[default]\naws_access_key_id = A\nAWS_SECRET_ACCESS_KEY=s=1/+\nregion = x\n\n\
                    ; another\n[ build ]\r\naws_access_key_id=B\r\naws_secret_access_key=t\r\naws_session_token=u\r\n";
        let credentials = Credentials::parse(text)?;
        let secret = |id, token| credentials.find(id, token).map(|key| key.secret.as_str());
        for (id, token, expected) in [
            ("A", None, Some("s=1/+")),
            ("A", Some("u"), None),
            ("B", Some("u"), Some("t")),
            ("B", Some("v"), None),
            ("B", None, None),
            ("C", None, None),
        ] {
            assert_eq!(secret(id, token), expected, "{id} {token:?}");
        }
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let key = "aws_access_key_id=A\naws_secret_access_key=s\n";
        let incomplete = |member| CredentialsError::Incomplete { section: "a".to_owned(), member };
        for (text, expected) in [
            (String::new(), CredentialsError::Empty),
            ("\n# [a]\n".to_owned(), CredentialsError::Empty),
            ("\n[a\n".to_owned(), CredentialsError::Line { line: 2 }),
            (key.to_owned(), CredentialsError::NoSection { line: 1 }),
            ("[a]".to_owned(), incomplete(ID)),
            ("[a]\naws_access_key_id=A".to_owned(), incomplete(SECRET)),
            ("[a]\naws_access_key_id=A\naws_secret_access_key=".to_owned(), incomplete(SECRET)),
            (format!("[a]\n{key}[b]\n{key}"), CredentialsError::Twice { section: "b".to_owned() }),
        ] {
            assert_eq!(Credentials::parse(&text).err(), Some(expected), "{text}");
        }
    }
}
