//! What a person does: start, stop, redrive, start again from a state, upload a photo.
//!
//! Each is a `POST` with a form, answered with where to go next. [`crate::guard`] has seen to who asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Identity, Qualifiers};
use darkroom_asl::json::{Payload, Text};
use darkroom_engine::arn::{is_name, of_execution};
use darkroom_engine::{RedriveError, StartError};
use serde_json::json;
use tokio::sync::oneshot;

use crate::answer::done;
use crate::error::ConsoleError;
use crate::pages::alarms;
use crate::pages::execution::{Story, find};
use crate::query::{Query, link};
use crate::{Console, answer, ask, restart};

/// Bytes of a form: an input of the largest size, each byte written as three.
const FORM_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a photo. Our choice: validation refuses what is larger than a tenth of it.
const PHOTO_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Letters that a name may have beside what is put behind it.
const NAME_KEPT_MAX: usize = 60;

/// Does what the path says.
pub async fn run(console: &Console, path: &str, query: Query, body: Body) -> Result<Response, ConsoleError> {
    let too_large = |_| ConsoleError::Refused("this is too large".to_owned());
    if path == "do/upload" {
        let bytes = to_bytes(body, PHOTO_BYTES_MAX).await.map_err(too_large)?;
        let name = query.get("name").unwrap_or("photo").to_owned();
        let arn = console.platform.upload(name, bytes).await?;
        return Ok(done(&link("execution", &[("arn", &arn)])));
    }
    let form = to_bytes(body, FORM_BYTES_MAX).await.map_err(too_large)?;
    let form = Query::parse(&String::from_utf8_lossy(&form));
    match path {
        "do/start" => start(console, form).await,
        "do/stop" => stop(console, form).await,
        "do/redrive" => redrive(console, form).await,
        "do/start-from" => start_from(console, form).await,
        "do/alarm-actions" => alarm_actions(console, &form).await,
        "do/alarm-state" => alarm_state(console, &form).await,
        "do/redrive-letters" => redrive_letters(console, &form).await,
        "do/purge-letters" => purge_letters(console, &form).await,
        _ => Ok(answer::not_found()),
    }
}

fn needed(form: &Query, name: &str) -> Result<String, ConsoleError> {
    form.get(name).map(str::to_owned).ok_or_else(|| ConsoleError::Refused(format!("{name} is missing")))
}

fn input(form: &Query) -> Result<Payload, ConsoleError> {
    let text = form.get("input").unwrap_or("{}");
    Payload::parse(text).map_err(|error| {
        let (line, column) = darkroom_asl::json::line_column(text, error.offset);
        ConsoleError::Refused(format!("the input is not JSON: line {line}, column {column}"))
    })
}

fn to_execution(arn: &str) -> Response {
    done(&link("execution", &[("arn", arn)]))
}

/// Starts an execution of a state machine, a version or an alias.
async fn start(console: &Console, form: Query) -> Result<Response, ConsoleError> {
    let (machine_arn, input) = (needed(&form, "machine")?, input(&form)?);
    let name = form.get("name").map(str::to_owned);
    let (answer, answered) = oneshot::channel();
    let engine = console.engine.clone();
    blocking(move || {
        let target = engine.target(&machine_arn)?;
        if target.machine.machine_type == MachineType::Express {
            let why = "an Express execution leaves no history to look at: start it with a client";
            return Err(ConsoleError::Refused(why.to_owned()));
        }
        let name = name.unwrap_or_else(|| format!("console-{}", engine.now().as_millis()));
        check_name(&name)?;
        let machine = engine.machine(&target.revision.definition)?;
        let arn = of_execution(&target.machine.arn, &target.machine.name, &name);
        let identity = engine.identity(&target, arn, &name, None);
        let reply = Box::new(move |started| {
            // Whoever asked may have gone away.
            let _ = answer.send(started);
        });
        engine.submit_start(identity, &target.revision.definition, &machine, input, reply);
        Ok(())
    })
    .await?;
    let started = answered.await.map_err(|_| ConsoleError::Stopping)?.map_err(not_started)?;
    Ok(to_execution(&started.arn))
}

async fn stop(console: &Console, form: Query) -> Result<Response, ConsoleError> {
    let arn: Text = needed(&form, "arn")?.into();
    let (answer, answered) = oneshot::channel();
    let reason = Reason { error: None, cause: Some("stopped in the console".into()) };
    let reply = Box::new(move |stopped| {
        let _ = answer.send(stopped);
    });
    console.engine.submit_stop(&arn, reason, reply);
    answered.await.map_err(|_| ConsoleError::Stopping)??;
    Ok(to_execution(&arn))
}

