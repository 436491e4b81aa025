//! The console's dead letters: those of the command of the same name.

use darkroom_asl::data::Timestamp;
use darkroom_console::{DeadLetter, PlatformError};
use serde_json::Value;

use super::Surroundings;
use crate::dead_letters::desk::{Desk, LETTERS_MAX, Redriven};
use crate::server::{Answered, Calls, in_json, output};

/// Waits for the services: not for a thread that drives the runtime.
impl Calls for Surroundings {
    fn call(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Answered<Value>> {
        let answer = self.reach.runtime.block_on(self.ask(service, in_json(target, input)?))?;
        output(target, &answer)
    }
}

fn failed(error: &anyhow::Error) -> PlatformError {
    PlatformError(format!("{error:#}"))
}

impl Surroundings {
    pub(super) fn letters(&self, max: usize) -> Result<Vec<DeadLetter>, PlatformError> {
        if !self.names.enabled {
            return Ok(Vec::new());
        }
        let desk = self.desk(max)?;
        let letters = desk.letters.iter().rev().take(max).map(|letter| {
            let detail = &letter.detail;
            DeadLetter {
                arn: detail.execution_arn.as_str().into(),
                name: detail.name.clone(),
                status: detail.status.clone(),
                ended_at: detail.stop_date.map(Timestamp::from_millis),
                redrive_count: detail.redrive_count,
                error: detail.error.clone(),
                cause: detail.cause.clone(),
            }
        });
        let letters = letters.collect();
        desk.close(|_| false).map_err(|error| failed(&error))?;
        Ok(letters)
    }

    pub(super) fn redrive_letters(&self, arns: &[String]) -> Result<Vec<String>, PlatformError> {
        let desk = self.desk(LETTERS_MAX)?;
        let chosen = desk.chosen(arns).map_err(|error| failed(&error))?;
        let (mut refused, mut kept) = (Vec::new(), Vec::new());
        for letter in desk.letters.iter().filter(|letter| letter.is_one_of(&chosen)) {
            let why = match desk.redrive(letter) {
                Ok(Redriven::GoesOn | Redriven::StartedAnew(_) | Redriven::OutOfDate(_)) => continue,
                Ok(Redriven::Refused(why)) => why,
                Err(error) => format!("{error:#}"),
            };
            refused.push(format!("{}: {why}", letter.detail.name));
            kept.push(letter.detail.execution_arn.clone());
        }
        desk.close(|letter| letter.is_one_of(&chosen) && !kept.contains(&letter.detail.execution_arn))
            .map_err(|error| failed(&error))?;
        Ok(refused)
    }

    pub(super) fn purge_letters(&self, arns: &[String]) -> Result<(), PlatformError> {
        let desk = self.desk(LETTERS_MAX)?;
        let chosen = desk.chosen(arns).map_err(|error| failed(&error))?;
        desk.close(|letter| letter.is_one_of(&chosen)).map_err(|error| failed(&error))
    }

    fn desk(&self, max: usize) -> Result<Desk<'_>, PlatformError> {
        Desk::open(self, &self.names.dead_letter_queue, max).map_err(|error| failed(&error))
    }
}
