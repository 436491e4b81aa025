//! What a shard hands out: one turn, with all that is to be committed and all that is to be let out then.

use std::collections::HashMap;
use std::sync::Arc;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::EventId;
use darkroom_asl::interpreter::{Effect, Identity};
use darkroom_asl::json::Text;

use super::away::Errand;
use super::input::{EndReply, Outcome, Reply};
use crate::store::{Append, Batch, ExecutionKey};

/// One turn's result: `batch` is to be committed, and then each release let out, in order.
#[derive(Default)]
pub struct Turn {
    /// What to commit.
    pub batch: Batch,
    /// What to let out then.
    pub releases: Vec<Release>,
    /// What is to be decided elsewhere, without waiting for the commit.
    pub errands: Vec<Errand>,
}

/// What an execution owes the world once its part of the batch is durable.
pub struct Release {
    /// The execution.
    pub key: ExecutionKey,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Tasks to run and to cancel, in order.
    pub effects: Vec<Effect>,
    /// Callers to answer.
    pub replies: Vec<Reply>,
    /// Whether it has ended.
    pub ended: bool,
    /// Whether it need not be kept in memory, once this is durable: its last event then.
    pub rests_at: Option<EventId>,
}

/// An execution that was set aside: it does not go on, and its history stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The execution.
    pub key: ExecutionKey,
    /// Its ARN.
    pub arn: Text,
    /// The trace that it belongs to, if it does.
    pub trace_header: Option<Text>,
    /// What went wrong in deciding.
    pub reason: String,
}

impl Parked {
    /// An execution that is set aside for this reason.
    pub(crate) fn of(key: ExecutionKey, identity: &Identity, reason: String) -> Self {
        let Identity { execution_arn, trace_header, .. } = identity;
        Self { key, arn: execution_arn.clone(), trace_header: trace_header.clone(), reason }
    }
}

/// A turn under construction.
pub(super) struct Building {
    pub(super) now: Timestamp,
    pub(super) turn: Turn,
    /// Where each execution stands in the batch, and among the releases.
    append_at: HashMap<ExecutionKey, usize>,
    release_at: HashMap<ExecutionKey, usize>,
}

impl Release {
    /// Tells of the execution's end when it is let out.
    pub(super) fn tell(&mut self, watcher: EndReply, outcome: Arc<Outcome>) {
        self.replies.push(Box::new(move |committed| {
            if committed.is_ok() {
                watcher(Some(outcome));
            }
        }));
    }
}

impl Building {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, turn: Turn::default(), append_at: HashMap::new(), release_at: HashMap::new() }
    }

    pub(super) fn append(&mut self, key: ExecutionKey, identity: &Arc<Identity>) -> &mut Append {
        let appends = &mut self.turn.batch.appends;
        let place = *self.append_at.entry(key).or_insert_with(|| {
            appends.push(Append {
                key,
                identity: identity.clone(),
                start: None,
                redrive: None,
                sleep: None,
                events: Vec::new(),
                end: None,
            });
            appends.len() - 1
        });
        &mut appends[place]
    }

    pub(super) fn release(&mut self, key: ExecutionKey, identity: &Arc<Identity>) -> &mut Release {
        let releases = &mut self.turn.releases;
        let place = *self.release_at.entry(key).or_insert_with(|| {
            releases.push(Release {
                key,
                identity: identity.clone(),
                effects: Vec::new(),
                replies: Vec::new(),
                ended: false,
                rests_at: None,
            });
            releases.len() - 1
        });
        &mut releases[place]
    }

    /// Takes back an execution's part of the batch.
    pub(super) fn withdraw(&mut self, key: ExecutionKey) {
        if let Some(place) = self.append_at.get(&key) {
            let append = &mut self.turn.batch.appends[*place];
            append.start = None;
            append.redrive = None;
            append.events.clear();
            append.end = None;
            append.sleep = None;
        }
    }
}
