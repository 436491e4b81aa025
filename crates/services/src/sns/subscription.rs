//! Subscriptions: made, confirmed, described, filtered, ended.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::topic::{PAGE_MAX, Topic, entries};
use super::{Call, envelope, fifo, filter, invalid};
use crate::database::object;
use crate::outbox::Outbox;
use crate::wire::xml::Xml;
use crate::wire::{Fault, random_uuid};

/// Attributes that can be set.
const SETTABLE: &[&str] =
    &["DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"];

/// Who hears of a topic's messages.
pub(super) struct Subscription {
    pub(super) arn: String,
    pub(super) topic: String,
    pub(super) protocol: Protocol,
    pub(super) endpoint: String,
    owner: String,
    pub(super) attributes: Map<String, Value>,
    /// With this it is confirmed; none is left when it is.
    pub(super) token: Option<String>,
}

/// How a subscriber is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Https,
    Email,
    EmailJson,
    Sqs,
    Lambda,
    File,
}

impl Protocol {
    const ALL: [(&'static str, Self); 7] = [
        ("http", Self::Http),
        ("https", Self::Https),
        ("email", Self::Email),
        ("email-json", Self::EmailJson),
        ("sqs", Self::Sqs),
        ("lambda", Self::Lambda),
        ("file", Self::File),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, protocol)| *protocol == self).map_or("", |(name, _)| name)
    }

    fn parse(name: &str) -> Result<Self, Fault> {
        match Self::ALL.iter().find(|(known, _)| *known == name) {
            Some((_, protocol)) => Ok(*protocol),
            None if matches!(name, "sms" | "application" | "firehose") => {
                Err(invalid(&format!("Protocol Reason: {name} is not supported here")))
            }
            None => Err(invalid(&format!("Amazon SNS does not support this protocol string: {name}"))),
        }
    }

    /// Whether the endpoint must say that it wants to hear.
    fn is_asked(self) -> bool {
        match self {
            Self::Http | Self::Https | Self::Email | Self::EmailJson => true,
            Self::Sqs | Self::Lambda | Self::File => false,
        }
    }

    fn check(self, endpoint: &str) -> Result<(), Fault> {
        let is_file_name = || {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            endpoint.bytes().all(is_word) && !endpoint.starts_with('.') && !endpoint.is_empty()
        };
        let (holds, reason) = match self {
            Self::Http => (endpoint.starts_with("http://"), "Endpoint must match the specified protocol"),
            Self::Https => (endpoint.starts_with("https://"), "Endpoint must match the specified protocol"),
            Self::Email | Self::EmailJson => {
                let is_plain = !endpoint.contains(['\r', '\n', '<', '>', ' ']);
                (endpoint.contains('@') && is_plain, "Email address")
            }
            Self::Sqs => (endpoint.starts_with("arn:aws:sqs:"), "SQS endpoint ARN"),
            Self::Lambda => (endpoint.starts_with("arn:aws:lambda:"), "Lambda endpoint ARN"),
            Self::File => (is_file_name(), "Endpoint must be the name of a file, without a path"),
        };
        if holds { Ok(()) } else { Err(invalid(reason)) }
    }
}

const COLUMNS: &str = "arn, topic, protocol, endpoint, owner, attributes, token";

