//! SNS: topics, their subscriptions, and what is published to them.
//!
//! The query protocol in, XML out. A message is not sent while its publisher waits: what each subscription gets
//! is written into the outbox in the same commit, and delivered from there. Subscribers are SQS queues, Lambda
//! functions, HTTP and HTTPS endpoints and mail addresses (both after they confirmed), and files.
//!
//! Messages are not signed: the members for it are there and empty.
//!
//! API: SNS 2010-03-31.

mod batch;
mod envelope;
mod fifo;
mod filter;
mod publish;
mod subscription;
mod topic;

use axum::body::Body;
use axum::extract::Request;
use futures::future::BoxFuture;
use http::Response;
use rusqlite::Connection;
use serde_json::Value;

use crate::clock::Clock;
use crate::database::Database;
use crate::outbox::{Outbox, Ticket};
use crate::router::{Protocol, Route, Service};
use crate::wire::xml::Xml;
use crate::wire::{self, Caller, Fault, query};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS sns_topics (
        arn TEXT PRIMARY KEY, attributes TEXT NOT NULL, tags TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sns_subscriptions (
        arn TEXT PRIMARY KEY, topic TEXT NOT NULL REFERENCES sns_topics ON DELETE CASCADE,
        protocol TEXT NOT NULL, endpoint TEXT NOT NULL, owner TEXT NOT NULL, attributes TEXT NOT NULL,
        token TEXT, UNIQUE (topic, protocol, endpoint)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sns_published (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL REFERENCES sns_topics ON DELETE CASCADE,
        group_id TEXT NOT NULL, deduplication_id TEXT NOT NULL, message_id TEXT NOT NULL,
        published_ms INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS sns_published_ids ON sns_published (topic, deduplication_id);
    CREATE INDEX IF NOT EXISTS sns_published_when ON sns_published (published_ms);";

/// Bytes of a request: a batch of 256 KiB, escaped.
const REQUEST_BYTES_MAX: usize = 3 * 1024 * 1024;
const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The embedded service.
pub struct Sns {
    database: Database,
    clock: Clock,
    outbox: Outbox,
}

/// What an action is handed.
struct Call {
    caller: Caller,
    now_ms: i64,
    input: Value,
}

type Action = fn(&Connection, &Call, &mut Xml) -> Result<(), Fault>;

const ACTIONS: &[(&str, Action)] = &[
    ("ConfirmSubscription", subscription::confirm_subscription),
    ("CreateTopic", topic::create_topic),
    ("DeleteTopic", topic::delete_topic),
    ("GetSubscriptionAttributes", subscription::get_subscription_attributes),
    ("GetTopicAttributes", topic::get_topic_attributes),
    ("ListSubscriptions", subscription::list_subscriptions),
    ("ListSubscriptionsByTopic", subscription::list_subscriptions_by_topic),
    ("ListTagsForResource", topic::list_tags_for_resource),
    ("ListTopics", topic::list_topics),
    ("Publish", publish::publish),
    ("PublishBatch", batch::publish_batch),
    ("SetSubscriptionAttributes", subscription::set_subscription_attributes),
    ("SetTopicAttributes", topic::set_topic_attributes),
    ("Subscribe", subscription::subscribe),
    ("TagResource", topic::tag_resource),
    ("Unsubscribe", subscription::unsubscribe),
    ("UntagResource", topic::untag_resource),
];

impl Call {
    fn text(&self, member: &str) -> Option<&str> {
        self.input[member].as_str()
    }

    /// A member that must be there.
    fn required(&self, member: &str) -> Result<&str, Fault> {
        self.text(member).ok_or_else(|| invalid(&format!("{member} Reason: no value for required parameter")))
    }
}

/// AWS: `Invalid parameter: <which> Reason: <why>`.
fn invalid(reason: &str) -> Fault {
    Fault::sender(400, "InvalidParameter", format!("Invalid parameter: {reason}"))
}

impl Sns {
    /// Topics in this file, delivered through this outbox.
    pub fn new(database: Database, clock: Clock, outbox: Outbox) -> Self {
        Self { database, clock, outbox }
    }

    async fn call(&self, action: &str, input: Value, caller: Caller) -> Result<Xml, Fault> {
        let (_, run) = ACTIONS
            .iter()
            .find(|(name, _)| *name == action)
            .ok_or_else(|| Fault::unknown_operation("SNS", action))?;
        let call = Call { caller, now_ms: self.clock.now_ms(), input };
        let run = move |connection: &Connection| {
            let mut xml = Xml::default();
            if Ticket::is_repeat(call.caller.ticket, connection)? {
                return Ok(xml);
            }
            run(connection, &call, &mut xml).map(|()| xml)
        };
        let xml = self.database.act(action, run).await?;
        self.outbox.wake();
        Ok(xml)
    }
}

impl Service for Sns {
    fn route(&self) -> Route {
        Route { name: "sns", version: Some("2010-03-31"), protocol: Protocol::Query, ..Route::default() }
    }

    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let outcome = async {
                let body = wire::whole(body, REQUEST_BYTES_MAX).await?;
                // The links to confirm and to unsubscribe have their form in the URL.
                let form =
                    if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
                let (action, input) = query::call(form)?;
                let xml = self.call(&action, input, caller).await?;
                Ok::<_, Fault>((action, xml))
            };
            match outcome.await {
                Ok((action, result)) => query::answer(&action, NAMESPACE, |xml| xml.append(&result)),
                Err(fault) => fault.in_query_xml(NAMESPACE),
            }
        })
    }
}
