//! Calls of AWS's services from a thread that may wait for them.

use std::sync::Arc;

use bytes::Bytes;
use darkroom_services::endpoint::{Endpoint, Scope, Unreachable};
use http::{Request, Response};
use tokio::runtime::Handle;

/// Makes calls, for functions that wait for their answers.
#[derive(Clone)]
pub struct Reach {
    /// Where they go.
    pub endpoint: Arc<dyn Endpoint>,
    /// What they run on.
    pub runtime: Handle,
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits. AWS itself knows it by the credentials.
    pub account: String,
}

impl Reach {
    /// Sends a request and waits for the whole answer. Not to be called on a thread that drives the runtime.
    pub(crate) fn send(
        &self,
        service: &str,
        request: Result<Request<Bytes>, http::Error>,
    ) -> Result<Response<Bytes>, Unreachable> {
        let request = request.map_err(|error| Unreachable { was_sent: false, reason: error.to_string() })?;
        let scope = Scope { service, host_prefix: service, region: &self.region, account: &self.account };
        self.runtime.block_on(self.endpoint.send(scope, request))
    }
}
