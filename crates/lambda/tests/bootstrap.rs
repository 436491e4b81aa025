//! The functions' programs, run as children of the embedded Lambda, with buckets and a table over a real port: the
//! workflow's three steps, as they run on AWS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use darkroom_port::Server;
use darkroom_services::clock::Clock;
use darkroom_services::lambda::{Function, Process, ProcessSettings};
use darkroom_services::roles::Roles;
use darkroom_services::router::Router;
use darkroom_services::s3::Folders;
use darkroom_services::tasks::HttpSettings;
use darkroom_services::wire::Home;
use darkroom_services::{Services, Settings};
use serde_json::{Value, json};

const PROGRAMS: [(&str, &str); 5] = [
    ("validation", env!("CARGO_BIN_EXE_bootstrap-validation")),
    ("resize", env!("CARGO_BIN_EXE_bootstrap-resize")),
    ("watermark", env!("CARGO_BIN_EXE_bootstrap-watermark")),
    ("error-handler", env!("CARGO_BIN_EXE_bootstrap-error-handler")),
    ("cleanup", env!("CARGO_BIN_EXE_bootstrap-cleanup")),
];

fn function(name: &str, program: &str, url: &str) -> Arc<dyn Function> {
    let environment =
        [("INPUT_BUCKET", "photos-in"), ("OUTPUT_BUCKET", "photos-out"), ("DYNAMODB_TABLE", "images")];
    Arc::new(Process::new(ProcessSettings {
        name: name.to_owned(),
        command: vec![program.to_owned()],
        directory: None,
        handler: "bootstrap".to_owned(),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        timeout: Duration::from_mins(1),
        memory_mb: 1024,
        concurrency: 1,
        region: "us-east-1".to_owned(),
        endpoint_url: url.to_owned(),
        access_key: None,
    }))
}

async fn send(
    router: &Router,
    request: http::request::Builder,
    body: impl Into<Body>,
) -> (http::HeaderMap, Vec<u8>) {
    let answer = router.answer(request.body(body.into()).unwrap()).await;
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 64 * 1024 * 1024).await.unwrap().to_vec();
    assert!(parts.status.is_success(), "{}: {}", parts.status, String::from_utf8_lossy(&body));
    (parts.headers, body)
}

/// What the function gives back; its error's description where it fails.
async fn invoke(router: &Router, name: &str, event: &Value) -> Result<Value, Value> {
    let request = Request::post(format!("/2015-03-31/functions/{name}/invocations"));
    let (headers, body) = send(router, request, event.to_string()).await;
    let answer = serde_json::from_slice(&body).unwrap();
    if headers.contains_key("x-amz-function-error") { Err(answer) } else { Ok(answer) }
}

async fn item(router: &Router) -> Value {
    let input =
        json!({ "TableName": "images", "Key": { "imageId": { "S": "p1" }, "userId": { "S": "u1" } } });
    let request = Request::post("/").header("x-amz-target", "DynamoDB_20120810.GetItem");
    let (_, body) = send(router, request, input.to_string()).await;
    serde_json::from_slice::<Value>(&body).unwrap()["Item"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_take_a_photo_through_the_workflow_s_steps() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let functions =
        PROGRAMS.into_iter().map(|(name, program)| (name.to_owned(), function(name, program, &url)));
    let settings = Settings {
        home: Home { region: "us-east-1".to_owned(), account: "000000000000".to_owned(), url: url.clone() },
        data: folder.path().to_owned(),
        folders: Folders { root: folder.path().join("buckets"), elsewhere: BTreeMap::new() },
        endpoints: Arc::default(),
        functions: functions.collect(),
        mail: None,
        http: HttpSettings::default(),
        roles: Arc::new(Roles::none()),
        clock: Clock::System,
        segments: None,
    };
    let services = Services::open(settings, |_| Vec::new()).unwrap();
    let router = services.router.clone();
    tokio::spawn(Server::new(router.clone()).serve(listener, std::future::pending()));

    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let table = json!({
        "TableName": "images", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [key("imageId", "HASH"), key("userId", "RANGE")],
        "AttributeDefinitions": [attribute("imageId"), attribute("userId")],
    });
    let create = Request::post("/").header("x-amz-target", "DynamoDB_20120810.CreateTable");
    send(&router, create, table.to_string()).await;
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/rocket.jpg");
    send(&router, Request::put("/photos-in"), "").await;
    send(&router, Request::put("/photos-out"), "").await;
    send(&router, Request::put("/photos-in/uploads/u1/p1.jpg"), std::fs::read(photo).unwrap()).await;

    let event =
        json!({ "imageId": "p1", "userId": "u1", "s3Key": "uploads/u1/p1.jpg", "fileName": "p1.jpg" });
    let valid = invoke(&router, "validation", &event).await.unwrap();
    assert_eq!(valid["result"], "valid", "{valid}");
    let resized = invoke(&router, "resize", &event).await.unwrap();
    assert_eq!(resized["status"], "completed", "{resized}");
    let marked = json!({ "imageId": "p1", "userId": "u1", "resizeResult": resized });
    assert_eq!(invoke(&router, "watermark", &marked).await.unwrap()["status"], "completed");
    assert_eq!(item(&router).await["status"], json!({ "S": "completed" }));
    let (_, listed) = send(&router, Request::get("/photos-out?list-type=2"), "").await;
    assert_eq!(String::from_utf8_lossy(&listed).matches("<Key>processed/u1/p1-").count(), 4);

    // What goes wrong has the name that the workflow knows it by.
    let missing = json!({ "imageId": "p2", "userId": "u1", "s3Key": "uploads/u1/p2.jpg" });
    assert_eq!(invoke(&router, "resize", &missing).await.unwrap_err()["errorType"], "ObjectNotFound");
    let failure =
        json!({ "imageId": "p1", "userId": "u1", "step": "resize", "error": { "Error": "E", "Cause": "C" } });
    assert_eq!(invoke(&router, "error-handler", &failure).await.unwrap()["statusCode"], 200);
    let clean = json!({ "imageId": "p1", "userId": "u1" });
    assert_eq!(invoke(&router, "cleanup", &clean).await.unwrap()["removed"].as_array().unwrap().len(), 4);
    let left = item(&router).await;
    assert_eq!((&left["status"], left.get("outputs")), (&json!({ "S": "failed" }), None));
}
