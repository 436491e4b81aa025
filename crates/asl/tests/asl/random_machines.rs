//! What holds for every machine that is accepted, whatever its input and whatever its tasks answer: it ends, within
//! the bounds, without a panic; its history is gapless, with one terminal event, the last; and a replay equals the
//! live execution at every decision, which [`world`] looks after.
//!
//! Machines are drawn as trees and printed as definitions. Paths may miss, loops may not end, tasks may keep silent.

mod jsonata;

use crate::world::{Act, Step, World};
use darkroom_asl::definition::{Options, parse};
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Limits, Status, TaskRequest};
use darkroom_asl::json::Payload;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Enough that a loop meets the end of the history in it.
const EVENTS_MAX: u32 = 400;

/// More decisions than so many events can need: one for each, and one for each heartbeat.
const DECISIONS_MAX: usize = 4_000;
/// How often an execution that ended badly is redriven.
const REDRIVES_MAX: usize = 2;

/// One line of states; each goes to the one after it, and the last one ends the line.
#[derive(Clone, Debug)]
struct Line(Vec<Spec>);

/// A state before it has a name.
#[derive(Clone, Debug)]
struct Spec {
    kind: Kind,
    /// Fields beside those that make it what it is. Those that its type does not have are left out.
    fields: Vec<(&'static str, Value)>,
    retry: Vec<Value>,
    /// Each with the state of the line that it goes to.
    catch: Vec<(Value, usize)>,
    assigns: Option<Value>,
    /// Which of the expressions stand in it, if it is in `JSONata`.
    jsonata: Option<usize>,
}

#[derive(Clone, Debug)]
enum Kind {
    Pass,
    Task(&'static str),
    Wait(&'static str, Value),
    Choice(Vec<(Value, usize)>, Option<usize>),
    Succeed,
    Fail(Value, Value),
    Parallel(Vec<Line>),
    Map(Line),
}

fn paths() -> impl Strategy<Value = Value> {
    select(vec![
        json!("$"),
        json!("$.a"),
        json!("$.b"),
        json!("$.b.c"),
        json!("$.list"),
        json!("$.list[0]"),
        json!("$.list[*]"),
        json!("$..a"),
        json!("$.no"),
        json!("$$.Execution.Input"),
        json!("$$.Map.Item.Value"),
        json!("$v"),
        Value::Null,
    ])
}

fn reference_paths() -> impl Strategy<Value = Value> {
    select(vec![json!("$"), json!("$.a"), json!("$.b.c"), json!("$.x.y"), json!("$.list[0]"), Value::Null])
}

fn templates() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({"a.$": "$.a", "list": [1, 2.0]}),
        json!({"a.$": "$", "b": {"c.$": "$.list"}}),
        json!({"twice.$": "$", "again.$": "$"}),
        json!({"list.$": "States.Array($, 1)", "n.$": "States.UUID()"}),
        json!({"a.$": "States.Format('{}{}', $, $$.State.Name)"}),
        json!({"a.$": "$$.Map.Item.Index", "b.$": "$v"}),
        json!({"retries.$": "$$.State.RetryCount"}),
        json!({"no.$": "$.no.such"}),
    ])
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let field = prop_oneof![
        (select(vec!["InputPath", "OutputPath", "ItemsPath"]), paths()),
        (Just("ResultPath"), reference_paths()),
        (select(vec!["Parameters", "ResultSelector", "ItemSelector"]), templates()),
        (Just("Result"), values()),
        (Just("MaxConcurrency"), (0..3).prop_map(|count| json!(count))),
        (select(vec!["TimeoutSeconds", "HeartbeatSeconds"]), (1..20).prop_map(|seconds| json!(seconds))),
        (select(vec!["TimeoutSecondsPath", "MaxConcurrencyPath"]), paths()),
        (Just("Credentials"), Just(json!({"RoleArn": "arn:aws:iam::444455556666:role/other"}))),
        (select(vec!["ToleratedFailureCount"]), (0..3).prop_map(|count| json!(count))),
    ];
    vec(field, 0..3)
}

fn values() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"a": 1, "b": {"c": "x"}, "list": [1, 2, 3], "at": "2026-03-01T12:00:05Z"}),
        json!({"a": {"b": {"c": [[]]}}, "list": ["x"], "b": {}}),
        json!([1, [2, 3], {"a": 4}]),
        json!([]),
        json!(7),
        json!(1.5),
        json!("text \u{1F4F7}"),
        Value::Null,
        json!({"a": "x".repeat(700), "list": []}),
    ])
}

