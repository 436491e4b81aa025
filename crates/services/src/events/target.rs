//! Targets: who gets a rule's events, and in what form.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::rule::Rule;
use super::{Call, input, path, validation};
use crate::outbox::{Destination, Retry};
use crate::wire::{Fault, json as wire_json, random_uuid};

/// Targets of a rule. AWS's own bound.
const TARGETS_MAX: usize = 5;

/// A target, with the members that its kinds here have.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_transformer: Option<Transformer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_parameters: Option<SqsParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    /// Members that no kind of target here has.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Transformer {
    #[serde(default)]
    pub(super) input_paths_map: Map<String, Value>,
    pub(super) input_template: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SqsParameters {
    message_group_id: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<i64>,
}

impl Target {
    fn check(&self) -> Result<(), Fault> {
        let given = [self.input.is_some(), self.input_path.is_some(), self.input_transformer.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(validation(&format!(
                "Only one of Input, InputPath, or InputTransformer must be provided for target {}.",
                self.id
            )));
        }
        if let Some(name) = self.others.keys().next() {
            return Err(validation(&format!(
                "Parameter {name} of target {} is not supported here.",
                self.id
            )));
        }
        if self.input.as_deref().is_some_and(|text| serde_json::from_str::<Value>(text).is_err()) {
            return Err(validation(&format!("JSON syntax error in input for target {}", self.id)));
        }
        let paths =
            self.input_transformer.iter().flat_map(|transformer| transformer.input_paths_map.values());
        let paths = paths.map(|path| path.as_str().unwrap_or_default()).chain(self.input_path.as_deref());
        for text in paths {
            if path::parse(text).is_none() {
                return Err(validation(&format!("Invalid JSON path {text} in target {}.", self.id)));
            }
        }
        if let Some(transformer) = &self.input_transformer {
            input::check_template(transformer)
                .map_err(|reason| validation(&format!("{reason} in target {}.", self.id)))?;
        }
        if self.kind().is_none() {
            return Err(validation(&format!(
                "Parameter {} is not valid. Reason: no target of this kind is served here.",
                self.arn
            )));
        }
        Ok(())
    }

    fn kind(&self) -> Option<&str> {
        let mut parts = self.arn.split(':');
        (parts.next() == Some("arn")).then_some(())?;
        parts.nth(1).filter(|service| matches!(*service, "sqs" | "sns" | "lambda" | "states" | "events"))
    }

    /// Where its events go.
    pub(super) fn destination(&self, source: &str, detail_type: &str) -> Destination {
        let arn = self.arn.clone();
        match self.kind() {
            Some("sns") => Destination::Topic { arn, subject: None },
            Some("lambda") => Destination::Function { arn },
            Some("states") => Destination::StateMachine { arn, name: None },
            Some("events") => {
                Destination::Bus { arn, source: source.to_owned(), detail_type: detail_type.to_owned() }
            }
            _ => Destination::Queue {
                arn,
                attributes: Map::new(),
                group_id: self.sqs_parameters.as_ref().map(|sqs| sqs.message_group_id.clone()),
                is_group_for_fifo: false,
                deduplication_id: random_uuid(),
            },
        }
    }

    /// AWS: 185 retries over a day, unless told otherwise.
    pub(super) fn retry(&self) -> Retry {
        let policy = self.retry_policy.as_ref();
        let retries = policy.and_then(|policy| policy.maximum_retry_attempts).unwrap_or(185);
        let age_seconds = policy.and_then(|policy| policy.maximum_event_age_in_seconds).unwrap_or(86_400);
        Retry {
            attempts_max: retries.min(185) + 1,
            delay_ms_min: 1000,
            delay_ms_max: 600_000,
            age_ms_max: age_seconds.clamp(60, 86_400) * 1000,
        }
    }

    pub(super) fn dead_letter_arn(&self) -> Option<String> {
        self.dead_letter_config.as_ref()?.arn.clone()
    }
}

/// The targets of a rule.
pub(super) fn of_rule(connection: &Connection, rule_arn: &str) -> Result<Vec<Target>, Fault> {
    let texts: Vec<String> = connection
        .prepare_cached("SELECT target FROM events_targets WHERE rule = ?1 ORDER BY id")?
        .query_map([rule_arn], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let parse = |text: String| serde_json::from_str(&text).map_err(crate::ServicesError::from);
    Ok(texts.into_iter().map(parse).collect::<Result<_, _>>()?)
}

pub(super) fn put_targets(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let rule = Rule::of(connection, call, "Rule")?;
    let targets: Vec<Target> = wire_json::members(call.input["Targets"].clone())?;
    if targets.is_empty() {
        return Err(validation(
            "1 validation error detected: Value '[]' at 'targets' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    for target in &targets {
        target.check()?;
        connection
            .prepare_cached(
                "INSERT INTO events_targets VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (rule, id) DO UPDATE SET target = excluded.target, arn = excluded.arn",
            )?
            .execute(params![rule.arn, target.id, json!(target).to_string(), target.arn])?;
    }
    let count = of_rule(connection, &rule.arn)?.len();
    if count > TARGETS_MAX {
        return Err(Fault::sender(
            400,
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        ));
    }
    Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
}

pub(super) fn remove_targets(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let rule = Rule::of(connection, call, "Rule")?;
    let mut failed = Vec::new();
    for id in call.input["Ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let removed = connection
            .prepare_cached("DELETE FROM events_targets WHERE rule = ?1 AND id = ?2")?
            .execute([&*rule.arn, id])?;
        if removed == 0 {
            failed.push(json!({
                "TargetId": id, "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": format!("Rule {} does not have a target with the Id {id}.", rule.name),
            }));
        }
    }
    Ok(json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed }))
}

pub(super) fn list_targets_by_rule(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let rule = Rule::of(connection, call, "Rule")?;
    Ok(json!({ "Targets": of_rule(connection, &rule.arn)? }))
}

pub(super) fn list_rule_names_by_target(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let bus = super::bus::find(connection, &call.caller, call.text("EventBusName"))?;
    let names: Vec<String> = connection
        .prepare_cached(
            "SELECT DISTINCT name FROM events_rules JOIN events_targets ON rule = events_rules.arn
             WHERE bus = ?1 AND events_targets.arn = ?2 ORDER BY name",
        )?
        .query_map([&*bus, call.required("TargetArn")?], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(json!({ "RuleNames": names }))
}
