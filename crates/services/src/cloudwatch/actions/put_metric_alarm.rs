//! `PutMetricAlarm`: a new alarm, or another rule for one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::super::alarm::{Alarm, AlarmInput, Rule};
use super::super::alarms::{ALARMS_MAX, commit, item};
use super::super::file::AlarmsChange;
use super::super::{Call, Done, Inner, fault, input};
use super::tags::{TAGS_MAX, Tag};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tags {
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) async fn put_metric_alarm(inner: &Inner, call: Call) -> Done {
    let input: AlarmInput = input::read(call.input.clone())?;
    let Tags { tags } = input::read(call.input)?;
    let rule = Rule::compile(&input)?;
    if tags.len() > TAGS_MAX {
        return Err(fault::invalid_value(format!("An alarm has at most {TAGS_MAX} tags")));
    }
    let mut alarms = inner.alarms.lock().await;
    let (alarm, summary) = match alarms.get(&input.alarm_name) {
        // AWS: the state stays, and so do the tags.
        Some(known) => {
            let alarm = Alarm { input, configured_ms: call.now_ms, ..known.clone() };
            (alarm, "Alarm updated")
        }
        None if alarms.len() >= ALARMS_MAX => {
            return Err(fault::limit_exceeded(format!(
                "There are {ALARMS_MAX} alarms, and no room for more"
            )));
        }
        None => {
            let arn = call.caller.arn("cloudwatch", &format!("alarm:{}", input.alarm_name));
            let tags: BTreeMap<String, String> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            (Alarm::new(arn, input, tags, call.now_ms), "Alarm created")
        }
    };
    let data = json!({ "version": "1.0", "type": "Update", "updatedAlarm": alarm.input });
    let history = item(
        &alarm,
        call.now_ms,
        "ConfigurationUpdate",
        format!("{summary}: \"{}\"", alarm.input.alarm_name),
        data.to_string(),
    );
    let change = AlarmsChange { put: vec![alarm.clone()], history: vec![history], ..AlarmsChange::default() };
    commit(inner, change, call.now_ms).await?;
    alarms.put(alarm, rule);
    Ok(None)
}
