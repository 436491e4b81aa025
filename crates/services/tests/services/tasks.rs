//! What a Task's resource reaches, with the outputs and errors that Step Functions has for it.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use crate::port::{ACCOUNT, Port};

/// The output without what is said about the call itself.
fn bare(mut output: Value) -> Value {
    let members = output.as_object_mut().unwrap();
    assert!(members.remove("SdkHttpMetadata").is_some() && members.remove("SdkResponseMetadata").is_some());
    output
}

#[tokio::test]
async fn optimized_integrations_send_what_they_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, arn) = port.queue("q", json!({})).await;
    let sent =
        port.task("sqs:sendMessage", json!({ "QueueUrl": url, "MessageBody": { "n": 1 } })).await.unwrap();
    let message = &port.receive(&url, 0).await[0];
    assert_eq!((&message["Body"], &message["MessageId"]), (&json!("{\"n\":1}"), &bare(sent)["MessageId"]));

    let form = "Action=CreateTopic&Version=2010-03-31&Name=t.fifo&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true";
    assert_eq!(port.form(form).await.0, 200);
    let message = json!({
        "TopicArn": format!("arn:aws:sns:us-east-1:{ACCOUNT}:t.fifo"), "Message": { "n": 1 },
        "MessageGroupId": "g", "MessageDeduplicationId": "d",
    });
    let published = bare(port.task("sns:publish", message.clone()).await.unwrap());
    assert_eq!(published["SequenceNumber"].as_str().unwrap().len(), 20);
    assert_eq!(port.task("aws-sdk:sns:publish", message).await.unwrap(), published, "it is a duplicate");

    let function = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:echo");
    assert_eq!(port.task(&function, json!([1.0])).await.unwrap(), json!([1.0]));
    let invoked =
        port.task("lambda:invoke", json!({ "FunctionName": function, "Payload": { "a": 1 } })).await.unwrap();
    assert_eq!(
        bare(invoked),
        json!({ "ExecutedVersion": "$LATEST", "Payload": { "a": 1 }, "StatusCode": 200 })
    );

    let pattern = json!({ "source": ["s"], "resources": ["arn:execution"] }).to_string();
    port.ok("AWSEvents.PutRule", json!({ "Name": "r", "EventPattern": pattern })).await;
    port.ok("AWSEvents.PutTargets", json!({ "Rule": "r", "Targets": [{ "Id": "1", "Arn": arn }] })).await;
    let entry = json!({ "Source": "s", "DetailType": "t", "Detail": { "n": 1 } });
    let put = bare(port.task("events:putEvents", json!({ "Entries": [entry] })).await.unwrap());
    assert_eq!(put["FailedEntryCount"], 0);
    let event: Value =
        serde_json::from_str(port.receive(&url, 20).await[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(event["resources"], json!(["arn:machine", "arn:execution"]));
}

#[tokio::test]
async fn sdk_integrations_have_the_casing_of_state_machines() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (url, _) = port.queue("q", json!({})).await;
    port.task("aws-sdk:sqs:sendMessage", json!({ "QueueUrl": url, "MessageBody": "m" })).await.unwrap();
    let received = port.task("aws-sdk:sqs:receiveMessage", json!({ "QueueUrl": url })).await.unwrap();
    assert_eq!(received["Messages"][0]["Body"], "m");
    for path in ["/bucket", "/bucket/key"] {
        port.send(Request::put(path).body(Body::from("text")).unwrap()).await;
    }
    let got = port.task("aws-sdk:s3:getObject", json!({ "Bucket": "bucket", "Key": "key" })).await.unwrap();
    assert_eq!(
        (&got["Body"], &got["ContentLength"], &got["Metadata"]),
        (&json!("text"), &json!(4), &json!({}))
    );
    let listed = port.task("aws-sdk:s3:listObjectsV2", json!({ "Bucket": "bucket" })).await.unwrap();
    assert_eq!((&listed["Contents"][0]["Key"], &listed["KeyCount"]), (&json!("key"), &json!(1)));
}

#[tokio::test]
async fn errors_have_the_names_and_words_of_the_sdks() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:missing");
    let fifo = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t.fifo");
    let form = "Action=CreateTopic&Version=2010-03-31&Name=t.fifo&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true";
    assert_eq!(port.form(form).await.0, 200);
    for (resource, parameters, error, cause) in [
        (
            "sns:publish",
            json!({ "TopicArn": topic, "Message": "m" }),
            "SNS.NotFoundException",
            "Topic does not exist (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: ",
        ),
        (
            "sns:publish",
            json!({ "TopicArn": fifo, "Message": "m" }),
            "SNS.InvalidParameterException",
            "Invalid parameter: The MessageGroupId parameter is required for FIFO topics (Service: AmazonSNS; Status Code: 400; Error Code: InvalidParameter; Request ID: ",
        ),
        (
            "dynamodb:getItem",
            json!({ "TableName": "missing", "Key": { "id": { "S": "1" } } }),
            "DynamoDB.ResourceNotFoundException",
            "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ResourceNotFoundException; ",
        ),
        (
            "lambda:invoke",
            json!({ "FunctionName": "missing" }),
            "Lambda.ResourceNotFoundException",
            "Function not found: arn:aws:lambda:",
        ),
        ("lambda:invoke", json!({ "FunctionName": "echo", "Payload": { "fail": "Custom" } }), "Custom", "{"),
        (
            "aws-sdk:s3:listObjects",
            json!({ "Bucket": "missing" }),
            "S3.NoSuchBucketException",
            "The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: ",
        ),
        (
            "aws-sdk:dynamodb:query",
            json!({ "TableName": "missing", "KeyConditionExpression": "id = :i", "ExpressionAttributeValues": { ":i": { "S": "1" } } }),
            "DynamoDb.ResourceNotFoundException",
            "Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: ",
        ),
        (
            "sqs:sendMessage",
            json!({ "QueueUrl": "http://no-such-queue", "MessageBody": "m" }),
            "SQS.SdkClientException",
            "Unable to execute HTTP request: no-such-queue: Name or service not known",
        ),
        (
            "events:putEvents",
            json!({ "Entries": [{ "Source": "s", "DetailType": "t", "Detail": "no" }] }),
            "EventBridge.FailedEntry",
            "{\"Entries\":[{\"ErrorCode\":\"MalformedDetail\",\"ErrorMessage\":\"Detail is malformed.\"}],\"FailedEntryCount\":1}",
        ),
        (
            "glue:startJobRun",
            json!({}),
            "States.TaskFailed",
            "The resource glue:startJobRun is not supported here",
        ),
        (
            "aws-sdk:nonsense:call",
            json!({}),
            "States.TaskFailed",
            "The resource aws-sdk:nonsense:call is not supported here",
        ),
        (
            "aws-sdk:kms:encrypt",
            json!({}),
            "Kms.KmsException",
            "The operation TrentService.Encrypt of the service is not supported here",
        ),
    ] {
        let fault = port.task(resource, parameters).await.unwrap_err();
        assert_eq!(fault.error, error, "{fault}");
        assert!(fault.cause.starts_with(cause), "{fault}");
    }
}
