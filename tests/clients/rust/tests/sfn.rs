//! The AWS SDK for Rust against a server: create, start, sync, history, pages, errors.
//!
//! `DARKROOM_ENDPOINT` says where the server is; `tests/clients/run --rust` starts one and runs this.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::{
    BehaviorVersion, Config, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_sfn::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{
    ExecutionStatus, HistoryEvent, HistoryEventType, StateMachineType, SyncExecutionStatus,
};
use aws_smithy_runtime_api::client::endpoint::EndpointPrefix;
use serde_json::json;

/// Keeps `StartSyncExecution` and `TestState` from going to a host whose name begins with `sync-`: the SDK has no setting
/// for that.
#[derive(Debug)]
struct NoHostPrefix;

impl Intercept for NoHostPrefix {
    fn name(&self) -> &'static str {
        "NoHostPrefix"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().unset::<EndpointPrefix>();
        Ok(())
    }
}

fn client() -> Client {
    let endpoint = std::env::var("DARKROOM_ENDPOINT").expect("DARKROOM_ENDPOINT says where the server is");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("123456789012", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .interceptor(NoHostPrefix)
        .build();
    Client::from_conf(config)
}

/// A name that no other run has.
fn name() -> String {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    format!("rust-{}-{}", std::process::id(), NUMBERS.fetch_add(1, Ordering::Relaxed))
}

/// A state machine of `count` Pass states, of which each puts out its number.
async fn machine(client: &Client, kind: StateMachineType, count: usize) -> String {
    let states: serde_json::Map<_, _> = (0..count)
        .map(|number| {
            let mut state = json!({"Type": "Pass", "Result": number});
            if number + 1 < count {
                state["Next"] = json!(format!("S{}", number + 1));
            } else {
                state["End"] = json!(true);
            }
            (format!("S{number}"), state)
        })
        .collect();
    let created = client
        .create_state_machine()
        .name(name())
        .r#type(kind)
        .definition(json!({"StartAt": "S0", "States": states}).to_string())
        .role_arn("arn:aws:iam::123456789012:role/any")
        .send()
        .await
        .expect("it is created");
    created.state_machine_arn
}

async fn ended(client: &Client, execution: &str) -> DescribeExecutionOutput {
    loop {
        let described =
            client.describe_execution().execution_arn(execution).send().await.expect("it is there");
        if described.status != ExecutionStatus::Running {
            return described;
        }
    }
}

#[tokio::test]
async fn an_execution_is_created_started_and_described() {
    let client = client();
    let machine = machine(&client, StateMachineType::Standard, 1).await;
    let start = client.start_execution().state_machine_arn(&machine).name("first").input(r#"{"n": 1.0}"#);
    let started = start.send().await.expect("it is started");
    let described = ended(&client, &started.execution_arn).await;
    assert_eq!(described.status, ExecutionStatus::Succeeded);
    assert_eq!(described.input(), Some(r#"{"n": 1.0}"#));
    assert_eq!(described.output(), Some("0"));
    assert_eq!(described.start_date, started.start_date);
}

#[tokio::test]
async fn a_synchronous_express_execution_is_answered_with_its_end() {
    let client = client();
    let machine = machine(&client, StateMachineType::Express, 2).await;
    let answer =
        client.start_sync_execution().state_machine_arn(machine).send().await.expect("it is executed");
    assert_eq!(answer.status, SyncExecutionStatus::Succeeded);
    assert_eq!(answer.output(), Some("1"));
    assert!(answer.billing_details().is_some_and(|billing| billing.billed_duration_in_milliseconds >= 100));
}

#[tokio::test]
async fn a_history_is_whole_in_pages_of_any_size() {
    let client = client();
    let machine = machine(&client, StateMachineType::Standard, 5).await;
    let started = client.start_execution().state_machine_arn(machine).send().await.expect("it is started");
    ended(&client, &started.execution_arn).await;
    for page in [1, 5, 1000] {
        let history = client.get_execution_history().execution_arn(&started.execution_arn).max_results(page);
        let events: Result<Vec<HistoryEvent>, _> = history.into_paginator().items().send().collect().await;
        let events = events.expect("every page is there");
        assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
        let last = events.last().expect("it has events");
        assert_eq!(last.r#type, HistoryEventType::ExecutionSucceeded);
        let details = last.execution_succeeded_event_details().expect("it has details");
        assert_eq!(details.output(), Some("4"));
    }
}

#[tokio::test]
async fn an_error_has_its_name_and_its_message() {
    let client = client();
    let missing = "arn:aws:states:us-east-1:123456789012:stateMachine:none";
    let refused = client.start_execution().state_machine_arn(missing).send().await;
    let error = refused.expect_err("there is none").into_service_error();
    assert!(error.is_state_machine_does_not_exist(), "{error:?}");
    assert_eq!(error.code(), Some("StateMachineDoesNotExist"));
    assert_eq!(error.message(), Some(&*format!("State Machine Does Not Exist: '{missing}'")));
}
