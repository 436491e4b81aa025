//! The context object of a state that is tested on its own: made up, or given and held against its fields.
//!
//! Spec: Step Functions, "Accessing execution data from the Context object".

use super::super::Identity;
use super::refusal::Refusal;
use crate::data::Timestamp;
use crate::json::{Object, Payload, Text, Value};

/// What a field of the context object holds.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    Text,
    Number,
    Object(&'static [(&'static str, Kind)]),
}

const FIELDS: &[(&str, Kind)] = &[
    (
        "Execution",
        Kind::Object(&[
            ("Id", Kind::Text),
            ("Input", Kind::Any),
            ("Name", Kind::Text),
            ("RoleArn", Kind::Text),
            ("StartTime", Kind::Text),
            ("RedriveCount", Kind::Number),
            ("RedriveTime", Kind::Text),
        ]),
    ),
    (
        "State",
        Kind::Object(&[("EnteredTime", Kind::Text), ("Name", Kind::Text), ("RetryCount", Kind::Number)]),
    ),
    ("StateMachine", Kind::Object(&[("Id", Kind::Text), ("Name", Kind::Text)])),
    ("Task", Kind::Object(&[("Token", Kind::Text)])),
];

/// The context object of a state that is given none.
///
/// AWS: recorded for a Map: unlike an execution's it has no count of redrives, and counts retries for every type.
pub(super) fn made(
    identity: &Identity,
    state_name: &Text,
    input: &Payload,
    retry_count: u32,
    now: Timestamp,
) -> Value {
    let time = Value::from(now.to_string());
    let mut execution = vec![
        ("Id", Value::from(&*identity.execution_arn)),
        ("Input", input.value().clone()),
        ("Name", Value::from(&*identity.execution_name)),
    ];
    if !identity.role_arn.is_empty() {
        execution.push(("RoleArn", Value::from(&*identity.role_arn)));
    }
    execution.push(("StartTime", time.clone()));
    object([
        ("Execution", object(execution)),
        (
            "StateMachine",
            object([
                ("Id", Value::from(&*identity.state_machine_arn)),
                ("Name", Value::from(&*identity.state_machine_name)),
            ]),
        ),
        (
            "State",
            object([
                ("Name", Value::from(&**state_name)),
                ("EnteredTime", time),
                ("RetryCount", Value::from(i64::from(retry_count))),
            ]),
        ),
    ])
}

/// Refuses a context object that none could be. `has_token` says whether the state's task waits for one.
pub(super) fn check(context: &Value, has_token: bool) -> Result<(), Refusal> {
    if context.as_object().is_some_and(|members| members.contains_key("Map")) {
        return Err(Refusal::MapInContext);
    }
    check_members(context, FIELDS, has_token)
}

fn check_members(value: &Value, fields: &[(&str, Kind)], has_token: bool) -> Result<(), Refusal> {
    let Value::Object(members) = value else {
        return Err(Refusal::InvalidContext("Context must be a JSON object".to_owned()));
    };
    for (name, value) in members.iter() {
        let known = fields.iter().find(|(known, _)| *known == &**name);
        let Some((_, kind)) = known.filter(|(known, _)| *known != "Task" || has_token) else {
            return Err(Refusal::InvalidContext(format!("Field '{name}' is not allowed")));
        };
        let fits = match kind {
            Kind::Any => Ok(()),
            Kind::Text => value.as_str().map(|_| ()).ok_or("a string"),
            Kind::Number => value.as_number().map(|_| ()).ok_or("a number"),
            Kind::Object(_) => value.as_object().map(|_| ()).ok_or("an object"),
        };
        if let Err(expected) = fits {
            return Err(Refusal::InvalidContext(format!("Field '{name}' must be {expected}")));
        }
        if let Kind::Object(fields) = kind {
            check_members(value, fields, has_token)?;
        }
    }
    Ok(())
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::from(members.into_iter().map(|(name, value)| (Text::from(name), value)).collect::<Object>())
}
