//! A state that was drawn for `JSONPath`, as its like in `JSONata`: the fields that the language has, with
//! expressions that may miss, be of the wrong type, or fail.

use serde_json::{Map, Value, json};

/// What can stand on the way in; `drawn` picks.
const INPUTS: [&str; 8] = [
    "{% $states.input %}",
    "{% $states.input.a %}",
    "{% $states.input.no %}",
    "{% $v %}",
    "{% $string($states.input) & $states.context.State.Name %}",
    "{% $map($states.input.list, function($x) { $x * 2 }) %}",
    "{% {'a': 1, 'list': [1..3], 'b': {'c': $uuid()}} %}",
    "{% $error('drawn') %}",
];

/// What can stand where a result is.
const RESULTS: [&str; 4] = [
    "{% $states.result %}",
    "{% {'a': $states.result.a, 'list': $states.result.list[0]} %}",
    "{% $count($states.result) %}",
    "{% $states.result.no %}",
];

pub fn translated(mut state: Map<String, Value>, drawn: usize) -> Map<String, Value> {
    let input = |salt: usize| json!(INPUTS[drawn.wrapping_add(salt) % INPUTS.len()]);
    let state_type = state["Type"].as_str().unwrap_or_default().to_owned();
    let has_result = matches!(&*state_type, "Task" | "Parallel" | "Map");
    state.insert("QueryLanguage".into(), json!("JSONata"));
    let parameters = state.remove("Parameters");
    if parameters.is_some() && matches!(&*state_type, "Task" | "Parallel") {
        state.insert("Arguments".into(), json!({"drawn": input(1), "plain": [1.5, null]}));
    }
    let shaped = ["ResultSelector", "ResultPath", "OutputPath", "InputPath", "Result"]
        .map(|name| state.remove(name).is_some());
    if shaped.contains(&true) && state_type != "Fail" {
        let output = if has_result { json!(RESULTS[drawn % RESULTS.len()]) } else { input(2) };
        state.insert("Output".into(), output);
    }
    if state.remove("ItemsPath").is_some() {
        state.insert("Items".into(), input(3));
    }
    if state.contains_key("ItemSelector") {
        let selector = json!({"i": "{% $states.context.Map.Item.Index %}", "a": "{% $states.input %}"});
        state.insert("ItemSelector".into(), selector);
    }
    for (path, name) in [
        ("MaxConcurrencyPath", "MaxConcurrency"),
        ("TimeoutSecondsPath", "TimeoutSeconds"),
        ("SecondsPath", "Seconds"),
        ("TimestampPath", "Timestamp"),
        ("CausePath", "Cause"),
    ] {
        if let Some(path) = state.remove(path) {
            let member = path.as_str().and_then(|path| path.strip_prefix("$.")).unwrap_or("a").to_owned();
            state.insert(name.into(), json!(format!("{{% $states.input.{member} %}}")));
        }
    }
    if let Some(assign) = state.get_mut("Assign") {
        *assign = json!({"v": if has_result { "{% $states.result %}" } else { "{% $states.input.a %}" }});
    }
    for rule in entries(&mut state, "Choices") {
        let next = rule["Next"].clone();
        *rule = json!({"Condition": "{% $states.input.a > 0 %}", "Output": input(4), "Next": next});
    }
    for catcher in entries(&mut state, "Catch") {
        let (names, next) = (catcher["ErrorEquals"].clone(), catcher["Next"].clone());
        *catcher = json!({"ErrorEquals": names, "Next": next, "Output": {"e": "{% $states.errorOutput.Error %}"},
            "Assign": {"v": "{% $states.errorOutput.Cause %}"}});
    }
    state
}

fn entries<'s>(state: &'s mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'s mut Value> {
    state.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}
