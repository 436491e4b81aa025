//! `dynamodb:getItem`, `putItem`, `updateItem` and `deleteItem`: the API's members, unchanged.

use serde_json::Value;

use super::fault::Optimized;
use super::{Output, TaskCall, TaskFault, Tasks, object_in, parameters, with_metadata};

pub(super) const SERVICE: Optimized = Optimized {
    prefix: "DynamoDB",
    service: "AmazonDynamoDBv2",
    general: "AmazonDynamoDBException",
    modelled: &[
        "ConditionalCheckFailedException",
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceInUseException",
        "ResourceNotFoundException",
        "TransactionConflictException",
    ],
};

pub(super) async fn call(tasks: &Tasks, call: &TaskCall, action: &str) -> Output {
    let parameters = Value::Object(parameters(call)?);
    let mut target = format!("DynamoDB_20120810.{action}");
    let first = "DynamoDB_20120810.".len();
    target[first..=first].make_ascii_uppercase();
    let response = tasks.send_json(call, "dynamodb", &target, &parameters).await;
    let response = response.map_err(|error| TaskFault::unreachable(SERVICE.prefix, &error))?;
    if !response.status().is_success() {
        return Err(TaskFault::refused(SERVICE, &response));
    }
    Ok(with_metadata(object_in(&response)?, &response).to_string())
}
