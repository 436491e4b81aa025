//! The alarms: how each stands and why, what it watches, whom it tells, and what it did before.

use std::time::Duration;

use axum::response::Response;
use darkroom_asl::data::Timestamp;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::ask::{call, name_of, word};
use crate::error::ConsoleError;
use crate::layout::{self, Tab};
use crate::query::{Query, link};
use crate::{Console, answer, json as payload, time};

/// What CloudWatch's targets begin with.
pub const TARGET: &str = "GraniteServiceVersion20100801";
/// Pages of alarms that are asked for; a page has 100.
const PAGES_MAX: usize = 5;
/// Items of an alarm's history that are shown.
const HISTORY_MAX: usize = 50;
/// The longest that the overview waits for alarms. Our choice: it is there for other things, too.
const OVERVIEW_MAX: Duration = Duration::from_secs(2);

/// All alarms.
pub async fn all(console: &Console) -> Result<Response, ConsoleError> {
    let alarms = described(console, &json!({ "MaxRecords": 100 })).await?;
    let body = html! {
        h1 { "Alarms" }
        div data-part="alarms" { (table(&alarms)) }
    };
    Ok(answer::page(layout::page("Alarms", Tab::Alarms, Some(&link("live", &[])), &body)))
}

/// The alarms that ring, for the overview; and why there is no answer.
pub async fn ringing(console: &Console) -> Result<Vec<Value>, String> {
    let asked = json!({ "StateValue": "ALARM", "MaxRecords": 100 });
    match tokio::time::timeout(OVERVIEW_MAX, described(console, &asked)).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err("CloudWatch did not answer in time".to_owned()),
    }
}

async fn described(console: &Console, asked: &Value) -> Result<Vec<Value>, ConsoleError> {
    let (mut found, mut asked) = (Vec::new(), asked.clone());
    for _ in 0..PAGES_MAX {
        let mut answered = call(console, "monitoring", &format!("{TARGET}.DescribeAlarms"), &asked).await?;
        if let Some(alarms) = answered["MetricAlarms"].as_array_mut() {
            found.append(alarms);
        }
        match answered["NextToken"].take() {
            Value::Null => break,
            token => asked["NextToken"] = token,
        }
    }
    Ok(found)
}

/// Alarms as a table.
pub fn table(alarms: &[Value]) -> Markup {
    html! {
        @if alarms.is_empty() { p.quiet { "None." } } @else {
            table.cards {
                thead { tr {
                    th scope="col" { "Alarm" } th scope="col" { "State" } th scope="col" { "Rings when" }
                    th scope="col" { "Since" } th scope="col" { "Why" }
                } }
                tbody { @for alarm in alarms {
                    @let name = word(&alarm["AlarmName"]);
                    tr {
                        td data-name="Alarm" { a href=(link("alarm", &[("name", &name)])) { (name) } }
                        td data-name="State" { (state(&word(&alarm["StateValue"]))) }
                        td data-name="Rings when" { (condition(alarm)) }
                        td data-name="Since" { (moment(&alarm["StateTransitionedTimestamp"])) }
                        td data-name="Why" { (word(&alarm["StateReason"])) }
                    }
                } }
            }
        }
    }
}

/// One alarm.
pub async fn one(console: &Console, query: &Query) -> Result<Response, ConsoleError> {
    let name = query.get("name").unwrap_or_default();
    let found = described(console, &json!({ "AlarmNames": [name] })).await?;
    let alarm = found.first().ok_or_else(|| ConsoleError::NotFound(format!("the alarm {name}")))?;
    let asked = json!({ "AlarmName": name, "MaxRecords": HISTORY_MAX });
    let history = call(console, "monitoring", &format!("{TARGET}.DescribeAlarmHistory"), &asked).await?;
    let items = history["AlarmHistoryItems"].as_array().cloned().unwrap_or_default();
    let is_enabled = alarm["ActionsEnabled"].as_bool().unwrap_or(true);
    let body = html! {
        p.trail { a href=(link("alarms", &[])) { "Alarms" } }
        h1 data-part="title" { (name) " " (state(&word(&alarm["StateValue"]))) }
        div data-part="alarm" {
            @if !alarm["AlarmDescription"].is_null() { p { (word(&alarm["AlarmDescription"])) } }
            p.quiet { (word(&alarm["StateReason"])) }
            (facts(alarm, is_enabled))
            (buttons(name, is_enabled))
        }
        section data-part="history" {
            h2 { "History" }
            (history_table(&items))
        }
    };
    Ok(answer::page(layout::page(name, Tab::Alarms, Some(&link("live", &[])), &body)))
}

