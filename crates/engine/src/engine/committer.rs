//! The committer: makes turns durable, many in one commit, and lets out what was waiting for it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::health::Health;
use super::known::KnownExecutions;
use super::outlet::Outlet;
use super::{Observer, Vital};
use crate::logged::logged;
use crate::shard::{Input, Parked, Release};
use crate::store::{Append, Batch, ExecutionKey, Store, StoreError};

/// A turn on its way to the disk.
pub(super) struct Commit {
    pub(super) batch: Batch,
    pub(super) releases: Vec<Release>,
}

pub(super) struct Committer {
    store: Arc<dyn Store>,
    observer: Arc<dyn Observer>,
    outlet: Outlet,
    known: Arc<KnownExecutions>,
    health: Health,
    /// Parts of turns that were sent here and are not durable yet: each shard counts up, and this down.
    committing: Arc<AtomicUsize>,
    /// Executions that are not written any further. What is still on its way of them is dropped.
    lost: HashMap<ExecutionKey, Lost>,
}

/// Why an execution is not written any further.
enum Lost {
    /// Another writer has taken it over.
    Taken,
    /// The store cannot hold what follows in it.
    Refused(String),
}

/// Appends that one commit takes at most: beyond that, its size costs more than the sync it saves.
const COMMIT_APPENDS_MAX: usize = 16_384;
/// How long to wait before a store that was not available is asked again: doubled each time, up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(5);

impl Committer {
    /// One that says in `health` whether the store takes commits.
    pub(super) fn new(
        store: Arc<dyn Store>,
        observer: Arc<dyn Observer>,
        outlet: Outlet,
        known: Arc<KnownExecutions>,
        health: Health,
        committing: Arc<AtomicUsize>,
    ) -> Self {
        Self { store, observer, outlet, known, health, committing, lost: HashMap::new() }
    }

    /// Runs until every shard has gone and all they sent is durable.
    pub(super) fn run(mut self, turns: &Receiver<Commit>) {
        while let Ok(first) = turns.recv() {
            let mut group = Group::default();
            group.add(first);
            while group.batch.appends.len() < COMMIT_APPENDS_MAX
                && let Ok(next) = turns.try_recv()
            {
                group.add(next);
            }
            let parts = group.parts;
            if self.commit(group).is_break() {
                return;
            }
            self.committing.fetch_sub(parts, Ordering::Relaxed);
        }
    }

    fn commit(&mut self, group: Group) -> ControlFlow<()> {
        let Group { mut batch, releases, .. } = group;
        batch.appends.retain(|append| {
            let is_empty = append.start.is_none() && append.events.is_empty() && append.end.is_none();
            !is_empty && !self.lost.contains_key(&append.key)
        });
        self.write(&mut batch)?;
        self.let_out(&batch, releases);
        ControlFlow::Continue(())
    }

    /// Commits the batch, however often it takes, or until the engine is to end: what is not durable then never
    /// happened. Executions that are another writer's are taken out.
    fn write(&mut self, batch: &mut Batch) -> ControlFlow<()> {
        let (mut patience, mut is_ill) = (RETRY_FIRST, false);
        while !batch.appends.is_empty() {
            let begun = Instant::now();
            match self.store.commit(batch) {
                Ok(()) => {
                    let vital = Vital::Commit { took: begun.elapsed(), appends: batch.appends.len() };
                    self.observer.measured(vital);
                    break;
                }
                Err(StoreError::Conflict { key }) => {
                    let appends = std::mem::take(&mut batch.appends).into_iter();
                    let (taken, rest): (Vec<Append>, _) = appends.partition(|append| append.key == key);
                    batch.appends = rest;
                    for append in taken {
                        let _around = logged(&append.identity).entered();
                        tracing::error!("another writer owns this execution; it is let go");
                    }
                    self.lost.insert(key, Lost::Taken);
                }
                Err(StoreError::Refused { key, reason }) => self.set_aside(batch, key, reason),
                Err(error) => {
                    is_ill = true;
                    self.health.fell(&error);
                    if self.health.is_closing() {
                        tracing::error!(%error, "the last commit failed; what is in it is given up");
                        return ControlFlow::Break(());
                    }
                    tracing::error!(%error, retry_in = ?patience, "a commit failed; nothing is let out before it succeeds");
                    std::thread::sleep(patience);
                    patience = (patience * 2).min(RETRY_LAST);
                }
            }
        }
        if is_ill {
            tracing::warn!("the store takes commits again");
            self.health.rose();
        }
        ControlFlow::Continue(())
    }

    /// Takes an execution out of the batch whose part can never be written. Its history stays as it was.
    fn set_aside(&mut self, batch: &mut Batch, key: ExecutionKey, reason: String) {
        let place = batch.appends.iter().position(|append| append.key == key);
        if let Some(append) = place.map(|place| batch.appends.remove(place)) {
            let _around = logged(&append.identity).entered();
            tracing::error!(reason, "an execution is set aside: its next events cannot be written");
            if append.start.is_none()
                && let Err(error) = self.store.park(key, Some(&reason))
            {
                tracing::error!(%error, "the reason could not be stored");
            }
            self.known.forget(&append.identity.execution_arn);
            self.observer.parked(&Parked::of(key, &append.identity, reason.clone()));
        }
        self.lost.insert(key, Lost::Refused(reason));
    }

    fn let_out(&self, batch: &Batch, releases: Vec<Release>) {
        self.known.committed(&batch.appends);
        if !batch.appends.is_empty() {
            self.observer.committed(&batch.appends);
        }
        for release in releases {
            self.release(release);
        }
    }

    fn release(&self, release: Release) {
        let key = release.key;
        if let Some(lost) = self.lost.get(&key) {
            for reply in release.replies {
                reply(Err(match lost {
                    Lost::Taken => StoreError::Conflict { key },
                    Lost::Refused(reason) => StoreError::Refused { key, reason: reason.clone() },
                }));
            }
            self.outlet.tell(key, &release.identity, Input::Lost(key));
            return;
        }
        if release.ended {
            self.outlet.tell(key, &release.identity, Input::Settled(vec![key]));
        }
        if let Some(last) = release.rests_at {
            self.outlet.tell(key, &release.identity, Input::Rested(key, last));
        }
        self.outlet.release(release);
    }
}

/// Turns that become durable together.
#[derive(Default)]
struct Group {
    batch: Batch,
    releases: Vec<Release>,
    /// Where each execution stands in the batch.
    places: HashMap<ExecutionKey, usize>,
    /// Parts of turns that went into it.
    parts: usize,
}

impl Group {
    /// Puts one turn's appends behind those of earlier turns, so that an execution stands in the batch once.
    fn add(&mut self, commit: Commit) {
        self.releases.extend(commit.releases);
        self.parts += commit.batch.appends.len();
        let appends = &mut self.batch.appends;
        for append in commit.batch.appends {
            let place = *self.places.entry(append.key).or_insert(appends.len());
            match appends.get_mut(place) {
                Some(earlier) => {
                    // A redrive is asked for when the end before it is durable, so there is none in the same batch.
                    earlier.redrive = earlier.redrive.or(append.redrive);
                    earlier.events.extend(append.events);
                    earlier.end = append.end.or(earlier.end.take());
                    earlier.sleep = append.sleep.or(earlier.sleep);
                }
                None => appends.push(append),
            }
        }
    }
}
