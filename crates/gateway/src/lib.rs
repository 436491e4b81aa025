//! The gateway: AWS's wire protocol over HTTP, in front of the engine.
//!
//! A request is decoded, its members are checked as AWS checks them, the engine is asked, and the answer is
//! encoded. What a workflow does is not decided here. An API action is a file in `actions/` and a line in
//! the table there.
//!
//! Protocol: AWS JSON 1.0. Every call is `POST /` with a JSON object, and `X-Amz-Target` names the action.
//! A [`Gateway`] stands behind a port (`darkroom-port`), which has checked who sent a request.

mod actions;
mod arn;
mod body;
mod error;
mod mocks;
mod model;
mod page;
mod protocol;
mod routing;
mod sdk;
mod settings;
mod shapes;
mod usage;

pub use protocol::Gateway;
pub use usage::{Usage, Used};
