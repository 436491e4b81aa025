//! A history as a person reads it: which states were visited, when, how often each was tried, and what came of it.
//!
//! Events in, [`Course`] out. Whether a history is whole does not matter: a state that was entered before the first
//! event that is known is left out.

use std::collections::BTreeMap;

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{
    BranchId, EventId, EventKind, HistoryEvent, PlannedRetry, Reason, StateType, Target,
};
use darkroom_asl::json::{Payload, Text};

/// What an execution did.
#[derive(Debug, Default)]
pub struct Course {
    /// In the order in which states were entered.
    pub visits: Vec<Visit>,
}

/// A state, from when it was entered until it was left.
#[derive(Debug)]
pub struct Visit {
    /// The state's name.
    pub state: Text,
    /// The state's type.
    pub state_type: StateType,
    /// How deep in Parallel and Map states.
    pub depth: usize,
    /// The branch.
    pub branch: BranchId,
    /// The visit of the Parallel or Map state that it lies in: its place among the visits.
    pub around: Option<usize>,
    /// Of a Map's iteration: its place, from 0.
    pub iteration: Option<u32>,
    /// The event that it was entered with.
    pub entered: EventId,
    /// When.
    pub entered_at: Timestamp,
    /// When it was left or given up.
    pub left_at: Option<Timestamp>,
    /// What it was entered with.
    pub input: Payload,
    /// What it was left with.
    pub output: Option<Payload>,
    /// The variables that it set.
    pub assigned: Vec<(Text, Payload)>,
    /// Where it went.
    pub next: Option<Text>,
    /// When a Wait ends.
    pub wake_at: Option<Timestamp>,
    /// The calls that it made.
    pub attempts: Vec<Attempt>,
    /// What it waits for before it is tried again, one for each time.
    pub retries: Vec<PlannedRetry>,
    /// Why it failed last.
    pub reason: Option<Reason>,
    /// Of a Map: how far it is.
    pub iterations: Option<Iterations>,
    /// How it stands.
    pub standing: Standing,
}

/// How far a Map is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iterations {
    /// How many items it has.
    pub total: u32,
    /// Iterations that have begun.
    pub started: u32,
    /// Iterations that ended well.
    pub succeeded: u32,
    /// Iterations that failed.
    pub failed: u32,
    /// Iterations that were given up, because another failed.
    pub aborted: u32,
}

impl Iterations {
    /// Iterations that are under way.
    pub fn running(&self) -> u32 {
        self.started.saturating_sub(self.succeeded + self.failed + self.aborted)
    }
}

/// A call of a task.
#[derive(Debug)]
pub struct Attempt {
    /// The event that it was given out with.
    pub scheduled: EventId,
    /// What was called.
    pub target: Target,
    /// With what.
    pub input: Payload,
    /// When it was given out.
    pub scheduled_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What came back, where it went well.
    pub output: Option<Payload>,
    /// Why it failed.
    pub reason: Option<Reason>,
}

/// How a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Under way.
    Running,
    /// Left well.
    Succeeded,
    /// Failed, and a catcher took the error.
    Caught,
    /// Failed.
    Failed,
    /// Given up, because something else failed or somebody stopped the execution.
    Aborted,
}

impl Standing {
    /// A word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Caught => "caught",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }

    /// Its class in pages and pictures.
    pub fn class(self) -> &'static str {
        match self {
            Self::Running => "is-running",
            Self::Succeeded => "is-succeeded",
            Self::Caught => "is-caught",
            Self::Failed => "is-failed",
            Self::Aborted => "is-aborted",
        }
    }
}

impl Course {
    /// Reads a history.
    pub fn of(events: &[HistoryEvent]) -> Self {
        let mut reader = Reader { course: Self::default(), current: BTreeMap::new(), events };
        for event in events {
            reader.read(event);
        }
        reader.course
    }

    /// How each state stands that was visited: as its last visit does, but under way if any is.
    pub fn standings(&self) -> BTreeMap<&str, Standing> {
        let mut standings = BTreeMap::new();
        for visit in &self.visits {
            let standing = standings.entry(&*visit.state).or_insert(visit.standing);
            if *standing != Standing::Running {
                *standing = visit.standing;
            }
        }
        standings
    }

    /// The visits of a state.
    pub fn of_state<'t>(&'t self, state: &'t str) -> impl DoubleEndedIterator<Item = &'t Visit> {
        self.visits.iter().filter(move |visit| &*visit.state == state)
    }

