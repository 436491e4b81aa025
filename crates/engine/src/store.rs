//! The log: where histories are kept, and the promises that a store makes.
//!
//! A history is written in pieces, one for each turn that an execution took part in, and never changed.
//! The key of a piece is (execution, first event id): a second writer of the same execution starts its piece
//! at an id that is taken, and its whole batch is refused. That one constraint is the fence. Nothing follows an end
//! but a redrive, and that only a bad one.
//!
//! Every store passes the same suite, `tests/store.rs`.

mod memory;
mod piece;
mod resource;
mod sqlite;
mod state_machine;

pub use memory::MemoryStore;
pub use resource::{Change, StoredActivity, Tag};
pub use sqlite::SqliteStore;
pub use state_machine::{
    Revision, Route, Settings, StateMachineStatus, StoredAlias, StoredStateMachine, StoredVersion,
    version_arn,
};

use std::ops::RangeInclusive;
use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent, Reason, wire};
use darkroom_asl::interpreter::{Identity, TaskId};
use darkroom_asl::json::{Payload, Text};
use darkroom_trace::TraceId;

use crate::token::TokenSecret;

/// An execution's number in its store, handed out by the engine: dense, never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutionKey(pub i64);

impl ExecutionKey {
    /// Whether it is an Express execution's. Those are numbered downwards from -1, and stand in no store.
    pub fn is_express(self) -> bool {
        self.0 < 0
    }
}

/// A definition's name in the store: the SHA-256 of its text, in hexadecimal.
pub type DefinitionKey = Text;

/// What a store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer has written this execution's next events, or an execution of this ARN. Nothing of the
    /// batch was written. Trying again cannot help: this writer's view of the execution is out of date.
    #[error("execution {} was written by another writer", .key.0)]
    Conflict {
        /// The execution.
        key: ExecutionKey,
    },
    /// This execution's part of a batch can never be written. Nothing of the batch was. Trying again cannot
    /// help; without this part, the batch may go through.
    #[error("what follows in execution {} cannot be written: {reason}", .key.0)]
    Refused {
        /// The execution.
        key: ExecutionKey,
        /// The store's own words.
        reason: String,
    },
    /// The store cannot write or read just now (a full disk, a lock). Nothing of the batch was written. The
    /// same call may be made again.
    #[error("the store at {place} is not available: {reason}")]
    Unavailable {
        /// The file or address.
        place: String,
        /// The system's own words.
        reason: String,
    },
    /// What was read is not what this program wrote.
    #[error("the store at {place} holds something that cannot be read: {reason}")]
    Corrupt {
        /// The file, table and key.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What one commit writes: all of it, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Each execution at most once; within it, events in order.
    pub appends: Vec<Append>,
}

/// One execution's part of a batch.
#[derive(Clone, Debug)]
pub struct Append {
    /// The execution.
    pub key: ExecutionKey,
    /// Who it is, for whoever is told of the commit.
    pub identity: Arc<Identity>,
    /// Set when the execution begins with this batch.
    pub start: Option<NewExecution>,
    /// Set when it had ended badly, and goes on with this batch.
    pub redrive: Option<Redrive>,
    /// The events that follow what the store has; may be empty.
    pub events: Vec<HistoryEvent>,
    /// Set when the execution ends with this batch.
    pub end: Option<End>,
    /// Set when it falls asleep, wakes up, or is to sleep until another time.
    pub sleep: Option<Sleep>,
}

/// Whether an execution is left on the disk while it only waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// It is, until this time, or until it is told something.
    Until(Timestamp),
    /// It is not.
    Over,
}

/// An execution that begins. Its ARN, in the append's identity, is unique in the store.
#[derive(Clone, Debug)]
pub struct NewExecution {
    /// The definition that it runs, put there by [`Store::put_definition`] before.
    pub definition: DefinitionKey,
    /// The caller's input.
    pub input: Payload,
    /// When it started.
    pub started_at: Timestamp,
    /// The task that started it, where one did.
    pub parent: Option<Parent>,
}

/// The task of an execution that another execution was started by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The execution that the task is of.
    pub key: ExecutionKey,
    /// The task.
    pub task: TaskId,
    /// Whether the task waits for the end: then it takes the child along when it is given up.
    pub waits: bool,
}

/// An execution that went on after it had ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// How often it has, the last time included.
    pub count: u32,
    /// When it did last.
    pub at: Timestamp,
}

/// An execution that ends.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// How.
    pub status: EndStatus,
    /// When.
    pub ended_at: Timestamp,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum EndStatus {
    /// Well, with this output.
    Succeeded(Payload),
    /// Badly.
    Failed(Reason),
    /// Too late.
    TimedOut(Reason),
    /// Stopped.
    Aborted(Reason),
}

