//! What a shard is told: starts, stimuli, reports from outside, and how those who ask are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::event::{EventId, Reason};
use darkroom_asl::interpreter::{Identity, Stimulus, TaskId};
use darkroom_asl::json::{Payload, Text};

use super::away::Returned;
use crate::redrive::NotRedrivable;
use crate::store::{DefinitionKey, End, ExecutionKey, Parent, StoreError};

/// What is told to a shard.
pub enum Input {
    /// Start an execution.
    Start(StartRequest, StartReply),
    /// Start an Express execution, and keep the permit while it is open.
    StartExpress(StartRequest, ExpressReply, Permit),
    /// Something happened to an execution.
    Stimulus(ExecutionKey, Stimulus),
    /// Somebody outside reports on a task, by its token.
    Report(ExecutionKey, TaskId, Report, ReportReply),
    /// A worker, which may have given its name, is to be given an activity's task.
    Take(ExecutionKey, TaskId, Option<Text>, TakeReply),
    /// Tell of the end of the execution of this ARN, at once where it has ended.
    Watch(Text, EndReply),
    /// Have an execution go on that ended badly.
    Redrive(RedriveRequest, RedriveReply),
    /// Stop an execution, by its ARN. Answers whether it was running.
    Stop(Text, Reason, StopReply),
    /// A state machine is being deleted, or is there again: its executions end at their next transition, or go on.
    Deleting {
        /// The state machine.
        state_machine_arn: Text,
        /// Whether it is being deleted.
        is_deleting: bool,
    },
    /// Ends of these executions are durable: they need not be kept in memory.
    Settled(Vec<ExecutionKey>),
    /// What this execution rests after is durable up to this event: it need not be kept in memory while it rests there.
    Rested(ExecutionKey, EventId),
    /// Another writer owns this execution: what is in memory of it is worthless.
    Lost(ExecutionKey),
    /// An execution that was sent away is decided for.
    Returned(Box<Returned>),
}

/// An execution to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// A number that was never used.
    pub key: ExecutionKey,
    /// Who it will be.
    pub identity: Arc<Identity>,
    /// What it runs.
    pub machine: Arc<StateMachine>,
    /// The same, as the store knows it.
    pub definition: DefinitionKey,
    /// Its input.
    pub input: Payload,
    /// The task that starts it, where one does: the same task starts no second execution of the same ARN.
    pub parent: Option<Parent>,
}

/// An execution that was started, now or before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its number.
    pub key: ExecutionKey,
    /// Its ARN.
    pub arn: Text,
    /// When it started.
    pub started_at: Timestamp,
    /// Whether this very request started it; not so when one of the same name and input was running.
    pub is_new: bool,
}

/// Why an execution was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name is taken: by an execution that has ended, or that has another input.
    #[error("Execution Already Exists: '{arn}'")]
    AlreadyExists {
        /// The ARN of the one that is there.
        arn: Text,
    },
    /// As many Express executions are open, or starts of Standard ones wait for the disk, as there may be. There will
    /// be room soon.
    #[error("too many executions are being started")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine was shut down before it could answer. The execution may have been started.
    #[error("the engine was shut down before it could answer")]
    ShutDown,
}

/// An execution to redrive.
#[derive(Clone, Debug)]
pub struct RedriveRequest {
    /// Its ARN.
    pub arn: Text,
    /// What it runs.
    pub machine: Arc<StateMachine>,
    /// What the request is named by, so that a repeat of it is known.
    pub client_token: Option<Text>,
}

/// Why an execution was not redriven.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// There is no such execution.
    #[error("there is no such execution")]
    DoesNotExist,
    /// It cannot be.
    #[error(transparent)]
    NotRedrivable(NotRedrivable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What somebody outside says of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// It ended well, with this output.
    Success(Payload),
    /// It ended badly.
    Failure(Reason),
    /// It is being worked on.
    Heartbeat,
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The token is none of this engine's.
    #[error("it is no token of a task")]
    InvalidToken,
    /// The execution is not there any more.
    #[error("the task is not there any more")]
    DoesNotExist,
    /// The task has ended: by an earlier report, too late, or with its execution.
    #[error("the task is closed")]
    Closed,
    /// The execution was set aside, and takes nothing until it goes on.
    #[error("the execution is set aside")]
    SetAside,
    /// The store failed. The report may be made again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An execution that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Its input.
    pub input: Payload,
    /// When it started.
    pub started_at: Timestamp,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// How and when it ended.
    pub end: End,
}

/// What who starts an Express execution waits for.
pub enum ExpressReply {
    /// Its start.
    Started(StartReply),
    /// Its end.
    Ended(EndReply),
}

/// One of the places that Express executions may take; given back when it is dropped.
#[derive(Debug)]
pub struct Permit(Arc<AtomicUsize>);

/// Told about a start once it is durable.
pub type StartReply = Box<dyn FnOnce(Result<Started, StartError>) + Send>;
/// Told whether the commit that a caller waits for succeeded.
pub type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Told whether the execution was running, once the stop is durable.
pub type StopReply = Box<dyn FnOnce(Result<bool, StoreError>) + Send>;
/// Told when it was redriven, once that is durable.
pub type RedriveReply = Box<dyn FnOnce(Result<Timestamp, RedriveError>) + Send>;
/// Told whether a report was taken, once what follows from it is durable.
pub type ReportReply = Box<dyn FnOnce(Result<(), ReportError>) + Send>;
/// Told whether the task is the worker's, once its start is durable; it is not where it has ended meanwhile.
pub type TakeReply = Box<dyn FnOnce(Result<bool, StoreError>) + Send>;
/// Told of an execution's end once that is durable; `None` where there is no such execution. Dropped where the
/// execution is set aside.
pub type EndReply = Box<dyn FnOnce(Option<Arc<Outcome>>) + Send>;

impl Permit {
    /// A place, unless `max` of them are taken.
    pub fn take(taken: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        if taken.fetch_add(1, Ordering::Relaxed) >= max {
            taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(taken.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Report {
    /// What it means to the execution.
    pub(super) fn stimulus(self, task: TaskId) -> Stimulus {
        match self {
            Self::Success(output) => Stimulus::TaskSucceeded { task, output },
            Self::Failure(reason) => Stimulus::TaskFailed { task, reason },
            Self::Heartbeat => Stimulus::TaskHeartbeat { task },
        }
    }
}