    /// The variables that a visit found: those set before it was entered, as far as the course knows.
    pub fn variables_before(&self, visit: &Visit) -> BTreeMap<Text, Payload> {
        let is_seen = |other: &&Visit| other.branch == visit.branch || other.depth < visit.depth;
        let earlier = self.visits.iter().filter(is_seen).filter(|other| other.entered < visit.entered);
        let left = earlier.filter(|other| other.left_at.is_some());
        left.flat_map(|other| other.assigned.iter().cloned()).collect()
    }
}

struct Reader<'e> {
    course: Course,
    /// Each branch's last visit.
    current: BTreeMap<BranchId, usize>,
    events: &'e [HistoryEvent],
}

impl Reader<'_> {
    fn read(&mut self, event: &HistoryEvent) {
        if let EventKind::StateEntered { state_type, name, input, wake_at } = &event.kind {
            let (depth, iteration, around) = self.place(event);
            self.current.insert(event.branch, self.course.visits.len());
            self.course.visits.push(Visit {
                state: name.clone(),
                state_type: *state_type,
                depth,
                branch: event.branch,
                around,
                iteration,
                entered: event.id,
                entered_at: event.timestamp,
                left_at: None,
                input: input.clone(),
                output: None,
                assigned: Vec::new(),
                next: None,
                wake_at: *wake_at,
                attempts: Vec::new(),
                retries: Vec::new(),
                reason: None,
                iterations: None,
                standing: Standing::Running,
            });
        } else if let Some(visit) = self.visit(event.branch) {
            visit.read(event);
        }
        self.count_iteration(event);
        if let Some(retry) = event.retry
            && let Some(visit) = self.visit(retry.branch)
        {
            visit.retries.push(retry);
        }
        let ending = match &event.kind {
            EventKind::ExecutionFailed(_) | EventKind::ExecutionTimedOut(_) => Some(true),
            EventKind::ExecutionAborted(_) => Some(false),
            _ => None,
        };
        if let Some(may_have_failed) = ending {
            self.end(event.timestamp, may_have_failed);
        }
    }

    fn visit(&mut self, branch: BranchId) -> Option<&mut Visit> {
        self.course.visits.get_mut(*self.current.get(&branch)?)
    }

    /// How deep a state stands that is entered, in which iteration and in which visit: as the state before it in its
    /// branch, or one deeper than the state whose event began the branch.
    fn place(&self, event: &HistoryEvent) -> (usize, Option<u32>, Option<usize>) {
        if let Some(before) = self.current.get(&event.branch) {
            let before = &self.course.visits[*before];
            return (before.depth, before.iteration, before.around);
        }
        if event.branch == BranchId::ROOT {
            return (0, None, None);
        }
        let first = self.events.first().map_or(0, |first| first.id.0);
        let cause = event.previous_event_id.0.checked_sub(first);
        let cause = cause.and_then(|place| self.events.get(usize::try_from(place).ok()?));
        let iteration = match cause.map(|cause| &cause.kind) {
            Some(EventKind::MapIterationStarted { iteration, .. }) => Some(iteration.index),
            _ => None,
        };
        let around = cause.and_then(|cause| self.current.get(&cause.branch)).copied();
        (around.map_or(1, |around| self.course.visits[around].depth + 1), iteration, around)
    }

    /// An iteration began, which is its Map's event, or ended, which is its own branch's.
    fn count_iteration(&mut self, event: &HistoryEvent) {
        let count: fn(&mut Iterations) = match &event.kind {
            EventKind::MapIterationStarted { .. } => |it| it.started += 1,
            EventKind::MapIterationSucceeded(_) => |it| it.succeeded += 1,
            EventKind::MapIterationFailed(_) => |it| it.failed += 1,
            EventKind::MapIterationAborted(_) => |it| it.aborted += 1,
            _ => return,
        };
        let own = self.current.get(&event.branch).copied();
        let map = match &event.kind {
            EventKind::MapIterationStarted { .. } => own,
            _ => own.and_then(|own| self.course.visits.get(own)?.around),
        };
        let visit = map.and_then(|map| self.course.visits.get_mut(map));
        if let Some(iterations) = visit.and_then(|visit| visit.iterations.as_mut()) {
            count(iterations);
        }
    }

    /// The execution ended badly: what was under way failed, or was given up.
    fn end(&mut self, at: Timestamp, may_have_failed: bool) {
        for visit in self.course.visits.iter_mut().filter(|visit| visit.standing == Standing::Running) {
            visit.left_at = Some(at);
            let failed = may_have_failed && (visit.reason.is_some() || visit.state_type == StateType::Fail);
            visit.standing = if failed { Standing::Failed } else { Standing::Aborted };
        }
    }
}

