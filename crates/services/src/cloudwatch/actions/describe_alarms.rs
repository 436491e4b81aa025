//! `DescribeAlarms`, `DescribeAlarmsForMetric` and `DescribeAlarmHistory`.

use serde::Deserialize;

use super::super::alarm::{Alarm, StateValue};
use super::super::file::{self, HistoryQuery};
use super::super::input::{self, Time};
use super::super::output::{Output, Structure};
use super::super::shapes::{self, Dimension};
use super::super::{Call, Done, Inner, fault};
use crate::wire::Fault;

/// Alarms on a page, where nobody says how many, and at most. AWS's own.
const PAGE: usize = 50;
const PAGE_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    #[serde(default)]
    alarm_names: Vec<String>,
    alarm_name_prefix: Option<String>,
    #[serde(default)]
    alarm_types: Vec<String>,
    children_of_alarm_name: Option<String>,
    parents_of_alarm_name: Option<String>,
    state_value: Option<String>,
    action_prefix: Option<String>,
    max_records: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForMetric {
    metric_name: String,
    namespace: String,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    period: Option<i64>,
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct History {
    alarm_name: Option<String>,
    #[serde(default)]
    alarm_types: Vec<String>,
    history_item_type: Option<String>,
    start_date: Option<Time>,
    end_date: Option<Time>,
    max_records: Option<i64>,
    next_token: Option<String>,
    scan_by: Option<String>,
}

pub(super) async fn describe_alarms(inner: &Inner, call: Call) -> Done {
    let input: Alarms = input::read(call.input)?;
    if input.children_of_alarm_name.is_some() || input.parents_of_alarm_name.is_some() {
        return Err(fault::unsupported("A composite alarm"));
    }
    if input.alarm_name_prefix.is_some() && !input.alarm_names.is_empty() {
        return Err(fault::validation("AlarmNames and AlarmNamePrefix cannot be given together"));
    }
    let state = match &input.state_value {
        None => None,
        Some(name) => {
            let state = StateValue::parse(name);
            Some(state.ok_or_else(|| fault::validation(format!("StateValue cannot be {name}")))?)
        }
    };
    let after = input.next_token.as_deref();
    let is_meant = |alarm: &&Alarm| {
        let name = &alarm.input.alarm_name;
        let all =
            [&alarm.input.ok_actions, &alarm.input.alarm_actions, &alarm.input.insufficient_data_actions];
        are_metric_alarms(&input.alarm_types)
            && (input.alarm_names.is_empty() || input.alarm_names.contains(name))
            && input.alarm_name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
            && state.is_none_or(|state| state == alarm.state)
            && input
                .action_prefix
                .as_ref()
                .is_none_or(|prefix| all.into_iter().flatten().any(|action| action.starts_with(prefix)))
            && after.is_none_or(|after| name.as_str() > after)
    };
    let alarms = inner.alarms.lock().await;
    let mut found = alarms.iter().filter(is_meant);
    // AWS: names are answered all at once.
    let page = if input.alarm_names.is_empty() { page(input.max_records)? } else { PAGE_MAX };
    let shown: Vec<&Alarm> = found.by_ref().take(page).collect();
    let token = found.next().and(shown.last()).map(|alarm| alarm.input.alarm_name.clone());
    let output = Structure::default()
        .with("CompositeAlarms", Output::List(Vec::new()))
        .with("MetricAlarms", shown.into_iter().map(Alarm::output).collect::<Output>())
        .with_if("NextToken", token);
    Ok(Some(output))
}

pub(super) async fn describe_alarms_for_metric(inner: &Inner, call: Call) -> Done {
    let input: ForMetric = input::read(call.input)?;
    let metric = shapes::metric(&input.namespace, &input.metric_name, &input.dimensions)?;
    let is_meant = |alarm: &&Alarm| {
        let its = &alarm.input;
        let (Some(namespace), Some(name)) = (&its.namespace, &its.metric_name) else { return false };
        shapes::metric(namespace, name, &its.dimensions).is_ok_and(|its| its == metric)
            && (input.statistic.is_none() || input.statistic == its.statistic)
            && (input.extended_statistic.is_none() || input.extended_statistic == its.extended_statistic)
            && (input.period.is_none() || input.period == its.period)
            && (input.unit.is_none() || input.unit == its.unit)
    };
    let alarms = inner.alarms.lock().await;
    let shown: Output = alarms.iter().filter(is_meant).map(Alarm::output).collect();
    Ok(Some(Structure::default().with("MetricAlarms", shown)))
}

pub(super) async fn describe_alarm_history(inner: &Inner, call: Call) -> Done {
    let input: History = input::read(call.input)?;
    let is_ascending = match input.scan_by.as_deref() {
        None | Some("TimestampDescending") => false,
        Some("TimestampAscending") => true,
        Some(other) => return Err(fault::validation(format!("ScanBy cannot be {other}"))),
    };
    let offset = match &input.next_token {
        None => 0,
        Some(token) => token.parse().map_err(|_| fault::invalid_token())?,
    };
    let page = page(input.max_records)?;
    let query = HistoryQuery {
        alarm: input.alarm_name,
        kind: input.history_item_type,
        from_ms: input.start_date.map_or(i64::MIN, |time| time.ms),
        to_ms: input.end_date.map_or(i64::MAX, |time| time.ms),
        is_ascending,
        offset,
        // One more, so that it is known whether there is another page.
        limit: if are_metric_alarms(&input.alarm_types) { page + 1 } else { 0 },
    };
    let mut items = file::history(&inner.database, query).await?;
    let token = (items.len() > page).then(|| (offset + page).to_string());
    items.truncate(page);
    let shown = items.iter().map(|item| {
        Structure::default()
            .with("AlarmName", item.alarm.as_str())
            .with("AlarmType", "MetricAlarm")
            .with("Timestamp", Output::Time(item.at_ms))
            .with("HistoryItemType", item.kind.as_str())
            .with("HistorySummary", item.summary.as_str())
            .with("HistoryData", item.data.as_str())
    });
    let shown: Output = shown.collect();
    Ok(Some(Structure::default().with("AlarmHistoryItems", shown).with_if("NextToken", token)))
}

fn are_metric_alarms(types: &[String]) -> bool {
    types.is_empty() || types.iter().any(|kind| kind == "MetricAlarm")
}

fn page(max_records: Option<i64>) -> Result<usize, Fault> {
    match max_records.map(usize::try_from) {
        None => Ok(PAGE),
        Some(Ok(max)) if (1..=PAGE_MAX).contains(&max) => Ok(max),
        Some(_) => Err(fault::validation(format!("MaxRecords must be 1 to {PAGE_MAX}"))),
    }
}
