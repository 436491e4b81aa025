//! `darkroom dead-letters`: the executions that ended badly, as their events lie in the queue of dead letters.
//!
//! A letter is EventBridge's event of the end: which execution, how and when it ended, and its input. A command takes all
//! letters out of sight, deletes those that it is done with, and puts the others back. A command that dies puts
//! nothing back; the queue does, after two minutes.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{DeadLettersArguments, DeadLettersCommand};
use crate::server::Server;
use crate::table::{Style, Table};

/// Letters that one command looks at. Our choice: as many as a person looks at.
const LETTERS_MAX: usize = 10_000;
/// Messages of one call. AWS's own bound.
const BATCH_MAX: usize = 10;
/// How long letters are out of sight.
const HIDDEN_SECONDS: u32 = 120;
/// The longest name of an execution. AWS's own bound.
const NAME_LENGTH_MAX: usize = 80;
/// Characters of a cause that a table shows.
const CAUSE_SHOWN_MAX: usize = 60;

/// A message of the queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
}

/// A letter: a message that is the event of an execution's end.
struct Letter {
    receipt_handle: String,
    detail: Detail,
}

/// EventBridge's `detail`, as far as it is needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    execution_arn: String,
    state_machine_arn: String,
    name: String,
    status: String,
    stop_date: Option<i64>,
    redrive_count: u32,
    input: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

/// What a redrive came to.
enum Redriven {
    /// It goes on.
    GoesOn,
    /// It had come to a Fail state, where a redrive would fail at once: this one was started with its input.
    StartedAnew(String),
    /// It has gone on or ended well since, or is not there any more: the letter is out of date.
    OutOfDate(String),
    /// It stays as it is.
    Refused(String),
}

/// The queue, and what was taken out of it.
struct Desk<'a> {
    server: &'a Server,
    queue_url: Value,
    letters: Vec<Letter>,
    /// Messages that are no letters. They are put back.
    others: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &DeadLettersArguments) -> anyhow::Result<ExitCode> {
    let server = Server::of(&arguments.server)?;
    let desk = Desk::open(&server, &arguments.queue)?;
    match &arguments.command {
        DeadLettersCommand::List { json } => list(desk, *json),
        DeadLettersCommand::Redrive { executions, json } => redrive(desk, executions, *json),
        DeadLettersCommand::Purge { executions, all, json } => purge(desk, executions, *all, *json),
    }
}

fn list(desk: Desk<'_>, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if json {
        let letters: Vec<Value> = desk.letters.iter().map(Letter::shown).collect();
        serde_json::to_writer_pretty(&mut out, &json!({ "deadLetters": letters }))?;
        writeln!(out)?;
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
        serde_json::to_writer_pretty(&mut out, &json!({ "deadLetters": rows }))?;
        writeln!(out)?;
        return Ok(());
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

impl Letter {
    fn of(message: &Message) -> Option<Self> {
        #[derive(Deserialize)]
        struct Event {
            source: String,
            detail: Detail,
        }
        let Event { source, detail } = serde_json::from_str(&message.body).ok()?;
        (source == "aws.states").then(|| Self { receipt_handle: message.receipt_handle.clone(), detail })
    }

    fn is_one_of(&self, chosen: &[String]) -> bool {
        let Detail { execution_arn, name, .. } = &self.detail;
        chosen.is_empty() || chosen.iter().any(|text| text == execution_arn || text == name)
    }

    fn shown(&self) -> Value {
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
        } = &self.detail;
        json!({
            "executionArn": execution_arn, "stateMachineArn": state_machine_arn, "name": name, "status": status, "stopDate": stop_date,
            "redriveCount": redrive_count, "input": input, "error": error, "cause": cause,
        })
    }
}

impl<'a> Desk<'a> {
    /// Takes all letters out of sight.
    fn open(server: &'a Server, queue: &str) -> anyhow::Result<Self> {
        let found = server.call("sqs", "AmazonSQS.GetQueueUrl", &json!({ "QueueName": queue }))?;
        let queue_url = found.with_context(|| format!("the queue {queue}"))?["QueueUrl"].clone();
        let mut desk = Self { server, queue_url, letters: Vec::new(), others: Vec::new() };
        let mut seen = std::collections::HashSet::new();
        while desk.letters.len() < LETTERS_MAX {
            let input = json!({
                "QueueUrl": desk.queue_url, "MaxNumberOfMessages": BATCH_MAX, "VisibilityTimeout": HIDDEN_SECONDS,
            });
            let mut output = server.call("sqs", "AmazonSQS.ReceiveMessage", &input)??;
            let messages: Vec<Message> = match output["Messages"].take() {
                Value::Null => break,
                messages => serde_json::from_value(messages).context("the queue's messages")?,
            };
            // One that comes again is in sight again: all others have been seen.
            if messages.is_empty() || !messages.iter().all(|message| seen.insert(message.message_id.clone()))
            {
                break;
            }
            for message in messages {
                match Letter::of(&message) {
                    Some(letter) => desk.letters.push(letter),
                    None => desk.others.push(message.receipt_handle),
                }
            }
        }
        desk.letters.sort_by_key(|letter| letter.detail.stop_date);
        Ok(desk)
    }

