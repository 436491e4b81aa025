//! What a topic, a function and the history are told of an alarm that changed.

use serde_json::{Value, json};

use super::reason::time;
use super::{Alarm, Reason, StateValue};

/// Characters of a subject. SNS's own bound.
const SUBJECT_MAX: usize = 100;

/// A notification's subject. AWS has the region's long name where this has the short one.
pub(in super::super) fn subject(alarm: &Alarm) -> String {
    let region = part(alarm, 3);
    let whole = format!("{}: \"{}\" in {region}", alarm.state.name(), alarm.input.alarm_name);
    let ascii =
        whole.chars().map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' });
    ascii.take(SUBJECT_MAX).collect()
}

/// A notification's text: JSON.
pub(in super::super) fn message(alarm: &Alarm, before: StateValue) -> Value {
    let input = &alarm.input;
    let mut trigger = json!({});
    if let Some(metrics) = &input.metrics {
        trigger["Metrics"] = json!(metrics);
    } else {
        trigger["MetricName"] = json!(input.metric_name);
        trigger["Namespace"] = json!(input.namespace);
        let (kind, statistic) = match (&input.statistic, &input.extended_statistic) {
            (None, Some(extended)) => ("ExtendedStatistic", extended.clone()),
            (statistic, _) => ("Statistic", statistic.as_deref().unwrap_or_default().to_ascii_uppercase()),
        };
        trigger["StatisticType"] = json!(kind);
        trigger[kind] = json!(statistic);
        trigger["Unit"] = json!(input.unit);
        let dimensions = input.dimensions.iter();
        // AWS: in lower case, and only here.
        trigger["Dimensions"] = dimensions.map(|it| json!({ "value": it.value, "name": it.name })).collect();
    }
    if let Some(period) = input.period {
        trigger["Period"] = json!(period);
    }
    trigger["EvaluationPeriods"] = json!(input.evaluation_periods);
    if let Some(datapoints) = input.datapoints_to_alarm {
        trigger["DatapointsToAlarm"] = json!(datapoints);
    }
    trigger["ComparisonOperator"] = json!(input.comparison_operator);
    trigger["Threshold"] = json!(input.threshold);
    trigger["TreatMissingData"] = json!(input.treat_missing_data.as_deref().unwrap_or_default());
    trigger["EvaluateLowSampleCountPercentile"] =
        json!(input.evaluate_low_sample_count_percentile.as_deref().unwrap_or_default());
    json!({
        "AlarmName": input.alarm_name,
        "AlarmDescription": input.alarm_description,
        "AWSAccountId": part(alarm, 4),
        "AlarmConfigurationUpdatedTimestamp": time(alarm.configured_ms),
        "NewStateValue": alarm.state.name(),
        "NewStateReason": alarm.reason.text,
        "StateChangeTime": time(alarm.updated_ms),
        "Region": part(alarm, 3),
        "AlarmArn": alarm.arn,
        "OldStateValue": before.name(),
        "OKActions": input.ok_actions,
        "AlarmActions": input.alarm_actions,
        "InsufficientDataActions": input.insufficient_data_actions,
        "Trigger": trigger,
    })
}

/// What the history says of a change: its summary and its data.
pub(in super::super) fn history(alarm: &Alarm, before: (StateValue, &Reason)) -> (String, String) {
    let side = |state: StateValue, reason: &Reason| {
        let mut side = json!({ "stateValue": state.name(), "stateReason": reason.text });
        if let Some(data) = &reason.data {
            side["stateReasonData"] = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
        }
        side
    };
    let data = json!({
        "version": "1.0", "oldState": side(before.0, before.1), "newState": side(alarm.state, &alarm.reason),
    });
    (format!("Alarm updated from {} to {}", before.0.name(), alarm.state.name()), data.to_string())
}

/// A part of the alarm's ARN.
fn part(alarm: &Alarm, at: usize) -> &str {
    alarm.arn.split(':').nth(at).unwrap_or_default()
}
