//! `darkroom list` and `darkroom history`: what the engine's log says, while it runs or afterwards.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventKind, HistoryEvent, Reason, Target, wire};
use darkroom_engine::store::{
    ExecutionStatus, ExecutionSummary, Filter, SqliteStore, Store, StoredExecution,
};

use crate::cli::{HistoryArguments, ListArguments};
use crate::json::print_json;
use crate::platform::engine_file;
use crate::table::{Style, Table, duration};

/// Characters of a payload that a table shows.
const SHOWN_MAX: usize = 100;
/// Executions that are looked through for a beginning of a name.
const SEARCHED_MAX: usize = 100_000;

/// Runs `darkroom list`.
pub fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let store = open(&arguments.data.data)?;
    let status = arguments.status.as_deref().map(status_word).transpose()?;
    let filter = Filter { status, limit: arguments.limit, ..Filter::default() };
    let executions = store.executions(&filter)?;
    if arguments.json {
        let executions: Vec<_> = executions.iter().map(list_item).collect();
        print_json(&serde_json::json!({ "executions": executions }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    let style = Style::of_stdout();
    let mut table = Table::new(&["started", "status", "time", "execution"]);
    for execution in &executions {
        let note = execution.parked.as_ref().map(|reason| format!("  (set aside: {reason})"));
        table.row([
            execution.started_at.to_string(),
            style.status(execution.status.as_str()),
            execution.ended_at.map_or_else(String::new, |ended_at| {
                duration(ended_at.as_millis() - execution.started_at.as_millis())
            }),
            format!("{}{}", execution.identity.execution_name, note.unwrap_or_default()),
        ]);
    }
    write!(out, "{}", table.render())?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `darkroom history`.
pub fn history(arguments: &HistoryArguments) -> anyhow::Result<ExitCode> {
    let store = open(&arguments.data.data)?;
    let execution = find(&store, &arguments.execution)?;
    let history = store.history(execution.key)?;
    if arguments.json {
        let events: Vec<_> = history.iter().map(|event| wire::to_api(event, true)).collect();
        print_json(&serde_json::json!({ "events": events }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    let style = Style::of_stdout();
    writeln!(out, "{}  {}", execution.identity.execution_arn, style.status(execution.status().as_str()))?;
    if let Some(reason) = &execution.parked {
        writeln!(out, "set aside: {reason}")?;
    }
    writeln!(out)?;
    let mut table = Table::new(&["id", "after", "ms", "event", "what"]);
    let began = history.first().map_or(0, |event| event.timestamp.as_millis());
    for event in &history {
        table.row([
            event.id.0.to_string(),
            event.previous_event_id.0.to_string(),
            (event.timestamp.as_millis() - began).to_string(),
            wire::type_name(event).into_owned(),
            what(event),
        ]);
    }
    write!(out, "{}", table.render())?;
    Ok(ExitCode::SUCCESS)
}

fn open(data: &Path) -> anyhow::Result<SqliteStore> {
    let file = engine_file(data);
    if !file.is_file() {
        bail!("there are no executions in {}; name the data folder of a run with --data", data.display());
    }
    SqliteStore::open_read_only(&file).with_context(|| format!("{} cannot be read", file.display()))
}

/// The execution of this ARN, name or image id, or of the one that begins so.
fn find(store: &SqliteStore, text: &str) -> anyhow::Result<StoredExecution> {
    if let Some(execution) = store.execution(text)? {
        return Ok(execution);
    }
    let arn = find_by_name(store, text)?.identity.execution_arn.clone();
    store.execution(&arn)?.with_context(|| format!("{arn} was deleted meanwhile"))
}

fn find_by_name(store: &SqliteStore, text: &str) -> anyhow::Result<ExecutionSummary> {
    let filter = Filter { limit: SEARCHED_MAX, ..Filter::default() };
    let mut found = store.executions(&filter)?;
    if let Some(exact) = found.iter().find(|execution| &*execution.identity.execution_name == text) {
        return Ok(exact.clone());
    }
    found.retain(|execution| {
        let name = &*execution.identity.execution_name;
        name.starts_with(text) || name.trim_start_matches("image-processing-").starts_with(text)
    });
    match found.as_slice() {
        [] => bail!("there is no execution `{text}`; `darkroom list` shows those that there are"),
        [one] => Ok(one.clone()),
        [newest, older @ ..] => {
            let is_attempt = |execution: &ExecutionSummary| {
                newest.identity.execution_name.starts_with(&*execution.identity.execution_name)
            };
            if older.iter().all(is_attempt) {
                return Ok(newest.clone());
            }
            let names: Vec<&str> =
                found.iter().take(5).map(|execution| &*execution.identity.execution_name).collect();
            bail!("`{text}` is the beginning of {} executions: {} …", found.len(), names.join(", "))
        }
    }
}

fn status_word(text: &str) -> anyhow::Result<ExecutionStatus> {
    ExecutionStatus::ALL
        .into_iter()
        .find(|status| status.as_str().eq_ignore_ascii_case(text))
        .with_context(|| format!("{text} is no status"))
}

/// An entry of AWS's ListExecutions.
fn list_item(execution: &ExecutionSummary) -> serde_json::Value {
    let mut item = serde_json::json!({
        "executionArn": &*execution.identity.execution_arn,
        "stateMachineArn": &*execution.identity.state_machine_arn,
        "name": &*execution.identity.execution_name,
        "status": execution.status.as_str(),
        "startDate": seconds(execution.started_at),
    });
    if let Some(ended_at) = execution.ended_at {
        item["stopDate"] = seconds(ended_at);
    }
    item
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 need 41 bits of a double's 53")]
fn seconds(timestamp: Timestamp) -> serde_json::Value {
    serde_json::json!(timestamp.as_millis() as f64 / 1000.0)
}

/// What a table says of an event: a name, and as much of its data as fits.
fn what(event: &HistoryEvent) -> String {
    let text = match &event.kind {
        EventKind::ExecutionStarted { input, .. } => input.text().to_string(),
        EventKind::ExecutionSucceeded { output } => output.text().to_string(),
        EventKind::ExecutionFailed(reason)
        | EventKind::ExecutionTimedOut(reason)
        | EventKind::ExecutionAborted(reason)
        | EventKind::TaskFailed { reason, .. }
        | EventKind::TaskScheduleFailed { reason, .. }
        | EventKind::TaskSubmitFailed { reason, .. }
        | EventKind::TaskTimedOut { reason, .. }
        | EventKind::EvaluationFailed { reason, .. } => reason_text(reason),
        EventKind::StateExited { name, next: Some(next), .. } => format!("{name} → {next}"),
        EventKind::StateEntered { name, .. } | EventKind::StateExited { name, next: None, .. } => {
            name.to_string()
        }
        EventKind::TaskScheduled(scheduled) => {
            format!("{} {}", target_text(&scheduled.target), scheduled.input.text())
        }
        EventKind::TaskSubmitted { output, .. } | EventKind::TaskSucceeded { output, .. } => {
            output.text().to_string()
        }
        EventKind::MapStateStarted(started) => format!("{} items", started.length),
        EventKind::MapIterationStarted { iteration, .. }
        | EventKind::MapIterationSucceeded(iteration)
        | EventKind::MapIterationFailed(iteration)
        | EventKind::MapIterationAborted(iteration) => format!("{} #{}", iteration.name, iteration.index),
        EventKind::ExecutionRedriven { redrive_count, .. } => format!("#{redrive_count}"),
        EventKind::TaskStarted { worker_name: Some(name), .. } => name.to_string(),
        EventKind::StateAborted { .. }
        | EventKind::TaskStarted { worker_name: None, .. }
        | EventKind::ParallelStateStarted { .. }
        | EventKind::ParallelStateSucceeded
        | EventKind::ParallelStateFailed
        | EventKind::MapStateSucceeded
        | EventKind::MapStateFailed => String::new(),
    };
    let shown = shortened(&text);
    match &event.retry {
        None => shown,
        Some(retry) => {
            let wait = duration(retry.at.as_millis() - event.timestamp.as_millis());
            format!("{shown}  (tried again in {wait})")
        }
    }
}

fn target_text(target: &Target) -> String {
    match target {
        Target::LambdaFunction { resource } | Target::Activity { resource } => {
            resource.rsplit(':').next().unwrap_or(resource).to_owned()
        }
        Target::Service { resource_type, resource } => format!("{resource_type}:{resource}"),
    }
}

fn reason_text(reason: &Reason) -> String {
    let error = reason.error.as_deref().unwrap_or_default();
    match &reason.cause {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_owned(),
    }
}

/// One line of at most [`SHOWN_MAX`] characters.
fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect();
    if text.chars().count() > SHOWN_MAX { format!("{line}…") } else { line }
}
