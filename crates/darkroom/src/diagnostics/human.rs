//! A line for people: as libraries write it, with what it concerns at its end.

use std::fmt::{self, Write as _};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer, format};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::surroundings;

/// Writes lines.
pub struct HumanLines(Format<Full>);

impl HumanLines {
    /// Coloured or not.
    pub fn new(is_coloured: bool) -> Self {
        Self(format().with_ansi(is_coloured))
    }
}

impl<S, N> FormatEvent<S, N> for HumanLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end_matches('\n').len());
        for (name, value) in surroundings() {
            write!(line, " {name}={value}")?;
        }
        writeln!(writer, "{line}")
    }
}
