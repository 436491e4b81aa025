//! EventBridge: buses, rules with patterns, and their targets.
//!
//! An event that is put is matched against the rules of its bus at once, and what each target gets is written
//! into the outbox in the same commit. Rules on a schedule are refused.
//!
//! API: EventBridge 2015-10-07, AWS JSON 1.1.

mod bus;
mod input;
mod once;
mod path;
mod put;
mod rule;
mod target;

use axum::body::Body;
use axum::extract::Request;
use futures::future::BoxFuture;
use http::Response;
use rusqlite::Connection;
use serde_json::Value;

use crate::clock::Clock;
use crate::database::Database;
use crate::outbox::Outbox;
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
}

/// What an action is handed.
struct Call {
    caller: Caller,
    now_ms: i64,
    input: Value,
}

type Action = fn(&Connection, &Call) -> Result<Value, Fault>;

const ACTIONS: &[(&str, Action)] = &[
    ("CreateEventBus", bus::create_event_bus),
    ("DeleteEventBus", bus::delete_event_bus),
    ("DeleteRule", rule::delete_rule),
    ("DescribeEventBus", bus::describe_event_bus),
    ("DescribeRule", rule::describe_rule),
    ("DisableRule", rule::disable_rule),
    ("EnableRule", rule::enable_rule),
    ("ListEventBuses", bus::list_event_buses),
    ("ListRuleNamesByTarget", target::list_rule_names_by_target),
    ("ListRules", rule::list_rules),
    ("ListTagsForResource", bus::list_tags_for_resource),
    ("ListTargetsByRule", target::list_targets_by_rule),
    ("PutEvents", put::put_events),
    ("PutRule", rule::put_rule),
    ("PutTargets", target::put_targets),
    ("RemoveTargets", target::remove_targets),
    ("TagResource", bus::tag_resource),
    ("TestEventPattern", put::test_event_pattern),
    ("UntagResource", bus::untag_resource),
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
        Self { database, clock, outbox }
    }

    /// Puts an event of a service's own on the default bus. What its targets get is durable when this returns.
    pub async fn emit(&self, event: Event) -> Result<(), Fault> {
        let now_ms = self.clock.now_ms();
        self.database.run(move |connection| put::hand_out(connection, &event, now_ms)).await?;
        self.outbox.wake();
        Ok(())
    }

    /// Hands out events that are told in the order in which they happened, all up to the time `mark_ms`. Those with
    /// an id are handed out once, however often they are told. All is durable when this returns.
    pub async fn tell(&self, teller: &'static str, events: Vec<Event>, mark_ms: i64) -> Result<(), Fault> {
        let now_ms = self.clock.now_ms();
        self.database
            .run(move |connection| {
                let mut is_written = false;
                for event in &events {
                    is_written |= put::hand_out(connection, event, now_ms)?.is_heard;
                }
                Ok::<_, Fault>(once::set_mark(connection, teller, mark_ms, is_written)?)
            })
            .await?;
        self.outbox.wake();
        Ok(())
    }

    /// From when on the teller has to tell again after a crash: somewhat before its last mark. A teller without a
    /// mark begins now.
    pub async fn told_until(&self, teller: &'static str) -> Result<i64, Fault> {
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

    /// Whether any rule is enabled. Where none is, no event need be made.
    pub async fn is_anybody_listening(&self) -> Result<bool, Fault> {
        self.database.run(rule::is_any_enabled).await
    }

    async fn call(&self, action: &str, body: &[u8], caller: Caller) -> Result<Value, Fault> {
        let (_, run) = ACTIONS
            .iter()
            .find(|(name, _)| *name == action)
            .ok_or_else(|| Fault::unknown_operation("EventBridge", action))?;
        let call = Call { caller, now_ms: self.clock.now_ms(), input: json::input(body)? };
        let output = self.database.run(move |connection| run(connection, &call)).await?;
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
