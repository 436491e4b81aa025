//! What became of a photo, read from what is durable.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

use darkroom_asl::json::{Payload, Text};
use darkroom_engine::store::{Append, End, EndStatus};
use darkroom_engine::{Observer, Parked};
use serde::Serialize;

/// What became of a photo.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The photo's file, as the user wrote it.
    pub file: PathBuf,
    /// The id that its content gave it.
    pub image_id: String,
    /// Its execution.
    pub execution_arn: String,
    /// The execution's status, in AWS's words.
    pub status: &'static str,
    /// From the execution's start to its end.
    pub duration_ms: i64,
    /// Whether an earlier run had done it already.
    pub from_earlier_run: bool,
    /// Keys in the output bucket.
    pub outputs: Vec<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// What went wrong with a photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The step that found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The error's name.
    pub error: String,
    /// Why, in words for people.
    pub reason: String,
}

impl Outcome {
    /// Whether the photo is done.
    pub fn is_done(&self) -> bool {
        self.status == "SUCCEEDED"
    }
}

/// The output keys in an execution's output: resized, then watermarked.
pub fn output_keys(output: &Payload) -> Vec<String> {
    let lists = [("resizeResult", "resizedImages"), ("watermarkResult", "watermarkedImages")];
    let member = |result: &str, list: &str| {
        Some(output.value().as_object()?.get(result)?.as_object()?.get(list)?.as_array()?.to_vec())
    };
    lists
        .iter()
        .filter_map(|(result, list)| member(result, list))
        .flatten()
        .filter_map(|image| Some(image.as_object()?.get("s3Key")?.as_str()?.to_owned()))
        .collect()
}

/// Why an execution that ended so did not succeed, as far as the execution says. `None` for one that did.
pub fn problem(end: &EndStatus) -> Option<Problem> {
    let reason = match end {
        EndStatus::Succeeded(_) => return None,
        EndStatus::Failed(reason) | EndStatus::TimedOut(reason) | EndStatus::Aborted(reason) => reason,
    };
    let error = reason.error.as_deref().unwrap_or(end.as_str()).to_owned();
    Some(Problem { step: None, error, reason: reason.cause.as_deref().unwrap_or_default().to_owned() })
}

/// Waits for ends: the engine tells it what has become durable, and feeders ask it.
#[derive(Default)]
pub struct Ends {
    ended: Mutex<HashMap<Text, Ended>>,
    changed: Condvar,
}

/// An execution that will not go on.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It ended.
    End(End),
    /// The engine set it aside.
    Parked(String),
}

impl Ends {
    /// Waits until the execution has ended. It is remembered: two files of one content ask for the same.
    pub fn wait(&self, arn: &str) -> Ended {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(end) = ended.get(arn) {
                return end.clone();
            }
            ended = self.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, arn: &Text, end: Ended) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(arn.clone(), end);
        self.changed.notify_all();
    }
}

impl Observer for Ends {
    fn committed(&self, appends: &[Append]) {
        for append in appends {
            if let Some(end) = &append.end {
                self.add(&append.identity.execution_arn, Ended::End(end.clone()));
            }
        }
    }

    fn parked(&self, parked: &Parked) {
        self.add(&parked.arn, Ended::Parked(parked.reason.clone()));
    }
}
