//! `GetSamplingRules` and `GetSamplingTargets`, which SDKs call of their own accord.
//!
//! There is one rule, and it keeps every trace: on a machine of one's own a trace costs what its documents take, and one
//! that was left out is the one that is looked for. AWS's own default keeps one trace a second and 5 % of the others.

use serde_json::{Value, json};

use super::{Call, invalid, seconds};
use crate::wire::Fault;

/// The rule's name. AWS's own.
const RULE: &str = "Default";
/// The share of traces that is kept.
const FIXED_RATE: f64 = 1.0;
/// Traces a second that are kept before the share counts.
const RESERVOIR_SIZE: u32 = 1;
/// How often a client is to ask, in seconds. AWS's own.
const INTERVAL_SECONDS: u32 = 10;
/// Statistics of a call. AWS's own bound.
const STATISTICS_MAX: usize = 25;

pub(super) fn get_sampling_rules() -> Value {
    json!({ "SamplingRuleRecords": [{
        "CreatedAt": 0.0,
        "ModifiedAt": 0.0,
        "SamplingRule": {
            "RuleName": RULE, "RuleARN": "arn:aws:xray:us-east-1:000000000000:sampling-rule/Default",
            "ResourceARN": "*", "Priority": 10_000 - 1, "FixedRate": FIXED_RATE, "ReservoirSize": RESERVOIR_SIZE,
            "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1,
            "Attributes": {},
        },
    }] })
}

pub(super) fn get_sampling_targets(call: &Call) -> Result<Value, Fault> {
    let (mut targets, mut unprocessed) = (Vec::new(), Vec::new());
    for statistics in call.list("SamplingStatisticsDocuments", STATISTICS_MAX)? {
        let name = statistics["RuleName"].as_str().ok_or_else(|| invalid("RuleName must be a text"))?;
        if name == RULE {
            targets.push(json!({
                "RuleName": name, "FixedRate": FIXED_RATE, "ReservoirQuota": RESERVOIR_SIZE, "Interval": INTERVAL_SECONDS,
                "ReservoirQuotaTTL": seconds(call.now_ms + i64::from(INTERVAL_SECONDS) * 1000),
            }));
        } else {
            unprocessed.push(json!({ "RuleName": name, "ErrorCode": "400", "Message": "Unknown rule" }));
        }
    }
    Ok(json!({
        "SamplingTargetDocuments": targets, "LastRuleModification": 0.0, "UnprocessedStatistics": unprocessed,
        "UnprocessedBoostStatistics": [],
    }))
}
