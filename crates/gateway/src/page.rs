//! Pages of a list: how long one is, and the token that names the next.
//!
//! A token says at which place the next page begins, and of which list: it is refused where the call's other
//! arguments have changed. It needs no memory here. AWS's tokens die after a day, these do not.

use std::fmt::Write as _;

use crate::error::ApiError;
use crate::members::{Members, PAGE_MAX};

/// Items on a page of a caller who does not say.
const PAGE_DEFAULT: usize = 100;

/// Checks `maxResults` and the token's length, and gives the page's length.
pub(crate) fn length(
    members: &mut Members,
    max_results: Option<i64>,
    token: Option<&str>,
    token_max: usize,
) -> usize {
    let asked = max_results.unwrap_or(0);
    members.range("maxResults", asked, 0, PAGE_MAX);
    if let Some(token) = token {
        members.length("nextToken", token, 1, token_max);
    }
    usize::try_from(asked).ok().filter(|asked| *asked > 0).unwrap_or(PAGE_DEFAULT)
}

/// The list that a page is of: everything that must be the same for its next page.
pub(crate) struct List {
    fingerprint: u64,
}

impl List {
    pub(crate) fn of(parts: &[&str]) -> Self {
        // FNV-1a: a token is no secret, and only has to notice an honest mistake.
        let mut fingerprint = 0xcbf2_9ce4_8422_2325_u64;
        for byte in parts.iter().flat_map(|part| part.bytes().chain([0xff])) {
            fingerprint = (fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self { fingerprint }
    }

    /// The token of the page that begins at this place.
    pub(crate) fn token(&self, place: &str) -> String {
        let mut token = format!("{:016x}", self.fingerprint);
        for byte in place.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        token
    }

    /// The place that a token names.
    pub(crate) fn place(&self, token: &str) -> Result<String, ApiError> {
        let place = || {
            let (fingerprint, place) = token.split_at_checked(16)?;
            if fingerprint != format!("{:016x}", self.fingerprint) || place.len() % 2 != 0 {
                return None;
            }
            let bytes =
                (0..place.len()).step_by(2).map(|at| u8::from_str_radix(place.get(at..at + 2)?, 16).ok());
            String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
        };
        place().ok_or(ApiError::InvalidToken)
    }

    /// The number that a token names.
    pub(crate) fn number<T: std::str::FromStr>(&self, token: &str) -> Result<T, ApiError> {
        self.place(token)?.parse().map_err(|_| ApiError::InvalidToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_place_in_its_own_list_only() {
        let list = List::of(&["machine", "RUNNING"]);
        let token = list.token("größe 7");
        assert_eq!(list.place(&token).ok().as_deref(), Some("größe 7"));
        assert!(List::of(&["machine", ""]).place(&token).is_err());
        assert!(List::of(&["machineR", "UNNING"]).place(&token).is_err());
        for broken in ["", "x", "0123456789abcdef", "ßßßßßßßßßßßßßßßßßß", &token[1..], &format!("{token}g")]
        {
            assert!(list.place(broken).is_err(), "{broken}");
        }
        assert!(list.number::<i64>(&token).is_err());
        assert_eq!(list.number::<i64>(&list.token("41")).ok(), Some(41));
    }
}
