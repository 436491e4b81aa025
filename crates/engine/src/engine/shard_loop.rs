//! A shard's thread: takes what is sent to it, lets the shard decide, and passes on what follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use darkroom_asl::interpreter::Random;

use super::committer::Commit;
use super::known::KnownExecutions;
use super::load::ShardGauge;
use super::outlet::Outlet;
use super::thinkers::Thinkers;
use super::{Observer, ToShard, Vital};
use crate::clock::Clock;
use crate::logged::logged_as;
use crate::shard::{Input, Parked, Shard, Turn};
use crate::store::Store;

/// A shard's thread.
pub(super) struct Loop {
    pub(super) shard: Shard,
    pub(super) receiver: Receiver<ToShard>,
    pub(super) way_out: WayOut,
    pub(super) gauge: Arc<ShardGauge>,
    /// Parts of turns that are on their way to the disk.
    pub(super) committing: Arc<AtomicUsize>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random + Send + Sync>,
    pub(super) store: Arc<dyn Store>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) thinkers: Arc<Thinkers>,
    pub(super) known: Arc<KnownExecutions>,
    /// The way back to this loop.
    pub(super) back: Sender<ToShard>,
}

/// What becomes of a turn.
pub(super) enum WayOut {
    /// It is committed first: Standard executions.
    Committed(SyncSender<Commit>),
    /// It has nothing to commit, and leaves at once: Express executions.
    AtOnce(Outlet),
}

/// The longest that a shard sleeps before it looks at the clock again, should that have been set.
const SLEEP_MAX: Duration = Duration::from_secs(1);

impl Loop {
    pub(super) fn run(mut self) {
        while self.wait() {
            self.gauge.begin(&self.shard);
            let now = self.clock.now();
            if let Some(due) = self.shard.next_timer()
                && let Ok(late_ms) = u64::try_from(now.as_millis().saturating_sub(due.as_millis()))
            {
                self.observer.measured(Vital::Lag(Duration::from_millis(late_ms)));
            }
            let Turn { batch, releases, errands } = self.shard.turn(now, self.random.as_ref());
            self.report_parked();
            self.thinkers.take(errands, &self.back);
            match &self.way_out {
                WayOut::Committed(commits) => {
                    if batch.appends.is_empty() && releases.is_empty() {
                        continue;
                    }
                    self.committing.fetch_add(batch.appends.len(), Ordering::Relaxed);
                    if commits.send(Commit { batch, releases }).is_err() {
                        return;
                    }
                }
                WayOut::AtOnce(outlet) => {
                    if !batch.appends.is_empty() {
                        self.observer.committed(&batch.appends);
                    }
                    for release in releases {
                        if release.ended {
                            self.shard.push(Input::Settled(vec![release.key]));
                        }
                        outlet.release(release);
                    }
                }
            }
        }
    }

    /// Waits until there is something to do, and takes all that is there. `false` when it is to end.
    fn wait(&mut self) -> bool {
        self.gauge.end(&self.shard);
        if !self.shard.has_inputs() {
            match self.receiver.recv_timeout(self.patience()) {
                Ok(ToShard::Input(input)) => self.shard.push(input),
                Ok(ToShard::Close) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        while let Ok(message) = self.receiver.try_recv() {
            match message {
                ToShard::Input(input) => self.shard.push(input),
                ToShard::Close => return false,
            }
        }
        true
    }

    fn patience(&self) -> Duration {
        let Some(deadline) = self.shard.next_deadline() else { return SLEEP_MAX };
        let left = deadline.as_millis().saturating_sub(self.clock.now().as_millis());
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(SLEEP_MAX)
    }

    fn report_parked(&mut self) {
        for parked in self.shard.take_parked() {
            let Parked { key, arn, trace_header, reason } = &parked;
            let _around = logged_as(arn, trace_header.as_deref()).entered();
            tracing::error!(reason, "an execution is set aside; its history is intact");
            if !key.is_express()
                && let Err(error) = self.store.park(*key, Some(reason))
            {
                tracing::error!(%error, "the reason could not be stored");
            }
            self.known.forget(arn);
            self.observer.parked(&parked);
        }
    }
}
