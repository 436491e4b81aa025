//! What every store of records promises: the same for a SQLite file and for a DynamoDB table.

use std::sync::Arc;

use darkroom_functions::{
    DynamoDb, DynamoDbError, DynamoRecords, ErrorInfo, FunctionName, Functions, ImageKey, ImageMetadata,
    ImageRecord, ImageRecords, Outputs, ResizedImage, Seen, Services, SqliteRecords, Status, StoredObjects,
};
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

/// DynamoDB in memory, with the table of records in it.
pub struct Tables(Database);

impl Tables {
    pub fn new() -> Arc<Self> {
        let tables = Self(Database::memory().unwrap());
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let input = json!({
            "TableName": "images", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("imageId", "HASH"), key("userId", "RANGE")],
            "AttributeDefinitions": [attribute("imageId"), attribute("userId")],
        });
        tables.0.create_table(serde_json::from_value(input).unwrap()).unwrap();
        Arc::new(tables)
    }
}

impl DynamoDb for Tables {
    fn call(&self, action: &str, input: String) -> Result<String, DynamoDbError> {
        fn answer<T: serde::Serialize>(output: Result<T, DynoxideError>) -> Result<String, DynamoDbError> {
            match output {
                Ok(output) => Ok(serde_json::to_string(&output).unwrap()),
                Err(DynoxideError::ConditionalCheckFailedException(..)) => Err(DynamoDbError::Condition),
                Err(error) => Err(DynamoDbError::of("Refused", &error.to_string())),
            }
        }
        match action {
            "UpdateItem" => answer(self.0.update_item(serde_json::from_str(&input).unwrap())),
            "GetItem" => answer(self.0.get_item(serde_json::from_str(&input).unwrap())),
            "Scan" => answer(self.0.scan(serde_json::from_str(&input).unwrap())),
            other => panic!("{other} is not called"),
        }
    }
}

fn key(image: &str) -> ImageKey {
    ImageKey::new(image, "ann").unwrap()
}

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_760_000_000 + second).unwrap()
}

fn metadata(width: u32) -> ImageMetadata {
    serde_json::from_value(json!({ "width": width, "height": 1, "format": "JPEG", "colorSpace": "sRGB" }))
        .unwrap()
}

fn seen(width: Option<u32>) -> Seen {
    Seen {
        file_name: Some("cat.jpg".to_owned()),
        s3_key: "uploads/ann/cat.jpg".to_owned(),
        metadata: width.map(metadata),
    }
}

fn outputs() -> Outputs {
    let resized = ResizedImage {
        size: "small".to_owned(),
        dimensions: "8x6".to_owned(),
        s3_key: "processed/ann/cat-small.jpg".to_owned(),
        file_size: 7,
    };
    Outputs { resized_images: vec![resized], watermarked_images: Vec::new() }
}

fn failure(step: &str, second: i64) -> ErrorInfo {
    ErrorInfo {
        step: step.to_owned(),
        error: "E".to_owned(),
        reason: "because".to_owned(),
        cause: "{}".to_owned(),
        timestamp: at(second),
    }
}

/// Each promise, of each store.
fn of_each_store(promise: impl Fn(&dyn ImageRecords)) {
    promise(&SqliteRecords::open(":memory:").unwrap());
    promise(&DynamoRecords::new("images", Tables::new()));
}

fn record(records: &dyn ImageRecords) -> ImageRecord {
    records.get(&key("cat")).unwrap().unwrap()
}

#[test]
fn a_record_goes_from_processing_to_completed_and_a_late_begin_changes_nothing() {
    of_each_store(|records| {
        assert_eq!(records.get(&key("cat")).unwrap(), None);
        records.begin(&key("cat"), seen(Some(8)), at(1)).unwrap();
        let begun = record(records);
        assert_eq!(
            (begun.status, &begun.metadata, begun.created_at),
            (Status::Processing, &Some(metadata(8)), at(1))
        );
        records.complete(&key("cat"), outputs(), at(2)).unwrap();
        records.begin(&key("cat"), seen(Some(8)), at(3)).unwrap();
        let completed = record(records);
        assert_eq!((completed.status, completed.outputs), (Status::Completed, Some(outputs())));
        assert_eq!((completed.created_at, completed.file_name.as_deref()), (at(1), Some("cat.jpg")));
        // Another picture under the same key begins anew.
        records.begin(&key("cat"), seen(Some(9)), at(4)).unwrap();
        let again = record(records);
        assert_eq!((again.status, again.outputs, again.updated_at), (Status::Processing, None, at(4)));
        // And so does one that cannot be read.
        records.complete(&key("cat"), outputs(), at(5)).unwrap();
        records.begin(&key("cat"), seen(None), at(6)).unwrap();
        assert_eq!(record(records).status, Status::Processing);
    });
}