fn errors() -> impl Strategy<Value = &'static str> {
    select(vec![
        "E",
        "F",
        "States.ALL",
        "States.TaskFailed",
        "States.Timeout",
        "States.HeartbeatTimeout",
        "States.DataLimitExceeded",
        "States.Runtime",
    ])
}

fn retriers() -> impl Strategy<Value = Vec<Value>> {
    let retrier = (errors(), 1..5, 0..3, select(vec![1.0, 2.0]), any::<bool>()).prop_map(
        |(error, interval, attempts, rate, jitter)| {
            json!({"ErrorEquals": [error], "IntervalSeconds": interval, "MaxAttempts": attempts,
                "BackoffRate": rate, "JitterStrategy": if jitter { "FULL" } else { "NONE" }})
        },
    );
    vec(retrier, 0..3)
}

fn catchers() -> impl Strategy<Value = Vec<(Value, usize)>> {
    let catcher = (errors(), option::of(reference_paths()), any::<usize>(), any::<bool>());
    let catcher = catcher.prop_map(|(error, result_path, next, assigns)| {
        let mut catcher = json!({"ErrorEquals": [error]});
        if let Some(path) = result_path {
            catcher["ResultPath"] = path;
        }
        if assigns {
            catcher["Assign"] = json!({"v.$": "$.Error"});
        }
        (catcher, next)
    });
    vec(catcher, 0..3)
}

fn rules() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"Variable": "$.a", "NumericGreaterThan": 0}),
        json!({"Variable": "$.a", "IsPresent": true}),
        json!({"Variable": "$.no", "IsPresent": true}),
        json!({"Variable": "$.b.c", "StringMatches": "*x*"}),
        json!({"Not": {"Variable": "$.list", "IsNull": true}}),
        json!({"And": [{"Variable": "$", "IsPresent": true}, {"Variable": "$.a", "IsNumeric": true}]}),
        json!({"Variable": "$v", "StringEqualsPath": "$.a"}),
    ])
}

fn simple_kinds() -> BoxedStrategy<Kind> {
    let resources = select(vec![
        "arn:aws:lambda:eu-west-1:111122223333:function:work",
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:eu-west-1:111122223333:activity:by-hand",
    ]);
    let waits = select(vec![
        ("Seconds", json!(0)),
        ("Seconds", json!(5)),
        ("SecondsPath", json!("$.a")),
        ("Timestamp", json!("2026-03-01T12:00:20Z")),
        ("TimestampPath", json!("$.at")),
    ]);
    let rules = vec((rules(), any::<usize>()), 1..4);
    prop_oneof![
        4 => Just(Kind::Pass),
        6 => resources.prop_map(Kind::Task),
        2 => waits.prop_map(|(form, value)| Kind::Wait(form, value)),
        3 => (rules, option::of(any::<usize>())).prop_map(|(rules, default)| Kind::Choice(rules, default)),
    ]
    .boxed()
}

fn spec(kinds: BoxedStrategy<Kind>) -> impl Strategy<Value = Spec> {
    let assigns = select(vec![json!({"v": 1}), json!({"v.$": "$"}), json!({"v.$": "$.a", "w": "x"})]);
    let jsonata = option::weighted(0.4, any::<usize>());
    (kinds, fields(), retriers(), catchers(), option::weighted(0.3, assigns), jsonata).prop_map(
        |(kind, fields, retry, catch, assigns, jsonata)| Spec {
            kind,
            fields,
            retry,
            catch,
            assigns,
            jsonata,
        },
    )
}

fn lines() -> BoxedStrategy<Line> {
    let last = prop_oneof![
        Just(Kind::Succeed),
        (select(vec![json!("E"), json!(null)]), select(vec![json!("$.a"), json!("$.no"), json!(null)]))
            .prop_map(|(error, cause)| Kind::Fail(error, cause)),
        Just(Kind::Pass),
    ];
    let line = move |kinds: BoxedStrategy<Kind>| {
        let last = spec(last.clone().boxed());
        (vec(spec(kinds), 0..4), last).prop_map(|(mut states, last)| {
            states.push(last);
            Line(states)
        })
    };
    let simple = line(simple_kinds()).boxed();
    simple
        .prop_recursive(3, 24, 3, move |inner| {
            let kinds = prop_oneof![
                4 => simple_kinds(),
                2 => vec(inner.clone(), 1..4).prop_map(Kind::Parallel),
                2 => inner.prop_map(Kind::Map),
            ];
            line(kinds.boxed())
        })
        .boxed()
}

/// Prints machines; every state gets a name of its own, every line a variable.
#[derive(Default)]
struct Printer {
    states: usize,
    lines: usize,
}

