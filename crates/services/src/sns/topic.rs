//! Topics: made, found, described, tagged, deleted.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::{Call, fifo, invalid};
use crate::database::object;
use crate::wire::Fault;
use crate::wire::xml::Xml;

/// Topics on a page. AWS's own.
pub(super) const PAGE_MAX: usize = 100;
/// Characters of a name. AWS's own bound.
const NAME_MAX: usize = 256;
/// Tags of a topic. AWS's own bound.
const TAGS_MAX: usize = 50;

/// Attributes that can be set of every topic.
const SETTABLE: &[&str] = &[
    "DisplayName",
    "Policy",
    "DeliveryPolicy",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
    "HTTPSuccessFeedbackRoleArn",
    "HTTPSuccessFeedbackSampleRate",
    "HTTPFailureFeedbackRoleArn",
    "LambdaSuccessFeedbackRoleArn",
    "LambdaSuccessFeedbackSampleRate",
    "LambdaFailureFeedbackRoleArn",
    "SQSSuccessFeedbackRoleArn",
    "SQSSuccessFeedbackSampleRate",
    "SQSFailureFeedbackRoleArn",
];

/// A topic's attributes and tags.
pub(super) struct Topic {
    pub(super) arn: String,
    pub(super) attributes: Map<String, Value>,
    tags: Map<String, Value>,
}

pub(super) fn no_such_topic() -> Fault {
    Fault::sender(404, "NotFound", "Topic does not exist")
}

impl Topic {
    pub(super) fn find(connection: &Connection, arn: &str) -> Result<Option<Self>, Fault> {
        let found = connection
            .prepare_cached("SELECT attributes, tags FROM sns_topics WHERE arn = ?1")?
            .query_row([arn], |row| {
                Ok(Self { arn: arn.to_owned(), attributes: object(row, 0)?, tags: object(row, 1)? })
            })
            .optional()?;
        Ok(found)
    }

    /// The topic that a call is for.
    pub(super) fn of(connection: &Connection, call: &Call, member: &str) -> Result<Self, Fault> {
        let arn = call.required(member)?;
        if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
            let count = arn.split(':').count();
            return Err(invalid(&format!(
                "{member} Reason: An ARN must have at least 6 elements, not {count}"
            )));
        }
        Self::find(connection, arn)?.ok_or_else(no_such_topic)
    }

    #[cfg(test)]
    pub(super) fn with(attributes: Map<String, Value>) -> Self {
        Self { arn: String::new(), attributes, tags: Map::new() }
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.is("FifoTopic", "true")
    }

    /// Whether an attribute has this value.
    pub(super) fn is(&self, attribute: &str, value: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|found| found == value)
    }

    pub(super) fn save(&self, connection: &Connection) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO sns_topics VALUES (?1, ?2, ?3)
                 ON CONFLICT (arn) DO UPDATE SET attributes = excluded.attributes, tags = excluded.tags",
            )?
            .execute(params![
                self.arn,
                Value::Object(self.attributes.clone()).to_string(),
                Value::Object(self.tags.clone()).to_string()
            ])?;
        Ok(())
    }
}

fn check_attribute(is_fifo: bool, name: &str, value: &str) -> Result<(), Fault> {
    if is_fifo && fifo::is_attribute(name) {
        return fifo::check_attribute(name, value);
    }
    if SETTABLE.contains(&name) {
        return Ok(());
    }
    Err(invalid("AttributeName"))
}

/// AWS: a FIFO topic's name ends with `.fifo`, which counts among its characters, and nobody else's does.
fn check_name(is_fifo: bool, name: &str) -> Result<(), Fault> {
    let word = if is_fifo { name.strip_suffix(".fifo").unwrap_or_default() } else { name };
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if word.is_empty() || name.len() > NAME_MAX || !word.bytes().all(is_word) {
        return Err(invalid("Topic Name"));
    }
    Ok(())
}

/// Tags as the query protocol lists them.
fn tags_of(list: &Value) -> Result<Map<String, Value>, Fault> {
    let tags = list.as_array().into_iter().flatten();
    let pair = |tag: &Value| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].clone()));
    tags.map(|tag| pair(tag).ok_or_else(|| invalid("Tags"))).collect()
}

pub(super) fn create_topic(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let name = call.required("Name")?;
    let mut attributes = call.input["Attributes"].as_object().cloned().unwrap_or_default();
    let is_fifo = match attributes.shift_remove("FifoTopic").as_ref().map(Value::as_str) {
        Some(Some("true")) => true,
        Some(Some("false")) | None => false,
        Some(_) => return Err(invalid("FifoTopic")),
    };
    check_name(is_fifo, name)?;
    for (name, value) in &attributes {
        check_attribute(is_fifo, name, value.as_str().unwrap_or_default())?;
    }
    let tags = tags_of(&call.input["Tags"])?;
    let arn = call.caller.arn("sns", name);
    match Topic::find(connection, &arn)? {
        Some(topic) if attributes.iter().any(|(name, value)| topic.attributes.get(name) != Some(value)) => {
            return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
        }
        Some(topic) if tags.iter().any(|(key, value)| topic.tags.get(key) != Some(value)) => {
            return Err(invalid("Tags Reason: Topic already exists with different tags"));
        }
        Some(_) => {}
        None => {
            let attributes = if is_fifo { fifo::completed(attributes) } else { attributes };
            Topic { arn: arn.clone(), attributes, tags }.save(connection)?;
        }
    }
    xml.leaf("TopicArn", &arn);
    Ok(())
}

