//! What happens apart from any execution: a state that is tested on its own. Nothing of it is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use darkroom_asl::interpreter::{Identity, Limits, Surroundings, TaskRequest};

use super::{Config, Engine};
use crate::clock::stopwatch;
use crate::executor::{Answer, Invocation, TaskExecutor};
use crate::store::ExecutionKey;
use crate::token::Tokens;

/// The number that no execution has: a token made with it is nobody's.
const NO_EXECUTION: ExecutionKey = ExecutionKey(0);

/// The parts of an engine that need no store.
pub(super) struct Apart {
    executor: Arc<dyn TaskExecutor>,
    limits: Limits,
    /// The last number that was given to a call.
    last_key: AtomicI64,
}

/// A call that is out. Dropped, it is given up: its answer no longer matters.
pub struct Call {
    executor: Arc<dyn TaskExecutor>,
    key: ExecutionKey,
    request: TaskRequest,
}

impl Apart {
    pub(super) fn new(config: &Config) -> Self {
        Self { executor: config.executor.clone(), limits: config.limits.clone(), last_key: AtomicI64::new(0) }
    }
}

impl Engine {
    /// Does something that depends on the time, on chance and on this engine's bounds, as a decision does. It may
    /// take as long as expressions may.
    pub fn in_surroundings<T>(&self, work: impl FnOnce(Surroundings<'_>) -> T) -> T {
        let tokens = Tokens { secret: &self.secret, key: NO_EXECUTION };
        work(Surroundings {
            now: self.clock.now(),
            random: &*self.random,
            tokens: &tokens,
            stopwatch,
            limits: &self.apart.limits,
            deleting: false,
            is_in_a_hurry: false,
        })
    }

    /// Has a task run that belongs to no execution, once. Returns at once; the answer comes when it comes.
    pub fn call(&self, identity: Arc<Identity>, request: TaskRequest, answer: Answer) -> Call {
        // Below those of executions, so that giving up one gives up no other.
        let key = ExecutionKey(self.apart.last_key.fetch_sub(1, Ordering::Relaxed) - 1);
        let executor = self.apart.executor.clone();
        executor.start(Invocation { key, identity, request: request.clone() }, answer);
        Call { executor, key, request }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.executor.cancel(self.key, self.request.id);
    }
}