impl Printer {
    fn line(&mut self, Line(states): &Line) -> Value {
        self.lines += 1;
        let variable = format!("v{}", self.lines);
        let names: Vec<String> = states.iter().map(|_| self.name()).collect();
        let mut printed = Map::new();
        for (index, spec) in states.iter().enumerate() {
            let state = self.state(spec, &names, index);
            // A branch may not assign what an outer line does.
            let own = state.to_string().replace("\"$v\"", &format!("\"${variable}\""));
            let own = own
                .replace("\"v\"", &format!("\"{variable}\""))
                .replace("\"v.$\"", &format!("\"{variable}.$\""));
            let own =
                own.replace("\"w\"", &format!("\"w{variable}\"")).replace("$v ", &format!("${variable} "));
            printed.insert(names[index].clone(), serde_json::from_str(&own).expect("it was just printed"));
        }
        json!({"StartAt": names[0], "States": printed})
    }

    fn name(&mut self) -> String {
        self.states += 1;
        format!("S{}", self.states)
    }

    fn state(&mut self, spec: &Spec, names: &[String], index: usize) -> Value {
        let to = |drawn: usize| names[drawn % names.len()].clone();
        let mut state = Map::new();
        let (state_type, has): (&str, &[&str]) = match &spec.kind {
            Kind::Pass => ("Pass", &["InputPath", "OutputPath", "ResultPath", "Parameters", "Result"]),
            Kind::Task(resource) => {
                state.insert("Resource".into(), json!(resource));
                (
                    "Task",
                    &[
                        "InputPath",
                        "OutputPath",
                        "ResultPath",
                        "Parameters",
                        "ResultSelector",
                        "TimeoutSeconds",
                        "TimeoutSecondsPath",
                        "HeartbeatSeconds",
                        "Credentials",
                    ],
                )
            }
            Kind::Wait(form, value) => {
                state.insert((*form).into(), value.clone());
                ("Wait", &["InputPath", "OutputPath"])
            }
            Kind::Choice(rules, default) => {
                let rules = rules.iter().map(|(rule, next)| {
                    let mut rule = rule.clone();
                    rule["Next"] = json!(to(*next));
                    rule
                });
                state.insert("Choices".into(), rules.collect());
                // Without it, what follows might not be reached, and the machine be refused.
                state.insert("Default".into(), json!(default.map_or_else(|| to(index + 1), to)));
                ("Choice", &["InputPath", "OutputPath"])
            }
            Kind::Succeed => ("Succeed", &["InputPath", "OutputPath"]),
            Kind::Fail(error, cause) => {
                if !error.is_null() {
                    state.insert("Error".into(), error.clone());
                }
                if !cause.is_null() {
                    state.insert("CausePath".into(), cause.clone());
                }
                ("Fail", &[])
            }
            Kind::Parallel(lines) => {
                state.insert("Branches".into(), lines.iter().map(|line| self.line(line)).collect());
                ("Parallel", &["InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector"])
            }
            Kind::Map(line) => {
                state.insert("ItemProcessor".into(), self.line(line));
                (
                    "Map",
                    &[
                        "InputPath",
                        "OutputPath",
                        "ResultPath",
                        "ItemsPath",
                        "ItemSelector",
                        "ResultSelector",
                        "MaxConcurrency",
                        "MaxConcurrencyPath",
                        "ToleratedFailureCount",
                    ],
                )
            }
        };
        state.insert("Type".into(), json!(state_type));
        for (name, value) in spec.fields.iter().filter(|(name, _)| has.contains(name)) {
            state.insert((*name).to_owned(), value.clone());
        }
        if state.contains_key("TimeoutSeconds") {
            state.remove("TimeoutSecondsPath");
        }
        if let (Some(timeout), Some(heartbeat)) = (state.get("TimeoutSeconds"), state.get("HeartbeatSeconds"))
            && timeout.as_u64() <= heartbeat.as_u64()
        {
            state.remove("HeartbeatSeconds");
        }
        if matches!(spec.kind, Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_)) {
            state.insert("Retry".into(), wildcards_last(spec.retry.clone(), |retrier| retrier).into());
            let catch = wildcards_last(spec.catch.clone(), |(catcher, _)| catcher);
            let catch = catch.iter().map(|(catcher, next)| {
                let mut catcher = catcher.clone();
                catcher["Next"] = json!(to(*next));
                catcher
            });
            state.insert("Catch".into(), catch.collect());
        }
        if !matches!(spec.kind, Kind::Succeed | Kind::Fail(..)) {
            if let Some(assigns) = &spec.assigns {
                state.insert("Assign".into(), assigns.clone());
            }
            if !matches!(spec.kind, Kind::Choice(..)) {
                match names.get(index + 1) {
                    Some(next) => state.insert("Next".into(), json!(next)),
                    None => state.insert("End".into(), json!(true)),
                };
            }
        }
        match spec.jsonata {
            Some(drawn) => jsonata::translated(state, drawn).into(),
            None => state.into(),
        }
    }
}

