//! The alarms: in memory as they are in the file, and what happens when one's state changes.

use std::collections::BTreeMap;

use serde_json::json;

use super::alarm::{self, Alarm, Reason, Rule, StateValue};
use super::file::{self, AlarmsChange, HistoryItem};
use super::store::{MINUTE_MS, Minute};
use super::{Inner, SETTLE_MS};
use crate::outbox::{Delivery, Destination, Retry};
use crate::wire::Fault;

/// Alarms that there may be. AWS: 5,000 a region, unless it is asked for more.
pub(super) const ALARMS_MAX: usize = 5_000;

/// All alarms, by name.
#[derive(Default)]
pub(super) struct Alarms {
    held: BTreeMap<String, Held>,
}

/// An alarm, its rule read.
pub(super) struct Held {
    pub(super) alarm: Alarm,
    pub(super) rule: Rule,
    /// The last minute that it was held to.
    evaluated: Option<Minute>,
}

impl Alarms {
    /// Those that were stored.
    pub(super) fn of(stored: Vec<Alarm>) -> Self {
        let mut alarms = Self::default();
        for alarm in stored {
            match Rule::compile(&alarm.input) {
                Ok(rule) => alarms.put(alarm, rule),
                Err(fault) => {
                    let name = alarm.input.alarm_name;
                    tracing::error!(
                        name,
                        reason = fault.message,
                        "a stored alarm is not understood, and left alone"
                    );
                }
            }
        }
        alarms
    }

    pub(super) fn get(&self, name: &str) -> Option<&Alarm> {
        self.held.get(name).map(|held| &held.alarm)
    }

    /// In the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Alarm> {
        self.held.values().map(|held| &held.alarm)
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// A new alarm, or a new rule for one.
    pub(super) fn put(&mut self, alarm: Alarm, rule: Rule) {
        self.held.insert(alarm.input.alarm_name.clone(), Held { alarm, rule, evaluated: None });
    }

    /// An alarm that has changed in all but its rule.
    pub(super) fn update(&mut self, alarm: Alarm) {
        if let Some(held) = self.held.get_mut(&alarm.input.alarm_name) {
            held.alarm = alarm;
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.held.remove(name);
    }
}

/// Puts an alarm into a state; what follows from that goes into the change.
pub(super) fn transition(
    before: &Alarm,
    state: StateValue,
    reason: Reason,
    now_ms: i64,
    change: &mut AlarmsChange,
) -> Alarm {
    let mut alarm = before.clone();
    let is_new = before.state != state;
    alarm.state = state;
    alarm.reason = reason;
    alarm.updated_ms = now_ms;
    if is_new {
        alarm.transitioned_ms = now_ms;
        let (summary, data) = alarm::history(&alarm, (before.state, &before.reason));
        change.history.push(item(&alarm, now_ms, "StateUpdate", summary, data));
        tell(&alarm, before.state, now_ms, change);
    }
    change.put.push(alarm.clone());
    alarm
}

/// AWS: actions are carried out when the state changes, and not while it lasts.
fn tell(alarm: &Alarm, before: StateValue, now_ms: i64, change: &mut AlarmsChange) {
    let message = alarm::message(alarm, before);
    for action in alarm.actions() {
        let (destination, body) = if action.contains(":lambda:") {
            let event = json!({
                "source": "aws.cloudwatch", "alarmArn": alarm.arn, "accountId": message["AWSAccountId"],
                "time": message["StateChangeTime"], "region": message["Region"],
                "alarmData": {
                    "alarmName": alarm.input.alarm_name,
                    "state": {
                        "value": alarm.state.name(), "reason": alarm.reason.text,
                        "reasonData": alarm.reason.data, "timestamp": message["StateChangeTime"],
                    },
                    "previousState": { "value": before.name() },
                    "configuration": { "description": alarm.input.alarm_description },
                },
            });
            (Destination::function(action), event.to_string())
        } else {
            let subject = Some(alarm::subject(alarm));
            (Destination::Topic { arn: action.clone(), subject }, message.to_string())
        };
        change.deliveries.push(Delivery::new(destination, body, Retry::SERVICE));
        let data = json!({ "actionState": "Succeeded", "notificationResource": action, "stateUpdate": {
            "newState": { "stateValue": alarm.state.name() }, "oldState": { "stateValue": before.name() },
        } });
        // AWS says that it was carried out; here it will be, by the outbox.
        let summary = format!("Successfully executed action {action}");
        change.history.push(item(alarm, now_ms, "Action", summary, data.to_string()));
    }
}

pub(super) fn item(alarm: &Alarm, at_ms: i64, kind: &str, summary: String, data: String) -> HistoryItem {
    HistoryItem { alarm: alarm.input.alarm_name.clone(), at_ms, kind: kind.to_owned(), summary, data }
}

/// Writes a change, and tells the outbox.
pub(super) async fn commit(inner: &Inner, change: AlarmsChange, now_ms: i64) -> Result<(), Fault> {
    file::change(&inner.database, change, now_ms).await?;
    inner.outbox.wake();
    Ok(())
}

/// Holds each alarm to the last minute that is over, once.
pub(super) async fn evaluate(inner: &Inner) -> Result<(), Fault> {
    let now_ms = inner.clock.now_ms();
    let minute = (now_ms - SETTLE_MS).div_euclid(MINUTE_MS);
    let mut alarms = inner.alarms.lock().await;
    let mut change = AlarmsChange::default();
    let (mut changed, mut judged) = (Vec::new(), Vec::new());
    for (name, held) in &alarms.held {
        if held.evaluated.is_some_and(|evaluated| evaluated >= minute) {
            continue;
        }
        judged.push(name.clone());
        let verdict = alarm::evaluate(&held.rule, &inner.metrics(), minute, now_ms);
        match verdict {
            Ok((Some(state), reason)) if state != held.alarm.state => {
                changed.push(transition(&held.alarm, state, reason, now_ms, &mut change));
            }
            Ok(_) => {}
            Err(fault) => tracing::error!(name, reason = fault.message, "an alarm cannot be evaluated"),
        }
    }
    if !changed.is_empty() {
        commit(inner, change, now_ms).await?;
    }
    for alarm in changed {
        alarms.update(alarm);
    }
    for name in judged {
        if let Some(held) = alarms.held.get_mut(&name) {
            held.evaluated = Some(minute);
        }
    }
    Ok(())
}