impl Visit {
    fn read(&mut self, event: &HistoryEvent) {
        match &event.kind {
            EventKind::TaskScheduled(scheduled) => {
                // After a redrive a task is given out again without its state being entered.
                self.reopen();
                self.attempts.push(Attempt {
                    scheduled: event.id,
                    target: scheduled.target.clone(),
                    input: scheduled.input.clone(),
                    scheduled_at: event.timestamp,
                    ended_at: None,
                    output: None,
                    reason: None,
                });
            }
            EventKind::ParallelStateStarted { .. } => self.reopen(),
            EventKind::MapStateStarted(started) => {
                self.reopen();
                self.iterations = Some(Iterations { total: started.length, ..Iterations::default() });
            }
            EventKind::TaskSucceeded { output, .. } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.ended_at = Some(event.timestamp);
                    attempt.output = Some(output.clone());
                }
            }
            EventKind::TaskScheduleFailed { reason, .. }
            | EventKind::TaskSubmitFailed { reason, .. }
            | EventKind::TaskFailed { reason, .. }
            | EventKind::TaskTimedOut { reason, .. } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.ended_at = Some(event.timestamp);
                    attempt.reason = Some(reason.clone());
                }
                self.reason = Some(reason.clone());
            }
            EventKind::EvaluationFailed { reason, .. } => self.reason = Some(reason.clone()),
            EventKind::ParallelStateFailed | EventKind::MapStateFailed => {
                self.reason.get_or_insert_with(Reason::default);
            }
            EventKind::StateExited { output, assigned, next, .. } => {
                self.left_at = Some(event.timestamp);
                self.output = Some(output.clone());
                self.assigned.clone_from(assigned);
                self.next.clone_from(next);
                self.standing = if self.reason.is_some() { Standing::Caught } else { Standing::Succeeded };
            }
            EventKind::StateAborted { .. } => {
                self.left_at = Some(event.timestamp);
                self.standing = Standing::Aborted;
            }
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionRedriven { .. }
            | EventKind::StateEntered { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::ParallelStateSucceeded
            | EventKind::MapStateSucceeded
            | EventKind::MapIterationStarted { .. }
            | EventKind::MapIterationSucceeded(_)
            | EventKind::MapIterationFailed(_)
            | EventKind::MapIterationAborted(_) => {}
        }
    }

    fn reopen(&mut self) {
        self.reason = None;
        self.left_at = None;
        self.standing = Standing::Running;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkroom_asl::interpreter::event::{Iteration, MapStarted, TaskScheduled};

    fn event(id: u32, previous: u32, branch: u32, kind: EventKind) -> HistoryEvent {
        HistoryEvent {
            id: EventId(id),
            previous_event_id: EventId(previous),
            timestamp: Timestamp::from_millis(i64::from(id) * 100),
            branch: BranchId(branch),
            retry: None,
            kind,
        }
    }

    fn payload() -> Payload {
        Payload::from_trusted("{}")
    }

    fn entered(state_type: StateType, name: &str) -> EventKind {
        EventKind::StateEntered { state_type, name: name.into(), input: payload(), wake_at: None }
    }

    fn exited(state_type: StateType, name: &str, next: &str) -> EventKind {
        let next = Some(next.into());
        EventKind::StateExited { state_type, name: name.into(), output: payload(), assigned: vec![], next }
    }

    fn target() -> Target {
        Target::LambdaFunction { resource: "arn".into() }
    }

    fn scheduled() -> EventKind {
        EventKind::TaskScheduled(TaskScheduled {
            target: target(),
            region: "us-east-1".into(),
            input: payload(),
            timeout_seconds: None,
            heartbeat_seconds: None,
            credentials_role_arn: None,
        })
    }

    fn failed() -> EventKind {
        EventKind::TaskFailed { target: target(), reason: Reason { error: Some("E".into()), cause: None } }
    }

    #[test]
    fn a_task_is_tried_again_and_its_error_caught() {
        let mut first = event(3, 2, 0, failed());
        first.retry = Some(PlannedRetry { branch: BranchId(0), retrier: 0, at: Timestamp::from_millis(900) });
        let events = [
            event(1, 0, 0, entered(StateType::Task, "T")),
            event(2, 1, 0, scheduled()),
            first,
            event(4, 3, 0, scheduled()),
            event(5, 4, 0, failed()),
            event(6, 5, 0, exited(StateType::Task, "T", "Handler")),
        ];
        let running = Course::of(&events[..3]);
        assert_eq!(running.standings().get("T"), Some(&Standing::Running), "it waits to be tried again");
        let course = Course::of(&events);
        let visit = &course.visits[0];
        assert_eq!((visit.standing, visit.next.as_deref()), (Standing::Caught, Some("Handler")));
        assert_eq!((visit.attempts.len(), visit.retries.len()), (2, 1));
        assert_eq!(visit.attempts[0].ended_at, Some(Timestamp::from_millis(300)));
    }

    #[test]
    fn what_stood_beside_a_failure_is_given_up_and_a_redrive_goes_on() {
        let reason = Reason::default();
        let mut events = vec![
            event(1, 0, 0, entered(StateType::Task, "T")),
            event(2, 1, 0, scheduled()),
            event(3, 2, 0, failed()),
            event(4, 3, 0, EventKind::ExecutionFailed(reason.clone())),
        ];
        assert_eq!(Course::of(&events).visits[0].standing, Standing::Failed);
        events.push(event(5, 4, 0, EventKind::ExecutionRedriven { redrive_count: 1, client_token: None }));
        events.push(event(6, 5, 0, scheduled()));
        let course = Course::of(&events);
        assert_eq!((course.visits.len(), course.visits[0].standing), (1, Standing::Running));

        let stopped = [
            event(1, 0, 0, entered(StateType::Wait, "W")),
            event(2, 1, 0, EventKind::ExecutionAborted(reason)),
        ];
        assert_eq!(Course::of(&stopped).visits[0].standing, Standing::Aborted);
    }

    #[test]
    fn iterations_stand_below_their_map() {
        let iteration = |index| Iteration { name: "M".into(), index };
        let started = |index| EventKind::MapIterationStarted { iteration: iteration(index), input: None };
        let course = Course::of(&[
            event(1, 0, 0, entered(StateType::Map, "M")),
            event(2, 1, 0, started(0)),
            event(3, 2, 1, entered(StateType::Pass, "P")),
            event(4, 1, 0, started(1)),
            event(5, 4, 2, entered(StateType::Pass, "P")),
            event(6, 3, 1, exited(StateType::Pass, "P", "Q")),
            event(7, 6, 1, entered(StateType::Pass, "Q")),
        ]);
        let places: Vec<_> = course.visits.iter().map(|it| (&*it.state, it.depth, it.iteration)).collect();
        assert_eq!(places, [("M", 0, None), ("P", 1, Some(0)), ("P", 1, Some(1)), ("Q", 1, Some(0))]);
        assert_eq!(course.standings().get("P"), Some(&Standing::Running), "one of them still is");
    }

    #[test]
    fn a_map_knows_how_far_it_is() {
        let iteration = |name: &str, index| Iteration { name: name.into(), index };
        let started = |name: &str, index| EventKind::MapIterationStarted {
            iteration: iteration(name, index),
            input: None,
        };
        let map =
            |length| EventKind::MapStateStarted(MapStarted { length, items: payload(), max_concurrency: 0 });
        let course = Course::of(&[
            event(1, 0, 0, entered(StateType::Map, "M")),
            event(2, 1, 0, map(4)),
            event(3, 2, 0, started("M", 0)),
            event(4, 3, 1, entered(StateType::Map, "Inner")),
            event(5, 4, 1, map(1)),
            event(6, 5, 1, started("Inner", 0)),
            event(7, 6, 2, entered(StateType::Pass, "P")),
            event(8, 7, 2, EventKind::MapIterationSucceeded(iteration("Inner", 0))),
            event(9, 2, 0, started("M", 1)),
            event(10, 9, 3, entered(StateType::Map, "Inner")),
            event(11, 10, 3, EventKind::MapIterationFailed(iteration("M", 1))),
            event(12, 11, 0, started("M", 2)),
        ]);
        let found: Vec<_> = course.visits.iter().filter_map(|visit| visit.iterations).collect();
        let outer = Iterations { total: 4, started: 3, failed: 1, ..Iterations::default() };
        let inner = Iterations { total: 1, started: 1, succeeded: 1, ..Iterations::default() };
        assert_eq!((found, outer.running()), (vec![outer, inner], 2));
    }
}
