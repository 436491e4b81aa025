//! Express executions: the same loop without the log.
//!
//! They live in memory, on shards of their own, so that none waits for the disk; what follows from a turn leaves at
//! once. After a crash they are gone, and whoever started one asynchronously was only promised that it is tried.
//! What they take is bounded by how many may be open at once.
//!
//! Spec: AWS, "Choosing workflow type in Step Functions", Express.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::Payload;

use super::outlet::Shards;
use crate::shard::{EndReply, ExpressReply, Input, Permit, StartError, StartReply, StartRequest};
use crate::store::{DefinitionKey, ExecutionKey};

/// Express executions that may be open at once. Our choice: at the largest payloads that AWS allows, about 2 GB.
pub const OPEN_MAX: usize = 8_192;

/// Where Express executions are started.
#[derive(Clone)]
pub(super) struct Express {
    shards: Shards,
    /// Counts downwards: the keys of Standard executions are above 0.
    last_key: Arc<AtomicI64>,
    open: Arc<AtomicUsize>,
}

impl Express {
    pub(super) fn new(shards: Shards) -> Self {
        Self { shards, last_key: Arc::default(), open: Arc::default() }
    }

    /// Starts an execution; `reply` is called when it has started.
    pub(super) fn start(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
        reply: StartReply,
    ) {
        match self.permit() {
            Some(permit) => {
                let request = self.request(identity, definition, machine, input);
                self.send(request, ExpressReply::Started(reply), permit);
            }
            None => reply(Err(StartError::TooMany)),
        }
    }

    /// Starts an execution; `reply` is called when it has ended.
    pub(super) fn run(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
        reply: EndReply,
    ) -> Result<(), StartError> {
        let permit = self.permit().ok_or(StartError::TooMany)?;
        let request = self.request(identity, definition, machine, input);
        self.send(request, ExpressReply::Ended(reply), permit);
        Ok(())
    }

    fn request(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
    ) -> StartRequest {
        let key = ExecutionKey(self.last_key.fetch_sub(1, Ordering::Relaxed) - 1);
        StartRequest {
            key,
            identity,
            machine: machine.clone(),
            definition: definition.clone(),
            input,
            parent: None,
        }
    }

    fn send(&self, request: StartRequest, reply: ExpressReply, permit: Permit) {
        let arn = request.identity.execution_arn.clone();
        self.shards.send(request.key, &arn, Input::StartExpress(request, reply, permit));
    }

    fn permit(&self) -> Option<Permit> {
        Permit::take(&self.open, OPEN_MAX)
    }
}
