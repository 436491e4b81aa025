//! The queue of dead letters, and what is taken out of it.
//!
//! A letter is EventBridge's event of the end: which execution, how and when it ended, and its input. Whoever looks takes
//! all letters out of sight, deletes those that he is done with, and puts the others back. One who dies puts nothing
//! back; the queue does, after two minutes.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::server::Calls;

/// Letters that a command looks at. Our choice: as many as a person looks at.
pub const LETTERS_MAX: usize = 10_000;
/// Messages of one call. AWS's own bound.
const BATCH_MAX: usize = 10;
/// How long letters are out of sight.
const HIDDEN_SECONDS: u32 = 120;
/// The longest name of an execution. AWS's own bound.
const NAME_LENGTH_MAX: usize = 80;

/// A message of the queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
}

/// A letter: a message that is the event of an execution's end.
pub struct Letter {
    receipt_handle: String,
    /// What it says.
    pub detail: Detail,
}

/// EventBridge's `detail`, as far as it is needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// The execution's ARN.
    pub execution_arn: String,
    /// Its state machine's.
    pub state_machine_arn: String,
    /// The execution's name.
    pub name: String,
    /// How it ended.
    pub status: String,
    /// When, in milliseconds since 1970.
    pub stop_date: Option<i64>,
    /// How often it has been redriven.
    pub redrive_count: u32,
    /// Its input, where that was not too large.
    pub input: Option<String>,
    /// The error's name.
    pub error: Option<String>,
    /// Why, in words.
    pub cause: Option<String>,
}

/// What a redrive came to.
pub enum Redriven {
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
pub struct Desk<'a> {
    calls: &'a dyn Calls,
    queue_url: Value,
    /// The letters, those first whose executions ended first.
    pub letters: Vec<Letter>,
    /// Messages that are no letters. They are put back.
    others: Vec<String>,
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

    /// Whether it is of one of these executions, by ARN or name; none are all.
    pub fn is_one_of(&self, chosen: &[String]) -> bool {
        let Detail { execution_arn, name, .. } = &self.detail;
        chosen.is_empty() || chosen.iter().any(|text| text == execution_arn || text == name)
    }
}

impl<'a> Desk<'a> {
    /// Takes letters out of sight, all or as many as are wanted.
    pub fn open(calls: &'a dyn Calls, queue: &str, letters_max: usize) -> anyhow::Result<Self> {
        let found = calls.call("sqs", "AmazonSQS.GetQueueUrl", &json!({ "QueueName": queue }))?;
        let queue_url = found.with_context(|| format!("the queue {queue}"))?["QueueUrl"].clone();
        let mut desk = Self { calls, queue_url, letters: Vec::new(), others: Vec::new() };
        let mut seen = std::collections::HashSet::new();
        while desk.letters.len() < letters_max {
            let input = json!({
                "QueueUrl": desk.queue_url, "MaxNumberOfMessages": BATCH_MAX, "VisibilityTimeout": HIDDEN_SECONDS,
            });
            let mut output = calls.call("sqs", "AmazonSQS.ReceiveMessage", &input)??;
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
    pub fn chosen(&self, executions: &[String]) -> anyhow::Result<Vec<String>> {
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

    /// Lets a letter's execution go on, or starts it again.
    pub fn redrive(&self, letter: &Letter) -> anyhow::Result<Redriven> {
        let input = json!({ "executionArn": letter.detail.execution_arn });
        if self.came_to_a_fail_state(letter)? {
            return self.start_anew(letter);
        }
        let redriven = self.calls.call("states", "AWSStepFunctions.RedriveExecution", &input)?;
        let Err(refused) = redriven else { return Ok(Redriven::GoesOn) };
        if refused.code == "ExecutionDoesNotExist" {
            return Ok(Redriven::OutOfDate(refused.message));
        }
        let described = self.calls.call("states", "AWSStepFunctions.DescribeExecution", &input)?;
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
        let history = self.calls.call("states", "AWSStepFunctions.GetExecutionHistory", &input)?;
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
        let started = self.calls.call("states", "AWSStepFunctions.StartExecution", &start)?;
        let arn =
            execution_arn.rsplit_once(':').map_or(String::new(), |(owner, _)| format!("{owner}:{name}"));
        Ok(match started {
            Ok(_) => Redriven::StartedAnew(arn),
            Err(refused) if refused.code == "ExecutionAlreadyExists" => Redriven::StartedAnew(arn),
            Err(refused) => Redriven::Refused(refused.message),
        })
    }

    /// Deletes the letters that are done with, and puts everything else back.
    pub fn close(self, is_done: impl Fn(&Letter) -> bool) -> anyhow::Result<()> {
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
        self.calls.call("sqs", target, &input)??;
        Ok(())
    }
}
