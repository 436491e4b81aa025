//! Queues: made, found, described, changed, emptied, deleted.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attributes::{self, COUNTED};
use super::{Call, Done};
use crate::database::object;
use crate::wire::{Caller, Fault, json};

/// Queues on a page.
const PAGE_MAX: usize = 1000;
/// Tags of a queue. AWS's own bound.
const TAGS_MAX: usize = 50;

/// A queue, as it is stored.
pub(super) struct Queue {
    pub(super) id: i64,
    pub(super) arn: String,
    pub(super) attributes: Map<String, Value>,
    tags: Map<String, Value>,
    created_ms: i64,
    modified_ms: i64,
}

const COLUMNS: &str = "id, arn, attributes, tags, created_ms, modified_ms";

impl Queue {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            arn: row.get(1)?,
            attributes: object(row, 2)?,
            tags: object(row, 3)?,
            created_ms: row.get(4)?,
            modified_ms: row.get(5)?,
        })
    }

    /// The queue with this ARN.
    pub(super) fn by_arn(connection: &Connection, arn: &str) -> Result<Option<Self>, Fault> {
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sqs_queues WHERE arn = ?1"))?;
        Ok(statement.query_row([arn], Self::read).optional()?)
    }

    /// The queue at this URL, or with this ARN, or of this name: SDKs send URLs, people write the others.
    pub(super) fn at(connection: &Connection, caller: &Caller, url: Option<&str>) -> Result<Self, Fault> {
        let url = url.ok_or_else(|| missing("QueueUrl"))?;
        Self::by_arn(connection, &arn_of(caller, url))?.ok_or_else(no_such_queue)
    }

    pub(super) fn is_fifo(&self) -> bool {
        attributes::flag(&self.attributes, "FifoQueue")
    }

    fn save(&self, connection: &Connection, now_ms: i64) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "UPDATE sqs_queues SET attributes = :attributes, tags = :tags, modified_ms = :now WHERE id = :id",
            )?
            .execute(named_params! {
                ":attributes": Value::Object(self.attributes.clone()).to_string(),
                ":tags": Value::Object(self.tags.clone()).to_string(), ":now": now_ms, ":id": self.id,
            })?;
        Ok(())
    }
}

/// A queue's URL ends in `/<account>/<name>`; its region is the caller's.
fn arn_of(caller: &Caller, url: &str) -> String {
    if url.starts_with("arn:") {
        return url.to_owned();
    }
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let name = parts.next().unwrap_or_default();
    let account = parts.next().filter(|part| part.len() == 12).unwrap_or(&caller.account);
    format!("arn:aws:sqs:{}:{account}:{name}", caller.region)
}

fn url_of(caller: &Caller, arn: &str) -> String {
    let mut parts = arn.rsplit(':');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{}/{account}/{name}", caller.url)
}

pub(super) fn no_such_queue() -> Fault {
    Fault::sender(400, "QueueDoesNotExist", "The specified queue does not exist.")
        .in_query("AWS.SimpleQueueService.NonExistentQueue")
}

pub(super) fn missing(member: &str) -> Fault {
    Fault::sender(400, "MissingParameter", format!("The request must contain the parameter {member}."))
        .in_query("MissingParameter")
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::sender(400, "InvalidParameterValueException", message).in_query("InvalidParameterValue")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default, rename = "tags", alias = "Tags")]
    tags: Map<String, Value>,
}

