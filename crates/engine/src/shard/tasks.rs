//! Tasks that are at work outside: reports by their token, and activities' tasks that workers take.

use darkroom_asl::interpreter::{Random, Stimulus, TaskId, TaskProgress};
use darkroom_asl::json::Text;

use super::turn::Building;
use super::{ReportError, ReportReply, Shard, TakeReply};
use crate::store::ExecutionKey;

impl Shard {
    /// A report of a task. Who reports is answered when all that the answer rests on is durable: a refusal too,
    /// since what has closed the task may itself be on its way to the disk.
    pub(super) fn report(
        &mut self,
        key: ExecutionKey,
        task: TaskId,
        stimulus: Stimulus,
        reply: ReportReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        let Some(live) = self.live.get(&key) else { return reply(Err(self.absent(key))) };
        let is_open = live.execution.is_open(task);
        let went_well = !is_open || self.decide(key, stimulus, building, random);
        self.answer(key, is_open, went_well, reply, building);
    }

    /// Answers who reported, when what was decided is durable.
    pub(super) fn answer(
        &self,
        key: ExecutionKey,
        is_open: bool,
        went_well: bool,
        reply: ReportReply,
        building: &mut Building,
    ) {
        let Some(live) = self.live.get(&key).filter(|_| went_well) else {
            return reply(Err(ReportError::SetAside));
        };
        let identity = live.execution.identity().clone();
        building.release(key, &identity).replies.push(Box::new(move |committed| {
            reply(match committed {
                Ok(()) if is_open => Ok(()),
                Ok(()) => Err(ReportError::Closed),
                Err(error) => Err(error.into()),
            });
        }));
    }

    /// Why a report finds no execution in memory.
    fn absent(&self, key: ExecutionKey) -> ReportError {
        match self.config.store.execution_by_key(key) {
            Ok(None) => ReportError::DoesNotExist,
            Ok(Some(stored)) if stored.end.is_some() => ReportError::Closed,
            Ok(Some(_)) => ReportError::SetAside,
            Err(error) => error.into(),
        }
    }

    /// A worker is to be given a task. It is told so when the start is durable: after a crash a task that was
    /// given away is not given away again.
    pub(super) fn take_task(
        &mut self,
        key: ExecutionKey,
        task: TaskId,
        worker_name: Option<Text>,
        reply: TakeReply,
        building: &mut Building,
        random: &dyn Random,
    ) {
        if self.progress(key, task) != Some(TaskProgress::Scheduled) {
            return reply(Ok(false));
        }
        self.decide(key, Stimulus::TaskStarted { task, worker_name }, building, random);
        let Some(live) = self.live.get(&key) else { return reply(Ok(false)) };
        // With a full history the start has become the end.
        let is_started = self.progress(key, task) == Some(TaskProgress::Started);
        building.release(key, live.execution.identity()).replies.push(Box::new(move |committed| {
            reply(committed.map(|()| is_started));
        }));
    }

    fn progress(&self, key: ExecutionKey, task: TaskId) -> Option<TaskProgress> {
        self.live.get(&key).and_then(|live| live.execution.task_progress(task))
    }
}
