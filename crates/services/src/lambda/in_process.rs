//! A function that is code of this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Function, Invocation, Outcome};
use crate::wire::Fault;

/// The code: from the payload's text to the result's, or to the type and message of its error.
pub type Code = dyn Fn(&str) -> Result<String, (String, String)> + Send + Sync;

/// Code behind a bound on how many calls run at once. Calls wait their turn; each has a thread while it runs.
pub struct InProcess {
    code: Arc<Code>,
    places: Arc<Semaphore>,
    is_persistent: bool,
}

impl InProcess {
    /// A function of this code. A call runs when it has got one of these places, which functions may share.
    pub fn new(code: Arc<Code>, places: Arc<Semaphore>) -> Self {
        Self { code, places, is_persistent: false }
    }

    /// The same, for code whose failures all pass: asynchronous calls are tried until one succeeds.
    #[must_use]
    pub fn persistent(self) -> Self {
        Self { is_persistent: true, ..self }
    }
}

impl Function for InProcess {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>> {
        Box::pin(async move {
            // The semaphore is never closed; a closed one would only mean that nobody counts.
            let _place = self.places.acquire().await;
            let code = self.code.clone();
            let run = move || {
                let event = String::from_utf8_lossy(&invocation.payload);
                catch_unwind(AssertUnwindSafe(|| code(&event)))
            };
            Ok(match tokio::task::spawn_blocking(run).await {
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

    fn is_persistent(&self) -> bool {
        self.is_persistent
    }
}
