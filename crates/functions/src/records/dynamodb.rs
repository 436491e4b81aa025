//! The records in a DynamoDB table, wherever DynamoDB is: key (`imageId`, `userId`), one item an image.
//!
//! What a change depends on stands in the change's own condition, so that calls at the same time, and repeated ones,
//! leave what one after the other would have left.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::attribute::{from_item, to_attribute};
use super::{ErrorInfo, ImageRecord, ImageRecords, Outputs, Seen, Status, StoreError};
use crate::keys::ImageKey;

/// Makes DynamoDB's calls.
pub trait DynamoDb: Send + Sync {
    /// Makes a call, such as `UpdateItem`, with the input's JSON text, and waits for the output's.
    fn call(&self, action: &str, input: String) -> Result<String, DynamoDbError>;
}

/// A call that did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DynamoDbError {
    /// The condition did not hold. Nothing was changed.
    #[error("the condition did not hold")]
    Condition,
    /// It is not allowed.
    #[error("{0}")]
    AccessDenied(String),
    /// Any other reason.
    #[error("{0}")]
    Failed(String),
}

impl DynamoDbError {
    /// Of a refusal's code, such as `ConditionalCheckFailedException`, and its message.
    pub fn of(code: &str, message: &str) -> Self {
        match code {
            "ConditionalCheckFailedException" => Self::Condition,
            "AccessDeniedException" => Self::AccessDenied(message.to_owned()),
            _ => Self::Failed(format!("{code}: {message}")),
        }
    }
}

/// [`ImageRecords`] in a table.
pub struct DynamoRecords {
    table: String,
    dynamodb: Arc<dyn DynamoDb>,
}

/// An `UpdateItem`, put together.
struct Update<'a> {
    key: &'a ImageKey,
    expression: String,
    condition: Option<&'static str>,
    values: BTreeMap<&'static str, Value>,
}

/// The names of attributes that are words of DynamoDB's expressions.
const NAMES: [(&str, &str); 2] = [("#status", "status"), ("#error", "error")];

impl DynamoRecords {
    /// Records in this table.
    pub fn new(table: impl Into<String>, dynamodb: Arc<dyn DynamoDb>) -> Self {
        Self { table: table.into(), dynamodb }
    }

