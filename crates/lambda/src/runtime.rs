//! A function as a program that speaks Lambda's Runtime API.

use darkroom_functions::FunctionName;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tokio::runtime::Builder;

use crate::settings::{SettingsError, functions};

/// Threads that wait for answers. A function's own work has a thread beside.
const THREADS: usize = 2;

/// Why the program ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There are no threads.
    #[error("the threads cannot be started: {0}")]
    Threads(#[from] std::io::Error),
    /// The environment lacks something.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Lambda could not be talked to.
    #[error("the Runtime API failed: {0}")]
    Runtime(String),
}

/// Serves the function's invocations until Lambda ends the process.
pub fn run(function: FunctionName) -> Result<(), RunError> {
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let functions = functions(|name| std::env::var(name).ok(), runtime.handle())?;
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let functions = functions.clone();
        async move {
            let work = move || functions.invoke(function, event.payload.get());
            match tokio::task::spawn_blocking(work).await {
                Ok(Ok(answer)) => {
                    RawValue::from_string(answer).map_err(|error| failed("Runtime.ExitError", &error))
                }
                Ok(Err(error)) => Err(failed(error.error_type(), &error)),
                Err(panicked) => Err(failed("Runtime.ExitError", &panicked)),
            }
        }
    });
    runtime.block_on(lambda_runtime::run(handler)).map_err(|error| RunError::Runtime(error.to_string()))
}

fn failed(error_type: &str, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: error.to_string() }
}
