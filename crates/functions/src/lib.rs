//! Darkroom's image functions: validation, resize, watermark, error handler and clean-up.
//!
//! The first three have a pure core ([`validate()`], [`resize()`], [`watermark()`]): plain synchronous functions
//! of bytes that know of no file, no event and no clock. [`Functions`] wraps all five for a workflow: JSON
//! text in, JSON text out. What they reach (objects, records, the clock) comes in as [`Services`].
//!
//! Not here: retrying, time-outs, how many run at once, and what a failure leads to. That is the workflow's.

mod caught;
mod codec;
mod colour;
mod develop;
mod error;
mod handlers;
mod inspect;
mod keys;
mod kind;
mod limits;
mod objects;
mod picture;
mod records;
mod refusal;
mod resize;
mod scale;
mod structure;
mod validate;
mod watermark;

pub use codec::Quality;
pub use error::FunctionError;
pub use handlers::{
    Clock, FunctionName, Functions, Options, ResizedImage, Services, UnknownFunction, WatermarkedImage,
};
pub use inspect::memory_estimate;
pub use keys::ImageKey;
pub use kind::Format;
pub use limits::Limits;
pub use objects::{Fetched, Objects, ObjectsError, StoredObjects, open_folder, remove_unfinished};
pub use records::{
    DynamoDb, DynamoDbError, DynamoRecords, ErrorInfo, ImageRecord, ImageRecords, Message, Notification,
    Notifications, Outputs, Seen, SqliteRecords, Status, StoreError,
};
pub use refusal::{Check, Refusal};
pub use resize::{Resized, Size, resize};
pub use scale::fit;
pub use validate::{Claim, ImageMetadata, Validation, ValidationDetails, Verdict, validate};
pub use watermark::{Watermark, watermark};
