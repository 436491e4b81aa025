//! Which permissions a Task's call needs, and what becomes of it where the role does not give them.
//!
//! What is needed follows from the resource and the parameters alone; the answer of a service that refuses is made
//! up here, so that errors come out as they do where the service itself refuses.
//!
//! Documentation: Step Functions, "How Step Functions generates IAM policies for integrated services"; the Service
//! Authorization Reference for actions and their resources.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::fault::Optimized;
use super::{TaskCall, TaskFault, as_text, dynamodb, events, lambda, s3, sdk, sns, sqs, states};
use crate::roles::{Need, Refused, Roles, Session};
use crate::wire::random_uuid;

/// Whether the state machine's role, or the one that the Task takes instead, may make this call.
pub(super) fn check(roles: &Roles, call: &TaskCall) -> Result<(), TaskFault> {
    let name = session_name(&call.execution_arn);
    let session = |role_arn| Session { role_arn, name: &name, region: &call.region };
    let mut role_arn = &call.role_arn;
    if let Some(other) = &call.credentials_role_arn {
        let assume = Need::new("sts:AssumeRole", other);
        roles.check(session(role_arn), &[assume]).map_err(|_| {
            let cause =
                format!("The role {role_arn} is not authorized to assume the task state's role, {other}.");
            TaskFault::new("States.TaskFailed", cause)
        })?;
        role_arn = other;
    }
    roles.check(session(role_arn), &needs(call)).map_err(|refused| fault(call, &refused))
}

/// AWS: each call of an execution's is a session with a name of 32 random letters. Here an execution has one.
fn session_name(execution_arn: &str) -> String {
    let digest = Sha256::digest(execution_arn.as_bytes());
    digest
        .iter()
        .map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyzABCDEF"[usize::from(byte % 32)]))
        .collect()
}

/// What the call needs. Parameters that name nothing need a permission on nothing in particular.
fn needs(call: &TaskCall) -> Vec<Need> {
    let parameters: Map<String, Value> = serde_json::from_str(&call.parameters).unwrap_or_default();
    let text = |name: &str| parameters.get(name).map(as_text).unwrap_or_default();
    if call.resource.starts_with("arn:") {
        return vec![Need::new("lambda:InvokeFunction", &call.resource)];
    }
    let mut parts = call.resource.split(':');
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next()) {
        ("lambda", "invoke", None) | ("aws-sdk", "lambda", Some("invoke")) => {
            vec![Need::new(
                "lambda:InvokeFunction",
                function_arn(call, &text("FunctionName"), &text("Qualifier")),
            )]
        }
        ("sns", "publish", None) | ("aws-sdk", "sns", Some("publish")) => {
            let target = ["TopicArn", "TargetArn"].into_iter().map(text).find(|arn| !arn.is_empty());
            vec![Need::new("sns:Publish", target.unwrap_or_else(|| "*".to_owned()))]
        }
        ("sqs", "sendMessage", None) => {
            vec![Need::new("sqs:SendMessage", queue_arn(call, &text("QueueUrl")))]
        }
        ("dynamodb", action, None) | ("aws-sdk", "dynamodb", Some(action)) => {
            tables(call, &capitalized(action), &parameters)
        }
        ("events", "putEvents", None) | ("aws-sdk", "eventbridge", Some("putEvents")) => {
            put_events(call, &parameters)
        }
        // It may end in `.sync`: the permissions that AWS wants for the waiting are its own affair here.
        ("states", action, None) if action.split('.').next() == Some("startExecution") => {
            vec![Need::new("states:StartExecution", or_any(text("StateMachineArn")))]
        }
        ("aws-sdk", "sfn", Some(action @ ("startExecution" | "startSyncExecution"))) => {
            vec![Need::new(format!("states:{}", capitalized(action)), or_any(text("StateMachineArn")))]
        }
        ("http", "invoke", None) => http_invoke(call, &parameters),
        ("aws-sdk", "s3", Some(action)) => objects(action, &parameters),
        ("aws-sdk", service, Some(action)) => {
            vec![Need::new(
                format!("{}:{}", iam_prefix(service), capitalized(action)),
                resource_of(call, service, &parameters),
            )]
        }
        // It is refused for what it is.
        _ => Vec::new(),
    }
}

