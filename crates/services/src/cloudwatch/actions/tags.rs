//! `TagResource`, `UntagResource` and `ListTagsForResource`, of alarms.

use serde::Deserialize;

use super::super::alarm::Alarm;
use super::super::alarms::{Alarms, commit};
use super::super::file::AlarmsChange;
use super::super::output::{Output, Structure};
use super::super::{Call, Done, Inner, fault, input};
use crate::wire::Fault;

/// Tags of an alarm. AWS's own bound.
pub(super) const TAGS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) async fn tag_resource(inner: &Inner, call: Call) -> Done {
    let input: Input = input::read(call.input)?;
    let mut alarms = inner.alarms.lock().await;
    let mut alarm = find(&alarms, &input.resource_arn)?.clone();
    alarm.tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
    if alarm.tags.len() > TAGS_MAX {
        return Err(fault::invalid_value(format!("An alarm has at most {TAGS_MAX} tags")));
    }
    change(inner, &mut alarms, alarm, call.now_ms).await
}

pub(super) async fn untag_resource(inner: &Inner, call: Call) -> Done {
    let input: Input = input::read(call.input)?;
    let mut alarms = inner.alarms.lock().await;
    let mut alarm = find(&alarms, &input.resource_arn)?.clone();
    alarm.tags.retain(|key, _| !input.tag_keys.contains(key));
    change(inner, &mut alarms, alarm, call.now_ms).await
}

pub(super) async fn list_tags_for_resource(inner: &Inner, call: Call) -> Done {
    let input: Input = input::read(call.input)?;
    let alarms = inner.alarms.lock().await;
    let tags = find(&alarms, &input.resource_arn)?.tags.iter();
    let tags =
        tags.map(|(key, value)| Structure::default().with("Key", key.as_str()).with("Value", value.as_str()));
    Ok(Some(Structure::default().with("Tags", tags.collect::<Output>())))
}

async fn change(inner: &Inner, alarms: &mut Alarms, alarm: Alarm, now_ms: i64) -> Done {
    commit(inner, AlarmsChange { put: vec![alarm.clone()], ..AlarmsChange::default() }, now_ms).await?;
    alarms.update(alarm);
    Ok(Some(Structure::default()))
}

fn find<'a>(alarms: &'a Alarms, arn: &str) -> Result<&'a Alarm, Fault> {
    let name = arn.split_once(":alarm:").map_or("", |(_, name)| name);
    alarms.get(name).filter(|alarm| alarm.arn == arn).ok_or_else(|| {
        let message = format!("The resource {arn} does not exist");
        Fault::sender(404, "ResourceNotFoundException", message).in_query("ResourceNotFoundException")
    })
}
