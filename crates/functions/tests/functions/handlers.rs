//! The five functions as a workflow calls them: events in, answers out.

use std::sync::Arc;

use darkroom_functions::{
    FunctionError, FunctionName, Functions, ImageKey, Services, SqliteRecords, Status, StoredObjects,
};
use futures::TryStreamExt;
use futures::executor::block_on;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};

use crate::fixtures::{example, jpeg, photo};

const UPLOAD: &str = "uploads/ann/cat.jpg";

struct Platform {
    functions: Functions,
    input: Arc<InMemory>,
    output: Arc<InMemory>,
}

impl Platform {
    fn new() -> Self {
        let (input, output) = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
        let records = Arc::new(SqliteRecords::open(":memory:").unwrap());
        let mut services = Services::new(
            Arc::new(StoredObjects(input.clone())),
            Arc::new(StoredObjects(output.clone())),
            records,
        );
        services.clock = Arc::new(|| "2026-01-02T03:04:05Z".parse().unwrap());
        Self { functions: Functions::new(services), input, output }
    }

    /// With a photo of 1920 x 1080 pixels among Ann's uploads.
    fn with_upload() -> Self {
        let platform = Self::new();
        let wide = image::imageops::resize(&photo(), 1920, 1080, image::imageops::FilterType::Triangle);
        platform.upload(UPLOAD, jpeg(&wide));
        platform
    }

    fn upload(&self, key: &str, content: Vec<u8>) {
        block_on(self.input.put(&Path::from(key), content.into())).unwrap();
    }

    fn outputs(&self) -> Vec<String> {
        let listed: Vec<_> = block_on(self.output.list(None).try_collect()).unwrap();
        let mut keys: Vec<_> = listed.into_iter().map(|object| object.location.to_string()).collect();
        keys.sort();
        keys
    }

