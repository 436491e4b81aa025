//! `X-Amzn-Trace-Id`: which trace a call belongs to, what it was made by, and whether the trace is kept.

use std::fmt;
use std::str::FromStr;

use crate::id::{SpanId, TraceId};

/// Bytes of a header. AWS: the bound of `traceHeader`.
pub const HEADER_BYTES_MAX: usize = 256;

/// A tracing header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHeader {
    /// The trace.
    pub root: TraceId,
    /// The segment or subsegment that the call was made in.
    pub parent: Option<SpanId>,
    /// Whether the trace is kept. `None` leaves the decision to whoever is called.
    pub sampled: Option<bool>,
}

/// A header that names no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it names no trace")]
pub struct HeaderError;

impl TraceHeader {
    /// The header of a call that is made in this segment.
    #[must_use]
    pub fn under(self, parent: SpanId) -> Self {
        Self { parent: Some(parent), ..self }
    }

    /// Whether it says that the trace is kept.
    pub fn is_sampled(self) -> bool {
        self.sampled == Some(true)
    }
}

impl FromStr for TraceHeader {
    type Err = HeaderError;

    /// AWS: members are in any order, and others, such as `Self` and `Lineage`, may stand among them. Of one that is
    /// there twice the first counts; a parent that is no id is none.
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        if text.len() > HEADER_BYTES_MAX {
            return Err(HeaderError);
        }
        let member = |name: &str| {
            let mut members = text.split(';').filter_map(|member| member.split_once('='));
            members.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
        };
        let root = member("Root").and_then(|root| root.parse().ok()).ok_or(HeaderError)?;
        let parent = member("Parent").and_then(|parent| parent.parse().ok());
        let sampled = match member("Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            Some(_) | None => None,
        };
        Ok(Self { root, parent, sampled })
    }
}

impl fmt::Display for TraceHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Root={}", self.root)?;
        if let Some(parent) = self.parent {
            write!(formatter, ";Parent={parent}")?;
        }
        match self.sampled {
            Some(sampled) => write!(formatter, ";Sampled={}", u8::from(sampled)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "53995c3f42cd8ad8";

    #[test]
    fn a_header_is_read_whatever_stands_around_its_members() {
        let root = format!("Root={ROOT}");
        for (text, expected) in [
            (format!("{root};Parent={PARENT};Sampled=1"), Some((true, Some(true)))),
            (format!("Sampled=0; Parent={PARENT} ;{root}"), Some((true, Some(false)))),
            (
                format!("Self=1-67891234-12456789abcdef012345678;{root};Lineage=25:a87bd80c:1"),
                Some((false, None)),
            ),
            (format!("{root};Sampled=?"), Some((false, None))),
            (format!("{root};Sampled=1;Sampled=0"), Some((false, Some(true)))),
            (format!("{root};Parent=xyz;Sampled=1"), Some((false, Some(true)))),
            (format!("{root};;=;Sampled"), Some((false, None))),
            (format!("root={ROOT}"), None),
            (format!("Root={ROOT}0"), None),
            (format!("Parent={PARENT};Sampled=1"), None),
            (format!("{root};{}", "x".repeat(HEADER_BYTES_MAX)), None),
            (String::new(), None),
        ] {
            let read: Option<TraceHeader> = text.parse().ok();
            let found = read.map(|header| (header.parent.is_some(), header.sampled));
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            epoch in any::<u32>(), random in any::<[u8; 12]>(), parent in any::<Option<u64>>(), sampled in any::<Option<bool>>(),
        ) {
            let header = TraceHeader { root: TraceId { epoch, random }, parent: parent.map(SpanId), sampled };
            prop_assert_eq!(header.to_string().parse(), Ok(header));
        }

        #[test]
        fn no_text_panics(text in ".{0,300}", noise in "[RootParentSampled=;1-]{0,300}") {
            let _ = text.parse::<TraceHeader>();
            let _ = noise.parse::<TraceHeader>();
        }
    }
}
