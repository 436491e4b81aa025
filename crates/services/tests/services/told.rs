//! Events of a service that tells them again after a crash.

use darkroom_services::events::Event;
use darkroom_services::wire::Caller;
use serde_json::{Value, json};

use crate::port::{ACCOUNT, Port};

fn event(id: &str, status: &str) -> Event {
    Event {
        caller: Caller::account(ACCOUNT, "us-east-1"),
        bus: None,
        source: "aws.states".to_owned(),
        detail_type: "Step Functions Execution Status Change".to_owned(),
        detail: json!({ "status": status }),
        resources: Vec::new(),
        time_ms: None,
        id: Some(id.to_owned()),
    }
}

#[tokio::test]
async fn what_is_told_again_is_handed_out_once_and_a_mark_says_where_to_go_on() {
    const TELLER: &str = "states";
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    let began = port.now_ms.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(port.services.events.told_until(TELLER).await.unwrap(), began, "what was before is not told");
    let may_be_heard = |port: &Port, status: &str| {
        port.services.events.may_be_heard(&json!({ "source": "aws.states", "detail": { "status": status } }))
    };
    assert!(!may_be_heard(&port, "FAILED"), "there is no rule");
    let (url, arn) = port.queue("q", json!({})).await;
    let pattern = json!({ "source": ["aws.states"], "detail": { "status": ["FAILED"] } }).to_string();
    port.ok("AWSEvents.PutRule", json!({ "Name": "r", "EventPattern": pattern })).await;
    port.ok("AWSEvents.PutTargets", json!({ "Rule": "r", "Targets": [{ "Id": "1", "Arn": arn }] })).await;
    assert!(may_be_heard(&port, "SUCCEEDED"), "nobody has looked since");
    let first = vec![event("1", "FAILED"), event("2", "SUCCEEDED")];
    port.services.events.tell(TELLER, first, began + 10_000).await.unwrap();
    assert!(may_be_heard(&port, "FAILED"));
    assert!(!may_be_heard(&port, "SUCCEEDED"));
    drop(port);
    let port = Port::open(folder.path());
    assert_eq!(port.services.events.told_until(TELLER).await.unwrap(), began + 5_000);
    let again = vec![event("1", "FAILED"), event("3", "FAILED")];
    port.services.events.tell(TELLER, again, began + 11_000).await.unwrap();
    let mut ids = Vec::new();
    while ids.len() < 2 {
        for message in port.receive(&url, 20).await {
            let told: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            ids.push(told["id"].as_str().unwrap().to_owned());
        }
    }
    ids.sort();
    assert_eq!(ids, ["1", "3"]);
    assert!(port.receive(&url, 0).await.is_empty());

    port.ok("AWSEvents.DisableRule", json!({ "Name": "r" })).await;
    port.services.events.tell(TELLER, vec![event("4", "FAILED")], began + 12_000).await.unwrap();
    assert!(!may_be_heard(&port, "FAILED"));
    assert!(port.receive(&url, 0).await.is_empty());
}
