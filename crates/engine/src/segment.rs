//! An execution as a segment of its trace: its states, and the calls that they made, are the parts of it.
//!
//! It is made of the history when somebody asks for it, so that tracing costs a running execution nothing. The ids
//! follow from the events: they are the same each time, and a call that is under way can name the one that it is part of.
//!
//! AWS: the segment is the state machine's, a subsegment a state's, and one below that a call's.

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::{HistoryEvent, Reason, Target};
use darkroom_asl::json::Text;
use darkroom_trace::{Cause, Flags, Segment, SpanId, TraceHeader, TraceId};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::course::{Attempt, Course, Standing, Visit};
use crate::store::{ExecutionStatus, ExecutionSummary};

/// What the segment of an execution is of.
const ORIGIN: &str = "AWS::StepFunctions::StateMachine";
/// The event that every history begins with.
const FIRST_EVENT: u32 = 1;
/// Characters of a cause that are told: a document has room for many.
const CAUSE_CHARACTERS_MAX: usize = 1_000;
/// What services are called in X-Ray, by what Tasks call them.
const SERVICES: &[(&str, &str)] = &[
    ("dynamodb", "DynamoDB"),
    ("events", "EventBridge"),
    ("lambda", "Lambda"),
    ("s3", "S3"),
    ("sns", "SNS"),
    ("sqs", "SQS"),
    ("states", "StepFunctions"),
];

/// The trace that an execution belongs to. `None` where it has none, or where that is not kept.
pub fn kept_trace(identity: &Identity) -> Option<TraceHeader> {
    let header: TraceHeader = identity.trace_header.as_deref()?.parse().ok()?;
    header.is_sampled().then_some(header)
}

/// Whether its caller has decided that its trace is kept, or that it is not.
pub fn is_decided(identity: &Identity) -> bool {
    let header: Option<TraceHeader> = identity.trace_header.as_deref().and_then(|text| text.parse().ok());
    header.is_some_and(|header| header.sampled.is_some())
}

/// The trace of an execution that belongs to none, for whoever wants to see all executions as traces: always the same.
pub fn trace_of_its_own(execution: &ExecutionSummary) -> TraceHeader {
    let hash = Sha256::digest(execution.identity.execution_arn.as_bytes());
    let mut random = [0; 12];
    random.copy_from_slice(&hash[..12]);
    let seconds = execution.started_at.as_millis().div_euclid(1000);
    let root = TraceId { epoch: u32::try_from(seconds).unwrap_or_default(), random };
    TraceHeader { root, parent: None, sampled: Some(true) }
}

/// The segment, in this trace, of an execution that these events began.
pub fn of_execution(execution: &ExecutionSummary, header: TraceHeader, events: &[HistoryEvent]) -> Segment {
    let identity = &*execution.identity;
    let id = SpanId::of_event(&identity.execution_arn, FIRST_EVENT);
    let started_us = microseconds(execution.started_at);
    let mut segment = Segment::begun(header.root, id, &*identity.state_machine_name, started_us);
    segment.parent = header.parent;
    segment.origin = Some(ORIGIN.to_owned());
    segment.ended_us = execution.ended_at.map(microseconds);
    let aws =
        [("execution_arn", &identity.execution_arn), ("state_machine_arn", &identity.state_machine_arn)];
    segment.aws = aws.into_iter().map(|(name, arn)| (name.to_owned(), json!(&**arn))).collect();
    segment.flags = match execution.status {
        ExecutionStatus::Running | ExecutionStatus::Succeeded => Flags::default(),
        ExecutionStatus::Failed | ExecutionStatus::TimedOut => fault(),
        ExecutionStatus::Aborted => Flags { error: true, ..Flags::default() },
    };
    let course = Course::of(events);
    let last_failure = course.visits.iter().rev().find(|visit| visit.standing == Standing::Failed);
    segment.cause = last_failure.and_then(|visit| visit.reason.as_ref()).map(cause);
    segment.subsegments = states(&segment, &course, identity);
    segment
}

/// The states that lie in no other, with those that lie in them.
fn states(execution: &Segment, course: &Course, identity: &Identity) -> Vec<Segment> {
    let mut parts: Vec<Option<Segment>> =
        course.visits.iter().map(|visit| Some(of_visit(execution, visit, identity))).collect();
    let mut outermost = Vec::new();
    // What lies in a state was entered after it: from the last on, each has all its own by the time it is put away.
    for (place, visit) in course.visits.iter().enumerate().rev() {
        let Some(mut part) = parts.get_mut(place).and_then(Option::take) else { continue };
        part.subsegments.reverse();
        match visit.around.and_then(|around| parts.get_mut(around)).and_then(Option::as_mut) {
            Some(around) => {
                part.parent = Some(around.id);
                around.subsegments.push(part);
            }
            None => outermost.push(part),
        }
    }
    outermost.reverse();
    outermost
}

fn of_visit(execution: &Segment, visit: &Visit, identity: &Identity) -> Segment {
    let id = SpanId::of_event(&identity.execution_arn, visit.entered.0);
    let mut part = execution.part(id, &*visit.state, microseconds(visit.entered_at));
    part.ended_us = visit.left_at.map(microseconds);
    part.flags = match visit.standing {
        Standing::Running | Standing::Succeeded => Flags::default(),
        Standing::Caught | Standing::Aborted => Flags { error: true, ..Flags::default() },
        Standing::Failed => fault(),
    };
    part.cause = visit.reason.as_ref().map(cause);
    // They are turned round with the states that lie in it.
    part.subsegments =
        visit.attempts.iter().rev().map(|attempt| of_attempt(&part, attempt, identity)).collect();
    part
}

fn of_attempt(state: &Segment, attempt: &Attempt, identity: &Identity) -> Segment {
    let id = SpanId::of_event(&identity.execution_arn, attempt.scheduled.0);
    let (name, namespace, aws) = match &attempt.target {
        Target::LambdaFunction { resource } => {
            ("Lambda", "aws", json!({ "operation": "Invoke", "function_arn": &**resource }))
        }
        Target::Service { resource_type, resource } => {
            let called = resource_type.strip_prefix("aws-sdk:").unwrap_or(resource_type);
            let known = SERVICES.iter().find(|(name, _)| *name == called);
            (known.map_or(called, |(_, name)| name), "aws", json!({ "operation": &**resource }))
        }
        Target::Activity { resource } => {
            let name = resource.rsplit(':').next().unwrap_or_default();
            (name, "remote", json!({ "activity_arn": &**resource }))
        }
    };
    let mut part = state.part(id, name, microseconds(attempt.scheduled_at));
    part.namespace = Some(namespace.to_owned());
    part.aws = aws.as_object().cloned().unwrap_or_default();
    // What its state has left, or the execution, is not waited for any more.
    part.ended_us = attempt.ended_at.map(microseconds).or(state.ended_us);
    if let Some(reason) = &attempt.reason {
        part.flags = fault();
        part.cause = Some(cause(reason));
    }
    part
}

fn fault() -> Flags {
    Flags { fault: true, ..Flags::default() }
}

fn cause(reason: &Reason) -> Cause {
    let text =
        |text: &Option<Text>| text.as_ref().map(|text| text.chars().take(CAUSE_CHARACTERS_MAX).collect());
    Cause { error: text(&reason.error), message: text(&reason.cause) }
}

fn microseconds(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1000)
}