/// How an execution stands, without what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionStatus {
    /// It has not ended.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
    /// It ended too late.
    TimedOut,
    /// It was stopped.
    Aborted,
}

/// An execution as the store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExecution {
    /// Its number.
    pub key: ExecutionKey,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The definition that it runs.
    pub definition: DefinitionKey,
    /// The caller's input.
    pub input: Payload,
    /// When it started.
    pub started_at: Timestamp,
    /// How and when it ended; `None` while it runs.
    pub end: Option<End>,
    /// Why the engine has set it aside, if it has: a definition or a history that it could not follow.
    pub parked: Option<Text>,
    /// The task that started it, where one did.
    pub parent: Option<Parent>,
    /// Its last redrive, if there was one.
    pub redrive: Option<Redrive>,
    /// Until when it sleeps, if it does.
    pub asleep_until: Option<Timestamp>,
}

/// An execution in a list: without its input and without what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// Its number.
    pub key: ExecutionKey,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// How it stands.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// Why the engine has set it aside, if it has.
    pub parked: Option<Text>,
    /// Its last redrive, if there was one.
    pub redrive: Option<Redrive>,
}

/// What executions were started through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedThrough {
    /// The state machine of this ARN, whichever way.
    StateMachine(Text),
    /// Its version of this ARN: named, or picked by an alias.
    Version(Text),
    /// Its alias of this ARN.
    Alias(Text),
}

/// Which executions to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Started through this only.
    pub through: Option<StartedThrough>,
    /// In this status only.
    pub status: Option<ExecutionStatus>,
    /// Only executions with a smaller key: where the last page ended.
    pub before: Option<ExecutionKey>,
    /// At most so many.
    pub limit: usize,
}

/// Which executions are looked for by their traces. Only traces that are kept are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// Those of this trace.
    Of(TraceId),
    /// Those that started in this time, the last moment not included.
    Started {
        /// From then on.
        from: Timestamp,
        /// Until then.
        before: Timestamp,
    },
}