fn or_any(arn: String) -> String {
    if arn.is_empty() { "*".to_owned() } else { arn }
}

fn capitalized(action: &str) -> String {
    let mut action = action.to_owned();
    if let Some(first) = action.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    action
}

fn arn(call: &TaskCall, service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{}:{resource}", call.region, call.account)
}

/// A function by its name, `account:function:name`, or its ARN, with its version or alias.
fn function_arn(call: &TaskCall, function: &str, qualifier: &str) -> String {
    let mut found = match function {
        full if full.starts_with("arn:") => full.to_owned(),
        partial if partial.contains(":function:") => format!("arn:aws:lambda:{}:{partial}", call.region),
        name => arn(call, "lambda", &format!("function:{name}")),
    };
    if !qualifier.is_empty() {
        found.push(':');
        found.push_str(qualifier);
    }
    found
}

/// `https://sqs.us-east-1.amazonaws.com/123456789012/name`.
fn queue_arn(call: &TaskCall, url: &str) -> String {
    let mut parts = url.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(name), Some(account)) if !name.is_empty() => {
            format!("arn:aws:sqs:{}:{account}:{name}", call.region)
        }
        _ => "*".to_owned(),
    }
}

/// A table by its name or ARN.
fn table_arn(call: &TaskCall, table: &str) -> String {
    match table {
        "" => "*".to_owned(),
        full if full.starts_with("arn:") => full.to_owned(),
        name => arn(call, "dynamodb", &format!("table/{name}")),
    }
}

fn tables(call: &TaskCall, action: &str, parameters: &Map<String, Value>) -> Vec<Need> {
    let name_in = |members: &Map<String, Value>| members.get("TableName").map(as_text).unwrap_or_default();
    // Members of a transaction are calls of their own.
    let members = parameters.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
    let members: Vec<Need> = members
        .filter_map(Value::as_object)
        .flatten()
        .map(|(kind, item)| {
            let action = if kind == "ConditionCheck" {
                "ConditionCheckItem".to_owned()
            } else {
                format!("{kind}Item")
            };
            let table = item.as_object().map(name_in).unwrap_or_default();
            Need::new(format!("dynamodb:{action}"), table_arn(call, &table))
        })
        .collect();
    if !members.is_empty() {
        return members;
    }
    let action = format!("dynamodb:{action}");
    if let Some(requests) = parameters.get("RequestItems").and_then(Value::as_object) {
        return requests.keys().map(|table| Need::new(&*action, table_arn(call, table))).collect();
    }
    let mut resource = table_arn(call, &name_in(parameters));
    if let Some(index) = parameters.get("IndexName").and_then(Value::as_str) {
        resource = format!("{resource}/index/{index}");
    }
    vec![Need::new(action, resource)]
}

/// One for each entry, with what it says of itself.
fn put_events(call: &TaskCall, parameters: &Map<String, Value>) -> Vec<Need> {
    let entries = parameters.get("Entries").and_then(Value::as_array).into_iter().flatten();
    let need = |entry: &Value| {
        let bus = match entry["EventBusName"].as_str().unwrap_or("default") {
            full if full.starts_with("arn:") => full.to_owned(),
            name => arn(call, "events", &format!("event-bus/{name}")),
        };
        let key = |member: &str| as_text(&entry[member]);
        let keys = vec![("events:source", key("Source")), ("events:detail-type", key("DetailType"))];
        Need { keys, ..Need::new("events:PutEvents", bus) }
    };
    entries.map(need).collect()
}

fn http_invoke(call: &TaskCall, parameters: &Map<String, Value>) -> Vec<Need> {
    let text = |name: &str| parameters.get(name).map(as_text).unwrap_or_default();
    let keys = vec![("states:HTTPMethod", text("Method")), ("states:HTTPEndpoint", text("ApiEndpoint"))];
    let mut needs = vec![Need { keys, ..Need::new("states:InvokeHTTPEndpoint", &call.state_machine_arn) }];
    for member in ["Authentication", "InvocationConfig"] {
        if let Some(connection) = parameters.get(member).and_then(|value| value["ConnectionArn"].as_str()) {
            needs.push(Need::new("events:RetrieveConnectionCredentials", connection));
        }
    }
    needs
}

