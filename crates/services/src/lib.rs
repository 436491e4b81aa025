//! The AWS services that a workflow reaches, each by its own API: embedded in this process or remote.
//!
//! [`router::Router`] is the one port; a service is a folder and a [`router::Service`] in it. What calls a
//! service, a Task or another service, does it through [`endpoint::Endpoints`] and does not know which side it
//! gets. What a caller may do is a matter of his role ([`roles`]). Nothing here knows of workflows or images.

mod assembly;
mod base64;
pub mod clock;
pub mod cloudwatch;
pub mod database;
pub mod dynamodb;
pub mod endpoint;
mod error;
pub mod events;
pub mod lambda;
pub mod outbox;
mod pattern;
pub mod roles;
pub mod router;
pub mod s3;
pub mod sns;
pub mod sqs;
pub mod tasks;
pub mod wire;
pub mod xray;

pub use assembly::{EMBEDDED, Insight, Services, Settings};
pub use endpoint::RemoteSettings;
pub use error::ServicesError;
