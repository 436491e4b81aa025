//! The port: HTTP connections in, within bounds of number, time and memory, and signatures checked.
//!
//! It knows nothing of what is asked for. Whoever answers, one service or a router of many, implements [`Answer`], and
//! says in its own protocol why a request was refused.

mod answer;
mod authorization;
mod body;
mod credentials;
mod ids;
mod memory;
mod refusal;
mod request;
mod scope;
mod server;
mod signature;
mod witness;

pub use answer::Answer;
pub use credentials::{AccessKey, Credentials, CredentialsError};
pub use ids::{random_bytes, random_uuid};
pub use memory::{Held, Memory};
pub use refusal::Refusal;
pub use request::{current_request_id, request_id, within_request};
pub use scope::CredentialScope;
pub use server::{Server, ServerLimits, Stop};
pub use witness::{Exchange, Header, ReceivedResponse, SentRequest, Witness};
