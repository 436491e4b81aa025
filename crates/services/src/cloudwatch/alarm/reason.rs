//! Why an alarm is in its state, in CloudWatch's words and as JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::StateValue;
use super::evaluate::Verdict;
use super::rule::Rule;
use crate::cloudwatch::store::{MINUTE_MS, Minute};

/// Values that a reason lists. AWS's data is at most 4,000 characters long.
const LISTED_MAX: usize = 20;

/// A reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Reason {
    /// In words.
    pub(in super::super) text: String,
    /// JSON, where it comes from an evaluation.
    pub(in super::super) data: Option<String>,
}

impl Reason {
    pub(super) fn of(rule: &Rule, verdict: &Verdict, now_ms: i64) -> Self {
        let listed: Vec<(Minute, f64)> = verdict.considered.iter().take(LISTED_MAX).copied().collect();
        let start = verdict.considered.last().map(|(minute, _)| time(*minute * MINUTE_MS));
        let evaluated: Vec<_> = listed
            .iter()
            .map(|(minute, value)| json!({ "timestamp": time(*minute * MINUTE_MS), "value": value }))
            .collect();
        let mut data = json!({ "version": "1.0", "queryDate": time(now_ms) });
        if let Some(start) = start {
            data["startDate"] = json!(start);
        }
        if let Some(statistic) = &rule.statistic {
            data["statistic"] = json!(statistic);
        }
        data["period"] = json!(rule.period * 60);
        // AWS: oldest first here, newest first in the words.
        data["recentDatapoints"] = listed.iter().rev().map(|(_, value)| json!(value)).collect();
        data["threshold"] = json!(rule.threshold);
        data["evaluatedDatapoints"] = json!(evaluated);
        Self { text: text(rule, verdict, &listed), data: Some(data.to_string()) }
    }
}

fn text(rule: &Rule, verdict: &Verdict, listed: &[(Minute, f64)]) -> String {
    let Verdict { state, considered, filled } = verdict;
    let periods = |count: usize| if count == 1 { "1 period".to_owned() } else { format!("{count} periods") };
    if considered.is_empty() {
        let points = if *filled == 1 { "1 datapoint was" } else { &format!("{filled} datapoints were") };
        return match state {
            Some(StateValue::Alarm | StateValue::Ok) => {
                let missing = if *filled == 1 {
                    "1 missing datapoint was"
                } else {
                    &format!("{filled} missing datapoints were")
                };
                format!(
                    "Threshold Crossed: no datapoints were received for {} and {missing} treated as [{}].",
                    periods(*filled),
                    rule.missing.word()
                )
            }
            Some(StateValue::InsufficientData) | None => format!("Insufficient Data: {points} unknown."),
        };
    }
    let is_alarm = *state == Some(StateValue::Alarm);
    let breaching =
        considered.iter().filter(|(_, value)| rule.comparison.is_breached(*value, rule.threshold));
    let breaching = breaching.count();
    let (counted, change) =
        if is_alarm { (breaching, "OK -> ALARM") } else { (considered.len() - breaching, "ALARM -> OK") };
    let least = if is_alarm {
        rule.datapoints_to_alarm
    } else {
        rule.evaluation_periods - rule.datapoints_to_alarm + 1
    };
    let values: Vec<String> =
        listed.iter().map(|(minute, value)| format!("{value:?} ({})", short_time(*minute))).collect();
    let values = values.join(", ");
    let verb = match (counted, is_alarm) {
        (1, true) => "was",
        (1, false) => "was not",
        (_, true) => "were",
        (_, false) => "were not",
    };
    let points = if rule.evaluation_periods == 1 {
        "1 datapoint".to_owned()
    } else {
        format!("{counted} out of the last {} datapoints", considered.len())
    };
    let treated = match filled {
        0 => String::new(),
        1 => format!(" and 1 missing datapoint was treated as [{}]", rule.missing.word()),
        count => format!(" and {count} missing datapoints were treated as [{}]", rule.missing.word()),
    };
    let minimum = if rule.evaluation_periods == 1 {
        String::new()
    } else {
        let datapoints = if least == 1 { "datapoint" } else { "datapoints" };
        format!(" (minimum {least} {datapoints} for {change} transition)")
    };
    format!(
        "Threshold Crossed: {points} [{values}] {verb} {} the threshold ({:?}){treated}{minimum}.",
        rule.comparison.words(),
        rule.threshold
    )
}

/// AWS: `2026-01-31T12:00:00.000+0000`.
pub(super) fn time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(TimeZone::UTC);
    format!("{}.{:03}+0000", time.strftime("%Y-%m-%dT%H:%M:%S"), ms.rem_euclid(1000))
}

/// AWS: `31/01/26 12:00:00`.
fn short_time(minute: Minute) -> String {
    let time = Timestamp::from_millisecond(minute * MINUTE_MS).unwrap_or_default().to_zoned(TimeZone::UTC);
    time.strftime("%d/%m/%y %H:%M:%S").to_string()
}
