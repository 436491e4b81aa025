//! `SetAlarmState`, `EnableAlarmActions`, `DisableAlarmActions` and `DeleteAlarms`.

use serde::Deserialize;

use super::super::alarm::{Reason, StateValue};
use super::super::alarms::{commit, transition};
use super::super::file::AlarmsChange;
use super::super::{Call, Done, Inner, fault, input};
use crate::wire::Fault;

/// Alarms of a call. AWS's own bound.
const NAMES_MAX: usize = 100;
/// Characters of a reason, and of its data. AWS's own bounds.
const REASON_MAX: usize = 1023;
const REASON_DATA_MAX: usize = 4000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    alarm_name: String,
    state_value: String,
    state_reason: String,
    state_reason_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Names {
    alarm_names: Vec<String>,
}

/// AWS: for a while. The next evaluation may say otherwise.
pub(super) async fn set_alarm_state(inner: &Inner, call: Call) -> Done {
    let input: State = input::read(call.input)?;
    let state = StateValue::parse(&input.state_value)
        .ok_or_else(|| fault::validation(format!("StateValue cannot be {}", input.state_value)))?;
    let data_length = input.state_reason_data.as_ref().map_or(0, |data| data.chars().count());
    if input.state_reason.chars().count() > REASON_MAX || data_length > REASON_DATA_MAX {
        return Err(fault::validation("StateReason or StateReasonData is too long"));
    }
    if let Some(data) = &input.state_reason_data
        && serde_json::from_str::<serde::de::IgnoredAny>(data).is_err()
    {
        let message = "StateReasonData is no JSON";
        return Err(Fault::sender(400, "InvalidFormatFault", message).in_query("InvalidFormat"));
    }
    let mut alarms = inner.alarms.lock().await;
    let before = alarms.get(&input.alarm_name).ok_or_else(|| fault::no_alarm(&input.alarm_name))?;
    let reason = Reason { text: input.state_reason, data: input.state_reason_data };
    let mut change = AlarmsChange::default();
    let alarm = transition(before, state, reason, call.now_ms, &mut change);
    commit(inner, change, call.now_ms).await?;
    alarms.update(alarm);
    Ok(None)
}

/// AWS: alarms that are not there are passed over.
pub(super) async fn enable_actions(inner: &Inner, call: Call, is_enabled: bool) -> Done {
    let names = names(&call)?;
    let mut alarms = inner.alarms.lock().await;
    let mut changed = Vec::new();
    for alarm in names.iter().filter_map(|name| alarms.get(name)) {
        let mut alarm = alarm.clone();
        alarm.input.actions_enabled = is_enabled;
        alarm.configured_ms = call.now_ms;
        changed.push(alarm);
    }
    let change = AlarmsChange { put: changed.clone(), ..AlarmsChange::default() };
    commit(inner, change, call.now_ms).await?;
    for alarm in changed {
        alarms.update(alarm);
    }
    Ok(None)
}

/// AWS: all of them, or none, should one not be there.
pub(super) async fn delete_alarms(inner: &Inner, call: Call) -> Done {
    let names = names(&call)?;
    let mut alarms = inner.alarms.lock().await;
    if let Some(missing) = names.iter().find(|name| alarms.get(name).is_none()) {
        return Err(fault::no_alarm(missing));
    }
    let change = AlarmsChange { deleted: names.clone(), ..AlarmsChange::default() };
    commit(inner, change, call.now_ms).await?;
    for name in names {
        alarms.remove(&name);
    }
    Ok(None)
}

fn names(call: &Call) -> Result<Vec<String>, Fault> {
    let Names { alarm_names } = input::read(call.input.clone())?;
    if alarm_names.len() > NAMES_MAX {
        return Err(fault::validation(format!("AlarmNames has at most {NAMES_MAX} members")));
    }
    Ok(alarm_names)
}
