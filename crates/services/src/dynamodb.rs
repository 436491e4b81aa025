//! DynamoDB: the operations of the `dynoxide` crate behind DynamoDB's wire protocol.
//!
//! A request's JSON becomes the crate's own request type, and its answer JSON again. The tables are a SQLite
//! file, whose commits are on disk when a call is answered.
//!
//! API: DynamoDB 2012-08-10, AWS JSON 1.0; its streams, 2012-08-10.

use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use dynoxide::{Database, DynoxideError};
use futures::future::BoxFuture;
use http::Response;

use crate::ServicesError;
use crate::router::{Route, Service};
use crate::wire::{self, Caller, Fault, json};

/// Bytes of a request. AWS's own bound, 16 MB.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

/// The embedded service.
pub struct DynamoDb {
    database: Database,
}

type Operation = fn(&Database, &[u8]) -> Result<String, DynoxideError>;

/// A line for each operation: read the request, do it, write the answer.
macro_rules! operations {
    ($($name:literal => $method:ident),* $(,)?) => {
        const OPERATIONS: &[(&str, Operation)] = &[$(($name, |database, body| {
            written(&database.$method(read(body)?)?)
        })),*];
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeStream" => describe_stream,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "GetRecords" => get_records,
    "GetShardIterator" => get_shard_iterator,
    "ListStreams" => list_streams,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| refusal(&error.to_string()))
}

/// What a request that cannot be read is refused with. The crate's request types say the kind of the error at
/// the beginning of its text, and serde the position at its end; neither is for the caller.
fn refusal(text: &str) -> DynoxideError {
    const VALIDATION: [&str; 3] = ["VALIDATION:", "VALIDATION_REQUEST:", "VALIDATION_AS_READ:"];
    // Of what serde itself finds, DynamoDB takes these as faults of the values and the rest as faults of the form.
    const VALUES: [&str; 4] = ["missing field", "unknown variant", "invalid type: null", "AttributeValue"];
    let words = text.rsplit_once(" at line ").map_or(text, |(words, _)| words);
    if let Some(words) = VALIDATION.iter().find_map(|kind| words.strip_prefix(kind)) {
        return DynoxideError::ValidationException(words.to_owned());
    }
    let as_form = ["SERIALIZATION:", "SERIALIZATION_AS_READ:"];
    if let Some(words) = as_form.iter().find_map(|kind| words.strip_prefix(kind)) {
        return DynoxideError::SerializationException(words.to_owned());
    }
    if VALUES.iter().any(|value| words.contains(value)) {
        return DynoxideError::ValidationException(words.to_owned());
    }
    DynoxideError::SerializationException(words.to_owned())
}

fn written<T: serde::Serialize>(output: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(output).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

impl DynamoDb {
    /// Tables in this file, which is made where it is not there.
    pub fn open(path: &Path) -> Result<Self, ServicesError> {
        let failed =
            |error: &dyn std::fmt::Display| ServicesError::Tables(format!("{}: {error}", path.display()));
        let name = path.to_str().ok_or_else(|| failed(&"the path is no text"))?;
        Ok(Self { database: Database::new(name).map_err(|error| failed(&error))? })
    }

    /// Tables that are gone with the value.
    pub fn in_memory() -> Result<Self, ServicesError> {
        let database = Database::memory().map_err(|error| ServicesError::Tables(error.to_string()))?;
        Ok(Self { database })
    }

    async fn call(&self, request: Request) -> Result<String, Response<Body>> {
        let target = wire::text(request.headers(), "x-amz-target").unwrap_or_default().to_owned();
        let name = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix)).unwrap_or(&target);
        let in_json = |fault: Fault| fault.in_json("", json::V1_0);
        let (_, run) = OPERATIONS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| in_json(Fault::unknown_operation("DynamoDB", name)))?;
        let body = wire::whole(request.into_body(), REQUEST_BYTES_MAX).await.map_err(in_json)?;
        let database = self.database.clone();
        let done = tokio::task::spawn_blocking(move || run(&database, &body)).await;
        match done {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(wire::response(error.status_code(), json::V1_0, error.to_json())),
            Err(panicked) => Err(in_json(Fault::internal(&panicked))),
        }
    }
}

impl Service for DynamoDb {
    fn route(&self) -> Route {
        Route { name: "dynamodb", targets: &TARGETS, ..Route::default() }
    }

    fn answer(&self, request: Request, _: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            match self.call(request).await {
                Ok(output) => wire::response(200, json::V1_0, output),
                Err(fault) => fault,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_kind_and_no_marks() {
        let read_put =
            |body: &str| read::<dynoxide::actions::put_item::PutItemRequest>(body.as_bytes()).err();
        for (body, kind, words) in [
            (
                "{\"TableName\": \"/x/\", \"Item\": {}}",
                "ValidationException",
                "1 validation error detected: ",
            ),
            ("{\"TableName\": 1}", "SerializationException", ""),
            ("{", "SerializationException", ""),
        ] {
            let error = read_put(body).unwrap();
            assert!(error.error_type().ends_with(kind), "{body}: {error:?}");
            assert!(error.to_string().starts_with(words), "{error}");
        }
    }
}
