//! What `PutMetricAlarm` describes, and the rule that it is.

use serde::{Deserialize, Serialize};

use crate::cloudwatch::query::{self, Queries};
use crate::cloudwatch::shapes::{self, Dimension, MetricDataQuery};
use crate::cloudwatch::statistic::NoStatistic;
use crate::cloudwatch::{fault, statistic::Statistic};
use crate::wire::Fault;

/// Actions of a state. AWS's own bound.
const ACTIONS_MAX: usize = 5;
/// Seconds that evaluation periods may span. AWS: a day, and a week where periods are an hour or longer.
const SPAN_SECONDS_MAX: i64 = 86_400;
const LONG_SPAN_SECONDS_MAX: i64 = 604_800;
const LONG_PERIOD_SECONDS: i64 = 3600;

/// `PutMetricAlarm`'s input, which is also how an alarm is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in super::super) struct AlarmInput {
    pub(in super::super) alarm_name: String,
    pub(in super::super) alarm_description: Option<String>,
    #[serde(default = "enabled")]
    pub(in super::super) actions_enabled: bool,
    #[serde(default, rename = "OKActions")]
    pub(in super::super) ok_actions: Vec<String>,
    #[serde(default)]
    pub(in super::super) alarm_actions: Vec<String>,
    #[serde(default)]
    pub(in super::super) insufficient_data_actions: Vec<String>,
    pub(in super::super) metric_name: Option<String>,
    pub(in super::super) namespace: Option<String>,
    pub(in super::super) statistic: Option<String>,
    pub(in super::super) extended_statistic: Option<String>,
    #[serde(default)]
    pub(in super::super) dimensions: Vec<Dimension>,
    pub(in super::super) period: Option<i64>,
    pub(in super::super) unit: Option<String>,
    pub(in super::super) evaluation_periods: i64,
    pub(in super::super) datapoints_to_alarm: Option<i64>,
    pub(in super::super) threshold: Option<f64>,
    pub(in super::super) comparison_operator: String,
    pub(in super::super) treat_missing_data: Option<String>,
    pub(in super::super) evaluate_low_sample_count_percentile: Option<String>,
    pub(in super::super) metrics: Option<Vec<MetricDataQuery>>,
    #[serde(skip_serializing)]
    pub(in super::super) threshold_metric_id: Option<String>,
    #[serde(skip_serializing)]
    pub(in super::super) evaluation_criteria: Option<serde::de::IgnoredAny>,
}

fn enabled() -> bool {
    true
}

/// A rule, checked.
#[derive(Debug)]
pub(in super::super) struct Rule {
    pub(in super::super) queries: Queries,
    /// The statistic's name, where there is one metric and no expression.
    pub(in super::super) statistic: Option<String>,
    /// In minutes.
    pub(in super::super) period: i64,
    pub(in super::super) evaluation_periods: usize,
    pub(in super::super) datapoints_to_alarm: usize,
    pub(in super::super) threshold: f64,
    pub(in super::super) comparison: Comparison,
    pub(in super::super) missing: MissingData,
}

/// When a value breaches the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Comparison {
    GreaterOrEqual,
    Greater,
    Less,
    LessOrEqual,
}

/// What a period without a value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum MissingData {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl Rule {
    /// Checks a description.
    pub(in super::super) fn compile(input: &AlarmInput) -> Result<Self, Fault> {
        shapes::check_length("AlarmName", &input.alarm_name, 255)?;
        if input.threshold_metric_id.is_some() {
            return Err(fault::unsupported("An alarm on anomaly detection (ThresholdMetricId)"));
        }
        if input.evaluation_criteria.is_some() {
            return Err(fault::unsupported("An alarm on a PromQL query (EvaluationCriteria)"));
        }
        if input.evaluate_low_sample_count_percentile.as_deref() == Some("ignore") {
            return Err(fault::unsupported("EvaluateLowSampleCountPercentile `ignore`"));
        }
        for actions in [&input.ok_actions, &input.alarm_actions, &input.insufficient_data_actions] {
            check_actions(actions)?;
        }
        let (queries, statistic) = source(input)?;
        let period = queries.period();
        let evaluation_periods = at_least_one("EvaluationPeriods", input.evaluation_periods)?;
        let datapoints_to_alarm = match input.datapoints_to_alarm {
            None => evaluation_periods,
            Some(datapoints) => at_least_one("DatapointsToAlarm", datapoints)?,
        };
        if datapoints_to_alarm > evaluation_periods {
            let message = "DatapointsToAlarm must be less than or equal to EvaluationPeriods";
            return Err(fault::validation(message));
        }
        let seconds = period * 60;
        let span = seconds.saturating_mul(input.evaluation_periods);
        let longest = if seconds >= LONG_PERIOD_SECONDS { LONG_SPAN_SECONDS_MAX } else { SPAN_SECONDS_MAX };
        if span > longest {
            let message = format!("Metrics cannot be checked across more than {longest} seconds");
            return Err(fault::validation(message));
        }
        let threshold = input.threshold.filter(|threshold| threshold.is_finite());
        Ok(Self {
            queries,
            statistic,
            period,
            evaluation_periods,
            datapoints_to_alarm,
            threshold: threshold.ok_or_else(|| fault::missing("Threshold"))?,
            comparison: Comparison::parse(&input.comparison_operator)?,
            missing: MissingData::parse(input.treat_missing_data.as_deref())?,
        })
    }
}

