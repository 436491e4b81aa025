//! Pages of a list: how long one is, and the token that names the next.
//!
//! A token says at which place the next page begins, of which list, and when it was given out: it is refused
//! where the call's other arguments have changed, and a day later. It needs no memory here, and is no secret:
//! whoever makes one up gets a page that a call without it would have led to.

use std::fmt::Write as _;

use darkroom_asl::data::Timestamp;

use crate::error::ApiError;
use crate::protocol::Context;

/// Items on a page of a caller who does not say.
const PAGE_DEFAULT: usize = 100;

/// How long a token is good for. AWS: 24 hours.
const TOKEN_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;

/// Digits of a token before its place: a time and a fingerprint of 16 each.
const PLACE_AT: usize = 32;

/// The page's length that a caller asks for.
pub(crate) fn length(max_results: Option<i64>) -> usize {
    max_results
        .and_then(|asked| usize::try_from(asked).ok())
        .filter(|asked| *asked > 0)
        .unwrap_or(PAGE_DEFAULT)
}

/// A page, and the token of the next one where there is one.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_token: Option<String>,
}

/// The list that a page is of: everything that must be the same for its next page.
pub(crate) struct List {
    parts: Vec<u8>,
    now: Timestamp,
}

impl List {
    pub(crate) fn of(context: &Context, parts: &[&str]) -> Self {
        Self::at(context.engine.now(), parts)
    }

    fn at(now: Timestamp, parts: &[&str]) -> Self {
        Self { parts: parts.iter().flat_map(|part| part.bytes().chain([0xff])).collect(), now }
    }

    /// The page of these, which are one more than fit on it if there is a next page. `place` says at which place
    /// a page that follows an item begins.
    pub(crate) fn page<T>(&self, mut found: Vec<T>, length: usize, place: impl Fn(&T) -> String) -> Page<T> {
        let has_next = found.len() > length;
        found.truncate(length);
        let next_token = found.last().filter(|_| has_next).map(|last| self.token(&place(last)));
        Page { items: found, next_token }
    }

    /// The token of the page that begins at this place.
    pub(crate) fn token(&self, place: &str) -> String {
        let given = self.now.as_millis();
        let mut token = format!("{given:016x}{:016x}", self.fingerprint(given, place));
        for byte in place.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        token
    }

    /// The place that a token names.
    pub(crate) fn place(&self, token: &str) -> Result<String, ApiError> {
        self.read(token).ok_or(ApiError::InvalidToken)
    }

    /// The number that a token names.
    pub(crate) fn number<T: std::str::FromStr>(&self, token: &str) -> Result<T, ApiError> {
        self.place(token)?.parse().map_err(|_| ApiError::InvalidToken)
    }

    fn read(&self, token: &str) -> Option<String> {
        let (head, digits) = token.split_at_checked(PLACE_AT)?;
        let given = i64::from_str_radix(head.get(..16)?, 16).ok()?;
        let age = self.now.as_millis().checked_sub(given)?;
        if !(0..TOKEN_LIFE_MS).contains(&age) || digits.len() % 2 != 0 {
            return None;
        }
        let bytes =
            (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
        let place = String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()?;
        // One place has one token, so that nothing else is taken for it.
        let now = Timestamp::from_millis(given);
        (Self { parts: self.parts.clone(), now }.token(&place) == token).then_some(place)
    }

    /// FNV-1a: it only has to notice an honest mistake.
    fn fingerprint(&self, given: i64, place: &str) -> u64 {
        let bytes = self.parts.iter().copied().chain(given.to_be_bytes()).chain(place.bytes());
        bytes
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_760_000_000_000;

    fn list(millis: i64, parts: &[&str]) -> List {
        List::at(Timestamp::from_millis(millis), parts)
    }

    #[test]
    fn a_token_names_its_place_in_its_own_list_for_a_day() {
        let machine = ["machine", "RUNNING"];
        let token = list(NOW, &machine).token("größe 7");
        let read = |millis, parts: &[&str], token: &str| list(millis, parts).place(token).ok();
        assert_eq!(read(NOW, &machine, &token).as_deref(), Some("größe 7"));
        assert_eq!(read(NOW + TOKEN_LIFE_MS - 1, &machine, &token).as_deref(), Some("größe 7"));
        assert_eq!(read(NOW + TOKEN_LIFE_MS, &machine, &token), None);
        assert_eq!(read(NOW - 1, &machine, &token), None, "it was not given out yet");
        assert_eq!(read(NOW, &["machine", ""], &token), None);
        assert_eq!(read(NOW, &["machineR", "UNNING"], &token), None);
    }

    #[test]
    fn what_was_never_given_out_is_refused() {
        let list = list(NOW, &["list"]);
        let token = list.token("größe 7");
        for broken in [
            "",
            "x",
            "0123456789abcdef",
            &"0".repeat(32),
            &"f".repeat(64),
            &"ß".repeat(40),
            &token[1..],
            &format!("{token}g"),
            &format!("{token}0"),
            &format!("+{}", &token[1..]),
            &token.to_uppercase(),
        ] {
            assert!(list.place(broken).is_err(), "{broken}");
        }
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(list.place(&changed).is_err(), "{changed}");
        }
        assert!(list.number::<i64>(&token).is_err());
        assert_eq!(list.number::<i64>(&list.token("41")).ok(), Some(41));
    }

    #[test]
    fn only_a_full_page_with_more_behind_it_has_a_next() {
        let list = list(NOW, &["list"]);
        let page = |items: &[u8], length| list.page(items.to_vec(), length, u8::to_string);
        assert_eq!(page(&[1, 2], 2).next_token, None);
        let first = page(&[1, 2, 3], 2);
        assert_eq!(first.items, [1, 2]);
        assert_eq!(first.next_token.map(|token| list.number::<u8>(&token).ok()), Some(Some(2)));
    }
}