pub(super) fn create_queue(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let create: Create = json::members(call.input)?;
    let name = create.queue_name.ok_or_else(|| missing("QueueName"))?;
    let is_fifo = attributes::flag(&create.attributes, "FifoQueue");
    check_name(&name, is_fifo)?;
    attributes::check(&create.attributes)?;
    check_tags(&create.tags)?;
    let arn = call.caller.arn("sqs", &name);
    let url = url_of(&call.caller, &arn);
    if let Some(queue) = Queue::by_arn(connection, &arn)? {
        let differs = create
            .attributes
            .iter()
            .find(|(name, value)| attributes::get(&queue.attributes, name) != value.as_str());
        if let Some((name, _)) = differs {
            let message = format!(
                "A queue already exists with the same name and a different value for attribute {name}"
            );
            return Err(Fault::sender(400, "QueueNameExists", message).in_query("QueueAlreadyExists"));
        }
        return Ok(Done::with(json!({ "QueueUrl": url })));
    }
    connection
        .prepare_cached(
            "INSERT INTO sqs_queues (arn, name, attributes, tags, created_ms, modified_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        )?
        .execute(params![
            arn,
            name,
            Value::Object(create.attributes).to_string(),
            Value::Object(create.tags).to_string(),
            call.now_ms
        ])?;
    Ok(Done::with(json!({ "QueueUrl": url })))
}

fn check_name(name: &str, is_fifo: bool) -> Result<(), Fault> {
    let base = name.strip_suffix(".fifo").unwrap_or(name);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if base.is_empty() || name.len() > 80 || !base.bytes().all(is_word) {
        return Err(invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    if is_fifo == name.strip_suffix(".fifo").is_some() {
        return Ok(());
    }
    Err(invalid(
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    ))
}

fn check_tags(tags: &Map<String, Value>) -> Result<(), Fault> {
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("Too many tags added for queue: at most {TAGS_MAX} are allowed.")));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUrl {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

pub(super) fn get_queue_url(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let get: GetUrl = json::members(call.input)?;
    let name = get.queue_name.ok_or_else(|| missing("QueueName"))?;
    let account = get.owner.as_ref().unwrap_or(&call.caller.account);
    let arn = format!("arn:aws:sqs:{}:{account}:{name}", call.caller.region);
    let queue = Queue::by_arn(connection, &arn)?.ok_or_else(no_such_queue)?;
    Ok(Done::with(json!({ "QueueUrl": url_of(&call.caller, &queue.arn) })))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    queue_name_prefix: Option<String>,
    #[serde(default, deserialize_with = "super::form::number")]
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list_queues(connection: &Connection, call: Call) -> Result<Done, Fault> {
    let list: List = json::members(call.input)?;
    let prefix = format!("arn:aws:sqs:{}:{}:", call.caller.region, call.caller.account);
    let wanted = format!("{prefix}{}", list.queue_name_prefix.unwrap_or_default());
    let max =
        list.max_results.map_or(PAGE_MAX, |max| usize::try_from(max).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX));
    let after = list.next_token.map(|name| format!("{prefix}{name}")).unwrap_or_default();
    let arns: Vec<String> = connection
        .prepare_cached(
            "SELECT arn FROM sqs_queues WHERE substr(arn, 1, length(?1)) = ?1 AND arn > ?2 ORDER BY arn LIMIT ?3",
        )?
        .query_map(params![wanted, after, max + 1], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let page = &arns[..arns.len().min(max)];
    let urls: Vec<String> = page.iter().map(|arn| url_of(&call.caller, arn)).collect();
    let mut output = Map::new();
    if !urls.is_empty() {
        output.insert("QueueUrls".to_owned(), json!(urls));
    }
    if arns.len() > max
        && let Some(last) = page.last()
    {
        output.insert("NextToken".to_owned(), json!(last.strip_prefix(&prefix)));
    }
    Ok(Done::with(Value::Object(output)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfQueue {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    tags: Map<String, Value>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

fn of_queue(connection: &Connection, call: &mut Call) -> Result<(Queue, OfQueue), Fault> {
    let input: OfQueue = json::members(call.input.take())?;
    let queue = Queue::at(connection, &call.caller, input.queue_url.as_deref())?;
    Ok((queue, input))
}

pub(super) fn delete_queue(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (queue, _) = of_queue(connection, &mut call)?;
    connection.prepare_cached("DELETE FROM sqs_queues WHERE id = ?1")?.execute([queue.id])?;
    Ok(Done { woken: Some(queue.id), ..Done::nothing() })
}

pub(super) fn purge_queue(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (queue, _) = of_queue(connection, &mut call)?;
    connection.prepare_cached("DELETE FROM sqs_messages WHERE queue = ?1")?.execute([queue.id])?;
    Ok(Done::nothing())
}

pub(super) fn set_queue_attributes(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (mut queue, input) = of_queue(connection, &mut call)?;
    attributes::check(&input.attributes)?;
    if let Some(value) = input.attributes.get("FifoQueue")
        && value.as_str() != attributes::get(&queue.attributes, "FifoQueue")
    {
        return Err(invalid(
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
        ));
    }
    for (name, value) in input.attributes {
        if value.as_str() == Some("") {
            queue.attributes.remove(&name);
        } else {
            queue.attributes.insert(name, value);
        }
    }
    queue.save(connection, call.now_ms)?;
    Ok(Done { woken: Some(queue.id), ..Done::nothing() })
}

pub(super) fn get_queue_attributes(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (queue, input) = of_queue(connection, &mut call)?;
    if let Some(name) = input.attribute_names.iter().find(|name| !attributes::is_known(name)) {
        return Err(Fault::sender(400, "InvalidAttributeName", format!("Unknown Attribute {name}."))
            .in_query("InvalidAttributeName"));
    }
    let all = input.attribute_names.iter().any(|name| name == "All");
    let is_wanted = |name: &str| all || input.attribute_names.iter().any(|wanted| wanted == name);
    let mut shown = Map::new();
    for name in COUNTED.into_iter().filter(|name| is_wanted(name)) {
        shown.insert(name.to_owned(), Value::String(counted(connection, &queue, name, call.now_ms)?));
    }
    for (name, value) in attributes::shown(&queue.attributes).filter(|(name, _)| is_wanted(name)) {
        shown.insert(name.to_owned(), Value::from(value));
    }
    let mut output = Map::new();
    if !shown.is_empty() {
        output.insert("Attributes".to_owned(), Value::Object(shown));
    }
    Ok(Done::with(Value::Object(output)))
}

fn counted(connection: &Connection, queue: &Queue, name: &str, now_ms: i64) -> Result<String, Fault> {
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM sqs_messages WHERE queue = ?1 AND {condition}");
        let count: i64 =
            connection.prepare_cached(&sql)?.query_row(params![queue.id, now_ms], |row| row.get(0))?;
        Ok::<_, Fault>(count.to_string())
    };
    match name {
        "ApproximateNumberOfMessages" => count("visible_ms <= ?2"),
        "ApproximateNumberOfMessagesDelayed" => count("visible_ms > ?2 AND received = 0"),
        "ApproximateNumberOfMessagesNotVisible" => count("visible_ms > ?2 AND received > 0"),
        "CreatedTimestamp" => Ok((queue.created_ms / 1000).to_string()),
        "LastModifiedTimestamp" => Ok((queue.modified_ms / 1000).to_string()),
        _ => Ok(queue.arn.clone()),
    }
}

pub(super) fn list_queue_tags(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (queue, _) = of_queue(connection, &mut call)?;
    let mut output = Map::new();
    if !queue.tags.is_empty() {
        output.insert("Tags".to_owned(), Value::Object(queue.tags));
    }
    Ok(Done::with(Value::Object(output)))
}

pub(super) fn tag_queue(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (mut queue, input) = of_queue(connection, &mut call)?;
    queue.tags.extend(input.tags);
    check_tags(&queue.tags)?;
    queue.save(connection, call.now_ms)?;
    Ok(Done::nothing())
}

pub(super) fn untag_queue(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (mut queue, input) = of_queue(connection, &mut call)?;
    queue.tags.retain(|key, _| !input.tag_keys.contains(key));
    queue.save(connection, call.now_ms)?;
    Ok(Done::nothing())
}

pub(super) fn list_dead_letter_source_queues(connection: &Connection, mut call: Call) -> Result<Done, Fault> {
    let (queue, _) = of_queue(connection, &mut call)?;
    let sources: Vec<Queue> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sqs_queues WHERE attributes LIKE '%RedrivePolicy%' ORDER BY arn"
        ))?
        .query_map([], Queue::read)?
        .collect::<Result<_, _>>()?;
    let is_source = |source: &&Queue| {
        attributes::redrive(&source.attributes).is_some_and(|redrive| redrive.target_arn == queue.arn)
    };
    let urls: Vec<String> =
        sources.iter().filter(is_source).map(|source| url_of(&call.caller, &source.arn)).collect();
    Ok(Done::with(json!({ "queueUrls": urls })))
}