    /// Makes the change; answers whether its condition held.
    fn update(&self, update: &Update<'_>) -> Result<bool, StoreError> {
        let Update { key, expression, condition, values } = update;
        let values: Map<String, Value> =
            values.iter().map(|(name, value)| ((*name).to_owned(), to_attribute(value))).collect();
        let mut input = json!({
            "TableName": self.table, "Key": key_of(key), "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        });
        if let Some(condition) = condition {
            input["ConditionExpression"] = json!(condition);
        }
        // DynamoDB refuses names that no expression has.
        let is_used = |name: &str| expression.contains(name) || condition.is_some_and(|it| it.contains(name));
        let names: Map<String, Value> = NAMES
            .into_iter()
            .filter(|(name, _)| is_used(name))
            .map(|(name, attribute)| (name.to_owned(), json!(attribute)))
            .collect();
        if !names.is_empty() {
            input["ExpressionAttributeNames"] = Value::Object(names);
        }
        match self.dynamodb.call("UpdateItem", input.to_string()) {
            Ok(_) => Ok(true),
            Err(DynamoDbError::Condition) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn item(&self, key: &ImageKey) -> Result<Option<Value>, StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Found {
            item: Option<Value>,
        }
        let input = json!({ "TableName": self.table, "Key": key_of(key), "ConsistentRead": true });
        let Found { item } = read(&self.dynamodb.call("GetItem", input.to_string())?)?;
        Ok(item)
    }
}

impl ImageRecords for DynamoRecords {
    /// A completed record of the same upload is left as it is.
    fn begin(&self, key: &ImageKey, seen: Seen, now: Timestamp) -> Result<(), StoreError> {
        let Seen { file_name, s3_key, metadata } = seen;
        let mut expression = "SET #status = :processing, s3Key = :s3Key, updatedAt = :now, \
                              createdAt = if_not_exists(createdAt, :now)"
            .to_owned();
        let mut values = BTreeMap::from([
            (":processing", json!(Status::Processing)),
            (":completed", json!(Status::Completed)),
            (":s3Key", json!(s3_key)),
            (":now", json!(now)),
        ]);
        if let Some(file_name) = file_name {
            expression.push_str(", fileName = :fileName");
            values.insert(":fileName", json!(file_name));
        }
        let condition = if let Some(metadata) = metadata {
            expression.push_str(", metadata = :metadata");
            values.insert(":metadata", json!(metadata));
            "attribute_not_exists(#status) OR #status <> :completed OR attribute_not_exists(s3Key) OR s3Key <> :s3Key \
             OR attribute_not_exists(metadata) OR metadata <> :metadata"
        } else {
            "attribute_not_exists(#status) OR #status <> :completed OR attribute_not_exists(s3Key) OR s3Key <> :s3Key \
             OR attribute_exists(metadata)"
        };
        expression.push_str(" REMOVE outputs, errorInfo");
        self.update(&Update { key, expression, condition: Some(condition), values })?;
        Ok(())
    }

    fn complete(&self, key: &ImageKey, outputs: Outputs, now: Timestamp) -> Result<(), StoreError> {
        self.update(&Update {
            key,
            expression: "SET #status = :completed, outputs = :outputs, updatedAt = :now, \
                         createdAt = if_not_exists(createdAt, :now) REMOVE errorInfo"
                .to_owned(),
            condition: None,
            values: BTreeMap::from([
                (":completed", json!(Status::Completed)),
                (":outputs", json!(outputs)),
                (":now", json!(now)),
            ]),
        })?;
        Ok(())
    }

    /// The same failure, reported again, keeps the time of its first report.
    fn fail(&self, key: &ImageKey, error: ErrorInfo) -> Result<bool, StoreError> {
        let is_new = self.update(&Update {
            key,
            expression: "SET #status = :failed, errorInfo = :info, updatedAt = :now".to_owned(),
            condition: Some(
                "attribute_exists(imageId) AND (#status <> :failed OR attribute_not_exists(errorInfo) OR \
                 errorInfo.step <> :step OR errorInfo.#error <> :error OR errorInfo.cause <> :cause)",
            ),
            values: BTreeMap::from([
                (":failed", json!(Status::Failed)),
                (":now", json!(error.timestamp)),
                (":step", json!(error.step)),
                (":error", json!(error.error)),
                (":cause", json!(error.cause)),
                (":info", json!(error)),
            ]),
        })?;
        Ok(is_new || self.item(key)?.is_some())
    }

    fn discard_outputs(&self, key: &ImageKey, now: Timestamp) -> Result<(), StoreError> {
        let was_completed = self.update(&Update {
            key,
            expression: "SET #status = :failed, updatedAt = :now REMOVE outputs".to_owned(),
            condition: Some("attribute_exists(outputs) AND #status = :completed"),
            values: BTreeMap::from([
                (":failed", json!(Status::Failed)),
                (":completed", json!(Status::Completed)),
                (":now", json!(now)),
            ]),
        })?;
        if !was_completed {
            self.update(&Update {
                key,
                expression: "SET updatedAt = :now REMOVE outputs".to_owned(),
                condition: Some("attribute_exists(outputs)"),
                values: BTreeMap::from([(":now", json!(now))]),
            })?;
        }
        Ok(())
    }

    fn get(&self, key: &ImageKey) -> Result<Option<ImageRecord>, StoreError> {
        self.item(key)?.map(|item| from_item(&item)).transpose()
    }

    fn list(&self) -> Result<Vec<ImageRecord>, StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page {
            items: Vec<Value>,
            last_evaluated_key: Option<Value>,
        }
        let mut records: Vec<ImageRecord> = Vec::new();
        let mut after = None;
        loop {
            let mut input = json!({ "TableName": self.table, "ConsistentRead": true });
            if let Some(after) = after {
                input["ExclusiveStartKey"] = after;
            }
            let page: Page = read(&self.dynamodb.call("Scan", input.to_string())?)?;
            for item in &page.items {
                records.push(from_item(item)?);
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        records.sort_by(|one, other| {
            let order =
                |record: &ImageRecord| (record.created_at, record.image_id.clone(), record.user_id.clone());
            order(one).cmp(&order(other))
        });
        Ok(records)
    }
}

fn key_of(key: &ImageKey) -> Value {
    json!({ "imageId": { "S": key.image_id() }, "userId": { "S": key.user_id() } })
}

fn read<T: DeserializeOwned>(output: &str) -> Result<T, StoreError> {
    serde_json::from_str(output).map_err(|error| StoreError::Unreadable(error.to_string()))
}