/// Where histories are kept.
///
/// Reads see every commit that returned before they began. Calls may come from many threads.
pub trait Store: Send + Sync + 'static {
    /// Writes a batch.
    ///
    /// When it returns `Ok`, all of the batch is on disk and survives a crash of the process or the machine.
    /// When it returns an error, or the process dies before it returns, either all of the batch is there or
    /// nothing of it; after an error, nothing is.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Keeps a definition's text. Durable when it returns; a definition that is there already is left alone.
    fn put_definition(&self, key: &DefinitionKey, text: &str) -> Result<(), StoreError>;

    /// A definition's text.
    fn definition(&self, key: &DefinitionKey) -> Result<Option<Text>, StoreError>;

    /// The largest key ever committed, so that the engine can go on from there.
    fn last_key(&self) -> Result<ExecutionKey, StoreError>;

    /// At most `limit` executions that have not ended and do not sleep, by key, those after `after` only.
    fn open_executions(
        &self,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError>;

    /// At most `limit` executions that ended at this time or later, by key, those after `after` only.
    fn ended_since(
        &self,
        time: Timestamp,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError>;

    /// At most `limit` executions that sleep, in the order in which they are to wake (then by key), those behind
    /// `after` only.
    fn sleepers(
        &self,
        after: (Timestamp, ExecutionKey),
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError>;

    /// How many executions sleep. To be asked now and then: it may take milliseconds where they are very many.
    fn sleeping(&self) -> Result<usize, StoreError>;

    /// One execution, by its ARN.
    fn execution(&self, arn: &str) -> Result<Option<StoredExecution>, StoreError>;

    /// One execution, by its number.
    fn execution_by_key(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, StoreError>;

    /// Executions, newest first. No payload is read.
    fn executions(&self, filter: &Filter) -> Result<Vec<ExecutionSummary>, StoreError>;

    /// At most `limit` executions that are traced, those first that started last. No payload is read.
    fn traced(&self, traced: Traced, limit: usize) -> Result<Vec<ExecutionSummary>, StoreError>;

    /// Deletes executions that ended before `ended_before`, with their histories: at most `limit` of them, those
    /// that ended first. Answers how many it were; 0 says that none is left. Durable when it returns.
    ///
    /// The newest execution of all is kept, so that no key is given twice.
    fn delete_ended(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// An execution's whole history, in order. Empty for a key that is not there.
    fn history(&self, key: ExecutionKey) -> Result<Vec<HistoryEvent>, StoreError>;

    /// The events of a history whose ids are in the range, in order, as far as there are any.
    fn history_part(
        &self,
        key: ExecutionKey,
        ids: RangeInclusive<EventId>,
    ) -> Result<Vec<HistoryEvent>, StoreError>;

    /// The id of an execution's last event; 0 where there is none.
    fn last_event(&self, key: ExecutionKey) -> Result<EventId, StoreError>;

    /// Changes resources: makes all of these changes, in order, or none. Durable when it returns.
    ///
    /// Whether a change may be made is not asked here. Who changes something because of what it has read sees to
    /// it that nobody else changes it in between.
    fn change(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// A state machine, by its ARN.
    fn state_machine(&self, arn: &str) -> Result<Option<StoredStateMachine>, StoreError>;

    /// At most `limit` state machines, by ARN, those after `after` only.
    fn state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredStateMachine>, StoreError>;

    /// A revision of a state machine, by its id. It outlives the state machine.
    fn revision(&self, id: &str) -> Result<Option<Revision>, StoreError>;

    /// A version of a state machine.
    fn version(&self, state_machine_arn: &str, number: u32) -> Result<Option<StoredVersion>, StoreError>;

    /// At most `limit` versions of a state machine, the newest first, those before `before` only.
    fn versions(
        &self,
        state_machine_arn: &str,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<StoredVersion>, StoreError>;

    /// An alias, by its ARN.
    fn alias(&self, arn: &str) -> Result<Option<StoredAlias>, StoreError>;

    /// All aliases of a state machine, by ARN.
    fn aliases(&self, state_machine_arn: &str) -> Result<Vec<StoredAlias>, StoreError>;

    /// An activity, by its ARN.
    fn activity(&self, arn: &str) -> Result<Option<StoredActivity>, StoreError>;

    /// At most `limit` activities, by ARN, those after `after` only.
    fn activities(&self, after: Option<&str>, limit: usize) -> Result<Vec<StoredActivity>, StoreError>;

    /// A resource's tags, in the order in which they were put. Empty for a resource that has none.
    fn tags(&self, resource_arn: &str) -> Result<Vec<Tag>, StoreError>;

    /// What this store's task tokens are made with: `fresh`, from the first call on. Durable when it returns.
    fn token_secret(&self, fresh: TokenSecret) -> Result<TokenSecret, StoreError>;

    /// Notes why an execution was set aside, or that it no longer is. Its history is not touched.
    fn park(&self, key: ExecutionKey, reason: Option<&str>) -> Result<(), StoreError>;
}

/// The trace that an execution is found by.
fn kept_trace(identity: &Identity) -> Option<TraceId> {
    crate::segment::kept_trace(identity).map(|header| header.root)
}

/// An event as it is after it was stored and read back, by whatever store.
pub fn stored_form(event: &HistoryEvent) -> Result<HistoryEvent, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt { place: "memory".into(), reason };
    let text = serde_json::to_string(&wire::to_record(event)).map_err(|error| corrupt(error.to_string()))?;
    let record: wire::Record = serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
    HistoryEvent::try_from(record).map_err(|error| corrupt(error.to_string()))
}

impl ExecutionStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Running, Self::Succeeded, Self::Failed, Self::TimedOut, Self::Aborted];

    /// AWS's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl End {
    /// Whether the execution may be redriven, as far as its end goes.
    pub fn is_bad(&self) -> bool {
        match self.status {
            EndStatus::Succeeded(_) => false,
            EndStatus::Failed(_) | EndStatus::TimedOut(_) | EndStatus::Aborted(_) => true,
        }
    }
}

impl EndStatus {
    /// The status, without what came of it.
    pub fn status(&self) -> ExecutionStatus {
        match self {
            Self::Succeeded(_) => ExecutionStatus::Succeeded,
            Self::Failed(_) => ExecutionStatus::Failed,
            Self::TimedOut(_) => ExecutionStatus::TimedOut,
            Self::Aborted(_) => ExecutionStatus::Aborted,
        }
    }

    /// AWS's word for it.
    pub fn as_str(&self) -> &'static str {
        self.status().as_str()
    }
}

impl StoredExecution {
    /// Itself, as a list has it.
    pub fn summary(&self) -> ExecutionSummary {
        ExecutionSummary {
            key: self.key,
            identity: self.identity.clone(),
            status: self.status(),
            started_at: self.started_at,
            ended_at: self.end.as_ref().map(|end| end.ended_at),
            parked: self.parked.clone(),
            redrive: self.redrive,
        }
    }

    /// How it stands.
    pub fn status(&self) -> ExecutionStatus {
        self.end.as_ref().map_or(ExecutionStatus::Running, |end| end.status.status())
    }
}