fn objects(action: &str, parameters: &Map<String, Value>) -> Vec<Need> {
    let text = |name: &str| parameters.get(name).map(as_text).unwrap_or_default();
    let bucket = format!("arn:aws:s3:::{}", text("Bucket"));
    let object = format!("{bucket}/{}", text("Key"));
    match action {
        // AWS: whoever may read an object may ask about it.
        "headObject" => vec![Need::new("s3:GetObject", object)],
        "copyObject" => {
            let source = text("CopySource");
            let source = format!("arn:aws:s3:::{}", source.trim_start_matches('/'));
            vec![Need::new("s3:GetObject", source), Need::new("s3:PutObject", object)]
        }
        "listObjects" | "listObjectsV2" => {
            let keys = [("s3:prefix", "Prefix"), ("s3:delimiter", "Delimiter"), ("s3:max-keys", "MaxKeys")];
            let keys = keys.into_iter().filter(|(_, member)| parameters.contains_key(*member));
            let keys = keys.map(|(key, member)| (key, text(member))).collect();
            vec![Need { keys, ..Need::new("s3:ListBucket", bucket) }]
        }
        "listBuckets" => vec![Need::new("s3:ListAllMyBuckets", "*")],
        action => {
            let resource = if parameters.contains_key("Key") { object } else { bucket };
            vec![Need::new(format!("s3:{}", capitalized(action)), resource)]
        }
    }
}

/// What a service's actions begin with: its name in signatures, but for a few.
fn iam_prefix(service: &str) -> &str {
    match service {
        "cloudwatch" => "cloudwatch",
        "cloudcontrol" => "cloudformation",
        "mturk" => "mechanicalturk",
        other => sdk::signing_name(other).unwrap_or(other),
    }
}

/// What an action of any other service is done to: the ARN among its parameters, the names of which end so. What
/// cannot be told is `*`, as AWS has it of actions without a resource.
fn resource_of(call: &TaskCall, service: &str, parameters: &Map<String, Value>) -> String {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    match service {
        "sqs" => {
            if let Some(url) = text("QueueUrl") {
                return queue_arn(call, url);
            }
            if let Some(name) = text("QueueName") {
                return arn(call, "sqs", name);
            }
        }
        "secretsmanager" => {
            if let Some(secret) = text("SecretId") {
                let name = || arn(call, "secretsmanager", &format!("secret:{secret}"));
                return if secret.starts_with("arn:") { secret.to_owned() } else { name() };
            }
        }
        _ => {}
    }
    let is_resource = |(name, value): &(&String, &Value)| {
        name.ends_with("Arn")
            && *name != "RoleArn"
            && value.as_str().is_some_and(|arn| arn.starts_with("arn:"))
    };
    parameters.iter().find(is_resource).map_or_else(|| "*".to_owned(), |(_, value)| as_text(value))
}

