//! The shard's audit: every decision is held against a replay of what would be stored of it.

use darkroom_asl::interpreter::Decision;

use super::Live;

/// Replays what would be stored of the decision, and compares.
pub(super) fn check(live: &mut Live, decision: &Decision) -> Result<(), String> {
    let Some(shadow) = &mut live.shadow else { return Ok(()) };
    for event in &decision.events {
        let stored = crate::store::stored_form(event)
            .map_err(|error| format!("event {} cannot be stored and read back: {error}", event.id.0))?;
        if stored != *event {
            return Err(format!("event {} reads back differently: {event:?} became {stored:?}", event.id.0));
        }
        shadow.apply(&stored).map_err(|error| format!("a replay stops: {error}"))?;
    }
    if **shadow == live.execution {
        Ok(())
    } else {
        Err(format!("a replay differs: live {:?}, replayed {shadow:?}", live.execution))
    }
}