    /// The names, where each of them has a letter.
    fn chosen(&self, executions: &[String]) -> anyhow::Result<Vec<String>> {
        for name in executions {
            if !self.letters.iter().any(|letter| letter.is_one_of(std::slice::from_ref(name))) {
                self.put_back(self.letters.iter().map(|letter| &letter.receipt_handle))?;
                bail!(
                    "there is no dead letter of `{name}`; `darkroom dead-letters list` shows those that there are"
                );
            }
        }
        Ok(executions.to_vec())
    }

    fn redrive(&self, letter: &Letter) -> anyhow::Result<Redriven> {
        let input = json!({ "executionArn": letter.detail.execution_arn });
        if self.came_to_a_fail_state(letter)? {
            return self.start_anew(letter);
        }
        let redriven = self.server.call("states", "AWSStepFunctions.RedriveExecution", &input)?;
        let Err(refused) = redriven else { return Ok(Redriven::GoesOn) };
        if refused.code == "ExecutionDoesNotExist" {
            return Ok(Redriven::OutOfDate(refused.message));
        }
        let described = self.server.call("states", "AWSStepFunctions.DescribeExecution", &input)?;
        let status = described.ok().and_then(|execution| Some(execution["status"].as_str()?.to_owned()));
        Ok(match status.as_deref() {
            Some("RUNNING" | "SUCCEEDED") => Redriven::OutOfDate(refused.message),
            _ => Redriven::Refused(refused.message),
        })
    }

    /// Whether the last state that it entered is a Fail state. The workflow's handlers have done their work then, and
    /// there is nothing behind it to run on from.
    fn came_to_a_fail_state(&self, letter: &Letter) -> anyhow::Result<bool> {
        let input = json!({
            "executionArn": letter.detail.execution_arn, "reverseOrder": true, "maxResults": 2,
            "includeExecutionData": false,
        });
        let history = self.server.call("states", "AWSStepFunctions.GetExecutionHistory", &input)?;
        Ok(history.is_ok_and(|history| history["events"][1]["type"] == "FailStateEntered"))
    }

    /// Starts the letter's execution from its beginning, under a name that says which end it follows: a repeat of the
    /// command starts none more.
    fn start_anew(&self, letter: &Letter) -> anyhow::Result<Redriven> {
        let Detail { execution_arn, name, state_machine_arn, stop_date, input, .. } = &letter.detail;
        let Some(input) = input else {
            return Ok(Redriven::Refused("its input was too large for its letter".to_owned()));
        };
        let suffix = format!("-{:x}", stop_date.unwrap_or_default());
        let stem: String = name.chars().take(NAME_LENGTH_MAX - suffix.len()).collect();
        let name = format!("{stem}{suffix}");
        let start = json!({ "stateMachineArn": state_machine_arn, "name": name, "input": input });
        let started = self.server.call("states", "AWSStepFunctions.StartExecution", &start)?;
        let arn =
            execution_arn.rsplit_once(':').map_or(String::new(), |(owner, _)| format!("{owner}:{name}"));
        Ok(match started {
            Ok(_) => Redriven::StartedAnew(arn),
            Err(refused) if refused.code == "ExecutionAlreadyExists" => Redriven::StartedAnew(arn),
            Err(refused) => Redriven::Refused(refused.message),
        })
    }

    /// Deletes the letters that are done with, and puts everything else back.
    fn close(self, is_done: impl Fn(&Letter) -> bool) -> anyhow::Result<()> {
        let (done, kept): (Vec<&Letter>, Vec<&Letter>) =
            self.letters.iter().partition(|letter| is_done(letter));
        let handles = |letters: &[&Letter]| -> Vec<String> {
            letters.iter().map(|letter| letter.receipt_handle.clone()).collect()
        };
        for batch in handles(&done).chunks(BATCH_MAX) {
            self.batch("AmazonSQS.DeleteMessageBatch", batch, None)?;
        }
        let kept = handles(&kept);
        self.put_back(kept.iter().chain(&self.others))
    }

    fn put_back<'h>(&self, handles: impl Iterator<Item = &'h String>) -> anyhow::Result<()> {
        let handles: Vec<String> = handles.cloned().collect();
        for batch in handles.chunks(BATCH_MAX) {
            self.batch("AmazonSQS.ChangeMessageVisibilityBatch", batch, Some(0))?;
        }
        Ok(())
    }

    fn batch(&self, target: &str, handles: &[String], visibility: Option<u32>) -> anyhow::Result<()> {
        let entry = |(number, handle): (usize, &String)| {
            let mut entry = json!({ "Id": number.to_string(), "ReceiptHandle": handle });
            if let Some(visibility) = visibility {
                entry["VisibilityTimeout"] = json!(visibility);
            }
            entry
        };
        let entries: Vec<Value> = handles.iter().enumerate().map(entry).collect();
        let input = json!({ "QueueUrl": self.queue_url, "Entries": entries });
        self.server.call("sqs", target, &input)??;
        Ok(())
    }
}
