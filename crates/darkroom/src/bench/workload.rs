//! What is run: state machines that each ask something else of the engine.

use serde_json::{Map, Value, json};

/// A state machine, and what an execution of it takes.
pub struct Workload {
    /// Its name, in `--only` and in the report.
    pub name: &'static str,
    /// Its definition.
    pub definition: fn() -> Value,
    /// The input of every execution.
    pub input: fn() -> Value,
    /// States that an execution enters.
    pub transitions: u32,
    /// Whether it is an Express workflow that the caller waits for.
    pub is_sync: bool,
}

const MAP_ITEMS: u32 = 100;

/// Every workload, in the report's order.
pub const WORKLOADS: &[Workload] = &[
    Workload { name: "pass1", definition: || chain(1), input: small, transitions: 1, is_sync: false },
    Workload { name: "pass10", definition: || chain(10), input: small, transitions: 10, is_sync: false },
    Workload { name: "choice", definition: choices, input: small, transitions: 7, is_sync: false },
    Workload { name: "map100", definition: map, input: items, transitions: MAP_ITEMS + 1, is_sync: false },
    Workload { name: "parallel5", definition: parallel, input: small, transitions: 6, is_sync: false },
    Workload { name: "image", definition: image, input: photo, transitions: 7, is_sync: false },
    Workload { name: "sync1", definition: || chain(1), input: small, transitions: 1, is_sync: true },
];

fn small() -> Value {
    json!({ "key": "value" })
}

fn items() -> Value {
    json!({ "items": (0..MAP_ITEMS).collect::<Vec<_>>() })
}

fn photo() -> Value {
    json!({ "bucket": "photos", "key": "uploads/cat.jpg", "width": 640, "height": 480 })
}

/// Pass states, one after the other.
fn chain(length: u32) -> Value {
    let mut states = Map::new();
    for number in 1..=length {
        let state = if number == length {
            json!({ "Type": "Pass", "End": true })
        } else {
            json!({ "Type": "Pass", "Next": format!("Pass{}", number + 1) })
        };
        states.insert(format!("Pass{number}"), state);
    }
    json!({ "StartAt": "Pass1", "States": states })
}

/// Decisions on numbers, texts and booleans, with data made and put in place between them.
fn choices() -> Value {
    json!({ "StartAt": "Make", "States": {
        "Make": { "Type": "Pass", "Result": { "size": 7, "kind": "image" }, "Next": "BySize" },
        "BySize": { "Type": "Choice", "Default": "Wrong", "Choices": [
            { "Variable": "$.size", "NumericLessThan": 5, "Next": "Wrong" },
            { "And": [{ "Variable": "$.size", "NumericGreaterThan": 5 }, { "Variable": "$.kind", "StringMatches": "im*" }],
              "Next": "Shape" }] },
        "Shape": { "Type": "Pass", "Parameters": { "size.$": "$.size", "step": 3 }, "Next": "ByStep" },
        "ByStep": { "Type": "Choice", "Default": "Wrong", "Choices": [{ "Variable": "$.step", "NumericEquals": 3, "Next": "Mark" }] },
        "Mark": { "Type": "Pass", "Result": true, "ResultPath": "$.marked", "Next": "ByMark" },
        "ByMark": { "Type": "Choice", "Default": "Wrong", "Choices": [{ "Variable": "$.marked", "BooleanEquals": true, "Next": "Done" }] },
        "Done": { "Type": "Succeed" },
        "Wrong": { "Type": "Fail", "Error": "Wrong" } } })
}

fn map() -> Value {
    json!({ "StartAt": "Each", "States": { "Each": {
        "Type": "Map", "ItemsPath": "$.items", "End": true,
        "ItemProcessor": { "StartAt": "Item", "States": { "Item": { "Type": "Pass", "End": true } } } } } })
}

fn parallel() -> Value {
    let branches: Vec<Value> = (1..=5)
        .map(|number| {
            let name = format!("Branch{number}");
            json!({ "StartAt": name, "States": { name.clone(): { "Type": "Pass", "End": true } } })
        })
        .collect();
    json!({ "StartAt": "All", "States": { "All": { "Type": "Parallel", "Branches": branches, "End": true } } })
}

/// The image workflow's shape: three tasks, a decision after each, and the end.
fn image() -> Value {
    let task = |function: &str, next: &str| {
        json!({ "Type": "Task", "Next": next, "ResultPath": format!("$.{function}"),
                "Resource": format!("arn:aws:lambda:us-east-1:000000000000:function:{function}") })
    };
    let choice = |function: &str, next: &str| {
        json!({ "Type": "Choice", "Default": "Rejected",
                "Choices": [{ "Variable": format!("$.{function}.ok"), "BooleanEquals": true, "Next": next }] })
    };
    json!({ "StartAt": "Validate", "States": {
        "Validate": task("validate", "IsValid"), "IsValid": choice("validate", "Resize"),
        "Resize": task("resize", "IsResized"), "IsResized": choice("resize", "Watermark"),
        "Watermark": task("watermark", "IsMarked"), "IsMarked": choice("watermark", "Done"),
        "Done": { "Type": "Succeed" }, "Rejected": { "Type": "Fail", "Error": "Rejected" } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_valid() {
        for workload in WORKLOADS {
            let text = (workload.definition)().to_string();
            let parsed = darkroom_asl::definition::parse(&text, darkroom_asl::definition::Options::default());
            assert!(parsed.machine.is_some(), "{}: {:?}", workload.name, parsed.diagnostics);
        }
    }
}
