//! The beginning of a history, within bounds: what a person or a trace is told of it.

use darkroom_asl::interpreter::event::{EventId, EventKind, HistoryEvent};

use crate::store::{ExecutionKey, Store, StoreError};

/// Events that are read. A page of more would be slow, and nobody could read it.
const EVENTS_MAX: u32 = 5_000;
/// Bytes of their payloads.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Events that are read at once.
const EVENTS_AT_ONCE: u32 = 250;

/// A history from its first event on, as far as it is read.
#[derive(Debug)]
pub struct Beginning {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// The newest events, where there are more than were read.
    pub tail: Option<Vec<HistoryEvent>>,
    /// The last event that there is.
    pub last: EventId,
}

impl Beginning {
    /// Reads it.
    pub fn read(store: &dyn Store, key: ExecutionKey) -> Result<Self, StoreError> {
        let last = store.last_event(key)?;
        let part = |from: u32| store.history_part(key, EventId(from)..=EventId(from + EVENTS_AT_ONCE - 1));
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut from = 1;
        while from <= last.0 && from <= EVENTS_MAX && bytes < BYTES_MAX {
            let read = part(from)?;
            bytes += read.iter().map(payload_bytes).sum::<usize>();
            events.extend(read);
            from += EVENTS_AT_ONCE;
        }
        let tail = (from <= last.0).then(|| part(from.max(last.0.saturating_sub(EVENTS_AT_ONCE - 1))));
        Ok(Self { events, tail: tail.transpose()?, last })
    }
}

/// The bytes of an event, as far as its payloads make them.
fn payload_bytes(event: &HistoryEvent) -> usize {
    match &event.kind {
        EventKind::ExecutionStarted { input, .. } | EventKind::StateEntered { input, .. } => {
            input.text().len()
        }
        EventKind::ExecutionSucceeded { output }
        | EventKind::StateExited { output, .. }
        | EventKind::TaskSubmitted { output, .. }
        | EventKind::TaskSucceeded { output, .. } => output.text().len(),
        EventKind::TaskScheduled(scheduled) => scheduled.input.text().len(),
        EventKind::MapStateStarted(started) => started.items.text().len(),
        _ => 0,
    }
}
