//! `GetMetricData`: many metrics and expressions at once, in pages.

use serde::Deserialize;

use super::super::input::{self, Time};
use super::super::output::{Output, Structure};
use super::super::query::{self, Answer};
use super::super::shapes::MetricDataQuery;
use super::super::store::{MINUTE_MS, Minute};
use super::super::{Call, Done, Inner, fault};

/// Points of a page. AWS's own bound.
const POINTS_MAX: usize = 100_800;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    metric_data_queries: Vec<MetricDataQuery>,
    start_time: Time,
    end_time: Time,
    next_token: Option<String>,
    scan_by: Option<String>,
    max_datapoints: Option<i64>,
}

pub(super) fn get_metric_data(inner: &Inner, call: Call) -> Done {
    let input: Input = input::read(call.input)?;
    let queries = query::compile(&input.metric_data_queries)?;
    if input.start_time.ms >= input.end_time.ms {
        let message = "The parameter StartTime must be less than the parameter EndTime.";
        return Err(fault::validation(message));
    }
    let is_ascending = match input.scan_by.as_deref() {
        None | Some("TimestampDescending") => false,
        Some("TimestampAscending") => true,
        Some(other) => return Err(fault::validation(format!("ScanBy cannot be {other}"))),
    };
    let page = match input.max_datapoints.map(usize::try_from) {
        None => POINTS_MAX,
        Some(Ok(max)) if (1..=POINTS_MAX).contains(&max) => max,
        Some(_) => return Err(fault::validation(format!("MaxDatapoints must be 1 to {POINTS_MAX}"))),
    };
    let skipped: usize = match &input.next_token {
        None => 0,
        Some(token) => token.parse().map_err(|_| fault::invalid_token())?,
    };
    // Our choice: periods are those of the clock, and the first is the one that the asked time begins in.
    let start = input.start_time.ms.div_euclid(MINUTE_MS);
    let end = -(-input.end_time.ms).div_euclid(MINUTE_MS);
    let range = |period: i64| start.div_euclid(period) * period..end;
    let answers = queries.run(&inner.metrics(), &range)?;
    let all: usize = answers.iter().map(|answer| answer.points.len()).sum();
    let next = skipped.saturating_add(page);
    let mut before = 0;
    let mut results = Vec::new();
    for answer in answers {
        let (from, to) = (skipped.max(before), next.min(before + answer.points.len()));
        let is_first_page = skipped == 0 && before < next;
        if from < to || answer.points.is_empty() && is_first_page {
            let offset = from.min(to) - before.min(from.min(to));
            results.push(result(&answer, is_ascending, offset, to.saturating_sub(from)));
        }
        before += answer.points.len();
    }
    let token = (next < all).then(|| next.to_string());
    let output = Structure::default()
        .with("MetricDataResults", results.into_iter().collect::<Output>())
        .with_if("NextToken", token)
        .with("Messages", Output::List(Vec::new()));
    Ok(Some(output))
}

/// So many points of an answer, after so many others.
fn result(answer: &Answer, is_ascending: bool, offset: usize, count: usize) -> Structure {
    let points = answer.points.iter().map(|(minute, value)| (*minute, *value));
    let ordered: Vec<(Minute, f64)> = if is_ascending { points.collect() } else { points.rev().collect() };
    let shown: Vec<(Minute, f64)> = ordered.into_iter().skip(offset).take(count).collect();
    let is_whole = offset + count >= answer.points.len();
    Structure::default()
        .with("Id", answer.id.as_str())
        .with("Label", answer.label.as_str())
        .with(
            "Timestamps",
            shown.iter().map(|(minute, _)| Output::Time(minute * MINUTE_MS)).collect::<Output>(),
        )
        .with("Values", shown.iter().map(|(_, value)| *value).collect::<Output>())
        .with("StatusCode", if is_whole { "Complete" } else { "PartialData" })
}
