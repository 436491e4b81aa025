//! From a file to an execution: the upload, the start, and the end.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use darkroom_asl::json::Payload;
use darkroom_engine::store::{End, EndStatus, StoredExecution};
use darkroom_engine::{StartError, Started};
use darkroom_functions::{ImageKey, ImageRecords};
use sha2::{Digest, Sha256};

use super::discover::Photo;
use super::outcome::{Ended, Ends, Outcome, Problem, output_keys, problem};
use crate::cli::ProcessArguments;
use crate::platform::Platform;

/// Executions of one photo, after the first: each one more is a `--retry-failed` or a lost output.
const ATTEMPTS_MAX: u32 = 1_000;
/// A file larger than this is not read: validation would refuse it, and says so of the first bytes as well.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Takes photos to their end.
pub struct Feeder<'a> {
    /// What runs them.
    pub platform: &'a Platform,
    /// What the user asked for.
    pub arguments: &'a ProcessArguments,
    /// Who knows of ends.
    pub ends: &'a Ends,
}

impl Feeder<'_> {
    /// Takes a photo to its end, unless an earlier run has.
    pub fn process(&self, photo: &Photo) -> anyhow::Result<Outcome> {
        let bytes = read(&photo.path).with_context(|| format!("{} cannot be read", photo.path.display()))?;
        let image_id = image_id(&self.arguments.user, &bytes);
        let key = format!("uploads/{}/{image_id}.{}", self.arguments.user, photo.extension());
        for attempt in 1..ATTEMPTS_MAX {
            let name = execution_name(&image_id, attempt);
            let arn = self.platform.workflow.execution_arn(&name);
            let Some(stored) = self.platform.engine.store().execution(&arn)? else {
                self.upload(&key, &bytes)?;
                return self.start(photo, &image_id, &name, &key, bytes.len());
            };
            if let Some(outcome) = self.earlier(photo, &image_id, stored) {
                return Ok(outcome);
            }
        }
        anyhow::bail!("{} was tried {ATTEMPTS_MAX} times", photo.path.display())
    }

    /// What an execution of an earlier run came to; `None` where the photo is to be tried again.
    fn earlier(&self, photo: &Photo, image_id: &str, stored: StoredExecution) -> Option<Outcome> {
        let arn = stored.identity.execution_arn.clone();
        let Some(end) = stored.end else {
            // Under way, since an earlier run that was interrupted or since another file of the same content.
            if let Some(reason) = stored.parked {
                let parked = Ended::Parked(reason.to_string());
                return Some(self.outcome(photo, image_id, &arn, stored.started_at.as_millis(), parked));
            }
            let ended = self.ends.wait(&arn);
            return Some(self.outcome(photo, image_id, &arn, stored.started_at.as_millis(), ended));
        };
        let again = match &end.status {
            EndStatus::Succeeded(output) => !self.outputs_exist(&output_keys(output)),
            EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_) => {
                self.arguments.retry_failed
            }
        };
        if again {
            return None;
        }
        let mut outcome = self.outcome(photo, image_id, &arn, stored.started_at.as_millis(), Ended::End(end));
        outcome.from_earlier_run = true;
        Some(outcome)
    }

    fn outputs_exist(&self, keys: &[String]) -> bool {
        keys.iter().all(|key| self.arguments.out.join(key).is_file())
    }

    fn start(
        &self,
        photo: &Photo,
        image_id: &str,
        name: &str,
        key: &str,
        length: usize,
    ) -> anyhow::Result<Outcome> {
        let input = serde_json::json!({
            "imageId": image_id,
            "userId": self.arguments.user,
            "s3Key": key,
            "fileName": photo.file_name(),
            "fileSize": length,
            "fileType": photo.claimed_type(),
        });
        let workflow = &self.platform.workflow;
        let identity = workflow.identity(name);
        let arn = identity.execution_arn.clone();
        let payload = Payload::from_trusted(input.to_string());
        let started =
            self.platform.engine.start_execution(identity, &workflow.definition, &workflow.machine, payload);
        let Started { started_at, .. } = match started {
            Ok(started) => started,
            Err(StartError::AlreadyExists { .. }) => {
                // Another file of the same content, under another name, came first.
                return self.other(photo, image_id, &arn);
            }
            Err(error) => return Err(error.into()),
        };
        let ended = self.ends.wait(&arn);
        Ok(self.outcome(photo, image_id, &arn, started_at.as_millis(), ended))
    }

    fn other(&self, photo: &Photo, image_id: &str, arn: &str) -> anyhow::Result<Outcome> {
        let ended = self.ends.wait(arn);
        let stored = self.platform.engine.store().execution(arn)?;
        let started_at = stored.map_or(0, |stored| stored.started_at.as_millis());
        Ok(self.outcome(photo, image_id, arn, started_at, ended))
    }

    /// Puts the photo into the input bucket, durably, unless it is there.
    fn upload(&self, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.platform.input.join(key);
        if std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
            return Ok(());
        }
        write_durably(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// What an execution came to. Which step failed, and why in plain words, stands in the image's record: the
    /// error handler noted it.
    fn outcome(&self, photo: &Photo, image_id: &str, arn: &str, started_ms: i64, ended: Ended) -> Outcome {
        let mut outcome = outcome(photo, image_id, arn, started_ms, ended);
        if let Some(problem) = outcome.error.as_mut()
            && let Ok(key) = ImageKey::new(image_id, &self.arguments.user)
            && let Ok(Some(record)) = self.platform.records.get(&key)
            && let Some(noted) = record.error_info
        {
            problem.step = Some(noted.step);
            problem.reason = noted.reason;
        }
        outcome
    }
}

fn outcome(photo: &Photo, image_id: &str, arn: &str, started_ms: i64, ended: Ended) -> Outcome {
    let (status, duration_ms, outputs, error) = match ended {
        Ended::End(End { status, ended_at }) => {
            let outputs = match &status {
                EndStatus::Succeeded(output) => output_keys(output),
                EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_) => Vec::new(),
            };
            (status.as_str(), ended_at.as_millis() - started_ms, outputs, problem(&status))
        }
        Ended::Parked(reason) => {
            let problem = Problem { step: None, error: "Darkroom.Parked".into(), reason };
            ("RUNNING", 0, Vec::new(), Some(problem))
        }
    };
    Outcome {
        file: photo.path.clone(),
        image_id: image_id.to_owned(),
        execution_arn: arn.to_owned(),
        status,
        duration_ms,
        from_earlier_run: false,
        outputs,
        error,
    }
}

/// The id of an image: its owner and its content, in 128 bits of their SHA-256.
pub fn image_id(user: &str, bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::new().chain_update(user.as_bytes()).chain_update([0]).chain_update(bytes).finalize();
    digest.iter().take(16).fold("img_".to_owned(), |mut id, byte| {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// `image-processing-<imageId>`, and a number behind it from the second attempt on.
fn execution_name(image_id: &str, attempt: u32) -> String {
    match attempt {
        1 => format!("image-processing-{image_id}"),
        _ => format!("image-processing-{image_id}-{attempt}"),
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file so that a crash leaves all of it or nothing under its name.
fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let temporary = path.with_extension(format!("{:?}.part", std::thread::current().id()));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_is_made_of_owner_and_content() {
        let id = image_id("local", b"bytes");
        assert_eq!(id.len(), 4 + 32);
        assert_eq!(id, image_id("local", b"bytes"));
        assert_ne!(id, image_id("local", b"other"));
        assert_ne!(id, image_id("other", b"bytes"));
        assert!(execution_name(&id, 999).len() <= 80);
    }
}
