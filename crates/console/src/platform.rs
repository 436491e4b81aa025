//! What the console does not know itself: photos, and the services beside the engine.

use bytes::Bytes;
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