/// The error that the service's own refusal leads to.
fn fault(call: &TaskCall, refused: &Refused) -> TaskFault {
    let (service, action) = refused.need.action.split_once(':').unwrap_or_default();
    let resource = &refused.need.resource;
    // AWS: the services show actions and resources each in its own way.
    let message = match service {
        "sns" => refused.message_as(&format!("SNS:{action}"), resource),
        "sqs" => refused.message_as(&format!("sqs:{}", action.to_ascii_lowercase()), resource),
        "s3" => refused.message_as(&refused.need.action, &format!("\"{resource}\"")),
        _ => refused.message(),
    };
    let answer = |status, code, query_code| refusal(status, code, query_code, &message);
    let mut parts = call.resource.split(':');
    let optimized = |service: Optimized, response| TaskFault::refused(service, &response);
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("arn" | "lambda", _) => optimized(lambda::SERVICE, answer(403, "AccessDeniedException", None)),
        ("sns", _) => optimized(sns::SERVICE, answer(403, "AuthorizationError", None)),
        ("sqs", _) => optimized(sqs::SERVICE, answer(403, "AccessDeniedException", Some("AccessDenied"))),
        ("dynamodb", _) => optimized(dynamodb::SERVICE, answer(400, "AccessDeniedException", None)),
        ("events", _) => optimized(events::SERVICE, answer(400, "AccessDeniedException", None)),
        ("states", _) => optimized(states::SERVICE, answer(400, "AccessDeniedException", None)),
        ("http", _) if service == "events" => {
            TaskFault::new("Events.ConnectionResource.AccessDenied", message)
        }
        ("aws-sdk", "s3") => s3::refused(&answer(403, "AccessDenied", None)),
        ("aws-sdk", "sns") => sns::refused_by_sdk(&answer(403, "AuthorizationError", None)),
        ("aws-sdk", name) => sdk::refused(name, &answer(400, "AccessDeniedException", None)),
        _ => TaskFault::new("States.TaskFailed", message),
    }
}

