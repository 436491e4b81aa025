//! What holds for every definition: reading ends without a panic, there is a machine exactly if there is no
//! error, every diagnostic points into the text, and a machine that is printed is read back as the same.

use darkroom_asl::definition::{
    DEFINITION_BYTES_MAX, DIAGNOSTICS_MAX, MachineType, Options, Parsed, Severity, parse, parse_state,
    to_json, validate,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

const WORKFLOW: &str = include_str!("../../../../workflows/image-processing.asl.json");
const UNMENDED: &str = include_str!("../corpus/definition/specification-unmended.asl.json");

/// One change of a definition, at a place that is drawn.
#[derive(Clone, Debug)]
enum Mutation {
    Delete(Index),
    Replace(Index, Value),
    /// Another member's value is put here.
    Transplant(Index, Index),
    Rename(Index, String),
    /// A part of the definition becomes the value of a new member.
    Graft(Index, String, Index),
}

fn definitions() -> impl Strategy<Value = Value> {
    prop::sample::select(originals())
}

/// The workflow, the specification's, and one with all state types.
fn originals() -> Vec<Value> {
    let machines = [WORKFLOW, UNMENDED].map(|text| {
        let filled = text.replace("${region}", "eu-west-1").replace("${account}", "111122223333");
        let filled =
            filled.replace("${project_name}", "darkroom").replace("${sns_topic_name}", "notifications");
        serde_json::from_str(&filled).expect("it is JSON")
    });
    let all_types = json!({
        "StartAt": "Wait", "States": {
            "Wait": {"Type": "Wait", "SecondsPath": "$.s", "Next": "Parallel"},
            "Parallel": {"Type": "Parallel", "Parameters": {"a.$": "$.a"}, "ResultPath": "$.p", "Next": "Map",
                "Branches": [
                    {"StartAt": "B1", "States": {"B1": {"Type": "Pass", "Result": [1.5], "Next": "B2"},
                        "B2": {"Type": "Succeed", "OutputPath": null}}},
                    {"StartAt": "B3", "States": {"B3": {"Type": "Fail", "Error": "E", "CausePath": "$.c"}}}],
                "Retry": [{"ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL", "MaxDelaySeconds": 9}]},
            "Map": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrencyPath": "$.n",
                "ToleratedFailurePercentage": 12.5, "ResultSelector": {"x.$": "$[0]"},
                "Iterator": {"StartAt": "M1", "States": {"M1": {"Type": "Pass", "Assign": {"v.$": "$.x"}, "End": true}}},
                "Catch": [{"ErrorEquals": ["A", "B"], "ResultPath": null, "Next": "Choice"}], "Next": "Choice"},
            "Choice": {"Type": "Choice", "Default": "Until", "Choices": [
                {"Not": {"Or": [{"Variable": "$.a", "NumericGreaterThan": 1},
                    {"Variable": "$.b", "StringMatches": "a*"}]}, "Assign": {"w": 1}, "Next": "Until"}]},
            "Until": {"Type": "Wait", "Timestamp": "2026-03-14T01:59:00Z", "End": true}}});
    let in_jsonata = json!({
        "QueryLanguage": "JSONata", "StartAt": "Task", "States": {
            "Task": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "f", "Payload": {"a": ["{% $states.input.a %}", 1.5]}},
                "TimeoutSeconds": "{% $states.input.t %}", "Credentials": {"RoleArn": "{% $states.input.r %}"},
                "Output": "{% $states.result.Payload %}", "Assign": {"v": {"w": "{% $states.result.x %}"}},
                "Catch": [{"ErrorEquals": ["A"], "Output": {"e": "{% $states.errorOutput %}"}, "Next": "Wait"}],
                "Next": "Choice"},
            "Choice": {"Type": "Choice", "Output": "state", "Default": "Wait", "Choices": [
                {"Condition": "{% $v.w > 1 %}", "Output": ["{% $v %}"], "Assign": {"u": 1}, "Next": "Parallel"},
                {"Condition": false, "Next": "Fail"}]},
            "Wait": {"Type": "Wait", "Seconds": "{% 1 + 1 %}", "Next": "Until"},
            "Until": {"Type": "Wait", "Timestamp": "{% $states.input.at %}", "Next": "Map"},
            "Parallel": {"Type": "Parallel", "Arguments": "{% $states.input %}", "Output": "{% $states.result[0] %}",
                "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed", "Output": "{% $v.w %}"}}}],
                "Next": "Map"},
            "Map": {"Type": "Map", "Items": ["{% $states.input %}", null], "MaxConcurrency": "{% 2 %}",
                "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}, "End": true},
            "Fail": {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "plain"}}});
    let config = json!({"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"});
    let processor = json!({"ProcessorConfig": config, "StartAt": "I", "States": {"I": {"Type": "Succeed"}}});
    let distributed = json!({
        "StartAt": "Map", "States": {
            "Map": {"Type": "Map", "Label": "photos", "ItemProcessor": processor, "Next": "Jsonata",
                "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket.$": "$.b"},
                    "ReaderConfig": {"MaxItemsPath": "$.n", "Transformation": "LOAD_AND_FLATTEN"}},
                "ItemBatcher": {"MaxInputBytesPerBatchPath": "$.n", "BatchInput": {"x.$": "$.x"}},
                "ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}},
            "Jsonata": {"Type": "Map", "QueryLanguage": "JSONata", "End": true,
                "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "{% $states.input %}"},
                    "ReaderConfig": {"InputType": "JSON", "MaxItems": "{% 1 + 1 %}", "ItemsPointer": "/rows"}},
                "ItemBatcher": {"MaxItemsPerBatch": 3, "BatchInput": "{% $states.input.x %}"},
                "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b"}},
                "ItemProcessor": {"ProcessorConfig": config, "StartAt": "J", "States": {"J": {"Type": "Succeed"}}}}}});
    let [workflow, unmended] = machines;
    vec![workflow, unmended, all_types, in_jsonata, distributed]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[$.A-Za-z\\[\\]'(){}*0-9 ]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "$",
            "$.a",
            "$$.Task.Token",
            "States.ALL",
            "States.UUID()",
            "JSONata",
            "{% $states.input.a %}",
            "{% $v.w %}",
            "{% 1 + %}",
            "{% a %}",
            "DISTRIBUTED",
            "Map",
            "Choice",
            "Parallel",
            "ValidateImage",
            "SendErrorNotification",
            "arn:aws:states:::sns:publish",
        ])
        .prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"ErrorEquals": ["States.ALL"], "Next": "CleanupOnError"}])),
        Just(json!({"And": [{"Variable": "$.error", "IsPresent": false}]})),
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "Type",
            "Next",
            "End",
            "Catch",
            "Retry",
            "Default",
            "Choices",
            "Branches",
            "ItemProcessor",
            "Iterator",
            "States",
            "StartAt",
            "InputPath",
            "ResultPath",
            "OutputPath",
            "Parameters",
            "ResultSelector",
            "Assign",
            "QueryLanguage",
            "Output",
            "Arguments",
            "Items",
            "Condition",
            "Seconds",
            "Timestamp",
            "Error",
            "Cause",
            "Resource",
            "Credentials",
            "Not",
            "And",
        ])
        .prop_map(str::to_owned),
        "[A-Za-z.$]{0,10}",
    ]
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = any::<Index>;
    let one = prop_oneof![
        place().prop_map(Mutation::Delete),
        (place(), values()).prop_map(|(at, value)| Mutation::Replace(at, value)),
        (place(), place()).prop_map(|(at, from)| Mutation::Transplant(at, from)),
        (place(), names()).prop_map(|(at, name)| Mutation::Rename(at, name)),
        (place(), names(), place()).prop_map(|(at, name, from)| Mutation::Graft(at, name, from)),
    ];
    prop::collection::vec(one, 0..6)
}