#[test]
fn a_failure_is_noted_once_and_only_where_there_is_a_record() {
    of_each_store(|records| {
        assert!(!records.fail(&key("cat"), failure("resize", 1)).unwrap());
        assert_eq!(records.get(&key("cat")).unwrap(), None, "no record is made of a failure");
        records.begin(&key("cat"), seen(None), at(1)).unwrap();
        assert!(records.fail(&key("cat"), failure("resize", 2)).unwrap());
        assert!(records.fail(&key("cat"), failure("resize", 3)).unwrap());
        let failed = record(records);
        assert_eq!(
            (failed.status, failed.error_info, failed.updated_at),
            (Status::Failed, Some(failure("resize", 2)), at(2))
        );
        assert!(records.fail(&key("cat"), failure("watermark", 4)).unwrap());
        assert_eq!(record(records).error_info, Some(failure("watermark", 4)));
        records.begin(&key("cat"), seen(None), at(5)).unwrap();
        assert_eq!(record(records).error_info, None);
    });
}

#[test]
fn outputs_are_forgotten() {
    of_each_store(|records| {
        records.discard_outputs(&key("cat"), at(1)).unwrap();
        assert_eq!(records.get(&key("cat")).unwrap(), None);
        records.begin(&key("cat"), seen(Some(8)), at(1)).unwrap();
        records.discard_outputs(&key("cat"), at(2)).unwrap();
        assert_eq!((record(records).status, record(records).updated_at), (Status::Processing, at(1)));
        records.complete(&key("cat"), outputs(), at(3)).unwrap();
        records.discard_outputs(&key("cat"), at(4)).unwrap();
        assert_eq!((record(records).status, record(records).outputs), (Status::Failed, None));
    });
}

#[test]
fn records_are_listed_by_age() {
    of_each_store(|records| {
        for (image, second) in [("b", 2), ("a", 3), ("c", 1)] {
            records.begin(&key(image), seen(None), at(second)).unwrap();
        }
        let listed: Vec<String> = records.list().unwrap().into_iter().map(|record| record.image_id).collect();
        assert_eq!(listed, ["c", "b", "a"]);
    });
}

#[test]
fn an_item_has_the_attributes_that_the_specification_names() {
    let tables = Tables::new();
    let records = DynamoRecords::new("images", tables.clone());
    records.begin(&key("cat"), seen(Some(8)), at(1)).unwrap();
    records.fail(&key("cat"), failure("resize", 2)).unwrap();
    let input =
        json!({ "TableName": "images", "Key": { "imageId": { "S": "cat" }, "userId": { "S": "ann" } } });
    let item: Value = serde_json::from_str(&tables.call("GetItem", input.to_string()).unwrap()).unwrap();
    let item = &item["Item"];
    assert_eq!((&item["status"], &item["updatedAt"]), (&json!({ "S": "failed" }), &json!({ "S": at(2) })));
    let info = &item["errorInfo"]["M"];
    assert_eq!((&info["step"], &info["error"]), (&json!({ "S": "resize" }), &json!({ "S": "E" })));
    assert!(info["timestamp"]["S"].is_string(), "{item}");
}

/// A table that is too busy for the first calls.
struct Busy {
    tables: Arc<Tables>,
    refusals: std::sync::atomic::AtomicUsize,
}

impl DynamoDb for Busy {
    fn call(&self, action: &str, input: String) -> Result<String, DynamoDbError> {
        use std::sync::atomic::Ordering;
        let left = self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(DynamoDbError::of("ProvisionedThroughputExceededException", "too busy"));
        }
        self.tables.call(action, input)
    }
}

#[test]
fn a_busy_table_is_a_fault_that_the_workflow_tries_again() {
    let busy = Arc::new(Busy { tables: Tables::new(), refusals: 2.into() });
    let records: Arc<dyn ImageRecords> = Arc::new(DynamoRecords::new("images", busy));
    let bucket = || Arc::new(StoredObjects(Arc::new(object_store::memory::InMemory::new())));
    let functions = Functions::new(Services::new(bucket(), bucket(), records.clone()));
    let event = json!({ "imageId": "cat", "userId": "ann", "s3Key": "uploads/ann/cat.jpg" }).to_string();
    for _ in 0..2 {
        let error = functions.invoke(FunctionName::Validation, &event).unwrap_err();
        assert_eq!((error.error_type(), error.is_retryable()), ("Lambda.ServiceException", true), "{error}");
    }
    let error = functions.invoke(FunctionName::Validation, &event).unwrap_err();
    assert_eq!(
        error.error_type(),
        "ObjectNotFound",
        "what is wrong with the upload comes out once the record is begun"
    );
    assert_eq!(record(&*records).status, Status::Processing);
}
