//! CloudWatch over its protocols, and the specification's failures alarm by a clock that the test sets.

use axum::body::Body;
use axum::extract::Request;
use ciborium::Value as Cbor;
use darkroom_services::cloudwatch::{Bucket, MINUTE_MS, Metric, Series, Unit};
use serde_json::{Value, json};

use crate::port::Port;

const TARGET: &str = "GraniteServiceVersion20100801";
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:image-processing";

fn failures() -> Series {
    let dimension = ("StateMachineArn".to_owned(), MACHINE.to_owned());
    Series { metric: Metric::new("AWS/States", "ExecutionsFailed", [dimension]), unit: Unit::COUNT }
}

fn target(action: &str) -> String {
    format!("{TARGET}.{action}")
}

/// The specification's alarm, with the corrections: somebody is told, and no failures are no failures.
fn alarm(topic: &str) -> Value {
    json!({
        "AlarmName": "photos-execution-failures", "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 2, "MetricName": "ExecutionsFailed", "Namespace": "AWS/States", "Period": 300,
        "Statistic": "Sum", "Threshold": 5, "AlarmDescription": "Executions fail",
        "Dimensions": [{ "Name": "StateMachineArn", "Value": MACHINE }],
        "AlarmActions": [topic], "OKActions": [topic], "TreatMissingData": "notBreaching",
    })
}

