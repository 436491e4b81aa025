//! The server's own API, for tasks that call it: `aws-sdk:sfn`.
//!
//! The engine runs tasks before there is a gateway in front of it, and must not be kept alive by its own tasks. So it
//! is held loosely, and a call waits until it is there.

use std::sync::{Arc, Weak};

use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::Reason;
use darkroom_engine::{Engine, TaskOutcome};
use darkroom_gateway::Gateway;
use tokio::sync::watch;

/// The way to the API.
#[derive(Clone)]
pub struct Api {
    engine: watch::Receiver<Option<Weak<Engine>>>,
    region: String,
    account: String,
}

/// Opens the way.
pub struct Opening(watch::Sender<Option<Weak<Engine>>>);

impl Api {
    /// A way that is not open yet, to the API of this region and account.
    pub fn new(region: &str, account: &str) -> (Self, Opening) {
        let (sender, engine) = watch::channel(None);
        (Self { engine, region: region.to_owned(), account: account.to_owned() }, Opening(sender))
    }

    /// Calls an action for the execution of this ARN.
    pub async fn call(&self, execution_arn: &str, action: &str, parameters: &str) -> TaskOutcome {
        let Some(engine) = self.engine().await else {
            let cause = "the server is shutting down";
            return Err(Reason { error: Some(names::TASK_FAILED.into()), cause: Some(cause.into()) });
        };
        let gateway = Gateway { engine, region: self.region.clone(), account: self.account.clone() };
        gateway.call_for_task(execution_arn, action, parameters).await
    }

    async fn engine(&self) -> Option<Arc<Engine>> {
        let mut engine = self.engine.clone();
        let opened = engine.wait_for(Option::is_some).await.ok()?;
        opened.as_ref()?.upgrade()
    }
}

impl Opening {
    /// From here on calls reach this engine.
    pub fn open(&self, engine: &Arc<Engine>) {
        self.0.send_replace(Some(Arc::downgrade(engine)));
    }
}
