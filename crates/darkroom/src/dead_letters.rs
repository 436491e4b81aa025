//! `darkroom dead-letters`: the executions that ended badly, as their events lie in the queue of dead letters.
//!
//! What a letter is, and how it is taken out of the queue and put back, stands in [`desk`].

pub mod desk;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use self::desk::{Desk, Detail, LETTERS_MAX, Letter, Redriven};
use crate::cli::{DeadLettersArguments, DeadLettersCommand};
use crate::json::print_json;
use crate::server::Server;
use crate::table::{Style, Table};

/// Characters of a cause that a table shows.
const CAUSE_SHOWN_MAX: usize = 60;

/// Runs the command.
pub fn run(arguments: &DeadLettersArguments) -> anyhow::Result<ExitCode> {
    let server = Server::of(&arguments.server)?;
    let desk = Desk::open(&server, &arguments.queue, LETTERS_MAX)?;
    match &arguments.command {
        DeadLettersCommand::List { json } => list(desk, *json),
        DeadLettersCommand::Redrive { executions, json } => redrive(desk, executions, *json),
        DeadLettersCommand::Purge { executions, all, json } => purge(desk, executions, *all, *json),
    }
}

fn list(desk: Desk<'_>, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if json {
        let letters: Vec<Value> = desk.letters.iter().map(shown).collect();
        print_json(&json!({ "deadLetters": letters }))?;
    } else if desk.letters.is_empty() {
        writeln!(out, "no dead letters")?;
    } else {
        let style = Style::of_stdout();
        let mut table = Table::new(&["ended", "status", "redriven", "execution", "error", "cause"]);
        for Letter { detail, .. } in &desk.letters {
            let ended = detail.stop_date.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
            let cause = detail.cause.as_deref().unwrap_or_default();
            table.row([
                ended.map_or_else(String::new, |ended| ended.to_string()),
                style.status(&detail.status),
                detail.redrive_count.to_string(),
                detail.name.clone(),
                detail.error.clone().unwrap_or_default(),
                cause.chars().take(CAUSE_SHOWN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect(),
            ]);
        }
        write!(out, "{}", table.render())?;
    }
    desk.close(|_| false)?;
    Ok(ExitCode::SUCCESS)
}

fn redrive(desk: Desk<'_>, executions: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let chosen = desk.chosen(executions)?;
    let mut outcomes = Vec::new();
    for letter in desk.letters.iter().filter(|letter| letter.is_one_of(&chosen)) {
        outcomes.push((letter.detail.execution_arn.clone(), desk.redrive(letter)?));
    }
    let is_done = |letter: &Letter| {
        outcomes.iter().any(|(arn, outcome)| {
            *arn == letter.detail.execution_arn && !matches!(outcome, Redriven::Refused(_))
        })
    };
    desk.close(is_done)?;
    let words = |outcome: &Redriven| match outcome {
        Redriven::GoesOn => ("redriven", String::new()),
        Redriven::StartedAnew(arn) => ("startedAnew", arn.clone()),
        Redriven::OutOfDate(reason) => ("outOfDate", reason.clone()),
        Redriven::Refused(reason) => ("refused", reason.clone()),
    };
    let rows = outcomes.iter().map(|(arn, outcome)| (arn.clone(), words(outcome)));
    report(rows.collect(), json)?;
    let all_done = !outcomes.iter().any(|(_, outcome)| matches!(outcome, Redriven::Refused(_)));
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn purge(desk: Desk<'_>, executions: &[String], all: bool, json: bool) -> anyhow::Result<ExitCode> {
    if executions.is_empty() && !all {
        desk.close(|_| false)?;
        bail!("name the executions whose letters are to go, or say --all");
    }
    let chosen = desk.chosen(executions)?;
    let gone: Vec<_> = desk
        .letters
        .iter()
        .filter(|letter| letter.is_one_of(&chosen))
        .map(|letter| (letter.detail.execution_arn.clone(), ("purged", String::new())))
        .collect();
    desk.close(|letter| letter.is_one_of(&chosen))?;
    report(gone, json)?;
    Ok(ExitCode::SUCCESS)
}

/// What became of each execution's letter.
fn report(rows: Vec<(String, (&'static str, String))>, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(arn, (outcome, reason))| {
                json!({ "executionArn": arn, "outcome": outcome, "reason": (!reason.is_empty()).then_some(reason) })
            })
            .collect();
        return print_json(&json!({ "deadLetters": rows }));
    }
    if rows.is_empty() {
        writeln!(out, "no dead letters")?;
    }
    for (arn, (outcome, reason)) in rows {
        let name = arn.rsplit(':').next().unwrap_or(&arn);
        let separator = if reason.is_empty() { "" } else { ": " };
        writeln!(out, "{name}  {outcome}{separator}{reason}")?;
    }
    Ok(())
}

/// A letter in JSON.
fn shown(letter: &Letter) -> Value {
    let Detail {
        execution_arn,
        state_machine_arn,
        name,
        status,
        stop_date,
        redrive_count,
        input,
        error,
        cause,
    } = &letter.detail;
    json!({
        "executionArn": execution_arn, "stateMachineArn": state_machine_arn, "name": name, "status": status, "stopDate": stop_date,
        "redriveCount": redrive_count, "input": input, "error": error, "cause": cause,
    })
}
