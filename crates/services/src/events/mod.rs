//! EventBridge: buses, rules with patterns, and their targets.
//!
//! An event that is put is matched against the rules of its bus at once, and what each target gets is written
//! into the outbox in the same commit. Rules on a schedule are refused.
//!
//! API: EventBridge 2015-10-07, AWS JSON 1.1.

mod bus;
mod input;
mod listeners;
mod once;
mod path;
mod put;
mod rule;
mod target;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use futures::future::BoxFuture;
use http::Response;
use rusqlite::Connection;
use serde_json::{Map, Value};

use self::Action::{Changing, Handing, Plain};
use self::listeners::{Kept, Listeners};
use crate::clock::Clock;
use crate::database::Database;
use crate::outbox::{Outbox, Ticket};
use crate::router::{Route, Service};
use crate::wire::{self, Caller, Fault, json};

pub use put::Event;

/// What stands beside the buses, rules and targets.
pub(crate) const TOLD_SCHEMA: &str = once::SCHEMA;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events_buses (
        arn TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, tags TEXT NOT NULL, made_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS events_rules (
        arn TEXT PRIMARY KEY, bus TEXT NOT NULL, name TEXT NOT NULL, pattern TEXT NOT NULL,
        enabled INTEGER NOT NULL, description TEXT, role_arn TEXT, tags TEXT NOT NULL, UNIQUE (bus, name)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS events_targets (
        rule TEXT NOT NULL REFERENCES events_rules ON DELETE CASCADE, id TEXT NOT NULL, target TEXT NOT NULL,
        arn TEXT NOT NULL, PRIMARY KEY (rule, id)
    ) WITHOUT ROWID;";

/// Bytes of a request. AWS takes 1 MB of events.
const REQUEST_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Rules, targets or buses on a page.
const PAGE_MAX: usize = 100;

/// The embedded service. Clones share it.
#[derive(Clone)]
pub struct Events {
    database: Database,
    clock: Clock,
    outbox: Outbox,
    kept: Kept,
}

/// What an action is handed.
struct Call {
    caller: Caller,
    now_ms: i64,
    input: Value,
}

/// What an action does.
#[derive(Clone, Copy)]
enum Action {
    /// Leaves those who listen as they are.
    Plain(fn(&Connection, &Call) -> Result<Value, Fault>),
    /// Changes who listens.
    Changing(fn(&Connection, &Call) -> Result<Value, Fault>),
    /// Hands something out to those who listen.
    Handing(fn(&Connection, &Listeners, &Call) -> Result<Value, Fault>),
}

const ACTIONS: &[(&str, Action)] = &[
    ("CreateEventBus", Plain(bus::create_event_bus)),
    ("DeleteEventBus", Plain(bus::delete_event_bus)),
    ("DeleteRule", Changing(rule::delete_rule)),
    ("DescribeEventBus", Plain(bus::describe_event_bus)),
    ("DescribeRule", Plain(rule::describe_rule)),
    ("DisableRule", Changing(rule::disable_rule)),
    ("EnableRule", Changing(rule::enable_rule)),
    ("ListEventBuses", Plain(bus::list_event_buses)),
    ("ListRuleNamesByTarget", Plain(target::list_rule_names_by_target)),
    ("ListRules", Plain(rule::list_rules)),
    ("ListTagsForResource", Plain(bus::list_tags_for_resource)),
    ("ListTargetsByRule", Plain(target::list_targets_by_rule)),
    ("PutEvents", Handing(put::put_events)),
    ("PutRule", Changing(rule::put_rule)),
    ("PutTargets", Changing(target::put_targets)),
    ("RemoveTargets", Changing(target::remove_targets)),
    ("TagResource", Plain(bus::tag_resource)),
    ("TestEventPattern", Plain(put::test_event_pattern)),
    ("UntagResource", Plain(bus::untag_resource)),
];

impl Call {
    fn text(&self, member: &str) -> Option<&str> {
        self.input[member].as_str()
    }

    /// A member that must be there.
    fn required(&self, member: &str) -> Result<&str, Fault> {
        self.text(member).filter(|text| !text.is_empty()).ok_or_else(|| {
            let mut path = member.to_owned();
            path[..1].make_ascii_lowercase();
            validation(&format!(
                "1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// How many on a page, and after which.
    fn page(&self) -> (usize, &str) {
        let limit = self.input["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
        (limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX), self.text("NextToken").unwrap_or_default())
    }
}

fn validation(message: &str) -> Fault {
    Fault::sender(400, "ValidationException", message)
}

fn not_found(message: String) -> Fault {
    Fault::sender(400, "ResourceNotFoundException", message)
}

impl Events {
    /// Buses and rules in this file, whose targets are reached through this outbox.
    pub fn new(database: Database, clock: Clock, outbox: Outbox) -> Self {
        Self { database, clock, outbox, kept: Kept::default() }
    }

    /// Puts an event of a service's own on the default bus. What its targets get is durable when this returns.
    pub async fn emit(&self, event: Event) -> Result<(), Fault> {
        let (now_ms, listeners) = (self.clock.now_ms(), self.listeners().await?);
        self.database.run(move |connection| put::hand_out(connection, &listeners, &event, now_ms)).await?;
        self.outbox.wake();
        Ok(())
    }

    /// Hands out events that are told in the order in which they happened, all up to the time `mark_ms`. Those with
    /// an id are handed out once, however often they are told. All is durable when this returns.
    pub async fn tell(&self, teller: &'static str, events: Vec<Event>, mark_ms: i64) -> Result<(), Fault> {
        let (now_ms, listeners) = (self.clock.now_ms(), self.listeners().await?);
        self.database
            .run(move |connection| {
                let mut is_written = false;
                for event in &events {
                    is_written |= put::hand_out(connection, &listeners, event, now_ms)?.is_heard;
                }
                Ok::<_, Fault>(once::set_mark(connection, teller, mark_ms, is_written)?)
            })
            .await?;
        self.outbox.wake();
        Ok(())
    }

    /// From when on the teller has to tell again after a crash: somewhat before its last mark. A teller without a
    /// mark begins now. From here on it is known what [`Self::may_be_heard`].
    pub async fn told_until(&self, teller: &'static str) -> Result<i64, Fault> {
        self.listeners().await?;
        let now_ms = self.clock.now_ms();
        self.database
            .run(move |connection| {
                let mark = once::mark(connection, teller)?;
                if mark.is_none() {
                    once::set_mark(connection, teller, now_ms, true)?;
                }
                Ok(mark.map_or(now_ms, |mark| mark.saturating_sub(once::OVERLAP_MS)))
            })
            .await
    }

    /// Whether anybody may get an event that has the members in `part`, and others that are not known yet. Where nobody
    /// does, it need not be made. Costs no look at the file.
    pub fn may_be_heard(&self, part: &Value) -> bool {
        self.kept.may_hear(part)
    }

    async fn listeners(&self) -> Result<Arc<Listeners>, Fault> {
        if let Some(known) = self.kept.get() {
            return Ok(known);
        }
        let kept = self.kept.clone();
        let read = move |connection: &Connection| {
            Ok::<_, Fault>((kept.changes(), Arc::new(Listeners::read(connection)?)))
        };
        let (changes, listeners) = self.database.read(read).await?;
        self.kept.keep(&listeners, changes);
        Ok(listeners)
    }

    async fn call(&self, action: &str, body: &[u8], caller: Caller) -> Result<Value, Fault> {
        let (_, run) = ACTIONS
            .iter()
            .find(|(name, _)| *name == action)
            .ok_or_else(|| Fault::unknown_operation("EventBridge", action))?;
        let call = Call { caller, now_ms: self.clock.now_ms(), input: json::input(body)? };
        let output = match *run {
            Plain(run) => self.database.run(move |connection| run(connection, &call)).await?,
            Changing(run) => {
                let kept = self.kept.clone();
                let change = move |connection: &Connection| {
                    kept.forget();
                    run(connection, &call)
                };
                self.database.run(change).await?
            }
            Handing(run) => {
                let listeners = self.listeners().await?;
                let hand_out = move |connection: &Connection| {
                    if Ticket::is_repeat(call.caller.ticket, connection)? {
                        return Ok(Value::Object(Map::new()));
                    }
                    run(connection, &listeners, &call)
                };
                self.database.run(hand_out).await?
            }
        };
        self.outbox.wake();
        Ok(output)
    }
}

impl Service for Events {
    fn route(&self) -> Route {
        Route { name: "events", targets: &["AWSEvents."], ..Route::default() }
    }

    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let target = wire::text(request.headers(), "x-amz-target").unwrap_or_default().to_owned();
            let action = target.strip_prefix("AWSEvents.").unwrap_or(&target);
            let outcome = async {
                let body = wire::whole(request.into_body(), REQUEST_BYTES_MAX).await?;
                self.call(action, &body, caller).await
            };
            match outcome.await {
                Ok(output) => json::answer(json::V1_1, &output),
                Err(fault) => fault.in_json("", json::V1_1),
            }
        })
    }
}
