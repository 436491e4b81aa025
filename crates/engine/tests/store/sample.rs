//! One history by hand that holds every kind of event, in every form that a record has for it.
//!
//! `tests/samples/history-v1.json` is the first of its parts as the first version stored it, `later-events.json` the
//! events that have come since.

use std::collections::BTreeSet;

use darkroom_asl::interpreter::Qualifiers;
use darkroom_asl::interpreter::event::{
    BranchId, EventId, EventKind, HistoryEvent, Iteration, MapStarted, PlannedRetry, Reason, StateType,
    Target, TaskScheduled,
};
use darkroom_asl::json::Text;

use crate::made::{at, payload, reason};

const STATE_TYPES: [StateType; 8] = [
    StateType::Task,
    StateType::Pass,
    StateType::Choice,
    StateType::Wait,
    StateType::Succeed,
    StateType::Fail,
    StateType::Parallel,
    StateType::Map,
];

pub fn history() -> Vec<HistoryEvent> {
    [first_version(), later()].concat()
}

/// The kinds that came after the first version.
pub fn later() -> Vec<HistoryEvent> {
    let [function, service, activity] = targets();
    let reason = || reason("States.Runtime", "nobody is there");
    let kinds = [
        EventKind::TaskScheduleFailed { target: function, reason: reason() },
        EventKind::TaskScheduleFailed { target: service.clone(), reason: reason() },
        EventKind::TaskScheduleFailed { target: activity, reason: Reason::default() },
        EventKind::TaskSubmitFailed { target: service, reason: reason() },
        EventKind::ExecutionRedriven { redrive_count: 1, client_token: None },
        EventKind::ExecutionRedriven { redrive_count: 2, client_token: Some("request 7".into()) },
        EventKind::EvaluationFailed { state: "Sum".into(), location: None, reason: reason() },
        EventKind::EvaluationFailed {
            state: "Sum".into(),
            location: Some("Output/total".into()),
            reason: Reason::default(),
        },
    ];
    kinds.into_iter().zip(1 + last_of_first_version()..).map(|(kind, id)| event(id, kind)).collect()
}

fn last_of_first_version() -> u32 {
    u32::try_from(first_version().len()).expect("a short history")
}

/// The kinds that the first version knew.
pub fn first_version() -> Vec<HistoryEvent> {
    let mut kinds = vec![EventKind::ExecutionStarted {
        input: payload("{ \"bucket\" : \"photos\",\n  \"size\": 1.50, \"größe\": \"\\u00e9\\\\\\\"🖼\" }"),
        role_arn: "arn:aws:iam::000000000000:role/darkroom".into(),
        qualifiers: Qualifiers::default(),
    }];
    kinds.extend(STATE_TYPES.into_iter().flat_map(entered_and_exited));
    kinds.extend([StateType::Task, StateType::Wait, StateType::Parallel, StateType::Map].map(aborted));
    kinds.extend(targets().into_iter().flat_map(task));
    kinds.extend(parallel());
    kinds.extend(map());
    kinds.extend(ends());
    kinds.into_iter().zip(1..).map(|(kind, id)| event(id, kind)).collect()
}

/// The form that a start has for a version and an alias.
///
/// `tests/samples/start-through-alias.json` is this event as it was first stored.
pub fn start_through_an_alias() -> HistoryEvent {
    let arn = |of: &str| format!("arn:aws:states:eu-west-1:000000000000:stateMachine:photos:{of}").into();
    let qualifiers = Qualifiers { version_arn: Some(arn("7")), alias_arn: Some(arn("live")) };
    event(1, EventKind::ExecutionStarted { input: payload("{}"), role_arn: "role".into(), qualifiers })
}

/// Every third event belongs to a branch, and every fifth plans a retry.
fn event(id: u32, kind: EventKind) -> HistoryEvent {
    let retry = PlannedRetry { branch: BranchId(id % 2), retrier: id % 4, at: at(i64::from(id) * 1009) };
    HistoryEvent {
        id: EventId(id),
        previous_event_id: EventId(id.saturating_sub(2)),
        timestamp: at(i64::from(id) * 7),
        branch: BranchId(if id.is_multiple_of(3) { id } else { 0 }),
        retry: id.is_multiple_of(5).then_some(retry),
        kind,
    }
}