fn source(input: &AlarmInput) -> Result<(Queries, Option<String>), Fault> {
    if let Some(shapes) = &input.metrics {
        if input.metric_name.is_some() || input.namespace.is_some() || input.period.is_some() {
            let message = "An alarm has either Metrics or MetricName, Namespace and Period";
            return Err(fault::validation(message));
        }
        let queries = query::compile(shapes)?;
        if queries.returned() != 1 {
            let message = "Exactly one element of the metrics list should return data.";
            return Err(fault::validation(message));
        }
        return Ok((queries, None));
    }
    let name = input.metric_name.as_deref().ok_or_else(|| fault::missing("MetricName"))?;
    let namespace = input.namespace.as_deref().ok_or_else(|| fault::missing("Namespace"))?;
    let metric = shapes::metric(namespace, name, &input.dimensions)?;
    let named = match (&input.statistic, &input.extended_statistic) {
        (Some(name), None) => {
            let statistic = Statistic::parse(name).ok().filter(|statistic| statistic.is_simple());
            let statistic = statistic.ok_or(NoStatistic::Unknown);
            let refused =
                |_| fault::invalid_value(format!("The value {name} for parameter Statistic is invalid."));
            (statistic.map_err(refused)?, name)
        }
        (None, Some(name)) => (query::statistic(name)?, name),
        (Some(_), Some(_)) | (None, None) => {
            let message = "An alarm has either Statistic or ExtendedStatistic";
            return Err(fault::invalid_combination(message));
        }
    };
    let period = shapes::period(input.period.ok_or_else(|| fault::missing("Period"))?)?;
    let unit = shapes::unit(input.unit.as_deref())?;
    Ok((Queries::of_metric(metric, named.0, unit, period), Some(named.1.clone())))
}

/// Those that are carried out here; AWS knows more.
fn check_actions(actions: &[String]) -> Result<(), Fault> {
    if actions.len() > ACTIONS_MAX {
        return Err(fault::validation(format!("A state has at most {ACTIONS_MAX} actions")));
    }
    for action in actions {
        let service = action.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(1));
        if !matches!(service, Some("sns" | "lambda")) {
            return Err(fault::unsupported(&format!(
                "The action {action}: all but SNS topics and Lambda functions"
            )));
        }
    }
    Ok(())
}

fn at_least_one(member: &str, number: i64) -> Result<usize, Fault> {
    let number = usize::try_from(number).ok().filter(|number| (1..=1440 * 7).contains(number));
    number.ok_or_else(|| fault::validation(format!("{member} must be at least 1, and few enough for a week")))
}

impl Comparison {
    fn parse(name: &str) -> Result<Self, Fault> {
        match name {
            "GreaterThanOrEqualToThreshold" => Ok(Self::GreaterOrEqual),
            "GreaterThanThreshold" => Ok(Self::Greater),
            "LessThanThreshold" => Ok(Self::Less),
            "LessThanOrEqualToThreshold" => Ok(Self::LessOrEqual),
            "LessThanLowerOrGreaterThanUpperThreshold"
            | "LessThanLowerThreshold"
            | "GreaterThanUpperThreshold" => Err(fault::unsupported(&format!("The comparison {name}"))),
            _ => Err(fault::validation(format!("The comparison operator {name} is not known"))),
        }
    }

    pub(super) fn is_breached(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }

    /// AWS: in a state's reason.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => "greater than or equal to",
            Self::Greater => "greater than",
            Self::Less => "less than",
            Self::LessOrEqual => "less than or equal to",
        }
    }
}

impl MissingData {
    fn parse(name: Option<&str>) -> Result<Self, Fault> {
        match name {
            None | Some("missing") => Ok(Self::Missing),
            Some("ignore") => Ok(Self::Ignore),
            Some("breaching") => Ok(Self::Breaching),
            Some("notBreaching") => Ok(Self::NotBreaching),
            Some(other) => Err(fault::validation(format!("TreatMissingData cannot be {other}"))),
        }
    }

    /// AWS: in a state's reason.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Missing => "Missing",
            Self::Ignore => "Ignore",
            Self::Breaching => "Breaching",
            Self::NotBreaching => "NonBreaching",
        }
    }
}
