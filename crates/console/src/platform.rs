//! What the console does not know itself: photos, and the services beside the engine.

use std::ops::Range;

use bytes::Bytes;
use darkroom_asl::data::Timestamp;
use darkroom_asl::json::Text;
use futures::future::BoxFuture;
use http::{Request, Response};

/// What is around the engine.
pub trait Platform: Send + Sync + 'static {
    /// Sends a request to a service by its name in signatures, such as `sqs`; the URI is its path and query alone.
    fn call<'a>(
        &'a self,
        service: &'a str,
        request: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, PlatformError>>;

    /// At most `limit` photos, those that were put in last first, and whether there are more. May wait for a store.
    fn photos(&self, limit: usize) -> Result<(Vec<Photo>, bool), PlatformError>;

    /// Takes a photo in, as its owner called it, and answers the ARN of the execution that processes it.
    fn upload(&self, file_name: String, bytes: Bytes) -> BoxFuture<'_, Result<Text, PlatformError>>;

    /// The bytes of a photo that [`Platform::photos`] names, and their media type.
    fn picture<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(Bytes, &'static str), PlatformError>>;

    /// What goes on in a function of this server, with at most so many lines of what it wrote last. `None` where it
    /// has not been called yet, or is somewhere else.
    fn function(&self, name: &str, lines_max: usize) -> Option<FunctionActivity>;

    /// How long the executions took that ended in these minutes, which are counted from 1970.
    fn durations(&self, minutes: Range<i64>) -> Durations;

    /// At most so many deliveries of topics and rules that wait, and the attempts that failed last.
    fn deliveries(&self, waiting_max: usize) -> BoxFuture<'_, Result<Deliveries, PlatformError>>;

    /// At most so many letters of the queue of dead letters, those that ended last first. May wait for it.
    fn dead_letters(&self, max: usize) -> Result<Vec<DeadLetter>, PlatformError>;

    /// Lets the executions of these ARNs, or of all letters, go on or start again. Answers why not, for each that
    /// stays as it is. May wait.
    fn redrive_dead_letters(&self, arns: &[String]) -> Result<Vec<String>, PlatformError>;

    /// Deletes the letters of the executions of these ARNs, or all. May wait.
    fn purge_dead_letters(&self, arns: &[String]) -> Result<(), PlatformError>;

    /// Where AWS's clients reach the server.
    fn endpoint_url(&self) -> &str;

    /// The region of what has none of its own.
    fn region(&self) -> &str;
}

/// What is around the engine did not do as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlatformError(pub String);

/// A photo.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Its id.
    pub image_id: String,
    /// Whose it is.
    pub user_id: String,
    /// As its owner called it.
    pub file_name: Option<String>,
    /// Where it stands.
    pub status: PhotoStatus,
    /// The key of the original.
    pub original: Option<String>,
    /// What was made of it: a word for each, and its key.
    pub outputs: Vec<(String, String)>,
    /// What is known of the picture itself, such as its size: a word and a text for each.
    pub facts: Vec<(String, String)>,
    /// When its record last changed, in RFC 3339.
    pub updated_at: String,
    /// The name of its execution.
    pub execution: Option<Text>,
}

/// Where a photo stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhotoStatus {
    /// It is being processed.
    Processing,
    /// It is done.
    Completed,
    /// A step failed.
    Failed {
        /// Which.
        step: String,
        /// Why, in words for its owner.
        reason: String,
    },
}

/// What goes on in a function, since the server was started.
#[derive(Clone, Debug, Default)]
pub struct FunctionActivity {
    /// Calls that are under way.
    pub under_way: u32,
    /// The most that were under way at once.
    pub under_way_max: u32,
    /// Calls that it has answered, well or not.
    pub invocations: u64,
    /// Of these, those that failed.
    pub errors: u64,
    /// Calls that were refused, since there were too many.
    pub throttles: u64,
    /// The call that ended last.
    pub last: Option<LastCall>,
    /// What it wrote, and when, oldest first.
    pub lines: Vec<(Timestamp, String)>,
}

/// A call of a function that has ended.
#[derive(Clone, Copy, Debug)]
pub struct LastCall {
    /// When.
    pub ended_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Whether the function failed.
    pub is_error: bool,
}

/// How long executions took.
#[derive(Clone, Debug, Default)]
pub struct Durations {
    /// All of them; nothing where there are none.
    pub all: Option<Spread>,
    /// By the minute, oldest first. Minutes in which none ended are left out.
    pub minutes: Vec<(i64, Spread)>,
}

/// How durations are spread, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
}

/// What topics and rules have to deliver.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    /// What waits, those first that are due first.
    pub waiting: Vec<WaitingDelivery>,
    /// How much waits altogether.
    pub waiting_count: u64,
    /// Attempts that failed, the newest first.
    pub failures: Vec<FailedDelivery>,
}

/// A delivery that has not been made yet.
#[derive(Clone, Debug)]
pub struct WaitingDelivery {
    /// What kind of receiver, such as `sqs`.
    pub kind: &'static str,
    /// Which: its ARN, URL or address.
    pub to: String,
    /// Attempts that have failed.
    pub attempts: u32,
    /// When it was caused.
    pub made_at: Timestamp,
    /// When it is tried next. `None` where another one must be made before it.
    pub due_at: Option<Timestamp>,
}

/// An attempt to deliver that failed.
#[derive(Clone, Debug)]
pub struct FailedDelivery {
    /// When.
    pub at: Timestamp,
    /// What kind of receiver, such as `sqs`.
    pub kind: &'static str,
    /// Which: its ARN, URL or address.
    pub to: String,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Why.
    pub reason: String,
    /// Whether no further one follows.
    pub is_last: bool,
}

/// An execution that ended badly, as its letter tells of it.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The execution's ARN.
    pub arn: Text,
    /// The execution's name.
    pub name: String,
    /// How it ended, as AWS's API says it.
    pub status: String,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How often it has been redriven.
    pub redrive_count: u32,
    /// The error's name.
    pub error: Option<String>,
    /// Why, in words.
    pub cause: Option<String>,
}
