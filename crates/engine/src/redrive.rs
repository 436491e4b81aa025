//! Which executions can be redriven, and why the others cannot.

use std::time::Duration;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventId, EventKind, HistoryEvent};

use crate::store::{ExecutionStatus, StoredExecution};

/// How long after its end an execution can be redriven. AWS: `RedriveExecution`.
const REDRIVABLE_FOR: Duration = Duration::from_hours(14 * 24);
/// How long an execution may be open, redrives and what lies between them included. AWS: "Quotas".
const OPEN_FOR_MAX: Duration = Duration::from_hours(365 * 24);
/// How long a request's token is good. AWS: `RedriveExecution`, `clientToken`.
const CLIENT_TOKEN_FOR: Duration = Duration::from_mins(15);
/// How many requests' tokens are. AWS: the same.
const CLIENT_TOKENS_MAX: usize = 10;

/// Why an execution cannot be redriven, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedrivable {
    /// Its state machine is being deleted.
    #[error("State machine is in DELETING status")]
    Deleting,
    /// It has not ended badly.
    #[error("Execution is {} and cannot be redriven", .0.as_str())]
    Status(ExecutionStatus),
    /// Its history is full.
    #[error("Execution history event limit exceeded")]
    HistoryIsFull,
    /// It has been open for too long.
    #[error("Execution has exceeded the max execution time")]
    TooOld,
    /// It ended too long ago.
    #[error("Execution redrivable period exceeded")]
    TooLate,
}

/// Whether an execution whose last event is this one can be redriven now.
pub(crate) fn check(
    stored: &StoredExecution,
    last_event: EventId,
    history_events_max: u32,
    now: Timestamp,
) -> Result<(), NotRedrivable> {
    let status = stored.status();
    let Some(end) = stored.end.as_ref().filter(|end| end.is_bad()) else {
        return Err(NotRedrivable::Status(status));
    };
    if has_passed(end.ended_at, REDRIVABLE_FOR, now) {
        return Err(NotRedrivable::TooLate);
    }
    if has_passed(stored.started_at, OPEN_FOR_MAX, now) {
        return Err(NotRedrivable::TooOld);
    }
    // Room for the redrive itself, and for the failure that a full history ends with.
    if last_event.0.saturating_add(2) >= history_events_max {
        return Err(NotRedrivable::HistoryIsFull);
    }
    Ok(())
}

/// When the redrive was that the same request asked for before.
pub(crate) fn earlier(history: &[HistoryEvent], client_token: &str, now: Timestamp) -> Option<Timestamp> {
    history
        .iter()
        .rev()
        .filter_map(|event| match &event.kind {
            EventKind::ExecutionRedriven { client_token, .. } => Some((event.timestamp, client_token)),
            _ => None,
        })
        .take(CLIENT_TOKENS_MAX)
        .take_while(|(at, _)| !has_passed(*at, CLIENT_TOKEN_FOR, now))
        .find(|(_, token)| token.as_deref() == Some(client_token))
        .map(|(at, _)| at)
}

fn has_passed(since: Timestamp, duration: Duration, now: Timestamp) -> bool {
    let passed_ms = now.as_millis().saturating_sub(since.as_millis());
    u128::try_from(passed_ms).is_ok_and(|passed| passed > duration.as_millis())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use darkroom_asl::interpreter::event::{BranchId, Reason};
    use darkroom_asl::interpreter::{Identity, Qualifiers};
    use darkroom_asl::json::Payload;

    use super::*;
    use crate::store::{End, EndStatus, ExecutionKey};

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn stored(started_ms: i64, end: Option<(EndStatus, i64)>) -> StoredExecution {
        StoredExecution {
            key: ExecutionKey(1),
            identity: Arc::new(Identity {
                execution_arn: "execution".into(),
                execution_name: "e".into(),
                state_machine_arn: "machine".into(),
                state_machine_name: "m".into(),
                role_arn: "role".into(),
                qualifiers: Qualifiers::default(),
                revision_id: None,
                trace_header: None,
            }),
            definition: "definition".into(),
            input: Payload::from_trusted("{}"),
            started_at: Timestamp::from_millis(started_ms),
            end: end.map(|(status, ended_ms)| End { status, ended_at: Timestamp::from_millis(ended_ms) }),
            parked: None,
            parent: None,
            redrive: None,
            asleep_until: None,
        }
    }

    #[test]
    fn only_what_ended_badly_not_too_long_ago_and_has_room_is_redriven() {
        let failed = || EndStatus::Failed(Reason::default());
        let now = 400 * DAY_MS;
        let ended = now - 14 * DAY_MS;
        let recent = now - 30 * DAY_MS;
        for (started, end, last, expected) in [
            (recent, Some((failed(), ended)), 3, Ok(())),
            (recent, Some((EndStatus::TimedOut(Reason::default()), ended)), 3, Ok(())),
            (recent, Some((EndStatus::Aborted(Reason::default()), ended)), 97, Ok(())),
            (recent, None, 3, Err("Execution is RUNNING and cannot be redriven")),
            (
                recent,
                Some((EndStatus::Succeeded(Payload::from_trusted("1")), ended)),
                3,
                Err("Execution is SUCCEEDED and cannot be redriven"),
            ),
            (recent, Some((failed(), ended - 1)), 3, Err("Execution redrivable period exceeded")),
            (
                now - 366 * DAY_MS,
                Some((failed(), ended)),
                3,
                Err("Execution has exceeded the max execution time"),
            ),
            (recent, Some((failed(), ended)), 98, Err("Execution history event limit exceeded")),
        ] {
            let found = check(&stored(started, end), EventId(last), 100, Timestamp::from_millis(now));
            assert_eq!(found.map_err(|reason| reason.to_string()), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn a_request_s_token_is_good_for_a_while_and_among_the_last() {
        let redriven = |number: u32, at_ms: i64| HistoryEvent {
            id: EventId(number),
            previous_event_id: EventId(0),
            timestamp: Timestamp::from_millis(at_ms),
            branch: BranchId::ROOT,
            retry: None,
            kind: EventKind::ExecutionRedriven {
                redrive_count: number,
                client_token: (number != 3).then(|| format!("t{number}").into()),
            },
        };
        let minute = 60_000;
        let history: Vec<_> = (1..=12).map(|number| redriven(number, i64::from(number) * minute)).collect();
        let at = |token: &str, minutes: i64| {
            earlier(&history, token, Timestamp::from_millis(minutes * minute)).map(Timestamp::as_millis)
        };
        assert_eq!(at("t12", 12), Some(12 * minute));
        assert_eq!(at("t4", 12), Some(4 * minute));
        assert_eq!(at("t2", 12), None, "ten came after it, this one included");
        assert_eq!(at("t4", 19), Some(4 * minute));
        assert_eq!(at("t4", 20), None, "a quarter of an hour ago");
        assert_eq!(at("other", 12), None);
    }
}
