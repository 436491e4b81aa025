//! What a server makes at its start, where it is not there: the image workflow, and the table, topic, queue and rules
//! around it, under the names that they have on AWS (`deploy/terraform`), so that a file that is put into the input bucket is all that it takes.
//!
//! Each is made by its service's own API, and left alone where it is there: who changes one of them finds it so after
//! the next start. What belongs to a service that is somewhere else is made by whoever looks after that one.

use std::collections::BTreeSet;

use anyhow::Context;
use bytes::Bytes;
use darkroom_services::endpoint::{Endpoints, Scope, refusal_in};
use http::{Request, Response};
use serde_json::{Value, json};

use super::alarms;
use super::settings::Names;
use crate::roles;
use crate::workflow::{IMAGE_PROCESSING, PROJECT, UPLOAD, fill};

/// How long a dead letter is kept. AWS: the longest that a queue keeps a message.
const DEAD_LETTERS_KEPT_SECONDS: u32 = 14 * 24 * 3600;
/// The state machine that processes an image.
pub const STATE_MACHINE: &str = "darkroom-image-processing";
/// The end of each state machine's name, behind the project's, and its definition.
const STATE_MACHINES: [(&str, &str); 2] = [("image-processing", IMAGE_PROCESSING), ("upload", UPLOAD)];

/// Makes what is missing.
pub struct Setup<'a> {
    /// Reaches the services.
    pub endpoints: &'a Endpoints,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// What everything is called.
    pub names: &'a Names,
    /// The services that are somewhere else.
    pub remote: &'a BTreeSet<String>,
}

