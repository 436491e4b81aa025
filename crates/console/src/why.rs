//! Why a Choice went where it went, and why a retry waits as long as it does.
//!
//! Rules are evaluated again, on what the history says the state was entered with. Of what is in `JSONata` it is only
//! said which condition led on: the first that leads where the execution went.

use std::collections::BTreeMap;

use darkroom_asl::data::choice::Rule;
use darkroom_asl::data::{Environment, Path};
use darkroom_asl::definition::{Choice, Condition, DataFlow, Jitter, Selection, State, StateMachine};
use darkroom_asl::interpreter::Identity;
use darkroom_asl::interpreter::event::PlannedRetry;
use darkroom_asl::json::{Object, Payload, Text, Value};
use darkroom_graph::condition_in_words;
use maud::{Markup, html};

use crate::diff::cut;
use crate::time;
use darkroom_engine::course::{Course, Visit};

/// Rules that are shown.
const RULES_MAX: usize = 50;

/// What the rules of a visit see.
struct Seen {
    input: Value,
    context: Value,
    variables: BTreeMap<Text, Payload>,
}

impl Environment for Seen {
    fn input(&self) -> &Value {
        &self.input
    }

    fn context(&self) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.get(name).map(|payload| payload.value().clone())
    }

    /// No rule draws a number.
    fn random_u64(&self) -> u64 {
        0
    }
}

/// What became of a rule.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Taken,
    False,
    NotReached,
    Unclear,
}

/// The rules of a Choice with what became of each on this visit.
pub fn choice(
    machine: &StateMachine,
    choice: &Choice,
    visit: &Visit,
    course: &Course,
    identity: &Identity,
) -> Markup {
    let seen = Seen {
        input: visit.input.value().clone(),
        context: context(identity, visit),
        variables: course.variables_before(visit),
    };
    let seen = match effective(&choice.flow, &seen) {
        Some(input) => Seen { input, ..seen },
        None => seen,
    };
    let mut is_decided = false;
    let mut rows = Vec::new();
    for rule in &choice.choices {
        let leads_on = visit.next.as_deref() == Some(&*machine.state(rule.next).name);
        let verdict = match (&rule.condition, is_decided) {
            (_, true) => Verdict::NotReached,
            (Condition::Rule(rule), false) => match rule.evaluate(&seen) {
                Ok(true) => Verdict::Taken,
                Ok(false) => Verdict::False,
                Err(_) => Verdict::Unclear,
            },
            (Condition::Fixed(_) | Condition::Query(_), false) if leads_on => Verdict::Taken,
            (Condition::Fixed(_) | Condition::Query(_), false) => Verdict::False,
        };
        is_decided |= verdict == Verdict::Taken;
        let found = match &rule.condition {
            Condition::Rule(rule) if verdict != Verdict::NotReached => values(rule, &seen),
            Condition::Rule(_) | Condition::Fixed(_) | Condition::Query(_) => Vec::new(),
        };
        rows.push((verdict, condition_in_words(&rule.condition), &machine.state(rule.next).name, found));
    }
    let default = choice.default.map(|target| &machine.state(target).name);
    html! {
        ol.rules {
            @for (verdict, words, target, found) in rows.iter().take(RULES_MAX) {
                li class=(class(*verdict)) {
                    code { (cut(words)) } " → " strong { (target) } " "
                    span.verdict { (word(*verdict)) }
                    @for (path, value) in found { div.quiet { code { (path) } " is " code { (value) } } }
                }
            }
            @if rows.len() > RULES_MAX { li { "and " (rows.len() - RULES_MAX) " more" } }
            @if let Some(target) = default {
                li class=(class(if is_decided { Verdict::NotReached } else { Verdict::Taken })) {
                    "otherwise → " strong { (target) } " "
                    span.verdict { @if is_decided { "not reached" } @else { "taken: no rule held" } }
                }
            }
        }
    }
}

/// What the rules look at: the effective input.
fn effective(flow: &DataFlow, seen: &Seen) -> Option<Value> {
    match flow {
        DataFlow::JsonPath(flow) => match &flow.input_path {
            Selection::Whole => None,
            Selection::Empty => Some(Object::new().into()),
            Selection::At(path) => path.select(seen).ok(),
        },
        DataFlow::Jsonata(_) => None,
    }
}

fn context(identity: &Identity, visit: &Visit) -> Value {
    let object = |members: [(&str, Value); 2]| {
        let mut object = Object::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        Value::from(object)
    };
    let execution = object([
        ("Id", identity.execution_arn.clone().into()),
        ("Name", identity.execution_name.clone().into()),
    ]);
    let machine = object([
        ("Id", identity.state_machine_arn.clone().into()),
        ("Name", identity.state_machine_name.clone().into()),
    ]);
    let state = object([
        ("Name", visit.state.clone().into()),
        ("EnteredTime", Text::from(visit.entered_at.to_string()).into()),
    ]);
    let mut context = Object::new();
    context.insert("Execution", execution);
    context.insert("StateMachine", machine);
    context.insert("State", state);
    context.into()
}

/// The values that a rule looked at.
fn values(rule: &Rule, seen: &Seen) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    rule.visit_paths(&mut |path: &Path| {
        let text = path.text().to_string();
        if found.len() < 8 && found.iter().all(|(known, _)| *known != text) {
            let value =
                path.select(seen).map_or_else(|_| "not there".to_owned(), |value| cut(&value.to_text()));
            found.push((text, value));
        }
    });
    found
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Taken => "held: taken",
        Verdict::False => "did not hold",
        Verdict::NotReached => "not reached",
        Verdict::Unclear => "could not be evaluated",
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Taken => "taken",
        Verdict::False | Verdict::NotReached | Verdict::Unclear => "not-taken",
    }
}

/// How long a retry waits, and by which of its state's retriers.
pub fn retry(state: &State, visit: &Visit, planned: &PlannedRetry, place: usize) -> Markup {
    let failed_at = visit.attempts.get(place).and_then(|attempt| attempt.ended_at);
    let waits = failed_at.map(|at| time::between(at, planned.at));
    let retrier = usize::try_from(planned.retrier).ok().and_then(|place| state.retry().get(place));
    let earlier = visit.retries[..place].iter().filter(|other| other.retrier == planned.retrier).count();
    html! {
        "tried again at " (time::clock(planned.at))
        @if let Some(waits) = waits { ", after " (waits) }
        @if let Some(retrier) = retrier {
            ": retrier " (planned.retrier + 1) " takes "
            code { (cut(&retrier.error_equals.join(", "))) } "; "
            (retrier.interval_seconds) " s × " (retrier.backoff_rate) "^" (earlier)
            @if let Some(longest) = retrier.max_delay_seconds { ", at most " (longest) " s" }
            @match retrier.jitter {
                Jitter::Full => ", drawn between nothing and that (FULL jitter)",
                Jitter::None => {}
            }
            "; use " (earlier + 1) " of " (retrier.max_attempts)
        }
    }
}
