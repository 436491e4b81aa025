//! The events of Express executions that are traced, until each has ended: there is no history to read them from.

use std::collections::HashMap;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::HistoryEvent;
use darkroom_engine::store::{ExecutionKey, ExecutionSummary};

use super::Turn;

/// Events of one execution that are held; the later ones are left out. Our choice: what of a history is told, too.
const EVENTS_MAX: usize = 5_000;
/// Executions whose events are held. The engine has no more of them open.
const OPEN_MAX: usize = 8_192;

/// Those that have not ended.
#[derive(Default)]
pub(super) struct Express(HashMap<ExecutionKey, (Option<Timestamp>, Vec<HistoryEvent>)>);

impl Express {
    /// Takes a turn in; answers the execution with its events, where it has ended with this.
    pub(super) fn add(&mut self, turn: Turn) -> Option<(ExecutionSummary, Vec<HistoryEvent>)> {
        let Turn { key, identity, started_at, events, end } = turn;
        if self.0.len() >= OPEN_MAX && !self.0.contains_key(&key) {
            return None;
        }
        let (start, held) = self.0.entry(key).or_default();
        *start = start.or(started_at).or_else(|| events.first().map(|event| event.timestamp));
        let room = EVENTS_MAX.saturating_sub(held.len());
        held.extend(events.into_iter().take(room));
        let (status, ended_at) = end?;
        let (start, events) = self.0.remove(&key)?;
        let started_at = start.unwrap_or(ended_at);
        let ended_at = Some(ended_at);
        let execution =
            ExecutionSummary { key, identity, status, started_at, ended_at, parked: None, redrive: None };
        Some((execution, events))
    }
}