fn mutate(root: &mut Value, mutation: &Mutation) {
    let pointers = pointers(root);
    let pick = |index: &Index| index.get(&pointers).clone();
    match mutation {
        Mutation::Replace(at, value) => set(root, &pick(at), value.clone()),
        Mutation::Transplant(at, from) => {
            let value = root.pointer(&pick(from)).cloned().unwrap_or(Value::Null);
            set(root, &pick(at), value);
        }
        Mutation::Graft(at, name, from) => {
            let value = root.pointer(&pick(from)).cloned().unwrap_or(Value::Null);
            if let Some(Value::Object(members)) = root.pointer_mut(&pick(at)) {
                members.insert(name.clone(), value);
            }
        }
        Mutation::Delete(at) => {
            edit_parent(root, &pick(at), |members, key| {
                members.shift_remove(key);
            });
        }
        Mutation::Rename(at, name) => {
            edit_parent(root, &pick(at), |members, key| {
                if let Some(value) = members.shift_remove(key) {
                    members.insert(name.clone(), value);
                }
            });
        }
    }
}

fn set(root: &mut Value, pointer: &str, value: Value) {
    *root.pointer_mut(pointer).expect("the pointer was just found") = value;
}

fn edit_parent(root: &mut Value, pointer: &str, edit: impl FnOnce(&mut Map<String, Value>, &str)) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = root.pointer_mut(parent) {
        edit(members, &key.replace("~1", "/").replace("~0", "~"));
    }
}

