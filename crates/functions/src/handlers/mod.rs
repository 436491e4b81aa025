//! The functions as a workflow calls them: an event in, an answer out, both JSON text.
//!
//! Each handler reads its event, fetches the object, calls the plain function, stores the result and updates
//! the record, in this order, so that what an answer or a record names is durable before it is named. Every
//! handler may be called again with the same event, after a crash half-way or at the same time: object keys
//! and contents are functions of the event and the upload, and the records' changes are idempotent.

mod cleanup;
mod error_handler;
mod resize;
mod validation;
mod watermark;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Quality;
use crate::error::FunctionError;
use crate::limits::Limits;
use crate::objects::{Bucket, Objects};
use crate::records::ImageRecords;
use crate::resize::Size;
use crate::watermark::Watermark;

pub use resize::ResizedImage;
pub use watermark::WatermarkedImage;

/// The five functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionName {
    /// Is the upload a picture that can be processed?
    Validation,
    /// Makes the sizes.
    Resize,
    /// Writes the watermark over them.
    Watermark,
    /// Notes a failure in the image's record.
    ErrorHandler,
    /// Removes the outputs of a failed image.
    Cleanup,
}

impl FunctionName {
    /// All of them, in the workflow's order.
    pub const ALL: [Self; 5] =
        [Self::Validation, Self::Resize, Self::Watermark, Self::ErrorHandler, Self::Cleanup];

    /// The end of the function's name on AWS, behind the project's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Resize => "resize",
            Self::Watermark => "watermark",
            Self::ErrorHandler => "error-handler",
            Self::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A name that is none of the five.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no function {0:?}; the functions are validation, resize, watermark, error-handler and cleanup"
)]
pub struct UnknownFunction(pub String);

impl FromStr for FunctionName {
    type Err = UnknownFunction;

    fn from_str(name: &str) -> Result<Self, UnknownFunction> {
        Self::ALL
            .into_iter()
            .find(|function| function.as_str() == name)
            .ok_or_else(|| UnknownFunction(name.to_owned()))
    }
}

/// What the time is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the functions reach.
#[derive(Clone)]
pub struct Services {
    /// Uploads. It is only read.
    pub input: Arc<dyn Objects>,
    /// What is made of them.
    pub output: Arc<dyn Objects>,
    /// One record an image.
    pub records: Arc<dyn ImageRecords>,
    /// Stamps records.
    pub clock: Clock,
    /// What uploads are accepted.
    pub limits: Limits,
    /// What is made of them.
    pub options: Options,
}

impl Services {
    /// With the machine's clock, and the platform's limits and options.
    pub fn new(input: Arc<dyn Objects>, output: Arc<dyn Objects>, records: Arc<dyn ImageRecords>) -> Self {
        let clock: Clock = Arc::new(Timestamp::now);
        let (limits, options) = (Limits::default(), Options::default());
        Self { input, output, records, clock, limits, options }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Services")
            .field("limits", &self.limits)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What is made of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The sizes, in the order in which answers list them.
    pub sizes: Vec<Size>,
    /// Of the resized JPEGs.
    pub quality: Quality,
    /// What is written over them.
    pub watermark: Watermark,
}

impl Default for Options {
    fn default() -> Self {
        Self { sizes: Size::ALL.to_vec(), quality: Quality::default(), watermark: Watermark::default() }
    }
}

/// The five functions, and what they reach.
#[derive(Clone)]
pub struct Functions {
    services: Services,
    input: Bucket,
    output: Bucket,
}

impl Functions {
    /// Functions over these services. Cloning shares them.
    pub fn new(services: Services) -> Self {
        let input = Bucket { name: "input", objects: Arc::clone(&services.input) };
        let output = Bucket { name: "output", objects: Arc::clone(&services.output) };
        Self { services, input, output }
    }

    /// What they reach.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Calls a function: JSON text in, JSON text out. It works on the calling thread until it is done, so call
    /// it where blocking is allowed, from as many threads as there is memory for
    /// ([`memory_estimate`](crate::memory_estimate), [`Limits::decode_bytes_max`]).
    ///
    /// A plain thread is best. On a thread of a tokio runtime a folder's calls do their work on a further blocking
    /// thread of it, so a runtime whose blocking threads are all inside of calls like this one stands still.
    ///
    /// # Errors
    /// Whatever stands between the event and its answer; nothing is answered as if it had worked.
    pub fn invoke(&self, function: FunctionName, event: &str) -> Result<String, FunctionError> {
        match function {
            FunctionName::Validation => respond(function, event, |event| self.validation(event)),
            FunctionName::Resize => respond(function, event, |event| self.resize(event)),
            FunctionName::Watermark => respond(function, event, |event| self.watermark(event)),
            FunctionName::ErrorHandler => respond(function, event, |event| self.handle_error(event)),
            FunctionName::Cleanup => respond(function, event, |event| self.clean_up(event)),
        }
    }

    fn now(&self) -> Timestamp {
        (self.services.clock)()
    }
}

/// Reads the event, calls the handler, writes its answer.
fn respond<E: DeserializeOwned, A: Serialize>(
    function: FunctionName,
    event: &str,
    handler: impl FnOnce(E) -> Result<A, FunctionError>,
) -> Result<String, FunctionError> {
    let invalid = |error: serde_json::Error| invalid_event(function, error.to_string());
    let event = serde_json::from_str(event).map_err(invalid)?;
    let answer = handler(event)?;
    Ok(serde_json::to_string(&answer).expect("answers are structs with text keys"))
}

fn invalid_event(function: FunctionName, problem: impl Into<String>) -> FunctionError {
    FunctionError::InvalidEvent { function: function.as_str(), problem: problem.into() }
}

/// A step's `status` when it has done all of its work.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Completed,
}
