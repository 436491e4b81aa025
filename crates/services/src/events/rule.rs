//! Rules: which events of a bus go to some targets.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value, json};

use super::{Call, bus, not_found, validation};
use crate::database::object;
use crate::pattern::Pattern;
use crate::wire::Fault;

/// A rule, as it is stored.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) arn: String,
    pub(super) bus: String,
    pub(super) name: String,
    pub(super) pattern: String,
    enabled: bool,
    description: Option<String>,
    role_arn: Option<String>,
    tags: Map<String, Value>,
}

const COLUMNS: &str = "arn, bus, name, pattern, enabled, description, role_arn, tags";

impl Rule {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            arn: row.get(0)?,
            bus: row.get(1)?,
            name: row.get(2)?,
            pattern: row.get(3)?,
            enabled: row.get(4)?,
            description: row.get(5)?,
            role_arn: row.get(6)?,
            tags: object(row, 7)?,
        })
    }

    fn find(connection: &Connection, bus: &str, name: &str) -> Result<Option<Self>, Fault> {
        let found = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM events_rules WHERE bus = ?1 AND name = ?2"))?
            .query_row([bus, name], Self::read)
            .optional()?;
        Ok(found)
    }

    /// The rule that a call is for, by the member that names it.
    pub(super) fn of(connection: &Connection, call: &Call, member: &str) -> Result<Self, Fault> {
        let bus = bus::find(connection, &call.caller, call.text("EventBusName"))?;
        let name = call.required(member)?;
        let missing = || not_found(format!("Rule {name} does not exist on EventBus {}.", bus::name_of(&bus)));
        Self::find(connection, &bus, name)?.ok_or_else(missing)
    }

    /// The rules of all buses that are enabled.
    pub(super) fn enabled(connection: &Connection) -> Result<Vec<Self>, Fault> {
        let found = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM events_rules WHERE enabled ORDER BY bus, name"))?
            .query_map([], Self::read)?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    fn save(&self, connection: &Connection) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO events_rules VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (arn) DO UPDATE SET pattern = excluded.pattern, enabled = excluded.enabled,
                     description = excluded.description, role_arn = excluded.role_arn",
            )?
            .execute(params![
                self.arn,
                self.bus,
                self.name,
                self.pattern,
                self.enabled,
                self.description,
                self.role_arn,
                Value::Object(self.tags.clone()).to_string()
            ])?;
        Ok(())
    }

    fn shown(&self) -> Value {
        let mut shown = json!({
            "Name": self.name, "Arn": self.arn, "EventPattern": self.pattern,
            "State": if self.enabled { "ENABLED" } else { "DISABLED" },
            "EventBusName": bus::name_of(&self.bus),
        });
        for (name, value) in [("Description", &self.description), ("RoleArn", &self.role_arn)] {
            if let Some(value) = value {
                shown[name] = json!(value);
            }
        }
        shown
    }
}

/// The default bus's rules have no bus in their ARNs.
fn arn_of(call: &Call, bus: &str, name: &str) -> String {
    let resource = match bus::name_of(bus) {
        bus::DEFAULT => format!("rule/{name}"),
        other => format!("rule/{other}/{name}"),
    };
    call.caller.arn("events", &resource)
}

pub(super) fn put_rule(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let name = call.required("Name")?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.len() > 64 || !name.bytes().all(is_word) {
        return Err(validation(&format!(
            "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
        )));
    }
    if call.text("ScheduleExpression").is_some_and(|schedule| !schedule.is_empty()) {
        return Err(validation("Parameter ScheduleExpression is not supported here."));
    }
    let bus = bus::find(connection, &call.caller, call.text("EventBusName"))?;
    let pattern = call
        .text("EventPattern")
        .ok_or_else(|| validation("Parameter(s) EventPattern or ScheduleExpression must be specified."))?;
    Pattern::parse(pattern).map_err(|error| {
        let message = format!("Event pattern is not valid. Reason: {error}");
        Fault::sender(400, "InvalidEventPatternException", message)
    })?;
    let enabled = match call.text("State") {
        None | Some("ENABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => true,
        Some("DISABLED") => false,
        Some(other) => return Err(validation(&format!("State {other} is not ENABLED or DISABLED."))),
    };
    let rule = Rule {
        arn: arn_of(call, &bus, name),
        bus,
        name: name.to_owned(),
        pattern: pattern.to_owned(),
        enabled,
        description: call.text("Description").map(str::to_owned),
        role_arn: call.text("RoleArn").map(str::to_owned),
        tags: bus::tags_of(&call.input),
    };
    rule.save(connection)?;
    Ok(json!({ "RuleArn": rule.arn }))
}

pub(super) fn describe_rule(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let rule = Rule::of(connection, call, "Name")?;
    let mut shown = rule.shown();
    shown["CreatedBy"] = json!(rule.arn.split(':').nth(4));
    Ok(shown)
}

pub(super) fn list_rules(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let (limit, after) = call.page();
    let bus = bus::find(connection, &call.caller, call.text("EventBusName"))?;
    let prefix = call.text("NamePrefix").unwrap_or_default();
    let rules: Vec<Rule> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM events_rules
             WHERE bus = ?1 AND substr(name, 1, length(?2)) = ?2 AND name > ?3 ORDER BY name LIMIT ?4"
        ))?
        .query_map(params![bus, prefix, after, limit + 1], Rule::read)?
        .collect::<Result<_, _>>()?;
    let mut output = json!({ "Rules": rules.iter().take(limit).map(Rule::shown).collect::<Vec<_>>() });
    if rules.len() > limit {
        output["NextToken"] = json!(rules.get(limit - 1).map(|rule| &rule.name));
    }
    Ok(output)
}

/// AWS: deleting what is not there is no fault.
pub(super) fn delete_rule(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    let bus = bus::find(connection, &call.caller, call.text("EventBusName"))?;
    let Some(rule) = Rule::find(connection, &bus, call.required("Name")?)? else { return Ok(json!({})) };
    let targets: i64 = connection
        .prepare_cached("SELECT count(*) FROM events_targets WHERE rule = ?1")?
        .query_row([&rule.arn], |row| row.get(0))?;
    if targets > 0 {
        return Err(validation("Rule can't be deleted since it has targets."));
    }
    connection.prepare_cached("DELETE FROM events_rules WHERE arn = ?1")?.execute([&rule.arn])?;
    Ok(json!({}))
}

pub(super) fn enable_rule(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    set_enabled(connection, call, true)
}

pub(super) fn disable_rule(connection: &Connection, call: &Call) -> Result<Value, Fault> {
    set_enabled(connection, call, false)
}

fn set_enabled(connection: &Connection, call: &Call, enabled: bool) -> Result<Value, Fault> {
    let rule = Rule { enabled, ..Rule::of(connection, call, "Name")? };
    rule.save(connection)?;
    Ok(json!({}))
}
