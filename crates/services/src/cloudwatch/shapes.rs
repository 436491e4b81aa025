//! The shapes that several actions share: metrics, dimensions and queries, in and out.

use serde::{Deserialize, Serialize};

use super::fault;
use super::metric::{Metric, Unit};
use super::output::{Output, Structure};
use crate::wire::Fault;

/// Dimensions of a metric. AWS's own bound.
const DIMENSIONS_MAX: usize = 30;
/// Characters of a name.
const NAME_MAX: usize = 255;
/// Characters of a dimension's value.
const VALUE_MAX: usize = 1024;

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) value: String,
}

/// A metric, as calls name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetricShape {
    pub(super) namespace: String,
    pub(super) metric_name: String,
    #[serde(default)]
    pub(super) dimensions: Vec<Dimension>,
}

/// A statistic of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetricStat {
    pub(super) metric: MetricShape,
    pub(super) period: i64,
    pub(super) stat: String,
    pub(super) unit: Option<String>,
}

/// A metric's statistic or an expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetricDataQuery {
    pub(super) id: String,
    pub(super) metric_stat: Option<MetricStat>,
    pub(super) expression: Option<String>,
    pub(super) label: Option<String>,
    pub(super) return_data: Option<bool>,
    pub(super) period: Option<i64>,
    pub(super) account_id: Option<String>,
}

impl MetricShape {
    /// The metric that is meant.
    pub(super) fn metric(&self) -> Result<Metric, Fault> {
        metric(&self.namespace, &self.metric_name, &self.dimensions)
    }
}

impl MetricDataQuery {
    /// As it is told.
    pub(super) fn output(&self) -> Structure {
        let stat = self.metric_stat.as_ref().map(|stat| {
            let of = &stat.metric;
            let metric = Structure::default()
                .with("Namespace", of.namespace.as_str())
                .with("MetricName", of.metric_name.as_str())
                .with("Dimensions", dimensions_output(&of.dimensions));
            Structure::default()
                .with("Metric", metric)
                .with("Period", stat.period)
                .with("Stat", stat.stat.as_str())
                .with_if("Unit", stat.unit.as_deref())
        });
        Structure::default()
            .with("Id", self.id.as_str())
            .with_if("MetricStat", stat)
            .with_if("Expression", self.expression.as_deref())
            .with_if("Label", self.label.as_deref())
            .with("ReturnData", self.return_data.unwrap_or(true))
            .with_if("Period", self.period)
    }
}

/// The metric of these names, which are checked.
pub(super) fn metric(namespace: &str, name: &str, dimensions: &[Dimension]) -> Result<Metric, Fault> {
    check_length("Namespace", namespace, NAME_MAX)?;
    check_length("MetricName", name, NAME_MAX)?;
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(fault::invalid_value(format!("A metric has at most {DIMENSIONS_MAX} dimensions")));
    }
    for (place, dimension) in dimensions.iter().enumerate() {
        check_length("Dimensions.Name", &dimension.name, NAME_MAX)?;
        check_length("Dimensions.Value", &dimension.value, VALUE_MAX)?;
        if dimensions.iter().take(place).any(|other| other.name == dimension.name) {
            let message = format!("The dimension {} is there more than once", dimension.name);
            return Err(fault::invalid_value(message));
        }
    }
    let pairs = dimensions.iter().map(|dimension| (dimension.name.clone(), dimension.value.clone()));
    Ok(Metric::new(namespace, name, pairs))
}

/// The unit of this name.
pub(super) fn unit(name: Option<&str>) -> Result<Option<Unit>, Fault> {
    let Some(name) = name else { return Ok(None) };
    Unit::parse(name).map(Some).ok_or_else(|| {
        let units = Unit::names();
        fault::invalid_value(format!(
            "The value {name} for parameter Unit is invalid. It must be one of: {units}"
        ))
    })
}

/// A period of this many seconds, in minutes.
pub(super) fn period(seconds: i64) -> Result<i64, Fault> {
    if matches!(seconds, 1 | 5 | 10 | 20 | 30) {
        return Err(fault::unsupported("A period below 60 seconds"));
    }
    if seconds < 60 || seconds % 60 != 0 || seconds > 455 * 86_400 {
        let message = format!("The parameter Period must be a multiple of 60, and is {seconds}");
        return Err(fault::invalid_value(message));
    }
    Ok(seconds / 60)
}

pub(super) fn check_length(member: &str, text: &str, max: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if (1..=max).contains(&length) {
        return Ok(());
    }
    Err(fault::invalid_value(format!(
        "The parameter {member} must be 1 to {max} characters long, and is {length}"
    )))
}

pub(super) fn metric_output(metric: &Metric) -> Structure {
    let dimensions = metric.dimensions().iter();
    let dimensions = dimensions
        .map(|(name, value)| Structure::default().with("Name", name.as_str()).with("Value", value.as_str()));
    Structure::default()
        .with("Namespace", metric.namespace.as_str())
        .with("MetricName", metric.name.as_str())
        .with("Dimensions", dimensions.collect::<Output>())
}

pub(super) fn dimensions_output(dimensions: &[Dimension]) -> Output {
    let dimension =
        |it: &Dimension| Structure::default().with("Name", it.name.as_str()).with("Value", it.value.as_str());
    dimensions.iter().map(dimension).collect()
}