async fn topic_with_queue(port: &Port) -> (String, Value) {
    let (url, queue) = port.queue("told", json!({})).await;
    let (_, answer) = port.form("Action=CreateTopic&Version=2010-03-31&Name=alarms").await;
    let topic = answer.split("<TopicArn>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let subscribe =
        format!("Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=sqs&Endpoint={queue}");
    assert_eq!(port.form(&subscribe).await.0, 200);
    (topic, url)
}

async fn state(port: &Port) -> Value {
    let input = json!({ "AlarmNames": ["photos-execution-failures"] });
    port.ok(&target("DescribeAlarms"), input).await["MetricAlarms"][0].clone()
}

/// The messages of a queue, which are gone with this.
async fn taken(port: &Port, url: &Value) -> Vec<Value> {
    let messages = port.receive(url, 5).await;
    for message in &messages {
        let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        port.ok("AmazonSQS.DeleteMessage", input).await;
    }
    messages
}

/// A minute passes, in which so many executions fail; then alarms are looked at.
async fn minute(port: &Port, failed: u32) {
    let now_ms = port.now_ms.load(std::sync::atomic::Ordering::SeqCst);
    if failed > 0 {
        let bucket = Bucket::of(1.0, f64::from(failed));
        assert_eq!(port.services.metrics.record([(&failures(), now_ms / MINUTE_MS, &bucket)]), 0);
    }
    port.wait(MINUTE_MS);
    port.services.metrics.evaluate().await.unwrap();
}

#[tokio::test]
async fn the_failures_alarm_fires_tells_its_topic_once_and_clears() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (topic, url) = topic_with_queue(&port).await;
    port.ok(&target("PutMetricAlarm"), alarm(&topic)).await;
    assert_eq!(state(&port).await["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(state(&port).await["StateReason"], "Unchecked: Initial alarm creation");
    minute(&port, 0).await;
    assert_eq!(state(&port).await["StateValue"], "OK", "no failures are no failures");
    let told = |message: &Value| -> (Value, Value) {
        let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        (body["Subject"].clone(), serde_json::from_str(body["Message"].as_str().unwrap()).unwrap())
    };
    let messages = taken(&port, &url).await;
    assert_eq!(told(&messages[0]).1["NewStateValue"], "OK");

    // Six failures within five minutes are too many, but two periods must have them.
    minute(&port, 6).await;
    assert_eq!(state(&port).await["StateValue"], "OK");
    let mut minutes = 1;
    while state(&port).await["StateValue"] == "OK" && minutes < 30 {
        minute(&port, 2).await;
        minutes += 1;
    }
    let alarm = state(&port).await;
    assert_eq!(
        (alarm["StateValue"].as_str(), minutes),
        (Some("ALARM"), 6),
        "the window before the last has the first six"
    );
    let reason = alarm["StateReason"].as_str().unwrap();
    assert!(
        reason.starts_with("Threshold Crossed: 2 out of the last 2 datapoints [10.0 (15/06/25 ")
            && reason.ends_with(
                "were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
            ),
        "{reason}"
    );
    let data: Value = serde_json::from_str(alarm["StateReasonData"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&data["statistic"], &data["period"], &data["threshold"]),
        (&json!("Sum"), &json!(300), &json!(5.0))
    );
    assert_eq!(data["recentDatapoints"].as_array().map(Vec::len), Some(2));

    minute(&port, 2).await;
    let messages = taken(&port, &url).await;
    assert_eq!(messages.len(), 1, "a topic is told of the change, and not of its lasting");
    let (subject, message) = told(&messages[0]);
    assert_eq!(subject, "ALARM: \"photos-execution-failures\" in us-east-1");
    assert_eq!(
        (&message["OldStateValue"], &message["Trigger"]["MetricName"], &message["Trigger"]["Statistic"]),
        (&json!("OK"), &json!("ExecutionsFailed"), &json!("SUM"))
    );

    let mut minutes = 0;
    while state(&port).await["StateValue"] == "ALARM" && minutes < 60 {
        minute(&port, 0).await;
        minutes += 1;
    }
    assert_eq!(state(&port).await["StateValue"], "OK");
    let messages = taken(&port, &url).await;
    assert_eq!(told(&messages[0]).1["NewStateValue"], "OK");

    let history = json!({ "AlarmName": "photos-execution-failures", "HistoryItemType": "StateUpdate" });
    let history = port.ok(&target("DescribeAlarmHistory"), history).await;
    let summaries: Vec<&Value> =
        history["AlarmHistoryItems"].as_array().unwrap().iter().map(|item| &item["HistorySummary"]).collect();
    assert_eq!(
        summaries,
        [
            "Alarm updated from ALARM to OK",
            "Alarm updated from OK to ALARM",
            "Alarm updated from INSUFFICIENT_DATA to OK"
        ]
    );
}

#[tokio::test]
async fn alarms_and_what_was_written_of_metrics_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    {
        let port = Port::open(folder.path());
        let mut alarm = alarm("arn:aws:sns:us-east-1:000000000000:t");
        // An evaluation between this and the end changes nothing.
        alarm["TreatMissingData"] = json!("ignore");
        port.ok(&target("PutMetricAlarm"), alarm).await;
        let set = json!({
            "AlarmName": "photos-execution-failures", "StateValue": "ALARM", "StateReason": "a test",
        });
        port.ok(&target("SetAlarmState"), set).await;
        let data = json!({ "Namespace": "N", "MetricData": [{ "MetricName": "m", "Values": [1, 2], "Counts": [3, 1] }] });
        port.ok(&target("PutMetricData"), data).await;
        port.services.metrics.write().await.unwrap();
    }
    let port = Port::open(folder.path());
    let alarm = state(&port).await;
    assert_eq!((&alarm["StateValue"], &alarm["StateReason"]), (&json!("ALARM"), &json!("a test")));
    let data = json!({ "Namespace": "N", "MetricData": [{ "MetricName": "m", "Value": 5 }] });
    port.ok(&target("PutMetricData"), data).await;
    let (start, end) = (1_750_000_000 - 300, 1_750_000_000 + 60);
    let input = json!({
        "Namespace": "N", "MetricName": "m", "StartTime": start, "EndTime": end, "Period": 300,
        "Statistics": ["Sum", "SampleCount", "Maximum"], "ExtendedStatistics": ["p50"],
    });
    let output = port.ok(&target("GetMetricStatistics"), input).await;
    let point = &output["Datapoints"][0];
    let sums: Vec<&Value> = output["Datapoints"].as_array().unwrap().iter().map(|it| &it["Sum"]).collect();
    assert_eq!(sums, [&json!(10.0)], "{point}");
}

#[tokio::test]
async fn one_call_in_three_protocols() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let (now, form) = (1_750_000_000_i64, "Version=2010-08-01&Namespace=N");
    let put = format!(
        "Action=PutMetricData&{form}&MetricData.member.1.MetricName=m&MetricData.member.1.Value=2.5&\
         MetricData.member.1.Unit=Count&MetricData.member.1.Dimensions.member.1.Name=d&\
         MetricData.member.1.Dimensions.member.1.Value=v"
    );
    let (status, body) = port.form(&put).await;
    assert_eq!(status, 200, "{body}");

    let dimensions = json!([{ "Name": "d", "Value": "v" }]);
    let input = json!({
        "Namespace": "N", "MetricName": "m", "Dimensions": dimensions, "StartTime": now - 60,
        "EndTime": now + 60, "Period": 60, "Statistics": ["Sum"],
    });
    let output = port.ok(&target("GetMetricStatistics"), input).await;
    let time = 1_749_999_960.0;
    assert_eq!(
        output,
        json!({ "Label": "m", "Datapoints": [{ "Timestamp": time, "Sum": 2.5, "Unit": "Count" }] })
    );

    let get = format!(
        "Action=GetMetricStatistics&{form}&MetricName=m&StartTime=2025-06-15T15:05:00Z&EndTime=2025-06-15T15:08:00Z\
         &Period=60&Statistics.member.1=Sum&Dimensions.member.1.Name=d&Dimensions.member.1.Value=v"
    );
    let (_, body) = port.form(&get).await;
    assert!(
        body.contains("<Label>m</Label><Datapoints><member><Timestamp>2025-06-15T15:06:00.000Z</Timestamp><Sum>2.5</Sum>"),
        "{body}"
    );

    let time = |seconds: i64| Cbor::Tag(1, Box::new(Cbor::from(seconds)));
    let dimension = Cbor::Map(vec![("Name".into(), "d".into()), ("Value".into(), "v".into())]);
    let input = Cbor::Map(vec![
        ("Namespace".into(), "N".into()),
        ("MetricName".into(), "m".into()),
        ("Dimensions".into(), Cbor::Array(vec![dimension])),
        ("StartTime".into(), time(now - 60)),
        ("EndTime".into(), time(now + 60)),
        ("Period".into(), 60.into()),
        ("Statistics".into(), Cbor::Array(vec!["Sum".into()])),
    ]);
    let (status, output) = cbor(&port, "GetMetricStatistics", &input).await;
    assert_eq!(status, 200);
    let label = output.as_map().unwrap().iter().find(|(name, _)| name.as_text() == Some("Label"));
    assert_eq!(label.unwrap().1.as_text(), Some("m"));
    let (status, fault) = cbor(&port, "GetMetricStatistics", &Cbor::Map(Vec::new())).await;
    let kind = fault.as_map().unwrap()[0].1.as_text().unwrap().to_owned();
    assert_eq!((status, &*kind), (400, "com.amazonaws.cloudwatch#MissingRequiredParameterException"));
}