fn refusal(status: u16, code: &str, query_code: Option<&str>, message: &str) -> Response<Bytes> {
    let body = json!({ "__type": code, "message": message }).to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::FORBIDDEN);
    crate::wire::set(response.headers_mut(), "x-amzn-requestid", &random_uuid());
    if let Some(code) = query_code {
        crate::wire::set(response.headers_mut(), "x-amzn-query-error", &format!("{code};Sender"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(resource: &str, parameters: &Value) -> TaskCall {
        TaskCall {
            resource: resource.to_owned(),
            parameters: parameters.to_string(),
            region: "eu-west-1".to_owned(),
            account: "111122223333".to_owned(),
            execution_arn: "arn:aws:states:eu-west-1:111122223333:execution:m:e".to_owned(),
            state_machine_arn: "arn:aws:states:eu-west-1:111122223333:stateMachine:m".to_owned(),
            role_arn: "arn:aws:iam::111122223333:role/r".to_owned(),
            credentials_role_arn: None,
            trace_header: None,
        }
    }

    #[test]
    fn each_call_needs_an_action_on_a_resource() {
        let home =
            |service: &str, resource: &str| format!("arn:aws:{service}:eu-west-1:111122223333:{resource}");
        let function = home("lambda", "function:f");
        for (resource, parameters, expected) in [
            (&*function, json!([1]), vec![("lambda:InvokeFunction", function.clone())]),
            (
                "lambda:invoke",
                json!({ "FunctionName": "f" }),
                vec![("lambda:InvokeFunction", function.clone())],
            ),
            (
                "lambda:invoke",
                json!({ "FunctionName": "f", "Qualifier": "live" }),
                vec![("lambda:InvokeFunction", format!("{function}:live"))],
            ),
            (
                "lambda:invoke",
                json!({ "FunctionName": "111122223333:function:f" }),
                vec![("lambda:InvokeFunction", function.clone())],
            ),
            (
                "aws-sdk:lambda:invoke",
                json!({ "FunctionName": &function }),
                vec![("lambda:InvokeFunction", function.clone())],
            ),
            ("sns:publish", json!({ "TopicArn": home("sns", "t") }), vec![("sns:Publish", home("sns", "t"))]),
            ("sns:publish", json!({ "PhoneNumber": "1" }), vec![("sns:Publish", "*".to_owned())]),
            (
                "sqs:sendMessage",
                json!({ "QueueUrl": "http://h/111122223333/q" }),
                vec![("sqs:SendMessage", home("sqs", "q"))],
            ),
            (
                "aws-sdk:sqs:deleteMessage",
                json!({ "QueueUrl": "http://h/111122223333/q" }),
                vec![("sqs:DeleteMessage", home("sqs", "q"))],
            ),
            (
                "aws-sdk:sqs:createQueue",
                json!({ "QueueName": "q" }),
                vec![("sqs:CreateQueue", home("sqs", "q"))],
            ),
            (
                "dynamodb:updateItem",
                json!({ "TableName": "t" }),
                vec![("dynamodb:UpdateItem", home("dynamodb", "table/t"))],
            ),
            (
                "aws-sdk:dynamodb:query",
                json!({ "TableName": home("dynamodb", "table/t"), "IndexName": "i" }),
                vec![("dynamodb:Query", home("dynamodb", "table/t/index/i"))],
            ),
            (
                "aws-sdk:dynamodb:batchGetItem",
                json!({ "RequestItems": { "t": {}, "u": {} } }),
                vec![
                    ("dynamodb:BatchGetItem", home("dynamodb", "table/t")),
                    ("dynamodb:BatchGetItem", home("dynamodb", "table/u")),
                ],
            ),
            (
                "aws-sdk:dynamodb:transactWriteItems",
                json!({ "TransactItems": [{ "Put": { "TableName": "t" } }, { "ConditionCheck": { "TableName": "u" } }] }),
                vec![
                    ("dynamodb:PutItem", home("dynamodb", "table/t")),
                    ("dynamodb:ConditionCheckItem", home("dynamodb", "table/u")),
                ],
            ),
            ("aws-sdk:dynamodb:listTables", json!({}), vec![("dynamodb:ListTables", "*".to_owned())]),
            (
                "events:putEvents",
                json!({ "Entries": [{ "Source": "s" }, { "EventBusName": "b" }] }),
                vec![
                    ("events:PutEvents", home("events", "event-bus/default")),
                    ("events:PutEvents", home("events", "event-bus/b")),
                ],
            ),
            (
                "states:startExecution",
                json!({ "StateMachineArn": home("states", "stateMachine:m") }),
                vec![("states:StartExecution", home("states", "stateMachine:m"))],
            ),
            (
                "aws-sdk:sfn:describeExecution",
                json!({ "ExecutionArn": home("states", "execution:m:e") }),
                vec![("states:DescribeExecution", home("states", "execution:m:e"))],
            ),
            (
                "aws-sdk:sfn:sendTaskSuccess",
                json!({ "TaskToken": "t" }),
                vec![("states:SendTaskSuccess", "*".to_owned())],
            ),
            (
                "aws-sdk:s3:getObject",
                json!({ "Bucket": "b", "Key": "k/l" }),
                vec![("s3:GetObject", "arn:aws:s3:::b/k/l".to_owned())],
            ),
            (
                "aws-sdk:s3:headObject",
                json!({ "Bucket": "b", "Key": "k" }),
                vec![("s3:GetObject", "arn:aws:s3:::b/k".to_owned())],
            ),
            (
                "aws-sdk:s3:copyObject",
                json!({ "Bucket": "b", "Key": "k", "CopySource": "/a/x" }),
                vec![
                    ("s3:GetObject", "arn:aws:s3:::a/x".to_owned()),
                    ("s3:PutObject", "arn:aws:s3:::b/k".to_owned()),
                ],
            ),
            (
                "aws-sdk:s3:listObjectsV2",
                json!({ "Bucket": "b" }),
                vec![("s3:ListBucket", "arn:aws:s3:::b".to_owned())],
            ),
            (
                "aws-sdk:s3:createBucket",
                json!({ "Bucket": "b" }),
                vec![("s3:CreateBucket", "arn:aws:s3:::b".to_owned())],
            ),
            ("aws-sdk:s3:listBuckets", json!({}), vec![("s3:ListAllMyBuckets", "*".to_owned())]),
            (
                "aws-sdk:secretsmanager:getSecretValue",
                json!({ "SecretId": "x" }),
                vec![("secretsmanager:GetSecretValue", home("secretsmanager", "secret:x"))],
            ),
            (
                "aws-sdk:cloudwatch:putMetricData",
                json!({}),
                vec![("cloudwatch:PutMetricData", "*".to_owned())],
            ),
            (
                "http:invoke",
                json!({ "Method": "GET", "ApiEndpoint": "https://x", "Authentication": { "ConnectionArn": home("events", "connection/c") } }),
                vec![
                    ("states:InvokeHTTPEndpoint", home("states", "stateMachine:m")),
                    ("events:RetrieveConnectionCredentials", home("events", "connection/c")),
                ],
            ),
        ] {
            let found: Vec<(String, String)> = needs(&call(resource, &parameters))
                .into_iter()
                .map(|need| (need.action, need.resource))
                .collect();
            let expected: Vec<(String, String)> =
                expected.into_iter().map(|(action, resource)| (action.to_owned(), resource)).collect();
            assert_eq!(found, expected, "{resource} {parameters}");
        }
    }

    #[test]
    fn a_refusal_has_the_error_and_the_words_of_its_service() {
        let roles = Roles::new(std::collections::BTreeMap::new(), true, crate::clock::Clock::System);
        let topic = "arn:aws:sns:eu-west-1:111122223333:t";
        for (resource, parameters, error, cause) in [
            (
                "arn:aws:lambda:eu-west-1:111122223333:function:f",
                json!({}),
                "Lambda.AWSLambdaException",
                "not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:eu-west-1:111122223333:function:f because no identity-based policy allows the lambda:InvokeFunction action (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: ",
            ),
            (
                "lambda:invoke",
                json!({ "FunctionName": "f" }),
                "Lambda.AWSLambdaException",
                "(Service: AWSLambda; Status Code: 403; ",
            ),
            (
                "sns:publish",
                json!({ "TopicArn": topic }),
                "SNS.AuthorizationErrorException",
                "perform: SNS:Publish on resource: arn:aws:sns:eu-west-1:111122223333:t because no identity-based policy allows the SNS:Publish action (Service: AmazonSNS; Status Code: 403; Error Code: AuthorizationError; ",
            ),
            (
                "sqs:sendMessage",
                json!({ "QueueUrl": "http://h/1/q" }),
                "SQS.AmazonSQSException",
                "perform: sqs:sendmessage on resource: arn:aws:sqs:eu-west-1:1:q because no identity-based policy allows the sqs:sendmessage action (Service: AmazonSQS; Status Code: 403; Error Code: AccessDenied; ",
            ),
            (
                "dynamodb:putItem",
                json!({ "TableName": "t" }),
                "DynamoDB.AmazonDynamoDBException",
                "(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: AccessDeniedException; ",
            ),
            (
                "events:putEvents",
                json!({ "Entries": [{}] }),
                "EventBridge.AmazonEventBridgeException",
                "(Service: AmazonEventBridge; Status Code: 400; ",
            ),
            (
                "states:startExecution",
                json!({ "StateMachineArn": "arn:x" }),
                "StepFunctions.AWSStepFunctionsException",
                "(Service: AWSStepFunctions; Status Code: 400; ",
            ),
            (
                "aws-sdk:s3:getObject",
                json!({ "Bucket": "b", "Key": "k" }),
                "S3.S3Exception",
                "on resource: \"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:GetObject action (Service: S3, Status Code: 403, Request ID: ",
            ),
            (
                "aws-sdk:dynamodb:query",
                json!({ "TableName": "t" }),
                "DynamoDb.DynamoDbException",
                "(Service: DynamoDb, Status Code: 400, ",
            ),
            (
                "aws-sdk:sns:publish",
                json!({ "TopicArn": topic }),
                "Sns.AuthorizationErrorException",
                "(Service: Sns, Status Code: 403, ",
            ),
            (
                "http:invoke",
                json!({}),
                "States.TaskFailed",
                "perform: states:InvokeHTTPEndpoint on resource: ",
            ),
        ] {
            let fault = check(&roles, &call(resource, &parameters)).unwrap_err();
            assert_eq!(fault.error, error, "{resource}");
            assert!(fault.cause.contains(cause), "{fault}");
            assert!(fault.cause.starts_with("User: arn:aws:sts::111122223333:assumed-role/r/"), "{fault}");
        }
        let mut other = call("lambda:invoke", &json!({ "FunctionName": "f" }));
        other.credentials_role_arn = Some("arn:aws:iam::9:role/x".to_owned());
        let fault = check(&roles, &other).unwrap_err();
        assert_eq!(
            fault.cause,
            "The role arn:aws:iam::111122223333:role/r is not authorized to assume the task state's role, arn:aws:iam::9:role/x."
        );
    }
}
