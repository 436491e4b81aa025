//! What is known of each image, and what was published: two small stores behind traits.
//!
//! A method's change is durable when it returns, and made wholly or not at all if we crash before. Each may be
//! called again with the same arguments, also at the same time, and leaves what one call would have left.

mod attribute;
mod dynamodb;
mod sqlite;
mod writer;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::handlers::{ResizedImage, WatermarkedImage};
use crate::keys::ImageKey;
use crate::validate::ImageMetadata;

pub use dynamodb::{DynamoDb, DynamoDbError, DynamoRecords};
pub use sqlite::SqliteRecords;

/// Where an image stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Validation has seen it.
    Processing,
    /// All its outputs are there.
    Completed,
    /// A step failed; `errorInfo` says which and why.
    Failed,
}

/// An image's record. Serialised, its members have the names of the table's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageRecord {
    /// With `user_id`, the key.
    pub image_id: String,
    /// With `image_id`, the key.
    pub user_id: String,
    /// Where it stands.
    pub status: Status,
    /// As its owner called it.
    pub file_name: Option<String>,
    /// Of the upload.
    pub s3_key: Option<String>,
    /// As far as validation could read it.
    pub metadata: Option<ImageMetadata>,
    /// Only of a completed image.
    pub outputs: Option<Outputs>,
    /// Only of a failed image.
    pub error_info: Option<ErrorInfo>,
    /// When validation first saw it.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
}

/// What was made of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Without watermark.
    pub resized_images: Vec<ResizedImage>,
    /// With watermark.
    pub watermarked_images: Vec<WatermarkedImage>,
}

/// How an image failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// `validation`, `resize` or `watermark`.
    pub step: String,
    /// The error's name.
    pub error: String,
    /// Why, in words for the picture's owner.
    pub reason: String,
    /// Its explanation, as the workflow had it: often JSON.
    pub cause: String,
    /// When it was handled: of the first call, if the same failure is reported again.
    pub timestamp: Timestamp,
}

/// What validation has learnt of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As its owner called it.
    pub file_name: Option<String>,
    /// Of the upload.
    pub s3_key: String,
    /// `None` where the file could not be read.
    pub metadata: Option<ImageMetadata>,
}

/// The records of images.
pub trait ImageRecords: Send + Sync {
    /// Makes the record, or sets it back to `processing` and forgets an earlier failure.
    ///
    /// A completed record of the same upload stays completed: a late second call must not undo the outputs.
    fn begin(&self, key: &ImageKey, seen: Seen, now: Timestamp) -> Result<(), StoreError>;

    /// Sets the record to `completed`, and makes it if it is not there.
    fn complete(&self, key: &ImageKey, outputs: Outputs, now: Timestamp) -> Result<(), StoreError>;

    /// Sets the record to `failed`. Answers `false`, and changes nothing, where there is no record.
    fn fail(&self, key: &ImageKey, error: ErrorInfo) -> Result<bool, StoreError>;

    /// Forgets the outputs; an image without outputs that was completed is `failed`. Makes no record.
    fn discard_outputs(&self, key: &ImageKey, now: Timestamp) -> Result<(), StoreError>;

    /// One record.
    fn get(&self, key: &ImageKey) -> Result<Option<ImageRecord>, StoreError>;

    /// All records, the oldest first.
    fn list(&self) -> Result<Vec<ImageRecord>, StoreError>;
}

/// A message to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic's ARN.
    pub topic_arn: String,
    /// Of an e-mail, say.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The topic's ARN.
    pub topic_arn: String,
    /// Of an e-mail, say.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// Given when it was first published.
    pub message_id: String,
    /// When it was first published.
    pub created_at: Timestamp,
}

/// The outbox of notifications.
pub trait Notifications: Send + Sync {
    /// Stores a message and answers its id. Under a key that was used before, nothing is stored and the
    /// first message's id is answered: give each event of an execution a key of its own.
    fn publish(&self, message: Message, idempotency_key: &str, now: Timestamp) -> Result<String, StoreError>;

    /// All messages, the oldest first.
    fn list(&self) -> Result<Vec<Notification>, StoreError>;
}

/// A store that does not work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own words.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The change that this one shared a commit with could not be committed.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// The table could not be used.
    #[error("the table: {0}")]
    DynamoDb(#[from] DynamoDbError),
    /// What the table holds is not what was put there.
    #[error("the table holds something unreadable: {0}")]
    Unreadable(String),
    /// The store was closed while it was asked.
    #[error("the store is closed")]
    Closed,
}
