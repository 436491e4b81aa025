//! SQS: durable queues, standard and FIFO, with visibility timeouts, long polls and dead letters.
//!
//! In come AWS JSON 1.0 and, from older clients, the query protocol; both end in the same actions. An action is
//! a function over the services' file within one transaction, and a line in the table here. Who waits for a
//! message is a future that is woken when one comes, not a thread.
//!
//! API: SQS 2012-11-05.

mod attributes;
mod change;
mod form;
mod message;
mod queue;
mod receive;
mod send;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use futures::future::BoxFuture;
use http::Response;
use rusqlite::Connection;
use serde_json::Value;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::database::Database;
use crate::outbox::Ticket;
use crate::router::{Protocol, Route, Service};
use crate::wire::{self, Caller, Fault, json, query};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS sqs_queues (
        id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, name TEXT NOT NULL, attributes TEXT NOT NULL,
        tags TEXT NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS sqs_messages (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES sqs_queues ON DELETE CASCADE,
        message_id TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL, trace_header TEXT,
        sender TEXT NOT NULL, sent_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL,
        received INTEGER NOT NULL DEFAULT 0, first_received_ms INTEGER, receipt TEXT,
        source_arn TEXT, group_id TEXT, deduplication_id TEXT
    );
    CREATE INDEX IF NOT EXISTS sqs_visible ON sqs_messages (queue, visible_ms, sequence);
    CREATE INDEX IF NOT EXISTS sqs_sent ON sqs_messages (queue, sent_ms);
    CREATE INDEX IF NOT EXISTS sqs_groups ON sqs_messages (queue, group_id, received) WHERE group_id IS NOT NULL;
    CREATE TABLE IF NOT EXISTS sqs_deduplication (
        queue INTEGER NOT NULL REFERENCES sqs_queues ON DELETE CASCADE, deduplication_id TEXT NOT NULL,
        message_id TEXT NOT NULL, sequence INTEGER NOT NULL, sent_ms INTEGER NOT NULL,
        PRIMARY KEY (queue, deduplication_id)
    ) WITHOUT ROWID;";

/// Bytes of a request: a batch of 1 MiB, escaped.
const REQUEST_BYTES_MAX: usize = 3 * 1024 * 1024;
/// What stands before an error's name in `__type`.
const ERROR_NAMESPACE: &str = "com.amazonaws.sqs#";
const FORM_NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// The embedded service.
pub struct Sqs {
    database: Database,
    clock: Clock,
    waiters: Waiters,
}

/// What an action is handed.
struct Call {
    caller: Caller,
    now_ms: i64,
    input: Value,
}

/// What an action gives back.
struct Done {
    output: Value,
    /// A queue that may have a message to receive now.
    woken: Option<i64>,
}

type Action = fn(&Connection, Call) -> Result<Done, Fault>;

const ACTIONS: &[(&str, Action)] = &[
    ("ChangeMessageVisibility", change::change_message_visibility),
    ("ChangeMessageVisibilityBatch", change::change_message_visibility_batch),
    ("CreateQueue", queue::create_queue),
    ("DeleteMessage", change::delete_message),
    ("DeleteMessageBatch", change::delete_message_batch),
    ("DeleteQueue", queue::delete_queue),
    ("GetQueueAttributes", queue::get_queue_attributes),
    ("GetQueueUrl", queue::get_queue_url),
    ("ListDeadLetterSourceQueues", queue::list_dead_letter_source_queues),
    ("ListQueueTags", queue::list_queue_tags),
    ("ListQueues", queue::list_queues),
    ("PurgeQueue", queue::purge_queue),
    ("SendMessage", send::send_message),
    ("SendMessageBatch", send::send_message_batch),
    ("SetQueueAttributes", queue::set_queue_attributes),
    ("TagQueue", queue::tag_queue),
    ("UntagQueue", queue::untag_queue),
];

impl Done {
    fn with(output: Value) -> Self {
        Self { output, woken: None }
    }

    fn nothing() -> Self {
        Self::with(Value::Object(serde_json::Map::new()))
    }
}

impl Sqs {
    /// Queues in this file.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, waiters: Waiters::default() }
    }

    async fn call(&self, action: &str, input: Value, caller: Caller) -> Result<Value, Fault> {
        if action == "ReceiveMessage" {
            return receive::receive_message(self, input, caller).await;
        }
        let (_, run) = ACTIONS
            .iter()
            .find(|(name, _)| *name == action)
            .ok_or_else(|| Fault::unknown_operation("SQS", action))?;
        let call = Call { caller, now_ms: self.clock.now_ms(), input };
        let run = move |connection: &Connection| {
            if Ticket::is_repeat(call.caller.ticket, connection)? {
                return Ok(Done::nothing());
            }
            run(connection, call)
        };
        let done = self.database.act(action, run).await?;
        if let Some(queue) = done.woken {
            self.waiters.wake(queue);
        }
        Ok(done.output)
    }

    async fn answer_json(&self, action: &str, body: Body, caller: Caller) -> Response<Body> {
        let outcome = async {
            let body = wire::whole(body, REQUEST_BYTES_MAX).await?;
            self.call(action, json::input(&body)?, caller).await
        };
        match outcome.await {
            Ok(output) => json::answer(json::V1_0, &output),
            Err(fault) => fault.in_json(ERROR_NAMESPACE, json::V1_0),
        }
    }

    async fn answer_form(&self, request: Request, caller: Caller) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let outcome = async {
            let body = wire::whole(body, REQUEST_BYTES_MAX).await?;
            let form = if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
            let (action, input) = query::call(form)?;
            let output = self.call(&action, form::input(input, &parts.uri, &caller)?, caller).await?;
            Ok::<_, Fault>((action, output))
        };
        match outcome.await {
            Ok((action, output)) => form::answer(&action, FORM_NAMESPACE, &output),
            Err(fault) => fault.in_query_xml(FORM_NAMESPACE),
        }
    }
}

impl Service for Sqs {
    fn route(&self) -> Route {
        Route {
            name: "sqs",
            targets: &["AmazonSQS."],
            version: Some("2012-11-05"),
            protocol: Protocol::Query,
            ..Route::default()
        }
    }

    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let target = wire::text(request.headers(), "x-amz-target");
            match target.and_then(|target| target.strip_prefix("AmazonSQS.")).map(str::to_owned) {
                Some(action) => self.answer_json(&action, request.into_body(), caller).await,
                None => self.answer_form(request, caller).await,
            }
        })
    }
}

/// Who waits for a message, by queue.
#[derive(Default)]
struct Waiters(Mutex<HashMap<i64, Arc<Notify>>>);

impl Waiters {
    fn of(&self, queue: i64) -> Arc<Notify> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds any longer go, so that the map is as large as the number of waiters.
        waiting.retain(|_, notify| Arc::strong_count(notify) > 1);
        waiting.entry(queue).or_default().clone()
    }

    fn wake(&self, queue: i64) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = waiting.get(&queue) {
            notify.notify_waiters();
        }
    }
}