impl Setup<'_> {
    /// Makes what is missing.
    pub async fn run(&self) -> anyhow::Result<()> {
        if self.is_here("dynamodb") {
            self.make_table().await.context("the table of images cannot be made")?;
        }
        if self.is_here("sns") {
            self.make_topic().await.context("the topic of notifications cannot be made")?;
        }
        if self.is_here("sqs") {
            self.make_queue().await.context("the queue of dead letters cannot be made")?;
        }
        for (name, definition) in STATE_MACHINES {
            let made = self.make_state_machine(name, definition).await;
            made.with_context(|| format!("the state machine {PROJECT}-{name} cannot be made"))?;
        }
        if self.is_here("monitoring") {
            self.make_alarms().await.context("the workflow's alarms cannot be made")?;
        }
        if self.is_here("events") {
            self.make_rules().await.context("the workflow's rules cannot be made")?;
        }
        Ok(())
    }

    fn is_here(&self, service: &str) -> bool {
        !self.remote.contains(service)
    }

    /// The ARN of a resource of this account and region.
    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    async fn make_table(&self) -> anyhow::Result<()> {
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let input = json!({
            "TableName": self.names.table, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("imageId", "HASH"), key("userId", "RANGE")],
            "AttributeDefinitions": [attribute("imageId"), attribute("userId")],
        });
        self.json("dynamodb", "DynamoDB_20120810.CreateTable", &input, &["ResourceInUseException"]).await
    }

    /// The topic, and a file that hears of it: what is published before anybody subscribes is not lost.
    async fn make_topic(&self) -> anyhow::Result<()> {
        let topic = &self.names.topic;
        self.form("sns", &format!("Action=CreateTopic&Version=2010-03-31&Name={topic}")).await?;
        let arn = self.arn("sns", topic);
        let subscribe = format!(
            "Action=Subscribe&Version=2010-03-31&TopicArn={arn}&Protocol=file&Endpoint={topic}.jsonl"
        );
        self.form("sns", &subscribe).await
    }

    async fn make_queue(&self) -> anyhow::Result<()> {
        let input = json!({
            "QueueName": self.names.dead_letter_queue,
            "Attributes": { "MessageRetentionPeriod": DEAD_LETTERS_KEPT_SECONDS.to_string() },
        });
        // One that is there with other attributes is somebody's choice.
        let there = ["QueueNameExists", "QueueAlreadyExists"];
        self.json("sqs", "AmazonSQS.CreateQueue", &input, &there).await
    }

    async fn make_state_machine(&self, name: &str, definition: &str) -> anyhow::Result<()> {
        let input = json!({
            "name": format!("{PROJECT}-{name}"),
            "definition": fill(definition, self.names.placeholders(self.region, self.account)),
            "roleArn": roles::of_state_machine(self.account, name),
            "tracingConfiguration": { "enabled": true },
        });
        let there = ["StateMachineAlreadyExists"];
        self.json("states", "AWSStepFunctions.CreateStateMachine", &input, &there).await
    }

    /// The ARN of a state machine, by the end of its name.
    fn state_machine(&self, name: &str) -> String {
        self.arn("states", &format!("stateMachine:{PROJECT}-{name}"))
    }

    async fn make_alarms(&self) -> anyhow::Result<()> {
        let topic = self.arn("sns", &self.names.topic);
        for alarm in alarms::shipped(&self.state_machine("image-processing"), &topic) {
            let name = &alarm["AlarmName"];
            let described = json!({ "AlarmNames": [name] });
            let described =
                self.call("monitoring", "GraniteServiceVersion20100801.DescribeAlarms", &described).await?;
            let there: Value = serde_json::from_slice(described.body())?;
            if there["MetricAlarms"].as_array().is_none_or(Vec::is_empty) {
                self.json("monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", &alarm, &[]).await?;
            }
        }
        Ok(())
    }

    async fn make_rules(&self) -> anyhow::Result<()> {
        if self.is_here("s3") {
            let pattern = json!({
                "source": ["aws.s3"], "detail-type": ["Object Created"],
                "detail": {
                    "bucket": { "name": [self.names.input_bucket] },
                    "object": { "key": [{ "prefix": "uploads/" }] },
                },
            });
            let target =
                json!({ "Id": "upload", "Arn": self.state_machine("upload"), "InputPath": "$.detail" });
            self.make_rule("upload", "an object is put among the uploads", &pattern, &target).await?;
        }
        if self.is_here("sqs") {
            let pattern = json!({
                "source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "stateMachineArn": STATE_MACHINES.map(|(name, _)| self.state_machine(name)),
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            });
            let queue = self.arn("sqs", &self.names.dead_letter_queue);
            let target = json!({ "Id": "dead-letters", "Arn": queue });
            let description = "an execution failed, timed out or was stopped";
            self.make_rule("failed-executions", description, &pattern, &target).await?;
        }
        Ok(())
    }

    async fn make_rule(
        &self,
        name: &str,
        description: &str,
        pattern: &Value,
        target: &Value,
    ) -> anyhow::Result<()> {
        let name = format!("{PROJECT}-{name}");
        let described = self.call("events", "AWSEvents.DescribeRule", &json!({ "Name": name })).await?;
        if described.status().is_success() {
            return Ok(());
        }
        let rule = json!({ "Name": name, "EventPattern": pattern.to_string(), "Description": description });
        self.json("events", "AWSEvents.PutRule", &rule, &[]).await?;
        let targets = json!({ "Rule": name, "Targets": [target] });
        self.json("events", "AWSEvents.PutTargets", &targets, &[]).await
    }

    /// A call in AWS JSON that succeeds, or fails with one of the codes that say that it is there already.
    async fn json(&self, service: &str, target: &str, input: &Value, there: &[&str]) -> anyhow::Result<()> {
        let answer = self.call(service, target, input).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let (code, message) = refusal_in(&answer);
        anyhow::ensure!(there.contains(&&*code), "{target}: {code}: {message}");
        Ok(())
    }

    async fn call(&self, service: &str, target: &str, input: &Value) -> anyhow::Result<Response<Bytes>> {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .body(input.to_string().into())?;
        self.send(service, request).await
    }

    /// A call in the query protocol that succeeds.
    async fn form(&self, service: &str, form: &str) -> anyhow::Result<()> {
        let request = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::copy_from_slice(form.as_bytes()))?;
        let answer = self.send(service, request).await?;
        let (code, message) = refusal_in(&answer);
        anyhow::ensure!(answer.status().is_success(), "{form}: {code}: {message}");
        Ok(())
    }

    async fn send(&self, service: &str, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let scope = Scope { service, host_prefix: service, region: self.region, account: self.account };
        Ok(self.endpoints.send(scope, request).await?)
    }
}