/// AWS: deleting what is not there is no fault.
pub(super) fn delete_topic(connection: &Connection, call: &Call, _: &mut Xml) -> Result<(), Fault> {
    let arn = call.required("TopicArn")?;
    connection.prepare_cached("DELETE FROM sns_topics WHERE arn = ?1")?.execute([arn])?;
    Ok(())
}

pub(super) fn list_topics(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let prefix = call.caller.arn("sns", "");
    let after = call.text("NextToken").unwrap_or_default();
    let arns: Vec<String> = connection
        .prepare_cached(
            "SELECT arn FROM sns_topics WHERE substr(arn, 1, length(?1)) = ?1 AND arn > ?2 ORDER BY arn LIMIT ?3",
        )?
        .query_map(params![prefix, after, PAGE_MAX + 1], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    xml.within("Topics", |xml| {
        for arn in arns.iter().take(PAGE_MAX) {
            xml.within("member", |xml| xml.leaf("TopicArn", arn));
        }
    });
    if arns.len() > PAGE_MAX {
        xml.leaf_if("NextToken", arns.get(PAGE_MAX - 1).map(String::as_str));
    }
    Ok(())
}

pub(super) fn get_topic_attributes(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let topic = Topic::of(connection, call, "TopicArn")?;
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM sns_subscriptions WHERE topic = ?1 AND {condition}");
        let count: i64 = connection.prepare_cached(&sql)?.query_row([&topic.arn], |row| row.get(0))?;
        Ok::<_, Fault>(count.to_string())
    };
    let owner = topic.arn.split(':').nth(4).unwrap_or_default();
    let retries = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":600,"numRetries":50,"backoffFunction":"exponential"},"disableSubscriptionOverrides":false}}"#;
    let mut shown = vec![
        ("TopicArn".to_owned(), topic.arn.clone()),
        ("Owner".to_owned(), owner.to_owned()),
        ("EffectiveDeliveryPolicy".to_owned(), retries.to_owned()),
        ("SubscriptionsConfirmed".to_owned(), count("token IS NULL")?),
        ("SubscriptionsPending".to_owned(), count("token IS NOT NULL")?),
        ("SubscriptionsDeleted".to_owned(), "0".to_owned()),
    ];
    if !topic.attributes.contains_key("DisplayName") {
        shown.push(("DisplayName".to_owned(), String::new()));
    }
    let set = topic.attributes.into_iter();
    shown.extend(set.map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned())));
    entries(xml, shown.iter().map(|(name, value)| (&**name, &**value)));
    Ok(())
}

/// Attributes as the query protocol writes a map.
pub(super) fn entries<'a>(xml: &mut Xml, attributes: impl Iterator<Item = (&'a str, &'a str)>) {
    xml.within("Attributes", |xml| {
        for (name, value) in attributes {
            xml.within("entry", |xml| {
                xml.leaf("key", name);
                xml.leaf("value", value);
            });
        }
    });
}

pub(super) fn set_topic_attributes(connection: &Connection, call: &Call, _: &mut Xml) -> Result<(), Fault> {
    let mut topic = Topic::of(connection, call, "TopicArn")?;
    let name = call.required("AttributeName")?;
    let value = call.text("AttributeValue").unwrap_or_default();
    check_attribute(topic.is_fifo(), name, value)?;
    topic.attributes.insert(name.to_owned(), Value::from(value));
    topic.save(connection)
}

fn tagged(connection: &Connection, call: &Call) -> Result<Topic, Fault> {
    let missing = || Fault::sender(404, "ResourceNotFound", "Resource does not exist");
    Topic::find(connection, call.required("ResourceArn")?)?.ok_or_else(missing)
}

pub(super) fn tag_resource(connection: &Connection, call: &Call, _: &mut Xml) -> Result<(), Fault> {
    let mut topic = tagged(connection, call)?;
    topic.tags.extend(tags_of(&call.input["Tags"])?);
    if topic.tags.len() > TAGS_MAX {
        return Err(Fault::sender(
            400,
            "TagLimitExceeded",
            "Could not complete request: tag quota of per resource exceeded",
        ));
    }
    topic.save(connection)
}

pub(super) fn untag_resource(connection: &Connection, call: &Call, _: &mut Xml) -> Result<(), Fault> {
    let mut topic = tagged(connection, call)?;
    for key in call.input["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        topic.tags.remove(key);
    }
    topic.save(connection)
}

pub(super) fn list_tags_for_resource(
    connection: &Connection,
    call: &Call,
    xml: &mut Xml,
) -> Result<(), Fault> {
    let topic = tagged(connection, call)?;
    xml.within("Tags", |xml| {
        for (key, value) in &topic.tags {
            xml.within("member", |xml| {
                xml.leaf("Key", key);
                xml.leaf("Value", value.as_str().unwrap_or_default());
            });
        }
    });
    Ok(())
}