/// `States.ALL` may stand in the last entry only.
fn wildcards_last<T>(mut entries: Vec<T>, entry: impl Fn(&T) -> &Value) -> Vec<T> {
    let is_wildcard = |it: &T| entry(it)["ErrorEquals"][0] == "States.ALL";
    let last = entries.iter().position(is_wildcard).map(|index| entries.remove(index));
    entries.retain(|it| !is_wildcard(it));
    entries.extend(last);
    entries
}

fn acts() -> impl Strategy<Value = Act> {
    let reason = (option::of(errors()), option::of(Just("because")))
        .prop_map(|(error, cause)| Reason { error: error.map(Into::into), cause: cause.map(Into::into) });
    prop_oneof![
        4 => values().prop_map(|value| Act::Succeed(payload(&value))),
        3 => reason.prop_map(Act::Fail),
        1 => Just(Act::Heartbeat),
        1 => Just(Act::Start(Some("worker".into()))),
        1 => values().prop_map(|value| Act::Submit(payload(&value))),
    ]
}

/// What attempts are answered with, in turn. Nothing is silence; more than one end is a doubled answer.
fn answers() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = (0..12_000_u64, acts()).prop_map(|(after_ms, act)| Step { after_ms, act });
    vec(vec(step, 0..4), 1..8)
}

fn payload(value: &Value) -> Payload {
    Payload::parse(value.to_string()).expect("it is JSON")
}

fn limits() -> impl Strategy<Value = Limits> {
    (select(vec![7, 50, 1_000]), select(vec![20, EVENTS_MAX]), select(vec![1_200, 5_000, 262_144])).prop_map(
        |(turn_events_max, history_events_max, payload_bytes_max)| Limits {
            turn_events_max,
            history_events_max,
            payload_bytes_max,
            variable_bytes_max: 900,
            variables_bytes_max: 2_000,
            ..Limits::default()
        },
    )
}

fn check(
    definition: &Value,
    input: &Value,
    answers: &[Vec<Step>],
    limits: Limits,
) -> Result<(), TestCaseError> {
    let parsed = parse(&definition.to_string(), Options::default());
    let Some(machine) = parsed.machine else {
        // Rare enough, see `most_machines_are_accepted`.
        return Ok(());
    };
    let mut turn = answers.iter().cycle();
    let mut script = |_: &TaskRequest| turn.next().cloned().unwrap_or_default();
    let mut world = World::new(&machine, &payload(input), limits, &mut script);
    world.run(DECISIONS_MAX);
    prop_assert!(!world.live.is_running(), "it ends");
    let mut redrives = 0;
    while redrives < REDRIVES_MAX && !matches!(world.live.status(), Status::Succeeded(_)) {
        if !world.redrive(DECISIONS_MAX) {
            break;
        }
        redrives += 1;
        prop_assert!(!world.live.is_running(), "it ends again");
    }
    let ends: Vec<u32> =
        world.history.iter().filter(|event| event.kind.is_terminal()).map(|event| event.id.0).collect();
    prop_assert_eq!(ends.len(), redrives + 1);
    prop_assert_eq!(ends.last(), Some(&u32::try_from(world.history.len()).expect("it is short")));
    prop_assert!(world.history.iter().zip(1..).all(|(event, id)| event.id.0 == id));
    prop_assert!(world.live.open_tasks().is_empty() && world.live.next_deadline().is_none());
    Ok(())
}

fn machine(line: &Line) -> Value {
    let mut machine = Printer::default().line(line);
    // For tasks that keep silent and have no limit of their own.
    machine["TimeoutSeconds"] = json!(10_000);
    machine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_machine_ends(line in lines(), input in values(), answers in answers(), limits in limits()) {
        check(&machine(&line), &input, &answers, limits)?;
    }
}

#[test]
fn most_machines_are_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let lines = lines();
    let refused: Vec<String> = (0..300)
        .filter_map(|_| {
            let machine = machine(&lines.new_tree(&mut runner).expect("a machine").current());
            let parsed = parse(&machine.to_string(), Options::default());
            parsed.machine.is_none().then(|| format!("{:?}", parsed.diagnostics.first()))
        })
        .collect();
    assert!(refused.len() < 30, "{} of 300: {refused:#?}", refused.len());
}
