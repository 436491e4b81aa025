//! The alarms that come with the image workflow: those of `deploy/terraform`, with its values.
//!
//! Too many failures and time-outs in two windows of five minutes, as the specification has them; and what those miss: a
//! large share of few, throttling, and executions that are stopped. Each tells the workflow's topic, and a window without
//! values is a good one.

use serde_json::{Value, json};

use crate::workflow::PROJECT;

/// The end of a name behind the project's, the metric, the threshold, windows of five minutes, and what it means.
const COUNTS: [(&str, &str, u32, u32, &str); 4] = [
    ("execution-failures", "ExecutionsFailed", 5, 2, "Image processing fails"),
    ("execution-timeouts", "ExecutionsTimedOut", 3, 2, "Image processing takes longer than it may"),
    ("execution-throttled", "ExecutionThrottled", 0, 2, "State transitions wait for the disk"),
    ("execution-aborted", "ExecutionsAborted", 0, 1, "Image processing is stopped by hand or by an update"),
];
/// Percent of what ended that may end badly.
const FAILURE_RATIO_PERCENT: u32 = 20;
const RATIO: &str = "100 * (FILL(failed, 0) + FILL(timed_out, 0)) / \
                     (FILL(failed, 0) + FILL(timed_out, 0) + FILL(succeeded, 0))";

/// The inputs of `PutMetricAlarm`.
pub fn shipped(state_machine_arn: &str, topic_arn: &str) -> Vec<Value> {
    let dimensions = json!([{ "Name": "StateMachineArn", "Value": state_machine_arn }]);
    let alarm = |name: &str, description: &str, threshold: u32, windows: u32| {
        json!({
            "AlarmName": format!("{PROJECT}-{name}"), "AlarmDescription": description,
            "EvaluationPeriods": windows, "Threshold": threshold, "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching", "AlarmActions": [topic_arn], "OKActions": [topic_arn],
        })
    };
    let mut alarms: Vec<Value> = COUNTS
        .iter()
        .map(|(name, metric, threshold, windows, description)| {
            let mut alarm = alarm(name, description, *threshold, *windows);
            alarm["Namespace"] = json!("AWS/States");
            alarm["MetricName"] = json!(metric);
            alarm["Statistic"] = json!("Sum");
            alarm["Period"] = json!(300);
            alarm["Dimensions"] = dimensions.clone();
            alarm
        })
        .collect();
    let query = |id: &str, metric: &str| {
        json!({ "Id": id, "ReturnData": false, "MetricStat": {
            "Metric": { "Namespace": "AWS/States", "MetricName": metric, "Dimensions": dimensions },
            "Period": 900, "Stat": "Sum",
        } })
    };
    let description = "A large share of image processing fails or times out";
    let mut ratio = alarm("failure-ratio", description, FAILURE_RATIO_PERCENT, 1);
    ratio["Metrics"] = json!([
        {
            "Id": "ratio", "Label": "Failed or timed out, in percent of what ended", "Expression": RATIO,
            "ReturnData": true,
        },
        query("failed", "ExecutionsFailed"), query("timed_out", "ExecutionsTimedOut"),
        query("succeeded", "ExecutionsSucceeded"),
    ]);
    alarms.push(ratio);
    alarms
}
