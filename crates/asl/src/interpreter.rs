//! The interpreter: what happens next in an execution, as a function of what has happened.
//!
//! An [`Execution`] is a value that a history adds up to. [`Execution::decide`] takes one [`Stimulus`],
//! which is what the world says, and answers with a [`Decision`]: the events that follow, already applied,
//! and the [`Effect`]s that the world owes once those events are durable. [`Execution::apply`] replays a
//! stored event. Nothing here waits, reads a clock or draws a number: time and chance come with the
//! [`Surroundings`].
//!
//! Not here: when a decision is committed, who runs a task, what wakes a timer (the engine).

mod apply;
mod branches;
mod context;
mod data_flow;
pub mod event;
mod execution;
mod failing;
mod inspection;
mod item_batcher;
mod item_reader;
mod limits;
mod queries;
mod redrive;
pub mod retry;
mod states;
pub mod test_state;
mod turn;

pub use apply::ReplayError;
pub use execution::{Execution, Identity, Qualifiers, Status, TaskId, TaskProgress, TaskRequest};
pub use inspection::Step;
pub use limits::Limits;
pub use turn::Surroundings;

use self::event::{HistoryEvent, Reason};
use crate::json::{Payload, Text};

/// A source of random bits, passed in. What is drawn ends up in an event and is never drawn again.
pub trait Random {
    /// The next 64 bits.
    fn next_u64(&self) -> u64;
}

/// How long it has been since some moment that stays the same. Bounds the time of an expression, and decides
/// nothing else.
pub type Stopwatch = fn() -> std::time::Duration;

/// Where task tokens come from, passed in: what a worker names a task by when it reports from outside.
pub trait TaskTokens {
    /// The token of a task of the execution at hand. The same task has the same token whenever it is asked for,
    /// so that a token that was given away is known again after a crash.
    fn token(&self, task: TaskId) -> Text;
}

/// What the world says to an execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Stimulus {
    /// Begin. Nothing happens to an execution that has begun.
    Start,
    /// A worker took an activity's task.
    TaskStarted {
        /// Which task.
        task: TaskId,
        /// The worker's name, as it gave it.
        worker_name: Option<Text>,
    },
    /// A task could not be given out at all: there is nobody to give it to.
    TaskScheduleFailed {
        /// Which task. One that is no longer open is ignored.
        task: TaskId,
        /// Why.
        reason: Reason,
    },
    /// The call that was to begin a job or a callback failed.
    TaskSubmitFailed {
        /// Which task. One that is no longer open is ignored.
        task: TaskId,
        /// Why.
        reason: Reason,
    },
    /// A job or a callback was begun; its end comes later.
    TaskSubmitted {
        /// Which task.
        task: TaskId,
        /// The call's answer.
        output: Payload,
    },
    /// A task ended well.
    TaskSucceeded {
        /// Which task. One that is no longer open is ignored.
        task: TaskId,
        /// Its answer.
        output: Payload,
    },
    /// A task ended badly.
    TaskFailed {
        /// Which task. One that is no longer open is ignored.
        task: TaskId,
        /// Why.
        reason: Reason,
    },
    /// A worker is alive.
    TaskHeartbeat {
        /// Which task. One that is no longer open is ignored.
        task: TaskId,
    },
    /// Time has passed: everything due at `now` happens.
    TimersDue,
    /// Go on from where it ended badly. Nothing happens to an execution that runs or has ended well.
    Redrive {
        /// What the caller names its request by, so that a repeat of it is known.
        client_token: Option<Text>,
    },
    /// End it now.
    Stop(Reason),
    /// Go on after a turn that ran out of its budget.
    Continue,
}

/// What the world must do once the decision's events are durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Run a task and report its end. After a crash it may be asked for again under the same id.
    RunTask(TaskRequest),
    /// The answer to this task no longer matters; running it further is waste, and no harm.
    CancelTask(TaskId),
}

/// What follows from a stimulus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// New events, in order, already applied to the execution.
    pub events: Vec<HistoryEvent>,
    /// To be done after the events are durable, in order.
    pub effects: Vec<Effect>,
    /// The turn's budget ran out: `Stimulus::Continue` is due.
    pub unfinished: bool,
}
