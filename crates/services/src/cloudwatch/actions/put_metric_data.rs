//! `PutMetricData`: values of one's own metrics.

use serde::Deserialize;

use super::super::bucket::Bucket;
use super::super::input::{self, Time};
use super::super::metric::{Series, Unit};
use super::super::shapes::{self, Dimension};
use super::super::store::{MINUTE_MS, Minute};
use super::super::{Call, Done, Inner, fault};
use crate::wire::Fault;

/// Metrics of a call. AWS's own bound.
const DATA_MAX: usize = 1000;
/// Values of a metric. AWS's own bound.
const VALUES_MAX: usize = 150;
/// How far a value's time may lie back and ahead. AWS's own bounds.
const OLDEST_MS: i64 = 14 * 86_400_000;
const NEWEST_MS: i64 = 2 * 3_600_000;
/// The largest value, 2^360. AWS's own bound.
const VALUE_MAX: f64 = 2.348_542_582_773_833_2e108;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    namespace: String,
    #[serde(default)]
    metric_data: Vec<Datum>,
    entity_metric_data: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datum {
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    timestamp: Option<Time>,
    value: Option<f64>,
    statistic_values: Option<StatisticSet>,
    values: Option<Vec<f64>>,
    counts: Option<Vec<f64>>,
    unit: Option<String>,
    storage_resolution: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatisticSet {
    sample_count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

pub(super) fn put_metric_data(inner: &Inner, call: Call) -> Done {
    let now_ms = call.now_ms;
    let input: Input = input::read(call.input)?;
    if input.entity_metric_data.is_some() {
        return Err(fault::unsupported("EntityMetricData"));
    }
    if input.metric_data.is_empty() {
        return Err(fault::missing("MetricData"));
    }
    if input.metric_data.len() > DATA_MAX {
        return Err(fault::invalid_value(format!("MetricData has at most {DATA_MAX} members")));
    }
    // All of it is checked before any of it is taken.
    let read = |datum: &Datum| datum.read(&input.namespace, now_ms);
    let data: Vec<(Series, Minute, Bucket)> = input.metric_data.iter().map(read).collect::<Result<_, _>>()?;
    let mut metrics = inner.metrics();
    for (series, minute, bucket) in &data {
        metrics
            .add(series, *minute, bucket)
            .map_err(|_| fault::limit_exceeded("There are as many metrics as are kept here"))?;
    }
    Ok(None)
}

impl Datum {
    fn read(&self, namespace: &str, now_ms: i64) -> Result<(Series, Minute, Bucket), Fault> {
        let metric = shapes::metric(namespace, &self.metric_name, &self.dimensions)?;
        let unit = shapes::unit(self.unit.as_deref())?.unwrap_or(Unit::NONE);
        let at_ms = self.timestamp.map_or(now_ms, |time| time.ms);
        if at_ms < now_ms - OLDEST_MS || at_ms > now_ms + NEWEST_MS {
            let message = "The parameter MetricData.Timestamp must be within the last two weeks, and at most two hours ahead";
            return Err(fault::invalid_value(message));
        }
        // What is finer than a minute is kept by the minute all the same.
        if !matches!(self.storage_resolution, None | Some(1 | 60)) {
            return Err(fault::invalid_value("The parameter MetricData.StorageResolution must be 1 or 60"));
        }
        Ok((Series { metric, unit }, at_ms.div_euclid(MINUTE_MS), self.bucket()?))
    }

    fn bucket(&self) -> Result<Bucket, Fault> {
        match (self.value, &self.values, &self.statistic_values) {
            (Some(value), None, None) => Ok(Bucket::of(checked(value)?, 1.0)),
            (None, Some(values), None) => self.of_values(values),
            (None, None, Some(set)) => {
                let StatisticSet { sample_count, sum, minimum, maximum } = *set;
                for value in [sample_count, sum, minimum, maximum] {
                    checked(value)?;
                }
                if sample_count <= 0.0 || minimum > maximum {
                    let message = "The parameter MetricData.StatisticValues has no samples, or a minimum above its maximum";
                    return Err(fault::invalid_value(message));
                }
                Ok(Bucket::of_statistics(sample_count, sum, minimum, maximum))
            }
            (None, None, None) => {
                Err(fault::missing("MetricData.Value, MetricData.Values or MetricData.StatisticValues"))
            }
            _ => Err(fault::invalid_combination(
                "The parameters MetricData.Value, MetricData.Values and MetricData.StatisticValues are mutually \
                 exclusive and you have specified more than one.",
            )),
        }
    }

    fn of_values(&self, values: &[f64]) -> Result<Bucket, Fault> {
        let ones = vec![1.0; values.len()];
        let counts = self.counts.as_deref().unwrap_or(&ones);
        if values.len() != counts.len() || values.len() > VALUES_MAX {
            let message =
                format!("MetricData.Values has at most {VALUES_MAX} members, and MetricData.Counts as many");
            return Err(fault::invalid_value(message));
        }
        let mut all: Option<Bucket> = None;
        for (value, count) in values.iter().zip(counts) {
            if checked(*count)? <= 0.0 {
                return Err(fault::invalid_value("The parameter MetricData.Counts must be above 0"));
            }
            let bucket = Bucket::of(checked(*value)?, *count);
            match &mut all {
                None => all = Some(bucket),
                Some(all) => all.merge(&bucket),
            }
        }
        all.ok_or_else(|| fault::missing("MetricData.Values"))
    }
}

fn checked(value: f64) -> Result<f64, Fault> {
    if value.is_finite() && value.abs() <= VALUE_MAX {
        return Ok(value);
    }
    Err(fault::invalid_value(format!("The value {value} is not within -2^360 and 2^360")))
}