async fn cbor(port: &Port, action: &str, input: &Cbor) -> (u16, Cbor) {
    let mut body = Vec::new();
    ciborium::into_writer(input, &mut body).unwrap();
    let request = Request::post(format!("/service/{TARGET}/operation/{action}"))
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor")
        .body(Body::from(body));
    let response = port.services.router.answer(request.unwrap()).await;
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
    (status, ciborium::from_reader(&*body).unwrap())
}

#[tokio::test]
async fn metric_data_comes_in_pages_and_by_expressions() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let now = 1_750_000_000_i64;
    for (name, value) in [("failed", 1), ("started", 4)] {
        let data = json!({ "Namespace": "N", "MetricData": [
            { "MetricName": name, "Value": value, "Timestamp": now - 60 }, { "MetricName": name, "Value": value },
        ] });
        port.ok(&target("PutMetricData"), data).await;
    }
    let stat = |id: &str, name: &str| {
        json!({ "Id": id, "ReturnData": id == "m2", "MetricStat": {
            "Metric": { "Namespace": "N", "MetricName": name }, "Period": 60, "Stat": "Sum",
        } })
    };
    let mut input = json!({
        "StartTime": now - 3600, "EndTime": now + 60, "MaxDatapoints": 3,
        "MetricDataQueries": [
            stat("m1", "failed"), stat("m2", "started"), { "Id": "ratio", "Expression": "m1/m2*100" },
        ],
    });
    let first = port.ok(&target("GetMetricData"), input.clone()).await;
    let results = &first["MetricDataResults"];
    assert_eq!((&results[0]["Values"], &results[0]["StatusCode"]), (&json!([4.0, 4.0]), &json!("Complete")));
    assert_eq!((&results[1]["Values"], &results[1]["StatusCode"]), (&json!([25.0]), &json!("PartialData")));
    input["NextToken"] = first["NextToken"].clone();
    let second = port.ok(&target("GetMetricData"), input.clone()).await;
    assert_eq!(second["NextToken"], Value::Null);
    let results = second["MetricDataResults"].as_array().unwrap();
    assert_eq!(
        (results.len(), &results[0]["Values"], &results[0]["StatusCode"]),
        (1, &json!([25.0]), &json!("Complete"))
    );

    let listed = port.ok(&target("ListMetrics"), json!({ "Namespace": "N", "MetricName": "failed" })).await;
    let metric = json!({ "Namespace": "N", "MetricName": "failed", "Dimensions": [] });
    assert_eq!(listed["Metrics"], json!([metric]));
}