fn facts(alarm: &Value, is_enabled: bool) -> Markup {
    let actions = [
        ("When it rings", "AlarmActions"),
        ("When it is over", "OKActions"),
        ("When nothing is known", "InsufficientDataActions"),
    ];
    html! {
        dl.facts {
            dt { "Rings when" } dd { (condition(alarm)) }
            dt { "Watches" } dd { (watched(alarm)) }
            dt { "Without data" } dd { (missing_data(alarm)) }
            dt { "Since" } dd { (moment(&alarm["StateTransitionedTimestamp"])) }
            @for (title, member) in actions {
                @let told = alarm[member].as_array().map(Vec::as_slice).unwrap_or_default();
                @if !told.is_empty() {
                    dt { (title) }
                    dd { @for arn in told { "tells " code title=(word(arn)) { (name_of(&word(arn))) } " " } }
                }
            }
            dt { "Actions" } dd { @if is_enabled { "are done" } @else { span.status.is-caught { "are switched off" } } }
            dt { "ARN" } dd { code { (word(&alarm["AlarmArn"])) } }
        }
    }
}

fn buttons(name: &str, is_enabled: bool) -> Markup {
    let (word, to) = if is_enabled { ("Switch actions off", "false") } else { ("Switch actions on", "true") };
    html! {
        div.buttons {
            (layout::button("alarm-actions", word, &[("name", name), ("enabled", to)], None))
            @for state in ["ALARM", "OK"] {
                (layout::button("alarm-state", &format!("Set to {state}"), &[("name", name), ("state", state)],
                    Some("Its actions are done, as if it had come to this by itself. The next look at its metric may change it again.")))
            }
        }
    }
}

fn history_table(items: &[Value]) -> Markup {
    html! {
        @if items.is_empty() { p.quiet { "None." } } @else {
            table.cards {
                thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "In full" } } }
                tbody { @for item in items {
                    tr {
                        td data-name="When" { (moment(&item["Timestamp"])) }
                        td data-name="What" { (word(&item["HistorySummary"])) }
                        td data-name="In full" {
                            details { summary { "Show" } pre tabindex="0" { (payload::lines_if_json(&word(&item["HistoryData"]))) } }
                        }
                    }
                } }
            }
        }
    }
}

/// A state, as a word with a colour.
pub fn state(state: &str) -> Markup {
    let class = match state {
        "OK" => "is-succeeded",
        "ALARM" => "is-failed",
        _ => "is-aborted",
    };
    html! { span class=(format!("status {class}")) { (state) } }
}

/// When it rings, in words.
fn condition(alarm: &Value) -> String {
    let comparison = match alarm["ComparisonOperator"].as_str().unwrap_or_default() {
        "GreaterThanThreshold" => ">",
        "GreaterThanOrEqualToThreshold" => "≥",
        "LessThanThreshold" => "<",
        "LessThanOrEqualToThreshold" => "≤",
        other => other,
    };
    let periods = alarm["EvaluationPeriods"].as_u64().unwrap_or(1);
    let needed = alarm["DatapointsToAlarm"].as_u64().unwrap_or(periods);
    let length = alarm["Period"].as_i64().or_else(|| periods_of(alarm).max());
    let length = length.map(|seconds| format!(" of {}", period(seconds))).unwrap_or_default();
    let of = match (needed, periods) {
        (1, 1) => format!("in one period{length}"),
        (needed, periods) if needed == periods => format!("in {periods} periods{length} in a row"),
        (needed, periods) => format!("in {needed} of {periods} periods{length}"),
    };
    format!("{} {comparison} {} {of}", measure(alarm), threshold(&alarm["Threshold"]))
}

