//! Starting again from any state: a machine that is a part of another one.
//!
//! The engine starts an execution at its machine's start. So a definition is made of the one that an execution ran,
//! with the state in question as its start and what cannot be reached from it left out; the new execution is one
//! of the same state machine, and says in its name and in its definition's comment what it is. A state within a
//! Parallel or Map starts its branch alone, which is what somebody who looks for a fault in it wants. Variables that
//! states before had set are set by a Pass state in front.

use std::collections::{BTreeMap, BTreeSet};

use darkroom_asl::definition::STATE_NAME_CHARACTERS_MAX;
use darkroom_asl::json::{Object, Payload, Text, Value, parse};

use crate::error::ConsoleError;

/// A definition that begins with the state of this name.
pub fn definition(
    text: &str,
    state: &str,
    variables: &BTreeMap<Text, Payload>,
) -> Result<String, ConsoleError> {
    let refused = |why: &str| ConsoleError::Refused(format!("{state}: {why}"));
    let whole = parse(text).map_err(|error| refused(&format!("the definition is not JSON: {error:?}")))?;
    let scope = scope_of(&whole, state).ok_or_else(|| refused("the definition has no such state"))?;
    let mut states = reachable(scope, state);
    let mut start: Text = state.into();
    if !variables.is_empty() {
        let name: String =
            format!("With variables: {state}").chars().take(STATE_NAME_CHARACTERS_MAX).collect();
        let name: Text = name.into();
        states.insert(
            name.clone(),
            setting(variables, state).ok_or_else(|| {
                refused("a variable holds text that the language would take for a path or an expression")
            })?,
        );
        start = name;
    }
    let mut made = Object::new();
    let comment = whole.as_object().and_then(|top| top.get("Comment")).and_then(Value::as_str);
    let comment = comment.map_or_else(String::new, |comment| format!("{comment} · "));
    made.insert("Comment", Text::from(format!("{comment}started from {state}")));
    for member in ["QueryLanguage", "TimeoutSeconds"] {
        if let Some(value) = whole.as_object().and_then(|top| top.get(member)) {
            made.insert(member, value.clone());
        }
    }
    made.insert("StartAt", start);
    made.insert("States", states);
    Ok(Value::from(made).to_text())
}

/// The `States` that a state stands in. As deep as a checked definition nests.
fn scope_of<'v>(machine: &'v Value, state: &str) -> Option<&'v Object> {
    let states = machine.as_object()?.get("States")?.as_object()?;
    if states.contains_key(state) {
        return Some(states);
    }
    states.values().filter_map(Value::as_object).find_map(|other| {
        let branches = other.get("Branches").and_then(Value::as_array).unwrap_or_default();
        let processors = ["ItemProcessor", "Iterator"].into_iter().filter_map(|name| other.get(name));
        branches.iter().chain(processors).find_map(|inner| scope_of(inner, state))
    })
}

/// The states that can be reached, in the order of the definition.
fn reachable(states: &Object, start: &str) -> Object {
    let mut reached = BTreeSet::new();
    let mut to_visit = vec![start];
    while let Some(name) = to_visit.pop() {
        let Some(state) = states.get(name).and_then(Value::as_object) else { continue };
        if reached.insert(name) {
            to_visit.extend(["Next", "Default"].iter().filter_map(|it| state.get(it)?.as_str()));
            for member in ["Choices", "Catch"] {
                let entries = state.get(member).and_then(Value::as_array).unwrap_or_default();
                to_visit.extend(entries.iter().filter_map(|it| it.as_object()?.get("Next")?.as_str()));
            }
        }
    }
    states
        .iter()
        .filter(|(name, _)| reached.contains(&***name))
        .map(|(name, it)| (name.clone(), it.clone()))
        .collect()
}

/// A Pass that sets variables; nothing where their values would not stay what they are.
fn setting(variables: &BTreeMap<Text, Payload>, next: &str) -> Option<Object> {
    let mut assign = Object::new();
    for (name, payload) in variables {
        if !is_plain(payload.value()) {
            return None;
        }
        assign.insert(name.clone(), payload.value().clone());
    }
    let mut pass = Object::new();
    pass.insert("Type", "Pass");
    pass.insert("Assign", assign);
    pass.insert("Next", Text::from(next));
    Some(pass)
}

/// Whether a template of this value yields this value, in both languages.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !(text.starts_with("{%") && text.ends_with("%}")),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(members) => {
            members.iter().all(|(name, value)| !name.ends_with(".$") && is_plain(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkroom_asl::definition::{self, Options};

    const MACHINE: &str = r#"{"Comment": "M", "StartAt": "A", "TimeoutSeconds": 60, "States": {
        "A": {"Type": "Pass", "Next": "B", "Assign": {"v": 1}},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 1.0, "Next": "C"}], "Default": "D"},
        "C": {"Type": "Map", "ItemProcessor": {"StartAt": "E", "States": {
            "E": {"Type": "Pass", "Next": "F"}, "F": {"Type": "Pass", "End": true}}}, "Next": "D",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "G"}]},
        "D": {"Type": "Pass", "Parameters": {"v.$": "$v"}, "End": true},
        "G": {"Type": "Fail"}}}"#;

    fn states(state: &str, variables: &BTreeMap<Text, Payload>) -> (String, Vec<String>) {
        let text = definition(MACHINE, state, variables).expect("it can be made");
        let parsed = definition::parse(&text, Options::default());
        let machine = parsed.machine.unwrap_or_else(|| panic!("{text}: {:?}", parsed.diagnostics));
        let start = machine.state(machine.start_at).name.to_string();
        (start, machine.states().map(|(_, state)| state.name.to_string()).collect())
    }

    #[test]
    fn what_can_be_reached_stays() {
        let variables = BTreeMap::from([("v".into(), Payload::parse("[1.0]").expect("it is JSON"))]);
        let none = BTreeMap::new();
        for (state, variables, expected) in [
            ("B", &variables, ("With variables: B", vec!["B", "C", "D", "G", "With variables: B", "E", "F"])),
            ("D", &variables, ("With variables: D", vec!["D", "With variables: D"])),
            ("F", &none, ("F", vec!["F"])),
            ("G", &none, ("G", vec!["G"])),
        ] {
            let (start, states) = states(state, variables);
            assert_eq!((&*start, states.iter().map(|it| &**it).collect::<Vec<_>>()), expected);
        }
    }

    #[test]
    fn what_would_become_something_else_is_refused() {
        for value in [r#""{% 1 %}""#, r#"{"a.$": "$"}"#, r#"[{"x": [{"a.$": 1}]}]"#] {
            let variables = BTreeMap::from([("v".into(), Payload::parse(value).expect("it is JSON"))]);
            assert!(definition(MACHINE, "D", &variables).is_err(), "{value}");
        }
        assert!(definition(MACHINE, "No", &BTreeMap::new()).is_err());
    }
}
