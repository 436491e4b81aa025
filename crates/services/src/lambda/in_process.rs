//! A function that is code of this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Function, Invocation, Outcome};
use crate::error::ServicesError;
use crate::wire::Fault;

/// The code: from the payload's text to the result's, or to the type and message of its error.
pub type Code = dyn Fn(&str) -> Result<String, (String, String)> + Send + Sync;

/// A fixed number of threads that run calls one after the other.
///
/// They are functions' own, and not the runtime's for whatever blocks: what a thread has once taken for a picture, it
/// keeps, and there would be hundreds of them. When the last handle is gone they end with what they are at.
pub struct Workers {
    jobs: Sender<Job>,
    threads: usize,
}

type Job = Box<dyn FnOnce() + Send>;

impl Workers {
    /// Starts so many threads of this name.
    pub fn start(name: &str, threads: usize) -> Result<Arc<Self>, ServicesError> {
        let (jobs, waiting) = channel();
        let (waiting, threads) = (Arc::new(Mutex::new(waiting)), threads.max(1));
        for number in 0..threads {
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || work_off(&waiting))
                .map_err(ServicesError::Thread)?;
        }
        Ok(Arc::new(Self { jobs, threads }))
    }
}

fn work_off(waiting: &Mutex<Receiver<Job>>) {
    loop {
        // Nothing that holds the lock can panic half-way. Who waits for a job holds it, and the others wait for him.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job();
    }
}

/// Code that is run by workers, which functions may share. Calls wait their turn.
pub struct InProcess {
    code: Arc<Code>,
    workers: Arc<Workers>,
}

impl InProcess {
    /// A function of this code.
    pub fn new(code: Arc<Code>, workers: Arc<Workers>) -> Self {
        Self { code, workers }
    }
}

impl Function for InProcess {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>> {
        Box::pin(async move {
            let code = self.code.clone();
            let (tell, told) = oneshot::channel();
            let job = move || {
                // Of a call that was given up while it waited nobody wants to know.
                if !tell.is_closed() {
                    let event = String::from_utf8_lossy(&invocation.payload);
                    let _ = tell.send(catch_unwind(AssertUnwindSafe(|| code(&event))));
                }
            };
            // The threads live as long as the sender does.
            let _ = self.workers.jobs.send(Box::new(job));
            Ok(match told.await {
                Ok(Ok(Ok(result))) => Outcome { payload: result.into(), ..Outcome::default() },
                Ok(Ok(Err((error_type, message)))) => {
                    Outcome { error: Some("Handled"), ..Outcome::failed(&error_type, &message) }
                }
                Ok(Err(_)) | Err(_) => Outcome::failed("Runtime.ExitError", "the function panicked"),
            })
        })
    }

    fn describe(&self) -> Value {
        json!({ "Runtime": "provided.al2023", "Handler": "bootstrap" })
    }

    /// Of its workers, which others may share.
    fn concurrency(&self) -> Option<usize> {
        Some(self.workers.threads)
    }
}
