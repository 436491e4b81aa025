//! What the image functions reach where they run as Lambda functions: a bucket and a table by AWS's own APIs.
//!
//! [`Reach`] makes the calls, through whatever [`Endpoint`](darkroom_services::endpoint::Endpoint) it is given: AWS, or
//! the services of a server. With the feature `bootstrap` there are the five functions' programs, too
//! (`src/bin/`), which read from the environment where everything is.

mod bucket;
mod reach;
#[cfg(feature = "bootstrap")]
pub mod runtime;
mod settings;
mod table;

pub use bucket::S3Objects;
pub use reach::Reach;
pub use settings::{SettingsError, functions};
