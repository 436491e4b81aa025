//! What a page can fail with.

use darkroom_engine::store::StoreError;
use darkroom_engine::{EngineError, ResourceError};

use crate::platform::PlatformError;

/// Why there is no page, or why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// There is nothing of this name.
    #[error("{0} is not there")]
    NotFound(String),
    /// What was asked for cannot be done, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A state machine cannot be reached or changed.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// Another service, or the photos, failed.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The engine is being stopped.
    #[error("the server is stopping")]
    Stopping,
    /// A fault of ours.
    #[error("the page could not be made: this is a fault of the console")]
    Panicked,
}
