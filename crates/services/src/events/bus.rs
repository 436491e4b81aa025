//! Buses, and the tags of buses and rules.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::{Call, not_found, validation};
use crate::database::object;
use crate::wire::{Caller, Fault};

/// The bus that is always there.
pub(super) const DEFAULT: &str = "default";

/// A bus's ARN, of its name or ARN; the default one's where there is none.
pub(super) fn arn_of(caller: &Caller, name: Option<&str>) -> String {
    let name = name.unwrap_or(DEFAULT);
    if name.starts_with("arn:") {
        name.to_owned()
    } else {
        caller.arn("events", &format!("event-bus/{name}"))
    }
}

/// A bus's name within its ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.split_once("event-bus/").map_or(arn, |(_, name)| name)
}

/// The ARN of a bus that is there.
pub(super) fn find(connection: &Connection, caller: &Caller, name: Option<&str>) -> Result<String, Fault> {
    let arn = arn_of(caller, name);
    if name_of(&arn) == DEFAULT || exists(connection, &arn)? {
        return Ok(arn);
    }
    Err(not_found(format!("Event bus {} does not exist.", name_of(&arn))))
}

fn exists(connection: &Connection, arn: &str) -> Result<bool, Fault> {
    let found = connection
        .prepare_cached("SELECT 1 FROM events_buses WHERE arn = ?1")?
        .query_row([arn], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

pub(super) fn create_event_bus(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let name = call.required("Name")?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if name == DEFAULT || name.len() > 256 || !name.bytes().all(is_word) {
        return Err(validation("Event bus name is not valid."));
    }
    let arn = arn_of(&call.caller, Some(name));
    if exists(connection, &arn)? {
        return Err(Fault::sender(
            400,
            "ResourceAlreadyExistsException",
            format!("Event bus {name} already exists."),
        ));
    }
    connection.prepare_cached("INSERT INTO events_buses VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        arn,
        name,
        call.text("Description"),
        Value::Object(tags_of(&call.input)).to_string(),
        call.now_ms
    ])?;
    Ok(json!({ "EventBusArn": arn }))
}

/// AWS: deleting what is not there is no fault; the default bus stays.
pub(super) fn delete_event_bus(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let arn = arn_of(&call.caller, Some(call.required("Name")?));
    if name_of(&arn) == DEFAULT {
        return Err(validation("Cannot delete event bus default."));
    }
    let rules: i64 = connection
        .prepare_cached("SELECT count(*) FROM events_rules WHERE bus = ?1")?
        .query_row([&arn], |row| row.get(0))?;
    if rules > 0 {
        return Err(validation("Event bus can't be deleted since it has rules."));
    }
    connection.prepare_cached("DELETE FROM events_buses WHERE arn = ?1")?.execute([&arn])?;
    Ok(json!({}))
}

pub(super) fn describe_event_bus(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let arn = find(connection, &call.caller, call.text("Name"))?;
    Ok(json!({ "Name": name_of(&arn), "Arn": arn }))
}

pub(super) fn list_event_buses(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let (limit, after) = call.page();
    let prefix = arn_of(&call.caller, Some(call.text("NamePrefix").unwrap_or_default()));
    let mut arns: Vec<String> = connection
        .prepare_cached("SELECT arn FROM events_buses WHERE substr(arn, 1, length(?1)) = ?1")?
        .query_map([&prefix], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let default = arn_of(&call.caller, None);
    if default.starts_with(&prefix) {
        arns.push(default);
    }
    arns.retain(|arn| name_of(arn) > after);
    arns.sort();
    let buses: Vec<Value> =
        arns.iter().take(limit).map(|arn| json!({ "Name": name_of(arn), "Arn": arn })).collect();
    let mut output = json!({ "EventBuses": buses });
    if arns.len() > limit {
        output["NextToken"] = json!(arns.get(limit - 1).map(|arn| name_of(arn)));
    }
    Ok(output)
}

/// Tags as the API lists them.
pub(super) fn tags_of(input: &Value) -> Map<String, Value> {
    let tags = input["Tags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].clone()))).collect()
}

/// A tagged resource's table and tags.
fn tagged(connection: &Connection, call: &Call) -> Result<(&'static str, Map<String, Value>), Fault> {
    let arn = call.required("ResourceARN")?;
    let table = if arn.contains(":rule/") { "events_rules" } else { "events_buses" };
    let tags = connection
        .prepare_cached(&format!("SELECT tags FROM {table} WHERE arn = ?1"))?
        .query_row([arn], |row| object(row, 0))
        .optional()?;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let missing = || not_found(format!("{name} does not exist."));
    tags.map(|tags| (table, tags)).ok_or_else(missing)
}

fn save_tags(
    connection: &Connection,
    call: &Call,
    table: &str,
    tags: Map<String, Value>,
) -> Result<Value, Fault> {
    connection
        .prepare_cached(&format!("UPDATE {table} SET tags = ?2 WHERE arn = ?1"))?
        .execute(params![call.text("ResourceARN"), Value::Object(tags).to_string()])?;
    Ok(json!({}))
}

pub(super) fn tag_resource(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let (table, mut tags) = tagged(connection, call)?;
    tags.extend(tags_of(&call.input));
    save_tags(connection, call, table, tags)
}

pub(super) fn untag_resource(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let (table, mut tags) = tagged(connection, call)?;
    for key in call.input["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        tags.remove(key);
    }
    save_tags(connection, call, table, tags)
}

pub(super) fn list_tags_for_resource(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let (_, tags) = tagged(connection, call)?;
    let tags: Vec<Value> =
        tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": tags }))
}
