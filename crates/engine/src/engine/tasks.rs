//! Workers outside: they ask for activities' tasks, and report on tasks by their token.

use darkroom_asl::json::Text;

use super::Engine;
use crate::activity::{Poller, TooManyPollers};
use crate::shard::{Input, Report, ReportError, ReportReply};
use crate::store::StoreError;

/// Why a worker cannot wait for a task.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// There is no such activity.
    #[error("Activity Does Not Exist: '{0}'")]
    DoesNotExist(Text),
    /// Too many wait for it already.
    #[error("The maximum number of workers concurrently polling for activity tasks has been reached.")]
    TooManyPollers,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Lets a worker wait for a task of this activity, and returns. It is given the first that is there, once that
    /// the worker has it is durable. One that stops waiting is passed over.
    pub fn poll_activity(&self, activity: &Text, poller: Box<dyn Poller>) -> Result<(), PollError> {
        if self.store.activity(activity)?.is_none() {
            return Err(PollError::DoesNotExist(activity.clone()));
        }
        self.activities.poll(activity, poller).map_err(|TooManyPollers| PollError::TooManyPollers)
    }

    /// Whether this engine has made the token.
    pub fn knows_token(&self, token: &str) -> bool {
        self.secret.open(token).is_some()
    }

    /// Takes a report on a task, and returns: `reply` is called when what follows from it is durable, on a thread of
    /// the engine, and must not wait. Where the engine is shut down first it is dropped. Reads the store.
    pub fn submit_report(&self, token: &str, report: Report, reply: ReportReply) {
        let Some((key, task)) = self.secret.open(token) else {
            return reply(Err(ReportError::InvalidToken));
        };
        match self.store.execution_by_key(key) {
            Ok(Some(stored)) => {
                let input = Input::Report(key, task, report, reply);
                self.shards.send(key, &stored.identity.execution_arn, input);
            }
            Ok(None) => reply(Err(ReportError::DoesNotExist)),
            Err(error) => reply(Err(error.into())),
        }
    }
}