impl Subscription {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let protocol: String = row.get(2)?;
        Ok(Self {
            arn: row.get(0)?,
            topic: row.get(1)?,
            // Only known ones are stored.
            protocol: Protocol::parse(&protocol).unwrap_or(Protocol::File),
            endpoint: row.get(3)?,
            owner: row.get(4)?,
            attributes: object(row, 5)?,
            token: row.get(6)?,
        })
    }

    /// All that are confirmed.
    pub(super) fn of_topic(connection: &Connection, topic: &str) -> Result<Vec<Self>, Fault> {
        Self::select(connection, "topic = ?1 AND token IS NULL", &[topic])
    }

    fn select(connection: &Connection, condition: &str, values: &[&str]) -> Result<Vec<Self>, Fault> {
        let found = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM sns_subscriptions WHERE {condition}"))?
            .query_map(rusqlite::params_from_iter(values), Self::read)?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    fn of(connection: &Connection, call: &Call) -> Result<Self, Fault> {
        let arn = call.required("SubscriptionArn")?;
        let found = Self::select(connection, "arn = ?1", &[arn])?;
        found.into_iter().next().ok_or_else(|| Fault::sender(404, "NotFound", "Subscription does not exist"))
    }

    fn save(&self, connection: &Connection) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO sns_subscriptions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (arn) DO UPDATE SET attributes = excluded.attributes, token = excluded.token",
            )?
            .execute(params![
                self.arn,
                self.topic,
                self.protocol.name(),
                self.endpoint,
                self.owner,
                Value::Object(self.attributes.clone()).to_string(),
                self.token
            ])?;
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if !SETTABLE.contains(&name) {
            return Err(invalid("AttributeName"));
        }
        let raw = matches!(self.protocol, Protocol::Http | Protocol::Https | Protocol::Sqs);
        match name {
            "FilterPolicy" if !value.is_empty() => filter::check(value)?,
            "FilterPolicyScope" if !matches!(value, "MessageAttributes" | "MessageBody") => {
                return Err(invalid(
                    "FilterPolicyScope: Invalid value [FilterPolicyScope]. Please use either MessageBody or MessageAttributes",
                ));
            }
            "RawMessageDelivery" if !matches!(value, "true" | "false") => {
                return Err(invalid(
                    "Attributes Reason: RawMessageDelivery: Invalid value. Must be true or false.",
                ));
            }
            "RawMessageDelivery" if value == "true" && !raw => {
                return Err(invalid(
                    "Attributes Reason: Delivery protocol does not support raw message delivery.",
                ));
            }
            "RedrivePolicy" | "DeliveryPolicy"
                if !value.is_empty() && serde_json::from_str::<Value>(value).is_err() =>
            {
                return Err(invalid(&format!("{name}: failed to parse JSON")));
            }
            "RedrivePolicy" if !value.is_empty() => self.check_dead_letters(value)?,
            _ => {}
        }
        if value.is_empty() {
            self.attributes.remove(name);
        } else {
            self.attributes.insert(name.to_owned(), Value::from(value));
        }
        Ok(())
    }

    /// AWS: a FIFO topic's dead letters go to FIFO queues, those of others to standard queues.
    fn check_dead_letters(&self, policy: &str) -> Result<(), Fault> {
        let policy: Value = serde_json::from_str(policy).unwrap_or_default();
        let Some(arn) = policy["deadLetterTargetArn"].as_str() else { return Ok(()) };
        match (fifo::is_fifo_arn(&self.topic), fifo::is_fifo_arn(arn)) {
            (true, true) | (false, false) => Ok(()),
            (true, false) => Err(invalid("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO topic")),
            (false, true) => {
                Err(invalid("RedrivePolicy: a standard topic's dead letters need a standard queue"))
            }
        }
    }

    fn shown_arn(&self) -> &str {
        if self.token.is_some() { "PendingConfirmation" } else { &self.arn }
    }
}

pub(super) fn subscribe(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let topic = Topic::of(connection, call, "TopicArn")?;
    let protocol = Protocol::parse(call.required("Protocol")?)?;
    let endpoint = call.required("Endpoint")?;
    protocol.check(endpoint)?;
    fifo::check_subscriber(&topic, protocol, endpoint)?;
    let condition = "topic = ?1 AND protocol = ?2 AND endpoint = ?3";
    let known = Subscription::select(connection, condition, &[&topic.arn, protocol.name(), endpoint])?;
    let mut subscription = known.into_iter().next().unwrap_or_else(|| Subscription {
        arn: format!("{}:{}", topic.arn, random_uuid()),
        topic: topic.arn.clone(),
        protocol,
        endpoint: endpoint.to_owned(),
        owner: call.caller.account.clone(),
        attributes: Map::new(),
        token: protocol.is_asked().then(|| format!("{}{}", random_uuid(), random_uuid()).replace('-', "")),
    });
    for (name, value) in call.input["Attributes"].as_object().into_iter().flatten() {
        subscription.set(name, value.as_str().unwrap_or_default())?;
    }
    subscription.save(connection)?;
    if let Some(token) = &subscription.token {
        let question = envelope::confirmation(&subscription, token, &call.caller, call.now_ms);
        Outbox::add(connection, &question, call.now_ms)?;
    }
    let shows_arn = subscription.token.is_none() || call.text("ReturnSubscriptionArn") == Some("true");
    xml.leaf("SubscriptionArn", if shows_arn { &subscription.arn } else { "pending confirmation" });
    Ok(())
}

