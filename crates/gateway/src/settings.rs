//! `loggingConfiguration`, `tracingConfiguration` and `encryptionConfiguration`: checked, and with AWS's defaults
//! filled in. Kept as JSON texts, in which two that mean the same are the same.

use darkroom_asl::json::Text;
use darkroom_engine::store::Settings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ApiError;

/// `loggingConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Logging {
    level: Option<String>,
    include_execution_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destinations: Option<Vec<Destination>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logs_log_group: Option<LogGroup>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group_arn: Option<String>,
}

/// `tracingConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tracing {
    #[serde(default)]
    enabled: bool,
}

/// `encryptionConfiguration`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encryption {
    #[serde(rename = "type")]
    key_type: KeyType,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_data_key_reuse_period_seconds: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum KeyType {
    #[default]
    AwsOwnedKey,
    CustomerManagedKmsKey,
}

/// What a new resource has where its creator says nothing.
pub(crate) fn defaults() -> Result<Settings, ApiError> {
    Ok(Settings { logging: logging(None)?, tracing: tracing(None), encryption: encryption(None)? })
}

/// The text of a `loggingConfiguration`.
pub(crate) fn logging(logging: Option<Logging>) -> Result<Text, ApiError> {
    let mut logging = logging.unwrap_or_default();
    let level = logging.level.get_or_insert_with(|| "OFF".to_owned());
    let destinations = logging.destinations.as_deref().unwrap_or_default();
    if destinations.len() > 1 || (level != "OFF" && destinations.len() != 1) {
        return Err(ApiError::InvalidLoggingConfiguration("Must specify exactly one Log Destination."));
    }
    if !destinations.iter().all(Destination::is_log_group) {
        return Err(ApiError::InvalidLoggingConfiguration("Log Destination not found."));
    }
    logging.include_execution_data.get_or_insert(false);
    Ok(text(&logging))
}

impl Destination {
    /// Whether it names a log group. AWS: with `:*` at its end.
    fn is_log_group(&self) -> bool {
        let arn = self.cloud_watch_logs_log_group.as_ref().and_then(|group| group.log_group_arn.as_deref());
        arn.is_some_and(|arn| arn.starts_with("arn:") && arn.contains(":log-group:") && arn.ends_with(":*"))
    }
}

/// The text of a `tracingConfiguration`.
pub(crate) fn tracing(tracing: Option<Tracing>) -> Text {
    text(&tracing.unwrap_or_default())
}

/// The text of an `encryptionConfiguration`.
pub(crate) fn encryption(encryption: Option<Encryption>) -> Result<Text, ApiError> {
    let Some(encryption) = encryption else {
        let key_type = KeyType::default();
        return Ok(text(&Encryption { key_type, kms_key_id: None, kms_data_key_reuse_period_seconds: None }));
    };
    let is_customer_s = matches!(encryption.key_type, KeyType::CustomerManagedKmsKey);
    if is_customer_s && encryption.kms_key_id.is_none() {
        return Err(ApiError::InvalidEncryptionConfiguration("kmsKeyId must be specified for this type"));
    }
    let names_key = encryption.kms_key_id.is_some() || encryption.kms_data_key_reuse_period_seconds.is_some();
    if !is_customer_s && names_key {
        return Err(ApiError::InvalidEncryptionConfiguration("AWS_OWNED_KEY has no key of its own"));
    }
    Ok(text(&encryption))
}

/// A kept configuration as an answer's member.
pub(crate) fn read(text: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text)
        .map_err(|error| ApiError::Internal(format!("a resource's settings cannot be read: {error}")))
}

fn text(configuration: &impl Serialize) -> Text {
    serde_json::to_string(configuration).expect("it is made of texts, numbers and flags").into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of<T: serde::de::DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }

    #[test]
    fn a_log_needs_one_destination_that_is_one() {
        let group = |arn: &str| json!({ "cloudWatchLogsLogGroup": { "logGroupArn": arn } });
        let good = || group("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/g:*");
        for (configuration, expected) in [
            (json!({}), Some(json!({ "level": "OFF", "includeExecutionData": false }))),
            (
                json!({ "destinations": [] }),
                Some(json!({ "level": "OFF", "includeExecutionData": false, "destinations": [] })),
            ),
            (
                json!({ "level": "ALL", "includeExecutionData": true, "destinations": [good()] }),
                Some(json!({ "level": "ALL", "includeExecutionData": true, "destinations": [good()] })),
            ),
            (json!({ "level": "ERROR" }), None),
            (json!({ "level": "FATAL", "destinations": [] }), None),
            (json!({ "level": "ALL", "destinations": [good(), good()] }), None),
            (json!({ "destinations": [good(), good()] }), None),
            (json!({ "level": "ALL", "destinations": [group("arn:aws:logs:r:1:log-group:g")] }), None),
            (json!({ "level": "ALL", "destinations": [group("g:*")] }), None),
            (json!({ "level": "ALL", "destinations": [{}] }), None),
        ] {
            let found = logging(of(configuration.clone())).ok().and_then(|text| read(&text).ok());
            assert_eq!(found, expected, "{configuration}");
        }
    }

    #[test]
    fn only_a_customer_s_key_has_a_name() {
        for (configuration, is_taken) in [
            (json!({ "type": "AWS_OWNED_KEY" }), true),
            (json!({ "type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k" }), true),
            (json!({ "type": "CUSTOMER_MANAGED_KMS_KEY" }), false),
            (json!({ "type": "AWS_OWNED_KEY", "kmsKeyId": "k" }), false),
            (json!({ "type": "AWS_OWNED_KEY", "kmsDataKeyReusePeriodSeconds": 60 }), false),
        ] {
            assert_eq!(encryption(of(configuration.clone())).is_ok(), is_taken, "{configuration}");
        }
    }
}
