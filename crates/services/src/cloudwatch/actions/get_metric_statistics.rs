//! `GetMetricStatistics`: a metric's statistics, period by period.

use serde::Deserialize;

use super::super::input::{self, Time};
use super::super::output::{Output, Structure};
use super::super::shapes::{self, Dimension};
use super::super::statistic::Statistic;
use super::super::store::MINUTE_MS;
use super::super::{Call, Done, Inner, fault, query};
use crate::wire::Fault;

/// Points of an answer. AWS's own bound.
const POINTS_MAX: i64 = 1440;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    start_time: Time,
    end_time: Time,
    period: i64,
    #[serde(default)]
    statistics: Vec<String>,
    #[serde(default)]
    extended_statistics: Vec<String>,
    unit: Option<String>,
}

pub(super) fn get_metric_statistics(inner: &Inner, call: Call) -> Done {
    let input: Input = input::read(call.input)?;
    let metric = shapes::metric(&input.namespace, &input.metric_name, &input.dimensions)?;
    let unit = shapes::unit(input.unit.as_deref())?;
    let period = shapes::period(input.period)?;
    if input.start_time.ms >= input.end_time.ms {
        let message = "The parameter StartTime must be less than the parameter EndTime.";
        return Err(fault::invalid_value(message));
    }
    let (simple, extended) = statistics(&input)?;
    // AWS: periods begin where the asked time does, at a whole minute.
    let start = input.start_time.ms.div_euclid(MINUTE_MS);
    let end = -(-input.end_time.ms).div_euclid(MINUTE_MS);
    let points = (end - start + period - 1) / period;
    if points > POINTS_MAX {
        return Err(fault::invalid_combination(format!(
            "You have requested up to {points} datapoints, which exceeds the limit of {POINTS_MAX}. You may reduce the \
             datapoints requested by increasing Period, or decreasing the time range."
        )));
    }
    let windows = inner.metrics().windows(&metric, unit, start..end, period);
    let points = windows.iter().flat_map(|(unit, windows)| windows.iter().map(move |point| (unit, point)));
    let points = points.map(|(unit, (minute, bucket))| {
        let mut point = Structure::default().with("Timestamp", Output::Time(minute * MINUTE_MS));
        for (name, statistic) in &simple {
            point = point.with_if(name, statistic.of(bucket));
        }
        let percentiles: Vec<(String, Output)> = extended
            .iter()
            .filter_map(|(name, statistic)| Some((name.clone(), Output::Number(statistic.of(bucket)?))))
            .collect();
        if !percentiles.is_empty() {
            point = point.with("ExtendedStatistics", Output::Map(percentiles));
        }
        point.with("Unit", unit.name())
    });
    let datapoints: Output = points.collect();
    Ok(Some(Structure::default().with("Label", metric.name.as_str()).with("Datapoints", datapoints)))
}

type Named<T> = Vec<(T, Statistic)>;

/// The statistics that are asked for, those of old and percentiles.
fn statistics(input: &Input) -> Result<(Named<&'static str>, Named<String>), Fault> {
    const SIMPLE: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
    if input.statistics.is_empty() && input.extended_statistics.is_empty() {
        let message = "At least one of the parameters Statistics and ExtendedStatistics must be specified.";
        return Err(fault::invalid_combination(message));
    }
    let mut simple = Vec::new();
    for name in &input.statistics {
        let known = SIMPLE.into_iter().find(|simple| simple == name);
        let known = known.ok_or_else(|| {
            fault::invalid_value(format!("The value {name} for parameter Statistics is invalid."))
        })?;
        simple.push((known, query::statistic(name)?));
    }
    let extended = input.extended_statistics.iter().map(|name| Ok((name.clone(), query::statistic(name)?)));
    Ok((simple, extended.collect::<Result<_, Fault>>()?))
}
