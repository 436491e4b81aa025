//! Filter policies: which of a topic's messages a subscription is for.

use serde_json::{Map, Value};

use super::invalid;
use super::publish::Message;
use super::subscription::Subscription;
use crate::pattern::Pattern;
use crate::wire::Fault;

/// Checks a policy's text.
pub(super) fn check(policy: &str) -> Result<(), Fault> {
    match Pattern::parse(policy) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(&format!("FilterPolicy: {error}"))),
    }
}

/// Whether the subscription is for this message. A policy was checked when it was set; one that cannot be read
/// now is for none.
pub(super) fn is_for(subscription: &Subscription, message: &Message) -> bool {
    let Some(policy) = subscription.attributes.get("FilterPolicy").and_then(Value::as_str) else {
        return true;
    };
    if policy == "{}" {
        return true;
    }
    let Ok(pattern) = Pattern::parse(policy) else { return false };
    let scope = subscription.attributes.get("FilterPolicyScope").and_then(Value::as_str);
    if scope == Some("MessageBody") {
        let body: Option<Value> = serde_json::from_str(&message.message).ok();
        return body.is_some_and(|body| body.is_object() && pattern.matches(&body));
    }
    pattern.matches(&Value::Object(compared(&message.attributes)))
}

/// Attributes as a policy sees them: numbers as numbers, arrays as arrays.
fn compared(attributes: &Map<String, Value>) -> Map<String, Value> {
    let value = |attribute: &Value| {
        let text = attribute["StringValue"].as_str().unwrap_or_default();
        match attribute["DataType"].as_str().unwrap_or_default() {
            "Number" | "String.Array" => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            _ => Value::from(text),
        }
    };
    attributes.iter().map(|(name, attribute)| (name.clone(), value(attribute))).collect()
}