async fn redrive(console: &Console, form: Query) -> Result<Response, ConsoleError> {
    let arn: Text = needed(&form, "arn")?.into();
    let (answer, answered) = oneshot::channel();
    let reply = Box::new(move |redriven| {
        let _ = answer.send(redriven);
    });
    let (engine, redriven) = (console.engine.clone(), arn.clone());
    blocking(move || {
        engine.submit_redrive(&redriven, None, reply);
        Ok(())
    })
    .await?;
    match answered.await.map_err(|_| ConsoleError::Stopping)? {
        Ok(_) => Ok(to_execution(&arn)),
        Err(RedriveError::DoesNotExist) => Err(ConsoleError::NotFound(arn.to_string())),
        Err(RedriveError::NotRedrivable(why)) => Err(ConsoleError::Refused(why.to_string())),
        Err(RedriveError::Store(error)) => Err(error.into()),
    }
}

/// Starts a new execution of the same state machine that begins with another state.
async fn start_from(console: &Console, form: Query) -> Result<Response, ConsoleError> {
    let (arn, state, input) = (needed(&form, "arn")?, needed(&form, "state")?, input(&form)?);
    let console = console.clone();
    let arn = blocking(move || {
        let engine = &console.engine;
        let stored = find(&console, &arn)?;
        let text = engine.store().definition(&stored.definition)?;
        let text = text.ok_or_else(|| ConsoleError::NotFound("the definition".to_owned()))?;
        let story = Story::of(&console, &stored)?;
        let visit = story.course.of_state(&state).next_back();
        let variables = visit.map_or_else(BTreeMap::new, |visit| story.course.variables_before(visit));
        let (definition, machine) = engine.register(&restart::definition(&text, &state, &variables)?)?;
        let identity = &stored.identity;
        let name: String = identity.execution_name.chars().take(NAME_KEPT_MAX).collect();
        let name = format!("{name}-from-{}", engine.now().as_millis());
        check_name(&name)?;
        let arn = of_execution(&identity.state_machine_arn, &identity.state_machine_name, &name);
        // It runs no revision of the state machine, and none of its versions; and nobody's trace led to it.
        let identity = Identity {
            execution_arn: arn.into(),
            execution_name: name.into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
            ..Identity::clone(identity)
        };
        let started = engine.start_execution(Arc::new(identity), &definition, &machine, input);
        Ok(started.map_err(not_started)?.arn)
    })
    .await?;
    Ok(to_execution(&arn))
}

/// Switches what an alarm does on or off.
async fn alarm_actions(console: &Console, form: &Query) -> Result<Response, ConsoleError> {
    let name = needed(form, "name")?;
    let action = match &*needed(form, "enabled")? {
        "true" => "EnableAlarmActions",
        _ => "DisableAlarmActions",
    };
    let names = json!({ "AlarmNames": [name] });
    ask::call(console, "monitoring", &format!("{}.{action}", alarms::TARGET), &names).await?;
    Ok(done(&link("alarm", &[("name", &name)])))
}

async fn alarm_state(console: &Console, form: &Query) -> Result<Response, ConsoleError> {
    let (name, state) = (needed(form, "name")?, needed(form, "state")?);
    let input = json!({ "AlarmName": name, "StateValue": state, "StateReason": "set in the console" });
    ask::call(console, "monitoring", &format!("{}.SetAlarmState", alarms::TARGET), &input).await?;
    Ok(done(&link("alarm", &[("name", &name)])))
}

/// The executions that a form names; none are all.
fn chosen(form: &Query) -> Vec<String> {
    form.get("arn").map(str::to_owned).into_iter().collect()
}

async fn redrive_letters(console: &Console, form: &Query) -> Result<Response, ConsoleError> {
    let (platform, arns) = (console.platform.clone(), chosen(form));
    let refused = blocking(move || Ok(platform.redrive_dead_letters(&arns)?)).await?;
    if refused.is_empty() {
        return Ok(done(&link("dead-letters", &[])));
    }
    Err(ConsoleError::Refused(refused.join("; ")))
}

async fn purge_letters(console: &Console, form: &Query) -> Result<Response, ConsoleError> {
    let (platform, arns) = (console.platform.clone(), chosen(form));
    blocking(move || Ok(platform.purge_dead_letters(&arns)?)).await?;
    Ok(done(&link("dead-letters", &[])))
}

fn check_name(name: &str) -> Result<(), ConsoleError> {
    if is_name(name) {
        return Ok(());
    }
    Err(ConsoleError::Refused(format!("{name} cannot be a name: up to 80 letters, digits, - and _ can")))
}

fn not_started(error: StartError) -> ConsoleError {
    match error {
        StartError::Store(error) => error.into(),
        StartError::ShutDown => ConsoleError::Stopping,
        StartError::AlreadyExists { .. } | StartError::TooMany => ConsoleError::Refused(error.to_string()),
    }
}

/// Does what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConsoleError> + Send + 'static,
) -> Result<T, ConsoleError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ConsoleError::Panicked))
}
