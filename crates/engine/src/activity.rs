//! Activities' queues: tasks that wait for a worker, and workers that wait for a task.
//!
//! A task is in its queue while it is open and nobody has it; that follows from its history, so a queue is kept
//! in memory and filled again after a crash. Of the two that meet, the task is first asked for in its execution:
//! only when `ActivityStarted` is durable does the worker get it. A worker that has gone by then has not seen it,
//! and it goes to the next.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use darkroom_asl::interpreter::TaskId;
use darkroom_asl::json::{Payload, Text};

use crate::shard::TakeReply;
use crate::store::ExecutionKey;
use crate::token::TokenSecret;

/// A task as a worker gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityTask {
    /// What the worker reports with.
    pub token: Text,
    /// What it is to work on.
    pub input: Payload,
}

/// A worker that waits for a task. It is asked on threads of the engine, and must not wait.
pub trait Poller: Send {
    /// The name it goes by.
    fn worker_name(&self) -> Option<Text>;

    /// Whether somebody is still there to take a task.
    fn is_waiting(&self) -> bool;

    /// Gives it a task, or the task back where nobody is there any more.
    fn give(self: Box<Self>, task: ActivityTask) -> Result<(), ActivityTask>;
}

/// There are as many pollers of the activity as there may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyPollers;

/// A task that waits for a worker.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) key: ExecutionKey,
    /// The execution's ARN.
    pub(crate) arn: Text,
    pub(crate) task: TaskId,
    pub(crate) input: Payload,
}

/// Asks a task's execution to start it for the worker of this name.
pub(crate) type Ask = Box<dyn Fn(&Waiting, Option<Text>, TakeReply) + Send + Sync>;

/// The queues of all activities.
pub(crate) struct Activities {
    secret: TokenSecret,
    ask: Ask,
    queues: Mutex<Queues>,
    /// Itself, for what is answered later.
    own: Weak<Self>,
}

#[derive(Default)]
struct Queues {
    by_activity: HashMap<Text, Queue>,
    places: HashMap<(ExecutionKey, TaskId), (Text, i64)>,
    /// Numbers of the first and the last place that was given: tasks that come back go to the front.
    first: i64,
    last: i64,
}

#[derive(Default)]
struct Queue {
    tasks: BTreeMap<i64, Offer>,
    pollers: VecDeque<Box<dyn Poller>>,
}

/// A task, and whether its start is durable: then a worker that was to have it has gone.
struct Offer {
    waiting: Waiting,
    is_started: bool,
}

/// AWS: "Quotas", pollers of one activity.
const POLLERS_MAX: usize = 1_000;

impl Activities {
    pub(crate) fn new(secret: TokenSecret, ask: Ask) -> Arc<Self> {
        Arc::new_cyclic(|own| Self { secret, ask, queues: Mutex::default(), own: own.clone() })
    }

    /// A task waits for a worker: the last of its activity's queue.
    pub(crate) fn offer(&self, activity: &Text, waiting: Waiting) {
        self.put(activity, Offer { waiting, is_started: false }, Queues::last_place);
    }

    /// The task is closed: nobody needs to take it.
    pub(crate) fn withdraw(&self, key: ExecutionKey, task: TaskId) {
        let mut queues = self.lock();
        if let Some((activity, place)) = queues.places.remove(&(key, task))
            && let Some(queue) = queues.by_activity.get_mut(&activity)
        {
            queue.tasks.remove(&place);
            queues.tidy(&activity);
        }
    }

    /// How many tasks wait for a worker.
    pub(crate) fn tasks_waiting(&self) -> usize {
        self.lock().places.len()
    }

    /// A worker waits for a task.
    pub(crate) fn poll(&self, activity: &Text, poller: Box<dyn Poller>) -> Result<(), TooManyPollers> {
        let mut queues = self.lock();
        let queue = queues.by_activity.entry(activity.clone()).or_default();
        queue.pollers.retain(|poller| poller.is_waiting());
        if queue.pollers.len() >= POLLERS_MAX {
            return Err(TooManyPollers);
        }
        queue.pollers.push_back(poller);
        drop(queues);
        self.match_up(activity);
        Ok(())
    }

    fn put(&self, activity: &Text, offer: Offer, place: fn(&mut Queues) -> i64) {
        let mut queues = self.lock();
        let place = place(&mut queues);
        queues.places.insert((offer.waiting.key, offer.waiting.task), (activity.clone(), place));
        queues.by_activity.entry(activity.clone()).or_default().tasks.insert(place, offer);
        drop(queues);
        self.match_up(activity);
    }

    /// Brings tasks and workers together, as long as there are both. Nothing is asked or given under the lock.
    fn match_up(&self, activity: &Text) {
        loop {
            let Some((offer, poller)) = self.lock().next_pair(activity) else { return };
            if offer.is_started {
                self.give(activity, offer.waiting, poller);
            } else {
                self.start(activity, offer.waiting, poller);
            }
        }
    }

    fn start(&self, activity: &Text, waiting: Waiting, poller: Box<dyn Poller>) {
        let (activity, own, asked) = (activity.clone(), self.own.clone(), waiting.clone());
        let worker_name = poller.worker_name();
        let reply = Box::new(move |taken: Result<bool, _>| {
            let Some(own) = own.upgrade() else { return };
            match taken {
                Ok(true) => own.give(&activity, waiting, poller),
                // It was closed meanwhile, or its execution is another writer's: the worker gets another.
                Ok(false) | Err(_) => own.wait_on(&activity, poller),
            }
        });
        (self.ask)(&asked, worker_name, reply);
    }

    fn give(&self, activity: &Text, waiting: Waiting, poller: Box<dyn Poller>) {
        let token = self.secret.token(waiting.key, waiting.task);
        let task = ActivityTask { token, input: waiting.input.clone() };
        if poller.give(task).is_err() {
            self.put(activity, Offer { waiting, is_started: true }, Queues::first_place);
        }
    }

    /// A worker whose task was none goes on waiting, before all others.
    fn wait_on(&self, activity: &Text, poller: Box<dyn Poller>) {
        self.lock().by_activity.entry(activity.clone()).or_default().pollers.push_front(poller);
        self.match_up(activity);
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn next_pair(&mut self, activity: &Text) -> Option<(Offer, Box<dyn Poller>)> {
        let queue = self.by_activity.get_mut(activity)?;
        while queue.pollers.front().is_some_and(|poller| !poller.is_waiting()) {
            queue.pollers.pop_front();
        }
        let pair = if queue.pollers.is_empty() {
            None
        } else {
            queue.tasks.pop_first().and_then(|(_, offer)| Some((offer, queue.pollers.pop_front()?)))
        };
        if let Some((offer, _)) = &pair {
            self.places.remove(&(offer.waiting.key, offer.waiting.task));
        }
        self.tidy(activity);
        pair
    }

    /// Keeps no queue in which nobody and nothing waits.
    fn tidy(&mut self, activity: &Text) {
        if self
            .by_activity
            .get(activity)
            .is_some_and(|queue| queue.tasks.is_empty() && queue.pollers.is_empty())
        {
            self.by_activity.remove(activity);
        }
    }

    fn last_place(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    fn first_place(&mut self) -> i64 {
        self.first -= 1;
        self.first
    }
}

#[cfg(test)]
mod tests;