pub(super) fn confirm_subscription(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let topic = Topic::of(connection, call, "TopicArn")?;
    let token = call.required("Token")?;
    let arn: Option<String> = connection
        .prepare_cached(
            "UPDATE sns_subscriptions SET token = NULL WHERE topic = ?1 AND token = ?2 RETURNING arn",
        )?
        .query_row([&topic.arn, token], |row| row.get(0))
        .optional()?;
    xml.leaf("SubscriptionArn", &arn.ok_or_else(|| invalid("Token"))?);
    Ok(())
}

/// AWS: ending what is not there is no fault.
pub(super) fn unsubscribe(connection: &Connection, call: &Call, _: &mut Xml) -> Result<(), Fault> {
    let arn = call.required("SubscriptionArn")?;
    if arn.split(':').count() < 6 {
        return Err(invalid("SubscriptionArn Reason: An ARN must have at least 6 elements"));
    }
    connection.prepare_cached("DELETE FROM sns_subscriptions WHERE arn = ?1")?.execute([arn])?;
    Ok(())
}

pub(super) fn list_subscriptions(connection: &Connection, call: &Call, xml: &mut Xml) -> Result<(), Fault> {
    let prefix = call.caller.arn("sns", "");
    list(connection, call, "substr(topic, 1, length(?1)) = ?1", &prefix, xml)
}

pub(super) fn list_subscriptions_by_topic(
    connection: &Connection,
    call: &Call,
    xml: &mut Xml,
) -> Result<(), Fault> {
    let topic = Topic::of(connection, call, "TopicArn")?;
    list(connection, call, "topic = ?1", &topic.arn, xml)
}

fn list(
    connection: &Connection,
    call: &Call,
    condition: &str,
    value: &str,
    xml: &mut Xml,
) -> Result<(), Fault> {
    let after = call.text("NextToken").unwrap_or_default();
    let condition = format!("{condition} AND arn > ?2 ORDER BY arn LIMIT {}", PAGE_MAX + 1);
    let found = Subscription::select(connection, &condition, &[value, after])?;
    xml.within("Subscriptions", |xml| {
        for subscription in found.iter().take(PAGE_MAX) {
            xml.within("member", |xml| {
                xml.leaf("SubscriptionArn", subscription.shown_arn());
                xml.leaf("Owner", &subscription.owner);
                xml.leaf("Protocol", subscription.protocol.name());
                xml.leaf("Endpoint", &subscription.endpoint);
                xml.leaf("TopicArn", &subscription.topic);
            });
        }
    });
    if found.len() > PAGE_MAX {
        xml.leaf_if("NextToken", found.get(PAGE_MAX - 1).map(|last| &*last.arn));
    }
    Ok(())
}

pub(super) fn get_subscription_attributes(
    connection: &Connection,
    call: &Call,
    xml: &mut Xml,
) -> Result<(), Fault> {
    let subscription = Subscription::of(connection, call)?;
    let is_pending = if subscription.token.is_some() { "true" } else { "false" };
    let mut shown = vec![
        ("SubscriptionArn", subscription.arn.as_str()),
        ("TopicArn", &subscription.topic),
        ("Protocol", subscription.protocol.name()),
        ("Endpoint", &subscription.endpoint),
        ("Owner", &subscription.owner),
        ("PendingConfirmation", is_pending),
        ("ConfirmationWasAuthenticated", "true"),
    ];
    if !subscription.attributes.contains_key("RawMessageDelivery") {
        shown.push(("RawMessageDelivery", "false"));
    }
    if subscription.attributes.contains_key("FilterPolicy")
        && !subscription.attributes.contains_key("FilterPolicyScope")
    {
        shown.push(("FilterPolicyScope", "MessageAttributes"));
    }
    let set = subscription.attributes.iter();
    entries(
        xml,
        shown.into_iter().chain(set.map(|(name, value)| (&**name, value.as_str().unwrap_or_default()))),
    );
    Ok(())
}

pub(super) fn set_subscription_attributes(
    connection: &Connection,
    call: &Call,
    _: &mut Xml,
) -> Result<(), Fault> {
    let mut subscription = Subscription::of(connection, call)?;
    subscription.set(call.required("AttributeName")?, call.text("AttributeValue").unwrap_or_default())?;
    subscription.save(connection)
}
