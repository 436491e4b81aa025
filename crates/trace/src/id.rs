//! The ids of traces, and of what happens in them.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// An id that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no id of X-Ray's")]
pub struct IdError;

/// A trace's id: `1-<8 hexadecimal digits of the time>-<24 random ones>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId {
    /// Seconds since 1970, when it was made.
    pub epoch: u32,
    /// Drawn by whoever made it.
    pub random: [u8; 12],
}

/// The id of a segment or a subsegment: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub u64);

impl TraceId {
    /// As OpenTelemetry has it: 32 hexadecimal digits.
    pub fn hexadecimal(&self) -> String {
        format!("{:08x}{}", self.epoch, Hexadecimal(&self.random))
    }
}

impl SpanId {
    /// The id of what began with this event of this execution: always the same, so that nobody has to keep it.
    pub fn of_event(execution_arn: &str, event: u32) -> Self {
        let hash =
            Sha256::new().chain_update(execution_arn).chain_update("#").chain_update(event.to_string());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        Self(u64::from_be_bytes(first))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1-{:08x}-{}", self.epoch, Hexadecimal(&self.random))
    }
}

impl FromStr for TraceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (epoch, random) = text.strip_prefix("1-").and_then(|rest| rest.split_once('-')).ok_or(IdError)?;
        let epoch = u32::try_from(digits(epoch, 8)?).map_err(|_| IdError)?;
        let bytes = digits(random, 24)?.to_be_bytes();
        let mut random = [0; 12];
        random.copy_from_slice(&bytes[4..]);
        Ok(Self { epoch, random })
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl FromStr for SpanId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        u64::try_from(digits(text, 16)?).map(Self).map_err(|_| IdError)
    }
}

/// So many hexadecimal digits, and nothing else: `from_str_radix` alone would take a sign.
fn digits(text: &str, count: usize) -> Result<u128, IdError> {
    if text.len() != count || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(IdError);
    }
    u128::from_str_radix(text, 16).map_err(|_| IdError)
}

struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits_and_nothing_else() {
        for (text, is_one) in [
            ("1-5759e988-bd862e3fe1be46a994272793", true),
            ("1-5759E988-BD862E3FE1BE46A994272793", true),
            ("2-5759e988-bd862e3fe1be46a994272793", false),
            ("1-5759e98-bd862e3fe1be46a994272793", false),
            ("1-+759e988-bd862e3fe1be46a994272793", false),
            ("1-5759e988-bd862e3fe1be46a99427279", false),
            ("1-5759e988-bd862e3fe1be46a994272793 ", false),
            ("1-5759e988-bd862e3fe1be46a99427279ü", false),
            ("", false),
        ] {
            let read: Result<TraceId, _> = text.parse();
            assert_eq!(read.is_ok(), is_one, "{text}");
            if let Ok(id) = read {
                assert_eq!(id.to_string(), text.to_ascii_lowercase());
                assert_eq!(id.hexadecimal(), "5759e988bd862e3fe1be46a994272793");
            }
        }
        for (text, is_one) in
            [("53995c3f42cd8ad8", true), ("53995c3f42cd8ad", false), ("-3995c3f42cd8ad8", false)]
        {
            assert_eq!(text.parse::<SpanId>().is_ok_and(|id| id.to_string() == text), is_one, "{text}");
        }
    }

    #[test]
    fn an_event_has_one_id_and_no_other_event_has_it() {
        let id = SpanId::of_event("arn:e", 1);
        assert_eq!(id, SpanId::of_event("arn:e", 1));
        assert_ne!(id, SpanId::of_event("arn:e", 11));
        assert_ne!(SpanId::of_event("arn:e#1", 1), SpanId::of_event("arn:e", 11));
    }
}
