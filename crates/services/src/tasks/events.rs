//! `events:putEvents`: events that say which execution they come from.

use serde_json::{Value, json};

use super::fault::Optimized;
use super::{Output, TaskCall, TaskFault, Tasks, as_text, object_in, parameters, with_metadata};

pub(super) const SERVICE: Optimized = Optimized {
    prefix: "EventBridge",
    service: "AmazonEventBridge",
    general: "AmazonEventBridgeException",
    modelled: &["InternalException", "OperationDisabledException", "ResourceNotFoundException"],
};

pub(super) async fn put_events(tasks: &Tasks, call: &TaskCall) -> Output {
    let mut parameters = parameters(call)?;
    for entry in parameters.get_mut("Entries").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(detail) = entry.get_mut("Detail") {
            *detail = json!(as_text(detail));
        }
        // AWS: the state machine and the execution are added to what the entry names itself.
        if let Some(entry) = entry.as_object_mut() {
            let resources = entry.entry("Resources").or_insert_with(|| json!([]));
            if let Some(resources) = resources.as_array_mut() {
                resources.push(json!(call.state_machine_arn));
                resources.push(json!(call.execution_arn));
            }
        }
    }
    let response = tasks.send_json(call, "events", "AWSEvents.PutEvents", &Value::Object(parameters)).await;
    let response = response.map_err(|error| TaskFault::unreachable(SERVICE.prefix, &error))?;
    if !response.status().is_success() {
        return Err(TaskFault::refused(SERVICE, &response));
    }
    let output = object_in(&response)?;
    // AWS: one failed entry fails the task, and its cause is the answer.
    if output.get("FailedEntryCount").and_then(Value::as_u64).is_some_and(|failed| failed > 0) {
        let cause = json!({ "Entries": output["Entries"], "FailedEntryCount": output["FailedEntryCount"] });
        return Err(TaskFault::new("EventBridge.FailedEntry", cause.to_string()));
    }
    Ok(with_metadata(output, &response).to_string())
}