#[tokio::test]
async fn what_is_not_known_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let datum = |datum: Value| json!({ "Namespace": "N", "MetricData": [datum] });
    let with = |member: &str, value: Value| {
        let mut alarm = alarm("arn:aws:sns:us-east-1:000000000000:t");
        alarm[member] = value;
        alarm
    };
    for (action, input, code, text) in [
        (
            "PutCompositeAlarm",
            json!({}),
            "UnknownOperationException",
            "PutCompositeAlarm of CloudWatch is not supported",
        ),
        ("PutMetricData", json!({}), "MissingRequiredParameterException", "Namespace"),
        ("PutMetricData", datum(json!({ "MetricName": "m" })), "MissingRequiredParameterException", "Value"),
        (
            "PutMetricData",
            datum(json!({ "MetricName": "m", "Value": 1, "Values": [1] })),
            "InvalidParameterCombinationException",
            "exclusive",
        ),
        (
            "PutMetricData",
            datum(json!({ "MetricName": "m", "Value": 1, "Unit": "Pounds" })),
            "InvalidParameterValueException",
            "Pounds",
        ),
        (
            "PutMetricData",
            datum(json!({ "MetricName": "m", "Value": 1, "Timestamp": 0 })),
            "InvalidParameterValueException",
            "two weeks",
        ),
        (
            "PutMetricData",
            datum(json!({ "MetricName": "m", "Value": 1e200 })),
            "InvalidParameterValueException",
            "2^360",
        ),
        ("PutMetricAlarm", with("Period", json!(10)), "ValidationError", "below 60 seconds is not supported"),
        ("PutMetricAlarm", with("Statistic", json!("p99")), "InvalidParameterValueException", "p99"),
        ("PutMetricAlarm", with("DatapointsToAlarm", json!(3)), "ValidationError", "DatapointsToAlarm"),
        ("PutMetricAlarm", with("TreatMissingData", json!("maybe")), "ValidationError", "maybe"),
        (
            "PutMetricAlarm",
            with("ComparisonOperator", json!("GreaterThanUpperThreshold")),
            "ValidationError",
            "not supported",
        ),
        (
            "PutMetricAlarm",
            with("AlarmActions", json!(["arn:aws:automate:us-east-1:ec2:stop"])),
            "ValidationError",
            "not supported",
        ),
        ("PutMetricAlarm", with("Threshold", Value::Null), "MissingRequiredParameterException", "Threshold"),
        (
            "SetAlarmState",
            json!({ "AlarmName": "x", "StateValue": "OK", "StateReason": "" }),
            "ResourceNotFound",
            "x",
        ),
        ("DeleteAlarms", json!({ "AlarmNames": ["x"] }), "ResourceNotFound", "x"),
        ("DescribeAlarms", json!({ "NextToken": "x", "StateValue": "BAD" }), "ValidationError", "BAD"),
        ("ListMetrics", json!({ "NextToken": "x" }), "InvalidNextToken", "token"),
    ] {
        let (status, output) = port.json(&target(action), input.clone()).await;
        let kind = output["__type"].as_str().unwrap_or_default().rsplit('#').next();
        assert!(status >= 400 && kind == Some(code), "{action} {input}: {output}");
        assert!(
            output["message"].as_str().is_some_and(|message| message.contains(text)),
            "{action} {input}: {output}"
        );
    }
}
