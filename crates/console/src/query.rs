//! The words behind the `?` of a URL, and forms, which look the same.

use std::fmt::Write as _;

use http::Uri;

/// Names with their values, decoded.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The words of a URL.
    pub fn of(uri: &Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default())
    }

    /// The words of a text such as `a=1&b=2`.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// The first value of this name; nothing where it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value).filter(|it| !it.is_empty())
    }

    /// A number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }
}

/// A link below the console's home with these words.
pub fn link(page: &str, words: &[(&str, &str)]) -> String {
    let mut link = format!("{}{page}", crate::HOME);
    for (place, (name, value)) in words.iter().enumerate() {
        link.push(if place == 0 { '?' } else { '&' });
        link.push_str(name);
        link.push('=');
        link.push_str(&encoded(value));
    }
    link
}

/// The text with everything written as `%XX` that may mean something in a URL.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    encoded
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let written = after.get(..2).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then(|| u8::from_str_radix(digits, 16).ok())?
        });
        match (first, written) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["plain", "a b&c=d", "größe +1 % %41", "日本\n", "arn:aws:states:x"] {
            let link = link("execution", &[("arn", text), ("x", "1")]);
            let query = Query::of(&link.parse().expect("it is a URI"));
            assert_eq!((query.get("arn"), query.number("x")), (Some(text), Some(1)), "{link}");
        }
    }

    #[test]
    fn what_is_badly_written_is_taken_as_it_is() {
        for (text, expected) in
            [("a=%", "%"), ("a=%4", "%4"), ("a=%GG", "%GG"), ("a=+", " "), ("a=%+1", "% 1")]
        {
            assert_eq!(Query::parse(text).get("a"), Some(expected), "{text}");
        }
    }
}
