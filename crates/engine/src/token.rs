//! Task tokens: what a worker names a task by when it reports from outside.
//!
//! A token says which task it is of, and that this engine made it: an HMAC-SHA256 over the rest, under a secret
//! that the store keeps. So none can be guessed or forged, none needs to be kept, and one that was given away is
//! good after any number of restarts. Whether its task is still open is the execution's to say.
//!
//! ```text
//! version (1 byte) · execution (8) · branch (4) · event (4) · HMAC of those (32), in hexadecimal
//! ```

use darkroom_asl::interpreter::event::{BranchId, EventId};
use darkroom_asl::interpreter::{TaskId, TaskTokens};
use darkroom_asl::json::Text;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::store::ExecutionKey;

/// What a store's tokens are made with. Whoever knows it can answer for every task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenSecret(pub [u8; 32]);

/// The tokens of one execution's tasks.
pub(crate) struct Tokens<'a> {
    pub(crate) secret: &'a TokenSecret,
    pub(crate) key: ExecutionKey,
}

const VERSION: u8 = 1;
/// Bytes before the HMAC.
const BODY: usize = 17;
/// Bytes of the HMAC.
const TAG: usize = 32;

impl TaskTokens for Tokens<'_> {
    fn token(&self, task: TaskId) -> Text {
        self.secret.token(self.key, task)
    }
}

impl TokenSecret {
    /// The token of a task.
    pub fn token(&self, key: ExecutionKey, task: TaskId) -> Text {
        let mut bytes = Vec::with_capacity(BODY + TAG);
        bytes.push(VERSION);
        bytes.extend(key.0.to_be_bytes());
        bytes.extend(task.branch.0.to_be_bytes());
        bytes.extend(task.scheduled.0.to_be_bytes());
        let tag = self.mac(&bytes).finalize().into_bytes();
        bytes.extend(tag);
        hexadecimal(&bytes).into()
    }

    /// The task that a token is of; `None` where this secret has not made it.
    pub fn open(&self, token: &str) -> Option<(ExecutionKey, TaskId)> {
        let bytes = from_hexadecimal(token)?;
        let (body, tag) = bytes.split_at_checked(BODY)?;
        self.mac(body).verify_slice(tag).ok()?;
        let (version, rest) = body.split_first()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (branch, rest) = rest.split_first_chunk()?;
        let (event, _) = rest.split_first_chunk()?;
        let task = TaskId {
            branch: BranchId(u32::from_be_bytes(*branch)),
            scheduled: EventId(u32::from_be_bytes(*event)),
        };
        (*version == VERSION).then_some((ExecutionKey(i64::from_be_bytes(*key)), task))
    }

    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.chain_update(body)
    }
}

/// The secret is not for logs.
impl std::fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSecret")
    }
}

/// The bytes as two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 2 * (BODY + TAG) {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: TokenSecret = TokenSecret([7; 32]);

    fn task(branch: u32, event: u32) -> TaskId {
        TaskId { branch: BranchId(branch), scheduled: EventId(event) }
    }

    #[test]
    fn a_token_says_which_task_it_is_of_and_is_the_same_each_time() {
        for (key, id) in [(1, task(0, 3)), (i64::MAX, task(u32::MAX, 25_000)), (42, task(7, 8))] {
            let token = SECRET.token(ExecutionKey(key), id);
            assert_eq!(SECRET.open(&token), Some((ExecutionKey(key), id)));
            assert_eq!(SECRET.token(ExecutionKey(key), id), token);
            assert!(token.len() <= 2048, "the API takes no longer one");
        }
    }

    #[test]
    fn a_token_with_any_digit_changed_is_none() {
        let token = SECRET.token(ExecutionKey(1), task(0, 3));
        for place in 0..token.len() {
            let mut forged = token.to_string();
            let other = if forged.ends_with('0') && place + 1 == token.len() { "1" } else { "0" };
            let other = if &forged[place..=place] == other { "f" } else { other };
            forged.replace_range(place..=place, other);
            assert_eq!(SECRET.open(&forged), None, "{forged}");
        }
    }

    #[test]
    fn what_is_no_token_of_this_secret_is_none() {
        let token = SECRET.token(ExecutionKey(1), task(0, 3));
        assert_eq!(TokenSecret([8; 32]).open(&token), None);
        let upper = token.to_uppercase();
        for text in ["", "NoSuchTaskToken", &token[2..], &format!("{token}00"), &upper, &"ö".repeat(49)] {
            assert_eq!(SECRET.open(text), None, "{text}");
        }
    }
}
