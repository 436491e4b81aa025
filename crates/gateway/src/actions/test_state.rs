//! `TestState`: one state on its own. No thread waits with it for a call or for time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use darkroom_asl::definition::{self, Options, StateIndex, StateKind, StateMachine};
use darkroom_asl::failure::names;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::test_state::{
    Configuration, Handler, Inspection, Mock, Progress, Refusal, Report, Status, Subject, Test,
};
use darkroom_asl::interpreter::{Identity, Qualifiers, TaskRequest};
use darkroom_asl::json::{JacksonError, Payload, Text};
use darkroom_engine::{Answer, Engine};
use darkroom_port::{Exchange, Header, Witness, random_uuid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::arn;
use crate::error::ApiError;
use crate::mocks::{self, ValidationMode};
use crate::protocol::Context;

/// How long a test may take. Source: AWS, `TestState`.
const TEST_MAX: Duration = Duration::from_mins(5);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Input {
    definition: String,
    role_arn: Option<String>,
    input: Option<String>,
    inspection_level: Option<InspectionLevel>,
    reveal_secrets: Option<bool>,
    variables: Option<String>,
    state_name: Option<String>,
    mock: Option<MockInput>,
    context: Option<String>,
    state_configuration: Option<StateConfiguration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MockInput {
    result: Option<String>,
    error_output: Option<ErrorOutput>,
    field_validation_mode: Option<ValidationMode>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum InspectionLevel {
    Info,
    Debug,
    Trace,
}

#[derive(Deserialize)]
struct ErrorOutput {
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateConfiguration {
    retrier_retry_count: Option<u32>,
    error_caused_by_state: Option<String>,
    map_iteration_failure_count: Option<u32>,
    map_item_reader_data: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the members' names in AWS's API")]
pub(super) struct Output {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_state: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inspection_data: Option<Map<String, Value>>,
}

/// What is asked for, as far as it can be read without the definition.
struct Wanted {
    definition: String,
    state_name: Option<String>,
    role_arn: Option<String>,
    input: String,
    variables: Option<String>,
    context: Option<String>,
    mock: Option<WantedMock>,
    configuration: Configuration,
    showing: Showing,
    account: String,
    region: String,
}

enum WantedMock {
    Result(String, ValidationMode),
    Error(Reason),
}

/// What is shown of the way to the outcome.
#[derive(Clone, Copy)]
struct Showing {
    steps: bool,
    exchange: bool,
    secrets: bool,
}

/// A test that has begun.
struct Begun {
    test: Test,
    progress: Progress,
    identity: Arc<Identity>,
    input: Payload,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let wanted = Wanted::read(&context, input)?;
    let showing = wanted.showing;
    let witness = Witness::default();
    let begun = context.blocking(move |engine| wanted.begin(engine)).await?;
    let Begun { test, progress, identity, input } = begun;
    let report = match progress {
        Progress::Ended(report) => *report,
        Progress::Call(request) => call(&context, test, identity, request, &witness).await?,
        Progress::Wait(until) => {
            let now = context.engine.in_surroundings(|surroundings| surroundings.now);
            let left = until.as_millis().saturating_sub(now.as_millis());
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
            tokio::time::sleep(left.min(TEST_MAX)).await;
            let is_over = left > TEST_MAX;
            go_on(&context, test, move |test, engine| {
                if is_over {
                    test.expired()
                } else {
                    engine.in_surroundings(|surroundings| test.woken(surroundings))
                }
            })
            .await?
        }
    };
    let mut output = answer(report, &input, showing.steps);
    if showing.exchange
        && let (Some(data), Some(exchange)) = (&mut output.inspection_data, witness.seen())
    {
        data.extend(exchange_data(exchange, showing.secrets));
    }
    Ok(output)
}

/// Has the state's call made, and goes on with its answer.
async fn call(
    context: &Context,
    test: Test,
    identity: Arc<Identity>,
    request: TaskRequest,
    witness: &Witness,
) -> Result<Report, ApiError> {
    let own = request.scheduled.timeout_seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let own = own.filter(|own| *own < TEST_MAX);
    let (send, answered) = oneshot::channel();
    // Given up when this is dropped: with the answer, with the time, or with the caller.
    let answer = Answer::new(move |outcome| {
        // A caller that has gone away needs no answer.
        let _ = send.send(outcome);
    });
    let _call = witness.around(|| context.engine.call(identity, request, answer));
    let outcome = match (timeout(own.unwrap_or(TEST_MAX), answered).await, own) {
        (Ok(answer), _) => Some(answer.map_err(|_| ApiError::Unavailable)?),
        (Err(_), Some(_)) => Some(Err(Reason { error: Some(names::TIMEOUT.into()), cause: None })),
        (Err(_), None) => None,
    };
    go_on(context, test, move |test, engine| match outcome {
        Some(outcome) => engine.in_surroundings(|surroundings| test.answered(outcome, surroundings)),
        None => test.expired(),
    })
    .await
}

/// Goes on with a test off the threads that serve connections: an expression takes its time.
async fn go_on(
    context: &Context,
    mut test: Test,
    work: impl FnOnce(&mut Test, &Engine) -> Report + Send + 'static,
) -> Result<Report, ApiError> {
    context.blocking(move |engine| Ok(work(&mut test, engine))).await
}

impl Wanted {
    fn read(context: &Context, input: Input) -> Result<Self, ApiError> {
        let mock = input.mock.map(read_mock).transpose()?;
        if mock.is_some() && input.reveal_secrets == Some(true) {
            return Err(refused("TestState does not support RevealSecrets when a mock is specified."));
        }
        if let Some(role_arn) = &input.role_arn {
            arn::check_role(role_arn)?;
        }
        Ok(Self {
            definition: input.definition,
            state_name: input.state_name,
            role_arn: input.role_arn,
            input: input.input.unwrap_or_else(|| "{}".to_owned()),
            variables: input.variables,
            context: input.context,
            mock,
            configuration: configuration(input.state_configuration.unwrap_or_default()),
            showing: {
                let (steps, exchange) = match input.inspection_level {
                    Some(InspectionLevel::Trace) => (true, true),
                    Some(InspectionLevel::Debug) => (true, false),
                    Some(InspectionLevel::Info) | None => (false, false),
                };
                Showing { steps, exchange, secrets: input.reveal_secrets == Some(true) }
            },
            account: context.account.clone(),
            region: context.region.clone(),
        })
    }

    fn begin(self, engine: &Engine) -> Result<Begun, ApiError> {
        let (machine, state) = find_state(&self.definition, self.state_name.as_deref())?;
        let mock = self.mock.map(|mock| parse_mock(mock, &machine, state)).transpose()?;
        let input = Payload::parse(self.input.as_str()).map_err(|error| {
            ApiError::InvalidExecutionInput(JacksonError::new(&self.input, &error).to_string())
        })?;
        let identity = Arc::new(identity(&self.region, &self.account, self.role_arn.as_deref()));
        let has_role = self.role_arn.is_some();
        let is_called = matches!(machine.state(state).kind, StateKind::Task(_)) && mock.is_none();
        let subject = Subject {
            machine,
            state,
            identity: identity.clone(),
            input: input.clone(),
            variables: self.variables.as_deref().map(parse_variables).transpose()?.unwrap_or_default(),
            context: self.context.as_deref().map(parse_context).transpose()?,
            mock,
            configuration: self.configuration,
        };
        engine.in_surroundings(|surroundings| {
            let mut test = Test::new(subject, surroundings.now)?;
            if is_called && !has_role {
                return Err(refused("RoleArn must be specified when testing a Task state"));
            }
            let progress = test.begin(surroundings)?;
            Ok(Begun { test, progress, identity, input })
        })
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        if refusal.is_of_definition() {
            Self::UntestableDefinition(message)
        } else {
            Self::Validation(message)
        }
    }
}

fn refused(message: &str) -> ApiError {
    ApiError::Validation(message.to_owned())
}

fn configuration(given: StateConfiguration) -> Configuration {
    Configuration {
        retrier_retry_count: given.retrier_retry_count.unwrap_or(0),
        error_caused_by_state: given.error_caused_by_state.map(Text::from),
        map_iteration_failure_count: given.map_iteration_failure_count,
        map_item_reader_data: given.map_item_reader_data.map(Text::from),
    }
}

fn read_mock(mock: MockInput) -> Result<WantedMock, ApiError> {
    match (mock.result, mock.error_output) {
        (Some(_), Some(_)) => {
            Err(refused("A test mock should have only one of the following fields: [result, errorOutput]."))
        }
        (None, None) => {
            Err(refused("A test mock should have one of the following fields: [result, errorOutput]."))
        }
        (Some(result), None) => {
            Ok(WantedMock::Result(result, mock.field_validation_mode.unwrap_or_default()))
        }
        (None, Some(ErrorOutput { error: None, .. })) => {
            Err(refused("The errorOutput of a test mock should have the following field: [error]."))
        }
        (None, Some(ErrorOutput { error: Some(error), cause })) => {
            Ok(WantedMock::Error(Reason { error: Some(error.into()), cause: cause.map(Text::from) }))
        }
    }
}

/// The state that is meant, in a machine or on its own.
fn find_state(text: &str, name: Option<&str>) -> Result<(Arc<StateMachine>, StateIndex), ApiError> {
    let options = Options::default();
    let parsed = match name {
        Some(_) => definition::validate(text, options),
        None => definition::parse_state(text, options),
    };
    let machine = parsed.machine.ok_or(ApiError::InvalidDefinition(parsed.diagnostics))?;
    let state = match name {
        Some(name) => machine.find(name).ok_or_else(|| refused("State not found in definition"))?,
        None => machine.start_at,
    };
    Ok((machine, state))
}

fn parse_mock(mock: WantedMock, machine: &StateMachine, state: StateIndex) -> Result<Mock, ApiError> {
    let (result, mode) = match mock {
        WantedMock::Error(reason) => return Ok(Mock::Error(reason)),
        WantedMock::Result(result, mode) => (result, mode),
    };
    let result = Payload::parse(result).map_err(|_| refused("Mocked result must be valid JSON"))?;
    if let StateKind::Task(task) = &machine.state(state).kind {
        mocks::check(&task.resource, result.value(), mode)
            .map_err(|mismatch| ApiError::Validation(mismatch.message()))?;
    }
    Ok(Mock::Result(result))
}

fn parse_variables(text: &str) -> Result<BTreeMap<Text, Payload>, ApiError> {
    let payload = Payload::parse(text).map_err(|_| refused("Variables must be valid JSON"))?;
    let members = payload.value().as_object().ok_or_else(|| refused("Variables must be a JSON object"))?;
    let named = members.iter().map(|(name, value)| (name.clone(), Payload::from_value(value.clone())));
    Ok(named.collect())
}

fn parse_context(text: &str) -> Result<darkroom_asl::json::Value, ApiError> {
    let payload = Payload::parse(text)
        .map_err(|_| refused("Invalid Context object provided: Context must be valid JSON"))?;
    Ok(payload.value().clone())
}

/// Who the execution is that the state seems to run in. AWS: recorded: an Express one, of a machine of its own.
fn identity(region: &str, account: &str, role_arn: Option<&str>) -> Identity {
    let (machine, execution) = (random_uuid(), random_uuid());
    let prefix = format!("arn:aws:states:{region}:{account}");
    Identity {
        execution_arn: format!("{prefix}:express:{machine}:{execution}").into(),
        execution_name: execution.into(),
        state_machine_arn: format!("{prefix}:stateMachine:{machine}").into(),
        state_machine_name: machine.into(),
        role_arn: role_arn.unwrap_or_default().into(),
        qualifiers: Qualifiers::default(),
        revision_id: None,
        trace_header: None,
    }
}

fn answer(report: Report, input: &Payload, is_inspected: bool) -> Output {
    let Report { status, output, reason, next, inspection } = report;
    let Reason { error, cause } = reason.unwrap_or_default();
    Output {
        status: match status {
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::Retriable => "RETRIABLE",
            Status::CaughtError => "CAUGHT_ERROR",
        },
        output: output.map(|output| output.text().clone()),
        error,
        cause,
        next_state: next,
        inspection_data: is_inspected.then(|| inspection_data(&inspection, input)),
    }
}

/// `InspectionData`: JSON texts and numbers.
fn inspection_data(inspection: &Inspection, input: &Payload) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("input".to_owned(), json!(input.text()));
    for (step, payload) in &inspection.steps {
        data.insert(step.member().to_owned(), json!(payload.text()));
    }
    let map = &inspection.map;
    #[expect(clippy::cast_possible_truncation, reason = "a count; one beyond an i64 is told as the greatest")]
    let tolerated_failure_count = map.tolerated_failure_count.map(|count| count as i64);
    let numbers = [
        ("maxConcurrency", map.max_concurrency.map(|count| json!(count))),
        ("toleratedFailureCount", tolerated_failure_count.map(|count| json!(count))),
        ("toleratedFailurePercentage", map.tolerated_failure_percentage.map(|percent| json!(percent))),
    ];
    for (name, number) in numbers {
        data.extend(number.map(|number| (name.to_owned(), number)));
    }
    if let Some(variables) = &inspection.variables {
        data.insert("variables".to_owned(), json!(variables.text()));
    }
    if let Some(handler) = inspection.handler {
        let details = match handler {
            Handler::Catcher { index } => json!({ "catchIndex": index }),
            Handler::Retrier { index, backoff_seconds } => {
                json!({ "retryIndex": index, "retryBackoffIntervalSeconds": backoff_seconds })
            }
        };
        data.insert("errorDetails".to_owned(), details);
    }
    data
}

/// The HTTP request and response of an HTTP Task. What a connection adds is left out unless secrets are asked for.
fn exchange_data(exchange: Exchange, with_secrets: bool) -> impl Iterator<Item = (String, Value)> {
    let Exchange { request, response } = exchange;
    let lines = |headers: &[Header]| {
        let shown = headers.iter().filter(|header| with_secrets || !header.is_secret);
        let lines: Vec<String> = shown.map(|header| format!("{}: {}", header.name, header.value)).collect();
        format!("[{}]", lines.join(", "))
    };
    let sent = json!({
        "protocol": request.protocol, "method": request.method, "url": request.url,
        "headers": lines(&request.headers), "body": request.body,
    });
    let received = response.map(|response| {
        json!({
            "protocol": response.protocol, "statusCode": response.status_code.to_string(),
            "statusMessage": response.status_message, "headers": lines(&response.headers), "body": response.body,
        })
    });
    let members = [("request", Some(sent)), ("response", received)];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