    fn invoke(&self, function: FunctionName, event: &Value) -> Result<Value, FunctionError> {
        let answer = self.functions.invoke(function, &event.to_string())?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    /// Calls the function twice, as the workflow may: both calls must answer the same.
    fn twice(&self, function: FunctionName, event: &Value) -> Value {
        let first = self.invoke(function, event).unwrap();
        let record = self.record();
        assert_eq!(first, self.invoke(function, event).unwrap(), "{function} twice");
        assert_eq!(record, self.record(), "the record after {function} twice");
        first
    }

    fn record(&self) -> Option<Value> {
        let key = ImageKey::new("cat", "ann").unwrap();
        let record = self.functions.services().records.get(&key).unwrap();
        record.map(|record| serde_json::to_value(record).unwrap())
    }

    fn run_to_watermark(&self) -> Value {
        self.invoke(FunctionName::Validation, &event()).unwrap();
        let resized = self.invoke(FunctionName::Resize, &event()).unwrap();
        self.invoke(FunctionName::Watermark, &watermark_event(&resized)).unwrap()
    }
}

fn event() -> Value {
    json!({
        "imageId": "cat", "userId": "ann", "s3Key": UPLOAD,
        "fileName": "my cat.jpg", "fileSize": 2_048_576, "fileType": "image/jpeg",
        "validationResult": {"result": "valid"},
    })
}

fn watermark_event(resized: &Value) -> Value {
    json!({"imageId": "cat", "userId": "ann", "resizeResult": resized})
}

#[test]
fn the_answers_have_the_shapes_of_the_specification() {
    let platform = Platform::with_upload();
    let mut validated = platform.twice(FunctionName::Validation, &event());
    assert!(validated.as_object_mut().unwrap().remove("notes").is_some(), "the announced size was wrong");
    let expected = json!({
        "result": "valid",
        "imageMetadata": {"width": 1920, "height": 1080, "format": "JPEG", "colorSpace": "sRGB"},
        "validationDetails": {"fileSizeValid": true, "formatValid": true, "dimensionsValid": true},
    });
    assert_eq!(validated, expected);
    let record = platform.record().unwrap();
    assert_eq!(record["status"], "processing");
    assert_eq!(record["fileName"], "my cat.jpg");
    assert_eq!(record["metadata"], expected["imageMetadata"]);

    let resized = platform.twice(FunctionName::Resize, &event());
    let sizes: Vec<u64> =
        [0, 1].map(|index| resized["resizedImages"][index]["fileSize"].as_u64().unwrap()).to_vec();
    let expected = json!({
        "status": "completed",
        "resizedImages": [
            {"size": "small", "dimensions": "800x450", "s3Key": "processed/ann/cat-small.jpg", "fileSize": sizes[0]},
            {"size": "medium", "dimensions": "1200x675", "s3Key": "processed/ann/cat-medium.jpg", "fileSize": sizes[1]},
        ],
    });
    assert_eq!(resized, expected);

    let marked = platform.twice(FunctionName::Watermark, &watermark_event(&resized));
    let image = |size: &str| {
        json!({
            "size": size, "s3Key": format!("processed/ann/cat-{size}-watermarked.jpg"),
            "watermarkType": "text", "watermarkText": "Processed by Image Platform",
        })
    };
    let expected = json!({"status": "completed", "watermarkedImages": [image("small"), image("medium")]});
    assert_eq!(marked, expected);
    let record = platform.record().unwrap();
    assert_eq!(record["status"], "completed");
    assert_eq!(record["outputs"]["watermarkedImages"], expected["watermarkedImages"]);
    assert_eq!(record["outputs"]["resizedImages"], resized["resizedImages"]);
    assert_eq!(platform.outputs().len(), 4);
}

#[test]
fn an_invalid_upload_is_an_answer_with_a_record() {
    let platform = Platform::new();
    platform.upload(UPLOAD, example("broken/text.jpg"));
    let answer = platform.twice(FunctionName::Validation, &event());
    assert_eq!(answer["result"], "invalid");
    assert_eq!(answer["imageMetadata"], Value::Null);
    assert_eq!(answer["reasons"][0], "this is a text file, not an image");
    assert_eq!(platform.record().unwrap()["status"], "processing");
    let refused = platform.invoke(FunctionName::Resize, &event()).unwrap_err();
    assert_eq!((refused.error_type(), refused.is_retryable()), ("ImageRefused", false));
    assert!(platform.outputs().is_empty());
}

#[test]
fn an_upload_that_is_not_there_is_an_error_with_a_record_to_note_it_in() {
    let platform = Platform::new();
    let error = platform.invoke(FunctionName::Validation, &event()).unwrap_err();
    assert_eq!(error.error_type(), "ObjectNotFound");
    assert!(error.to_string().contains(UPLOAD), "{error}");
    let failure = json!({"imageId": "cat", "userId": "ann", "step": "validation",
        "error": {"Error": error.error_type(), "Cause": error.to_string()}});
    platform.invoke(FunctionName::ErrorHandler, &failure).unwrap();
    assert_eq!(platform.record().unwrap()["status"], "failed");
}

#[test]
fn an_upload_that_is_too_long_is_not_read() {
    let mut services = Platform::with_upload().functions.services().clone();
    services.limits.file_bytes_max = 1_000;
    let answer = Functions::new(services).invoke(FunctionName::Validation, &event().to_string()).unwrap();
    assert!(answer.contains(r#""fileSizeValid":false"#), "{answer}");
    assert!(answer.contains("at most 1000 are accepted"), "{answer}");
}

#[test]
fn the_error_handler_notes_the_failure_once() {
    let platform = Platform::with_upload();
    let failure = json!({"imageId": "cat", "userId": "ann", "step": "resize",
        "error": {"Error": "ImageRefused", "Cause": "too small"}});
    let unknown = platform.invoke(FunctionName::ErrorHandler, &failure).unwrap_err();
    assert_eq!(unknown.error_type(), "RecordNotFound");
    assert!(platform.record().is_none(), "no phantom record");

    platform.invoke(FunctionName::Validation, &event()).unwrap();
    let answer = platform.twice(FunctionName::ErrorHandler, &failure);
    let body = json!({"message": "Error handled successfully", "imageId": "cat", "step": "resize", "error": "ImageRefused"});
    assert_eq!(answer, json!({"statusCode": 200, "body": body}));
    let record = platform.record().unwrap();
    assert_eq!(record["status"], "failed");
    let info = json!({"step": "resize", "error": "ImageRefused", "reason": "too small", "cause": "too small",
        "timestamp": "2026-01-02T03:04:05Z"});
    assert_eq!(record["errorInfo"], info);
    assert_eq!(record["updatedAt"], "2026-01-02T03:04:05Z");
}

#[test]
fn a_new_run_forgets_the_failure_and_a_late_call_does_not_undo_the_outputs() {
    let platform = Platform::with_upload();
    let failure = json!({"imageId": "cat", "userId": "ann", "step": "resize", "error": {"Error": "E"}});
    platform.invoke(FunctionName::Validation, &event()).unwrap();
    platform.invoke(FunctionName::ErrorHandler, &failure).unwrap();
    platform.invoke(FunctionName::Validation, &event()).unwrap();
    let record = platform.record().unwrap();
    assert_eq!((&record["status"], &record["errorInfo"]), (&json!("processing"), &Value::Null));
    platform.run_to_watermark();
    let completed = platform.record();
    platform.invoke(FunctionName::Validation, &event()).unwrap();
    assert_eq!(platform.record(), completed);
}

#[test]
fn a_call_after_a_crash_half_way_answers_as_if_there_had_been_none() {
    let undisturbed = Platform::with_upload().run_to_watermark();
    let platform = Platform::with_upload();
    // What a first call may have left: one size, without an answer.
    let small = Path::from("processed/ann/cat-small.jpg");
    block_on(platform.output.put(&small, vec![1, 2, 3].into())).unwrap();
    assert_eq!(platform.run_to_watermark(), undisturbed);
    assert_eq!(platform.outputs().len(), 4);
}

#[test]
fn cleanup_removes_this_image_and_nothing_else() {
    let platform = Platform::with_upload();
    platform.run_to_watermark();
    // Ids that begin as this one does, and one that looks like one of its outputs.
    let others = ["cat-small", "cat-small-watermarked", "ca", "cat2"];
    for other in others {
        let mut event = event();
        event["imageId"] = json!(other);
        platform.invoke(FunctionName::Resize, &event).unwrap();
    }
    let before = platform.outputs();
    let answer = platform
        .twice(FunctionName::Cleanup, &json!({"imageId": "cat", "userId": "ann", "errorHandling": {}}));
    let removed: Vec<String> = serde_json::from_value(answer["removed"].clone()).unwrap();
    let mine = ["small", "small-watermarked", "medium", "medium-watermarked"];
    assert_eq!(removed, mine.map(|output| format!("processed/ann/cat-{output}.jpg")));
    let expected: Vec<_> = before.into_iter().filter(|key| !removed.contains(key)).collect();
    assert_eq!(platform.outputs(), expected);
    assert_eq!(expected.len(), 2 * others.len());
    assert!(block_on(platform.input.head(&Path::from(UPLOAD))).is_ok(), "the upload stays");
    let record = platform.record().unwrap();
    assert_eq!((&record["status"], &record["outputs"]), (&json!("failed"), &Value::Null));
}

#[test]
fn cleanup_after_a_failure_keeps_its_reason() {
    let platform = Platform::with_upload();
    let failure = json!({"imageId": "cat", "userId": "ann", "step": "watermark", "error": {"Error": "E", "Cause": "c"}});
    platform.invoke(FunctionName::Validation, &event()).unwrap();
    platform.invoke(FunctionName::Resize, &event()).unwrap();
    platform.invoke(FunctionName::ErrorHandler, &failure).unwrap();
    let noted = platform.record();
    platform.twice(FunctionName::Cleanup, &json!({"imageId": "cat", "userId": "ann"}));
    assert_eq!(platform.record(), noted);
    assert!(platform.outputs().is_empty());
}

#[test]
fn cleanup_of_an_unknown_image_makes_no_record() {
    let platform = Platform::new();
    platform.twice(FunctionName::Cleanup, &json!({"imageId": "cat", "userId": "ann"}));
    assert!(platform.record().is_none());
}

#[test]
fn hostile_events_are_refused_with_what_is_wrong() {
    use FunctionName::{Cleanup, ErrorHandler, Resize, Validation, Watermark};
    let platform = Platform::with_upload();
    let changed = |member: &str, value: Value| {
        let mut event = event();
        event[member] = value;
        event.to_string()
    };
    let without = |member: &str| {
        let mut event = event();
        event.as_object_mut().unwrap().remove(member);
        event.to_string()
    };
    let images = |image: Value| watermark_event(&json!({"resizedImages": image})).to_string();
    let image =
        |size: &str, key: &str| json!([{"size": size, "dimensions": "1x1", "s3Key": key, "fileSize": 1}]);
    let cases = [
        (Validation, "not JSON".to_owned(), "InvalidEvent", "expected"),
        (Validation, "[]".to_owned(), "InvalidEvent", "invalid length 0"),
        (Validation, without("imageId"), "InvalidEvent", "missing field `imageId`"),
        (Resize, without("s3Key"), "InvalidEvent", "missing field `s3Key`"),
        (Validation, changed("imageId", json!(7)), "InvalidEvent", "expected a string"),
        (Validation, changed("fileSize", json!(-1)), "InvalidEvent", "expected u64"),
        (Validation, changed("fileName", json!([])), "InvalidEvent", "expected a string"),
        (Validation, changed("imageId", json!("../cat")), "InvalidKey", "imageId \"../cat\" is not allowed"),
        (Resize, changed("userId", json!("")), "InvalidKey", "1 to 128 characters"),
        (Cleanup, changed("imageId", json!(".")), "InvalidKey", "start with a dot"),
        (Validation, changed("s3Key", json!("../../etc/passwd")), "InvalidKey", "'..' segment"),
        (Resize, changed("s3Key", json!("/etc/passwd")), "InvalidKey", "empty"),
        (Resize, changed("s3Key", json!("uploads/ben/dog.jpg")), "InvalidKey", "uploads of \"ben\""),
        (Watermark, images(json!([])), "InvalidEvent", "is empty"),
        (
            Watermark,
            images(image("huge", "processed/ann/cat-huge.jpg")),
            "InvalidEvent",
            "unknown size \"huge\"",
        ),
        (
            Watermark,
            images(image("small", "processed/ben/cat-small.jpg")),
            "InvalidEvent",
            "expected \"processed/ann",
        ),
        (Watermark, images(image("small", "processed/ann/cat-small.jpg")), "ObjectNotFound", "cat-small.jpg"),
        (ErrorHandler, changed("step", json!("resize")), "InvalidEvent", "missing field `error`"),
        (ErrorHandler, changed("error", json!("oops")), "InvalidEvent", "invalid type"),
    ];
    for (function, event, error_type, problem) in cases {
        let error = platform.functions.invoke(function, &event).expect_err(&event);
        assert_eq!(error.error_type(), error_type, "{function} {event}: {error}");
        assert!(error.to_string().contains(problem), "{function} {event}: {error}");
    }
    assert!(platform.outputs().is_empty());
}

#[test]
fn many_threads_may_call_at_once() {
    let platform = Platform::with_upload();
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| platform.run_to_watermark())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(platform.functions.services().records.list().unwrap().len(), 1);
    assert_eq!(platform.record().unwrap()["status"], json!(Status::Completed));
}

#[test]
fn functions_are_found_by_the_end_of_their_names() {
    for function in FunctionName::ALL {
        assert_eq!(function.as_str().parse(), Ok(function));
    }
    assert!("errorHandler".parse::<FunctionName>().is_err());
}