/// JSON pointers to everything in a value.
fn pointers(root: &Value) -> Vec<String> {
    fn walk(value: &Value, pointer: &str, into: &mut Vec<String>) {
        into.push(pointer.to_owned());
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{pointer}/{at}"), into));
            }
            Value::Object(members) => members.iter().for_each(|(key, value)| {
                walk(value, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut all = Vec::new();
    walk(root, "", &mut all);
    all
}

/// What must hold of anything that was read.
fn check(text: &str, machine_type: MachineType) -> Parsed {
    let parsed = parse(text, Options { machine_type });
    let refused = parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(parsed.machine.is_none(), refused, "{:?}", parsed.diagnostics);
    for diagnostic in &parsed.diagnostics {
        assert!(!diagnostic.message.starts_with("The definition could not be read"), "{diagnostic}");
        if let Some(span) = diagnostic.span {
            assert!(text.get(span.start..span.end).is_some(), "{diagnostic:?}");
        }
    }
    let looked_at = validate(text, Options { machine_type });
    assert!(parsed.machine.is_none() || parsed.machine == looked_at.machine, "what runs can be looked at");
    if let Some(machine) = &looked_at.machine {
        let printed = to_json(machine).to_text();
        let again = validate(&printed, Options { machine_type });
        let errors: Vec<String> = again.diagnostics.iter().map(ToString::to_string).collect();
        let again = again.machine.unwrap_or_else(|| panic!("{errors:?} in {printed}"));
        assert_eq!(**machine, *again, "{printed}");
    }
    let alone = parse_state(text, Options { machine_type });
    let refused = alone.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(alone.machine.is_none(), refused, "{:?}", alone.diagnostics);
    parsed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mutation_is_read_to_its_end(
        mut definition in definitions(),
        mutations in mutations(),
        express in any::<bool>(),
    ) {
        for mutation in &mutations {
            mutate(&mut definition, mutation);
        }
        check(&definition.to_string(), if express { MachineType::Express } else { MachineType::Standard });
    }

    #[test]
    fn any_mutation_of_a_state_is_read_to_its_end(
        definition in definitions(),
        which in any::<Index>(),
        mutations in mutations(),
    ) {
        let states = definition["States"].as_object().expect("it is one of ours");
        let mut state = states.values().nth(which.index(states.len())).expect("it is there").clone();
        for mutation in &mutations {
            mutate(&mut state, mutation);
        }
        check(&state.to_string(), MachineType::Standard);
    }

    #[test]
    fn any_cut_of_the_text_is_read_to_its_end(
        definition in definitions(),
        from in any::<Index>(),
        length in 0_usize..40,
        between in "[\"{}\\[\\],:a1\\\\]{0,4}",
    ) {
        let text = definition.to_string();
        let start = text.floor_char_boundary(from.index(text.len()));
        let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
        check(&format!("{}{between}{}", &text[..start], &text[end..]), MachineType::Standard);
        check(&text[..start], MachineType::Standard);
    }

    #[test]
    fn any_text_is_read_to_its_end(text in "\\PC{0,64}") {
        check(&text, MachineType::Standard);
    }
}

#[test]
fn the_definitions_themselves_are_read_back_as_they_were() {
    let accepted =
        originals().into_iter().map(|it| check(&it.to_string(), MachineType::Standard).machine.is_some());
    assert_eq!(accepted.collect::<Vec<_>>(), [true, false, true, true, false]);
    let distributed = originals().pop().expect("there is one");
    let looked_at = validate(&distributed.to_string(), Options::default());
    assert!(looked_at.machine.is_some(), "{:?}", looked_at.diagnostics);
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_quickly() {
    let large = format!(r#"{{"Comment": "{}"}}"#, "x".repeat(1_048_576));
    assert!(check(&large, MachineType::Standard).machine.is_none());
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"{"Not":"#, "}")] {
        for depth in [900, 200_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for place in ["Parameters", "Result", "Choices", "Branches", "Assign", "Foo"] {
                let text = format!(
                    r#"{{"StartAt":"S","States":{{"S":{{"Type":"Pass","End":true,"{place}":{deep}}}}}}}"#
                );
                check(&text, MachineType::Standard);
                check(&text.replace(r#""Pass","End":true"#, r#""Choice""#), MachineType::Standard);
            }
        }
    }
}

/// Texts near the size limit in which everything is wrong, or large: what is kept of them has a bound.
#[test]
fn what_is_said_has_a_bound() {
    let unknown: Vec<String> = (0..60_000).map(|at| format!(r#""{at:x}":0"#)).collect();
    let unknown = unknown.join(",");
    let rules: Vec<String> =
        (0..8_000).map(|at| format!(r#"{{"Variable":"$.n{at}","IsPresent":true,"Next":"H"}}"#)).collect();
    let rules = rules.join(",");
    let nested: Vec<String> =
        (0..8_000).map(|at| format!(r#"{{"Variable":"$.n{at}","IsNull":true}}"#)).collect();
    let nested = nested.join(",");
    let assigned: Vec<String> = (0..15_000).map(|at| format!(r#""v{at}":0"#)).collect();
    let assigned = assigned.join(",");
    let branches: Vec<String> = (0..8_000)
        .map(|at| format!(r#"{{"StartAt":"B{at}","States":{{"B{at}":{{"Type":"Succeed"}}}}}}"#))
        .collect();
    let branches = branches.join(",");
    let reads: Vec<String> = (0..20_000).map(|at| format!(r#""{at}.$":"$.n{at}""#)).collect();
    let reads = reads.join(",");
    let replaced = r#""P":{"Type":"Pass","Result":{},"Next":"S"}"#;
    let name = "n".repeat(200_000);
    for states in [
        format!(r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Pass","End":true,{unknown}}}}}}}"#),
        format!(
            r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Pass","End":true,"Assign":{{{assigned}}}}}}}}}"#
        ),
        format!(
            r#"{{"StartAt":"P","States":{{{replaced},"S":{{"Type":"Pass","End":true,"Parameters":{{{reads}}}}}}}}}"#
        ),
        format!(
            r#"{{"StartAt":"S","States":{{"S":{{"Type":"Choice","Choices":[{rules}],"Default":"T"}},
            "T":{{"Type":"Task","Resource":"x","Catch":[{{"ErrorEquals":["A"],"Next":"H"}}],"Next":"H"}},
            "H":{{"Type":"Fail"}}}}}}"#
        ),
        format!(
            r#"{{"StartAt":"S","States":{{"S":{{"Type":"Choice","Default":"H","Choices":[
            {{"And":[{nested}],"Next":"H"}},{{"Or":[{nested}],"Next":"H"}}]}},"H":{{"Type":"Fail"}}}}}}"#
        ),
        format!(
            r#"{{"StartAt":"S","States":{{"S":{{"Type":"Parallel","End":true,"Assign":{{{assigned}}},
            "Branches":[{branches}]}}}}}}"#
        ),
    ] {
        assert!(states.len() <= DEFINITION_BYTES_MAX, "{}", states.len());
        let parsed = check(&states, MachineType::Standard);
        assert!(parsed.diagnostics.len() <= 2 * DIAGNOSTICS_MAX);
        let longest = parsed.diagnostics.iter().map(|it| it.to_string().len()).max().unwrap_or(0);
        assert!(longest < 10_000, "{longest}");
    }
}

/// Machines near the size limit, in the shapes that cost most to follow: the check gives up in time.
#[test]
fn the_largest_machines_are_read_to_their_end() {
    let count = 6_000;
    let rings: [&dyn Fn(usize) -> String; 2] = [
        &|at| {
            let (next, jump) = ((at + 1) % count, (at * 7919 + 13) % count);
            let rule = format!(r#"{{"Variable":"$.n{at}","IsNull":true,"Next":"S{next}"}}"#);
            format!(r#""S{at}":{{"Type":"Choice","Choices":[{rule}],"Default":"S{jump}"}}"#)
        },
        &|at| {
            let (read, written, next) = (at, at / 2, (at + 1) % count);
            let shaped = format!(r#""Parameters":{{"a.$":"$.n{read}"}},"ResultPath":"$.n{written}""#);
            format!(r#""S{at}":{{"Type":"Pass",{shaped},"Next":"S{next}"}}"#)
        },
    ];
    for ring in rings {
        let states: Vec<String> = (0..count).map(ring).collect();
        let states = states.join(",");
        let text = format!(r#"{{"StartAt":"S0","States":{{{states},"Z":{{"Type":"Succeed"}}}}}}"#);
        let parsed = check(&text, MachineType::Standard);
        assert_eq!(parsed.diagnostics[0].message, "State \"Z\" is not reachable.");
    }
}
