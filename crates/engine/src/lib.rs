//! The engine: durable executions.
//!
//! A [`Shard`] is a single-threaded loop that owns its executions. It takes the stimuli that are waiting,
//! decides, and hands out one [`Turn`]: what to commit, and what to let out once it is committed. Whoever
//! drives it (the threads of [`Engine`], or a simulator with a seed) commits the one and only then does the
//! other. What a workflow means stands in `darkroom-asl`; this crate knows when things happen, and what
//! must be on disk before.
//!
//! The clock, the store, the executor and the random source are traits, passed in.

mod activity;
pub mod arn;
mod beginning;
mod bill;
mod clock;
pub mod course;
mod definitions;
mod engine;
mod executor;
mod logged;
mod redrive;
pub mod segment;
mod shard;
pub mod store;
mod token;

pub use activity::{ActivityTask, Poller};
pub use beginning::Beginning;
pub use bill::Bill;
pub use clock::{Clock, OsRandom, SystemClock};
pub use definitions::{DefinitionError, Definitions};
pub use engine::{
    ALIASES_MAX, Call, Config, EXPRESS_OPEN_MAX, Engine, EngineError, Load, NewAlias, NewStateMachine,
    Observer, PollError, Publication, Published, QualifiedArn, Qualifier, RETENTION_DAYS, ResourceError,
    STARTING_MAX, ShardsLoad, StateMachineUpdate, TAGS_MAX, Target, VERSIONS_MAX, Vital, WEIGHTS_SUM,
    definition_key,
};
pub use executor::{Answer, Invocation, TaskExecutor, TaskOutcome, WorkerPool};
pub use logged::logged;
pub use redrive::NotRedrivable;
pub use shard::{
    EndReply, Errand, ExpressReply, Input, Outcome, Parked, Part, Permit, RedriveError, RedriveReply,
    RedriveRequest, Release, Reply, Report, ReportError, ReportReply, Rest, Returned, Shard, ShardConfig,
    StartError, StartReply, StartRequest, Started, StopReply, TakeReply, Turn,
};
pub use token::TokenSecret;