/// A period, which is a whole number of something.
fn period(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let whole = units.into_iter().find(|(unit, _)| seconds % unit == 0 && seconds >= *unit);
    whole.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}

fn periods_of(alarm: &Value) -> impl Iterator<Item = i64> {
    let queries = alarm["Metrics"].as_array().into_iter().flatten();
    queries.filter_map(|query| query["MetricStat"]["Period"].as_i64().or_else(|| query["Period"].as_i64()))
}

/// A number as a person writes it.
fn threshold(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |number| number.to_string())
}

/// What is measured, in a few words.
fn measure(alarm: &Value) -> String {
    if let Some(name) = alarm["MetricName"].as_str() {
        let statistic = alarm["Statistic"].as_str().or_else(|| alarm["ExtendedStatistic"].as_str());
        return format!("{} of {name}", statistic.unwrap_or_default());
    }
    let queries = alarm["Metrics"].as_array().into_iter().flatten();
    let mut returned = queries.filter(|query| query["ReturnData"].as_bool().unwrap_or(true));
    returned.next().map_or_else(String::new, |query| {
        let label = query["Label"].as_str().or_else(|| query["Expression"].as_str());
        label.or_else(|| query["Id"].as_str()).unwrap_or_default().to_owned()
    })
}

/// What it watches, in full.
fn watched(alarm: &Value) -> Markup {
    let metric = |metric: &Value, statistic: &str| {
        let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
        let dimensions = dimensions.map(|one| format!("{} {}", word(&one["Name"]), word(&one["Value"])));
        let dimensions = dimensions.collect::<Vec<_>>().join(", ");
        let (namespace, name) = (word(&metric["Namespace"]), word(&metric["MetricName"]));
        html! { (statistic) " of " (namespace) " " strong { (name) } " " span.quiet { (dimensions) } }
    };
    if alarm["MetricName"].is_string() {
        let statistic = alarm["Statistic"].as_str().or_else(|| alarm["ExtendedStatistic"].as_str());
        return metric(alarm, statistic.unwrap_or_default());
    }
    html! {
        @for query in alarm["Metrics"].as_array().into_iter().flatten() {
            div {
                code { (word(&query["Id"])) } " = "
                @if let Some(expression) = query["Expression"].as_str() { code { (expression) } }
                @else { (metric(&query["MetricStat"]["Metric"], &word(&query["MetricStat"]["Stat"]))) }
            }
        }
    }
}

fn missing_data(alarm: &Value) -> &'static str {
    match alarm["TreatMissingData"].as_str() {
        Some("breaching") => "it rings",
        Some("notBreaching") => "all is well",
        Some("ignore") => "it stays as it is",
        _ => "nothing is known",
    }
}

/// A moment as CloudWatch writes it: seconds since 1970.
#[expect(clippy::cast_possible_truncation, reason = "a time that is too large is shown as the greatest")]
fn moment(value: &Value) -> Markup {
    html! {
        @if let Some(seconds) = value.as_f64() { (time::moment(Timestamp::from_millis((seconds * 1_000.0) as i64))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_told_in_words() {
        for (alarm, words) in [
            (
                json!({ "MetricName": "m", "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 2, "Threshold": 5.0,
                    "ComparisonOperator": "GreaterThanThreshold" }),
                "Sum of m > 5 in 2 periods of 5 min in a row",
            ),
            (
                json!({ "MetricName": "m", "ExtendedStatistic": "p99", "Period": 60, "EvaluationPeriods": 1,
                    "Threshold": 0.5, "ComparisonOperator": "LessThanOrEqualToThreshold" }),
                "p99 of m ≤ 0.5 in one period of 1 min",
            ),
            (
                json!({ "Metrics": [{ "Id": "a", "ReturnData": false, "MetricStat": { "Period": 60 } },
                        { "Id": "r", "Expression": "a / 2" }], "EvaluationPeriods": 3, "DatapointsToAlarm": 2,
                    "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold" }),
                "a / 2 ≥ 1 in 2 of 3 periods of 1 min",
            ),
        ] {
            assert_eq!(condition(&alarm), words);
        }
    }
}
