//! The engine: durable executions.
//!
//! A [`Shard`] is a single-threaded loop that owns its executions. It takes the stimuli that are waiting,
//! decides, and hands out one [`Turn`]: what to commit, and what to let out once it is committed. Whoever
//! drives it (the threads of [`Engine`], or a simulator with a seed) commits the one and only then does the
//! other. What a workflow means stands in `darkroom-asl`; this crate knows when things happen, and what
//! must be on disk before.
//!
//! The clock, the store, the executor and the random source are traits, passed in.

mod clock;
mod engine;
mod executor;
mod shard;
pub mod store;

pub use clock::{Clock, OsRandom, SystemClock};
pub use engine::{Call, Config, CreateError, Engine, EngineError, NewStateMachine, Observer, definition_key};
pub use executor::{Answer, Invocation, TaskExecutor, TaskOutcome, WorkerPool};
pub use shard::{
    Input, Parked, Release, Reply, Shard, StartError, StartReply, StartRequest, Started, StopReply, Turn,
};
