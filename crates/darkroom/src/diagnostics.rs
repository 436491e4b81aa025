//! What the process says of itself, on standard error: a line for each thing that happens, for people or as JSON.
//!
//! A line that concerns an execution has its ARN and its trace, one that concerns a request the request's id. Where that
//! happens all the time, it is looked up when a line is written; elsewhere it is in the fields of a span. No line has a
//! payload. What functions write is theirs and
//! may hold anything: it is here only for those who ask for it by its target, `functions`.

mod human;
mod json;

use std::io::IsTerminal as _;
use std::str::FromStr;

use darkroom_engine::store::{Append, EndStatus};
use darkroom_engine::{Observer, Parked, logged};
use darkroom_port::current_request_id;
use darkroom_services::lambda::OUTPUT_TARGET;
use darkroom_trace::TraceHeader;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use self::human::HumanLines;
use self::json::{JsonFields, JsonLines};
use crate::tasks::service::current_execution;

/// Where what is to be said may be said, too, in the words of `--log`.
const VARIABLE: &str = "DARKROOM_LOG";
/// What the targets of our own crates begin with.
const OURS: &str = "darkroom";

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// What is said: of which targets, from which level on.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Targets);

impl FromStr for Filter {
    type Err = String;

    /// `LEVEL` for our own parts, `TARGET=LEVEL` for one of them or for a library. A library that is not named says no
    /// more than warnings, whatever the level: what it tells of a connection may hold what is sent over it.
    fn from_str(text: &str) -> Result<Self, String> {
        let level = |word: &str| {
            let level: Result<LevelFilter, _> = word.trim().parse();
            level.map_err(|_| format!("`{word}` is no level: error, warn, info, debug, trace and off are"))
        };
        let (mut ours, mut named) = (LevelFilter::WARN, Vec::new());
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            match part.split_once('=') {
                Some((target, word)) => named.push((target.trim().to_owned(), level(word)?)),
                None => ours = level(part)?,
            }
        }
        let mut targets = Targets::new()
            .with_default(ours.min(LevelFilter::WARN))
            .with_target(OURS, ours)
            .with_target(OUTPUT_TARGET, LevelFilter::OFF);
        for (target, level) in named {
            // `engine` is short for `darkroom_engine`.
            targets = targets.with_target(format!("{OURS}_{target}"), level).with_target(target, level);
        }
        Ok(Self(targets))
    }
}

/// Begins to say what happens. `filter` wins over the variable, which is what a command without an own option has.
pub fn start(format: Format, filter: Option<&Filter>) -> anyhow::Result<()> {
    let said = std::env::var(VARIABLE).unwrap_or_default();
    let filter = match filter {
        Some(filter) => filter.clone(),
        None => said.parse().map_err(|reason: String| anyhow::anyhow!("{VARIABLE}: {reason}"))?,
    };
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        Format::Human => {
            let lines = lines.with_ansi(is_coloured).event_format(HumanLines::new(is_coloured));
            registry().with(lines.with_filter(filter.0)).init();
        }
        Format::Json => {
            let lines = lines.with_ansi(false).fmt_fields(JsonFields).event_format(JsonLines);
            registry().with(lines.with_filter(filter.0)).init();
        }
    }
    Ok(())
}

/// What the line that is being written concerns: the request, the execution and its trace, by name.
fn surroundings() -> impl Iterator<Item = (&'static str, String)> {
    let request = current_request_id().map(|id| ("request_id", id.to_string()));
    let execution = current_execution();
    let arn = execution.as_ref().map(|identity| ("execution_arn", identity.execution_arn.to_string()));
    let header = execution.and_then(|identity| identity.trace_header.as_deref()?.parse::<TraceHeader>().ok());
    let trace = header.map(|header| ("trace_id", header.root.to_string()));
    [request, arn, trace].into_iter().flatten()
}

/// Says of executions that they began and how they ended. What went well is detail.
pub struct Lines;

impl Observer for Lines {
    fn committed(&self, appends: &[Append]) {
        if tracing::enabled!(Level::INFO) {
            appends.iter().for_each(say);
        }
    }

    fn parked(&self, _: &Parked) {}
}

fn say(append: &Append) {
    if append.start.is_some() && tracing::enabled!(Level::DEBUG) {
        logged(&append.identity).in_scope(|| tracing::debug!("an execution has begun"));
    }
    let Some(end) = &append.end else { return };
    let status = end.status.as_str();
    logged(&append.identity).in_scope(|| match &end.status {
        EndStatus::Succeeded(_) => tracing::debug!(status, "an execution has ended"),
        // Its error has a name; what stands in its cause may be a payload.
        EndStatus::Failed(reason) | EndStatus::TimedOut(reason) | EndStatus::Aborted(reason) => {
            tracing::info!(status, error = reason.error.as_deref(), "an execution has ended badly");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_for_our_own_parts_and_for_whatever_is_named() {
        for (text, target, level, is_said) in [
            ("", "darkroom_engine", Level::WARN, true),
            ("", "darkroom_engine", Level::INFO, false),
            ("debug", "darkroom_engine::shard", Level::DEBUG, true),
            ("debug", "hyper", Level::DEBUG, false),
            ("debug", "hyper", Level::WARN, true),
            ("off", "hyper", Level::ERROR, false),
            ("debug,hyper=trace", "hyper::proto", Level::TRACE, true),
            ("info,engine=trace", "darkroom_engine", Level::TRACE, true),
            ("info, engine = off", "darkroom_engine", Level::ERROR, false),
            ("info,engine=off", "darkroom_services", Level::INFO, true),
            ("trace", "functions", Level::INFO, false),
            ("functions=info", "functions", Level::INFO, true),
        ] {
            let Ok(Filter(targets)) = text.parse() else { panic!("{text}") };
            assert_eq!(targets.would_enable(target, &level), is_said, "{text}: {target} {level}");
        }
        for text in ["loud", "engine=loud", "info,=x"] {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
    }
}
