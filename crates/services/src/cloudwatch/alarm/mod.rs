//! Alarms: a rule over metrics, a state, and who is told when it changes.
//!
//! [`Rule`] is what `PutMetricAlarm` described, checked; [`evaluate`] is what it says of a time, and nothing else: it
//! reads no clock and changes nothing. [`Alarm`] is the rule with its state, as it is stored.
//!
//! AWS: "Using Amazon CloudWatch alarms", "Configuring how CloudWatch alarms treat missing data".

mod evaluate;
mod message;
mod reason;
mod rule;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::output::{Output, Structure};
use super::shapes::dimensions_output;

pub(super) use evaluate::evaluate;
pub(super) use message::{history, message, subject};
pub(super) use reason::Reason;
pub(super) use rule::{AlarmInput, Rule};

/// How an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateValue {
    /// The metric is as it should be.
    #[serde(rename = "OK")]
    Ok,
    /// It is not.
    #[serde(rename = "ALARM")]
    Alarm,
    /// Nobody knows.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl StateValue {
    /// CloudWatch's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData].into_iter().find(|state| state.name() == name)
    }
}

/// An alarm, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) arn: String,
    pub(super) input: AlarmInput,
    pub(super) state: StateValue,
    pub(super) reason: Reason,
    pub(super) configured_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) transitioned_ms: i64,
    pub(super) tags: BTreeMap<String, String>,
}

impl Alarm {
    /// A new one. AWS: nothing is known of it.
    pub(super) fn new(arn: String, input: AlarmInput, tags: BTreeMap<String, String>, now_ms: i64) -> Self {
        Self {
            arn,
            input,
            state: StateValue::InsufficientData,
            reason: Reason { text: "Unchecked: Initial alarm creation".to_owned(), data: None },
            configured_ms: now_ms,
            updated_ms: now_ms,
            transitioned_ms: now_ms,
            tags,
        }
    }

    /// Whom to tell that it is in its state now.
    pub(super) fn actions(&self) -> &[String] {
        if !self.input.actions_enabled {
            return &[];
        }
        match self.state {
            StateValue::Ok => &self.input.ok_actions,
            StateValue::Alarm => &self.input.alarm_actions,
            StateValue::InsufficientData => &self.input.insufficient_data_actions,
        }
    }

    /// As `DescribeAlarms` tells it.
    pub(super) fn output(&self) -> Structure {
        let input = &self.input;
        let texts = |texts: &[String]| texts.iter().map(String::as_str).collect::<Output>();
        let queries = input
            .metrics
            .as_ref()
            .map(|queries| queries.iter().map(super::shapes::MetricDataQuery::output).collect::<Output>());
        Structure::default()
            .with("AlarmName", input.alarm_name.as_str())
            .with("AlarmArn", self.arn.as_str())
            .with_if("AlarmDescription", input.alarm_description.as_deref())
            .with("AlarmConfigurationUpdatedTimestamp", Output::Time(self.configured_ms))
            .with("ActionsEnabled", input.actions_enabled)
            .with("OKActions", texts(&input.ok_actions))
            .with("AlarmActions", texts(&input.alarm_actions))
            .with("InsufficientDataActions", texts(&input.insufficient_data_actions))
            .with("StateValue", self.state.name())
            .with("StateReason", self.reason.text.as_str())
            .with_if("StateReasonData", self.reason.data.as_deref())
            .with("StateUpdatedTimestamp", Output::Time(self.updated_ms))
            .with_if("MetricName", input.metric_name.as_deref())
            .with_if("Namespace", input.namespace.as_deref())
            .with_if("Statistic", input.statistic.as_deref())
            .with_if("ExtendedStatistic", input.extended_statistic.as_deref())
            .with("Dimensions", dimensions_output(&input.dimensions))
            .with_if("Period", input.period)
            .with_if("Unit", input.unit.as_deref())
            .with("EvaluationPeriods", input.evaluation_periods)
            .with_if("DatapointsToAlarm", input.datapoints_to_alarm)
            .with_if("Threshold", input.threshold)
            .with("ComparisonOperator", input.comparison_operator.as_str())
            .with_if("TreatMissingData", input.treat_missing_data.as_deref())
            .with_if(
                "EvaluateLowSampleCountPercentile",
                input.evaluate_low_sample_count_percentile.as_deref(),
            )
            .with_if("Metrics", queries)
            .with("StateTransitionedTimestamp", Output::Time(self.transitioned_ms))
    }
}
