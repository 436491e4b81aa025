//! Threads that decide for executions whose expressions may take long, so that no shard waits for them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use darkroom_asl::interpreter::Random;

use super::{ToShard, spawn};
use crate::shard::Errand;

/// A fixed number of threads. What waits for one waits in memory, and is no more than the executions are.
pub(super) struct Thinkers {
    errands: Option<Sender<(Errand, Sender<ToShard>)>>,
    threads: Vec<JoinHandle<()>>,
}

impl Thinkers {
    pub(super) fn new(threads: usize, random: &Arc<dyn Random + Send + Sync>) -> std::io::Result<Self> {
        let (errands, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..threads.max(1))
            .map(|number| {
                let (receiver, random) = (receiver.clone(), random.clone());
                spawn(format!("thinker-{number}"), move || think(&receiver, random.as_ref()))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { errands: Some(errands), threads })
    }

    /// Has errands run; each execution goes back where it came from.
    pub(super) fn take(&self, errands: Vec<Errand>, back: &Sender<ToShard>) {
        for errand in errands {
            if let Some(sender) = &self.errands {
                // There are receivers as long as there are threads, and those live as long as this does.
                let _ = sender.send((errand, back.clone()));
            }
        }
    }
}

impl Drop for Thinkers {
    fn drop(&mut self) {
        self.errands = None;
        for thread in self.threads.drain(..) {
            // A thinker does not panic: deciding is caught.
            let _ = thread.join();
        }
    }
}

fn think(errands: &Mutex<Receiver<(Errand, Sender<ToShard>)>>, random: &(dyn Random + Send + Sync)) {
    loop {
        let next = errands.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((errand, back)) = next else { return };
        // A loop that has gone reads its executions back at its next start.
        let _ = back.send(ToShard::Input(errand.run(random)));
    }
}
