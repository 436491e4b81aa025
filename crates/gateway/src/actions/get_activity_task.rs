//! `GetActivityTask`: a long poll. No thread waits with it, and a worker that hangs up is given nothing.

use std::time::Duration;

use darkroom_asl::json::{Payload, Text};
use darkroom_engine::{ActivityTask, Poller};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::arn::StatesArn;
use crate::error::ApiError;
use crate::protocol::Context;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    activity_arn: String,
    worker_name: Option<String>,
}

/// AWS: where there is no task, both members are absent.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_token: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Payload>,
}

/// AWS: "`GetActivityTask`", how long a poll is held.
const POLL_MAX: Duration = Duration::from_mins(1);

/// The worker at the other end of a connection.
struct Worker {
    name: Option<Text>,
    answer: oneshot::Sender<ActivityTask>,
}

impl Poller for Worker {
    fn worker_name(&self) -> Option<Text> {
        self.name.clone()
    }

    fn is_waiting(&self) -> bool {
        !self.answer.is_closed()
    }

    fn give(self: Box<Self>, task: ActivityTask) -> Result<(), ActivityTask> {
        self.answer.send(task)
    }
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.activity_arn;
    StatesArn::activity(&arn)?;
    let (answer, mut answered) = oneshot::channel();
    let worker = Box::new(Worker { name: input.worker_name.map(Into::into), answer });
    let stop = context.stop.clone();
    context.blocking(move |engine| Ok(engine.poll_activity(&arn.as_str().into(), worker)?)).await?;
    let task = tokio::select! {
        task = &mut answered => task.ok(),
        () = tokio::time::sleep(POLL_MAX) => last(answered),
        () = stop.asked() => last(answered),
    };
    Ok(task.map_or_else(Output::default, |ActivityTask { token, input }| Output {
        task_token: Some(token),
        input: Some(input),
    }))
}

/// From here on nothing is given, and what was given just before is there.
fn last(mut answered: oneshot::Receiver<ActivityTask>) -> Option<ActivityTask> {
    answered.close();
    answered.try_recv().ok()
}
