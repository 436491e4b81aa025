//! What an alarm's rule says of a time.
//!
//! The last periods that are over are looked at, newest first, and some more than the rule has evaluation periods: where
//! values are missing, older ones stand in. AWS: every minute, whatever the period, so that the windows slide.

use super::StateValue;
use super::reason::Reason;
use super::rule::{MissingData, Rule};
use crate::cloudwatch::store::{Metrics, Minute};
use crate::wire::Fault;

/// Periods that are looked at beyond the evaluation periods. AWS: its own table has 5 for 3.
const FURTHER_PERIODS: usize = 2;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    /// What the alarm is now. `None`: what it was.
    pub(super) state: Option<StateValue>,
    /// The values that were judged, newest first.
    pub(super) considered: Vec<(Minute, f64)>,
    /// How many periods without a value were counted in.
    pub(super) filled: usize,
}

/// What a rule says of the periods that end with a minute, and why.
pub(in super::super) fn evaluate(
    rule: &Rule,
    metrics: &Metrics,
    end: Minute,
    now_ms: i64,
) -> Result<(Option<StateValue>, Reason), Fault> {
    let periods = rule.evaluation_periods + FURTHER_PERIODS;
    let length = |period: i64| i64::try_from(periods).unwrap_or(i64::MAX).saturating_mul(period);
    let range = |period| end - length(period)..end;
    let answers = rule.queries.run(metrics, &range)?;
    let points = answers.into_iter().next().map(|answer| answer.points).unwrap_or_default();
    let start = end - length(rule.period);
    let newest_first: Vec<(Minute, Option<f64>)> = (0..periods)
        .rev()
        .map(|place| start + i64::try_from(place).unwrap_or(0) * rule.period)
        .map(|minute| (minute, points.get(&minute).copied()))
        .collect();
    let verdict = judge(rule, &newest_first);
    let reason = Reason::of(rule, &verdict, now_ms);
    Ok((verdict.state, reason))
}

fn judge(rule: &Rule, newest_first: &[(Minute, Option<f64>)]) -> Verdict {
    let (wanted, needed) = (rule.evaluation_periods, rule.datapoints_to_alarm);
    let is_breaching = |value: f64| rule.comparison.is_breached(value, rule.threshold);
    let real = newest_first.iter().filter_map(|(minute, value)| Some((*minute, (*value)?)));
    let considered: Vec<(Minute, f64)> = real.take(wanted).collect();
    let breaching = considered.iter().filter(|(_, value)| is_breaching(*value)).count();
    let filled = wanted - considered.len();
    let by = |is_alarm: bool| Some(if is_alarm { StateValue::Alarm } else { StateValue::Ok });
    let state = match rule.missing {
        // AWS: with enough values, it does not matter how missing ones are treated.
        _ if filled == 0 => by(breaching >= needed),
        MissingData::Breaching => by(breaching + filled >= needed),
        MissingData::NotBreaching => by(breaching >= needed),
        MissingData::Missing if considered.is_empty() => Some(StateValue::InsufficientData),
        MissingData::Ignore if considered.is_empty() => None,
        MissingData::Missing | MissingData::Ignore if breaching >= needed => Some(StateValue::Alarm),
        MissingData::Missing | MissingData::Ignore if breaching < considered.len() => Some(StateValue::Ok),
        MissingData::Ignore => None,
        // AWS: all that is known is breaching, but there is less of it than is needed. It is an alarm once the oldest is
        // as old as the values that are needed.
        MissingData::Missing => {
            let oldest = newest_first.iter().take(wanted).rposition(|(_, value)| value.is_some());
            oldest.filter(|place| place + 1 >= needed).map(|_| StateValue::Alarm)
        }
    };
    Verdict { state, considered, filled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::input;
    use serde_json::json;

    fn rule(periods: usize, datapoints: usize, missing: &str) -> Rule {
        let shape = json!({
            "AlarmName": "a", "MetricName": "m", "Namespace": "N", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": periods, "DatapointsToAlarm": datapoints, "Threshold": 0.5,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing,
        });
        Rule::compile(&input::read(shape).unwrap()).unwrap()
    }

    /// As AWS's tables of missing data have it: `0` is within the threshold, `X` breaches it, `-` is missing; the newest is
    /// last. `=` is the state that was.
    #[test]
    fn missing_data_is_treated_as_awss_tables_say() {
        for (periods, datapoints, points, missing, ignore, breaching, not_breaching) in [
            (3, 3, "0-X-X", "OK", "OK", "OK", "OK"),
            (3, 3, "----0", "OK", "OK", "OK", "OK"),
            (3, 3, "-----", "INSUFFICIENT_DATA", "=", "ALARM", "OK"),
            (3, 3, "0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
            (3, 3, "--X--", "ALARM", "=", "ALARM", "OK"),
            (3, 2, "0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"),
            (3, 2, "00X0X", "ALARM", "ALARM", "ALARM", "ALARM"),
            (3, 2, "0-X--", "OK", "OK", "ALARM", "OK"),
            (3, 2, "----0", "OK", "OK", "ALARM", "OK"),
            (3, 2, "---X-", "ALARM", "=", "ALARM", "OK"),
            // What just began to breach may still turn out well.
            (3, 3, "----X", "=", "=", "ALARM", "OK"),
            (1, 1, "0X", "ALARM", "ALARM", "ALARM", "ALARM"),
            (1, 1, "X0", "OK", "OK", "OK", "OK"),
        ] {
            for (treatment, expected) in [
                ("missing", missing),
                ("ignore", ignore),
                ("breaching", breaching),
                ("notBreaching", not_breaching),
            ] {
                let newest_first: Vec<(Minute, Option<f64>)> = points
                    .chars()
                    .rev()
                    .zip(0..)
                    .map(|(point, age)| (-age, (point != '-').then(|| f64::from(u8::from(point == 'X')))))
                    .collect();
                let verdict = judge(&rule(periods, datapoints, treatment), &newest_first);
                let found = verdict.state.map_or("=", StateValue::name);
                assert_eq!(found, expected, "{points}, {datapoints} of {periods}, {treatment}");
            }
        }
    }
}