fn entered_and_exited(state_type: StateType) -> [EventKind; 2] {
    let name: Text = format!("A {state_type:?}").into();
    let variables = [("zeta", "[1, 2.0]"), ("alpha", "null"), ("mid", r#""text""#)];
    let count = match state_type {
        StateType::Pass => 3,
        StateType::Choice => 1,
        _ => 0,
    };
    [
        EventKind::StateEntered {
            state_type,
            name: name.clone(),
            input: payload(r#"{"a":[]}"#),
            wake_at: (state_type == StateType::Wait).then(|| at(123_456_789)),
        },
        EventKind::StateExited {
            state_type,
            name,
            output: payload("1e2"),
            assigned: variables[..count]
                .iter()
                .map(|(name, value)| ((*name).into(), payload(value)))
                .collect(),
            next: (state_type != StateType::Succeed).then(|| "Next state".into()),
        },
    ]
}

fn aborted(state_type: StateType) -> EventKind {
    EventKind::StateAborted { state_type }
}

fn targets() -> [Target; 3] {
    [
        Target::LambdaFunction {
            resource: "arn:aws:lambda:eu-west-1:000000000000:function:darkroom-resize".into(),
        },
        Target::Service { resource_type: "lambda".into(), resource: "invoke.waitForTaskToken".into() },
        Target::Activity { resource: "arn:aws:states:eu-west-1:000000000000:activity:review".into() },
    ]
}

fn task(target: Target) -> Vec<EventKind> {
    let is_activity = matches!(target, Target::Activity { .. });
    let is_service = matches!(target, Target::Service { .. });
    let scheduled = TaskScheduled {
        target: target.clone(),
        region: "eu-west-1".into(),
        input: payload(r#"{"FunctionName":"darkroom-resize"}"#),
        timeout_seconds: None,
        heartbeat_seconds: None,
        credentials_role_arn: None,
    };
    let mut kinds = vec![
        EventKind::TaskScheduled(scheduled.clone()),
        EventKind::TaskScheduled(TaskScheduled {
            timeout_seconds: Some(99_999_999),
            heartbeat_seconds: Some(30),
            // AWS's activities are not called as a role.
            credentials_role_arn: (!is_activity).then(|| "arn:aws:iam::000000000000:role/other".into()),
            ..scheduled
        }),
        EventKind::TaskStarted { target: target.clone(), worker_name: None },
    ];
    if is_activity {
        kinds.push(EventKind::TaskStarted { target: target.clone(), worker_name: Some("desk 4".into()) });
    }
    if is_service {
        kinds.push(EventKind::TaskSubmitted { target: target.clone(), output: payload("[]") });
    }
    kinds.extend([
        EventKind::TaskSucceeded { target: target.clone(), output: payload(r#"{"StatusCode":200}"#) },
        EventKind::TaskFailed {
            target: target.clone(),
            reason: reason("Lambda.TooManyRequestsException", "Rate exceeded\n\"quoted\""),
        },
        EventKind::TaskTimedOut {
            target,
            reason: Reason { error: Some("States.Timeout".into()), cause: None },
        },
    ]);
    kinds
}

fn parallel() -> [EventKind; 4] {
    [
        EventKind::ParallelStateStarted { input: None },
        EventKind::ParallelStateStarted { input: Some(payload(r#"{"branch": 1}"#)) },
        EventKind::ParallelStateSucceeded,
        EventKind::ParallelStateFailed,
    ]
}

fn map() -> [EventKind; 9] {
    let iteration = |index| Iteration { name: "Each photo".into(), index };
    let started = |items: &str, length, max_concurrency| {
        EventKind::MapStateStarted(MapStarted { length, items: payload(items), max_concurrency })
    };
    [
        started("[]", 0, 0),
        started("[1, {\"two\": 2}, null]", 3, 2),
        EventKind::MapIterationStarted { iteration: iteration(0), input: None },
        EventKind::MapIterationStarted { iteration: iteration(1), input: Some(payload("\"selected\"")) },
        EventKind::MapIterationSucceeded(iteration(0)),
        EventKind::MapIterationFailed(iteration(1)),
        EventKind::MapIterationAborted(iteration(2)),
        EventKind::MapStateSucceeded,
        EventKind::MapStateFailed,
    ]
}

fn ends() -> [EventKind; 5] {
    [
        EventKind::ExecutionAborted(Reason::default()),
        EventKind::ExecutionAborted(Reason { error: None, cause: Some("no longer needed".into()) }),
        EventKind::ExecutionTimedOut(reason("States.Timeout", "")),
        EventKind::ExecutionFailed(reason("States.TaskFailed", "disk")),
        EventKind::ExecutionSucceeded { output: payload("{\"done\": true}") },
    ]
}

/// A new kind of event fails to compile here until it has a number, and fails below until the sample has it.
fn number(kind: &EventKind) -> usize {
    match kind {
        EventKind::ExecutionStarted { .. } => 0,
        EventKind::ExecutionSucceeded { .. } => 1,
        EventKind::ExecutionFailed(_) => 2,
        EventKind::ExecutionTimedOut(_) => 3,
        EventKind::ExecutionAborted(_) => 4,
        EventKind::StateEntered { .. } => 5,
        EventKind::StateExited { .. } => 6,
        EventKind::StateAborted { .. } => 7,
        EventKind::TaskScheduled(_) => 8,
        EventKind::TaskStarted { .. } => 9,
        EventKind::TaskSubmitted { .. } => 10,
        EventKind::TaskSucceeded { .. } => 11,
        EventKind::TaskFailed { .. } => 12,
        EventKind::TaskTimedOut { .. } => 13,
        EventKind::ParallelStateStarted { .. } => 14,
        EventKind::ParallelStateSucceeded => 15,
        EventKind::ParallelStateFailed => 16,
        EventKind::MapStateStarted(_) => 17,
        EventKind::MapStateSucceeded => 18,
        EventKind::MapStateFailed => 19,
        EventKind::MapIterationStarted { .. } => 20,
        EventKind::MapIterationSucceeded(_) => 21,
        EventKind::MapIterationFailed(_) => 22,
        EventKind::MapIterationAborted(_) => 23,
        EventKind::TaskScheduleFailed { .. } => 24,
        EventKind::TaskSubmitFailed { .. } => 25,
        EventKind::ExecutionRedriven { .. } => 26,
        EventKind::EvaluationFailed { .. } => 27,
    }
}

#[test]
fn the_sample_holds_every_kind() {
    let found: BTreeSet<usize> = history().iter().map(|event| number(&event.kind)).collect();
    assert_eq!(found, (0..28).collect());
}
