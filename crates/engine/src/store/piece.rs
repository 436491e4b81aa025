//! A piece of a history as text: the stored records of one append's events, a JSON array.
//!
//! Every store keeps this text as it is, the one in memory too, so that what is read back has always gone
//! through the stored form. A piece says in which format it is written; a later format is one more arm where
//! a piece is read, and old pieces stay as they are.

use std::ops::RangeInclusive;

use darkroom_asl::interpreter::event::wire::{Record, RecordError, to_record};
use darkroom_asl::interpreter::event::{EventId, HistoryEvent};

/// The format that this version writes: `wire`'s records, nothing around them.
pub(super) const FORMAT: i64 = 1;

/// The ids that a piece covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: EventId,
    pub(super) last: EventId,
}

/// Why a piece or a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PieceError {
    #[error("it is in format {found}; this version reads format {FORMAT}")]
    Format { found: i64 },
    #[error("it is no JSON array of records: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Record(#[from] RecordError),
    #[error("it holds event {found} where event {expected} belongs")]
    Misplaced { found: u32, expected: u32 },
    #[error("it ends at event {found}, and is said to end at event {expected}")]
    Cut { found: u32, expected: u32 },
}

impl Span {
    /// The ids of these events. `None` where they have a gap, or where there are none.
    pub(super) fn of(events: &[HistoryEvent]) -> Option<Self> {
        let (first, last) = (events.first()?.id, events.last()?.id);
        let is_dense = events.windows(2).all(|pair| pair[1].id.0.checked_sub(pair[0].id.0) == Some(1));
        is_dense.then_some(Self { first, last })
    }

    /// Whether it starts right after `head`, the last event that the store has; 0 where it has none.
    pub(super) fn follows(self, head: EventId) -> bool {
        self.first == head.next()
    }
}

/// The events as text.
pub(super) fn encode(events: &[HistoryEvent]) -> String {
    let records: Vec<Record> = events.iter().map(to_record).collect();
    serde_json::to_string(&records).expect("a record's maps have strings as keys, and its numbers are finite")
}

/// A history that is put together again, piece by piece: from its first event, or from a later piece.
#[derive(Debug, Default)]
pub(super) struct Reading {
    before: EventId,
    events: Vec<HistoryEvent>,
}

impl Reading {
    /// A reading whose next event is this one.
    pub(super) fn from(first: EventId) -> Self {
        Self { before: EventId(first.0.saturating_sub(1)), events: Vec::new() }
    }

    /// Adds the next piece. `span` is what the store says that it covers.
    pub(super) fn push(&mut self, span: Span, format: i64, text: &str) -> Result<(), PieceError> {
        if format != FORMAT {
            return Err(PieceError::Format { found: format });
        }
        for record in serde_json::from_str::<Vec<Record>>(text)? {
            let event = HistoryEvent::try_from(record)?;
            let expected = self.head().next();
            if event.id != expected {
                return Err(PieceError::Misplaced { found: event.id.0, expected: expected.0 });
            }
            self.events.push(event);
        }
        if self.head() != span.last {
            return Err(PieceError::Cut { found: self.head().0, expected: span.last.0 });
        }
        Ok(())
    }

    /// What was read and is in the range.
    pub(super) fn part(mut self, ids: &RangeInclusive<EventId>) -> Vec<HistoryEvent> {
        self.events.retain(|event| ids.contains(&event.id));
        self.events
    }

    /// The whole history.
    pub(super) fn finish(self) -> Vec<HistoryEvent> {
        self.events
    }

    fn head(&self) -> EventId {
        self.events.last().map_or(self.before, |event| event.id)
    }
}
