//! The Task state. Spec: States Language, "Task State".

use super::fields::{Field, Kind, QueryLanguage, both, json_path, jsonata};
use super::machine::{PayloadTemplate, Resource, Seconds, Task};
use super::query::Moment;
use super::reader::{Reader, is_expression};
use super::state_reader::StateReader;
use super::{assign, catch, integrations, resource, retry};

/// The fields of a Task.
pub(super) const FIELDS: &[Field] = &[
    both("Next", Kind::Text),
    both("End", Kind::Boolean),
    both("Resource", Kind::Text).required(),
    both("Credentials", Kind::Object).or_expression(),
    both("TimeoutSeconds", Kind::Integer).or_expression(),
    both("HeartbeatSeconds", Kind::Integer).or_expression(),
    json_path("TimeoutSecondsPath", Kind::Text),
    json_path("HeartbeatSecondsPath", Kind::Text),
    both("Retry", Kind::Array),
    both("Catch", Kind::Array),
    both("Assign", Kind::Object).or_expression(),
    json_path("InputPath", Kind::Path),
    json_path("Parameters", Kind::Any),
    json_path("ResultSelector", Kind::Object),
    json_path("ResultPath", Kind::Path),
    json_path("OutputPath", Kind::Path),
    jsonata("Arguments", Kind::Any),
    jsonata("Output", Kind::Any),
];

const CREDENTIALS: &[Field] = &[both("RoleArn", Kind::Text), json_path("RoleArn.$", Kind::Text)];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Option<Task> {
    let resource = read_resource(state);
    let flow = state.data_flow(Moment::WithResult);
    let arguments = state.arguments();
    let timeout = state.seconds("TimeoutSeconds", "TimeoutSecondsPath");
    let heartbeat = state.seconds("HeartbeatSeconds", "HeartbeatSecondsPath");
    check_heartbeat(state, timeout.as_ref(), heartbeat.as_ref());
    let credentials = read_credentials(state);
    let retry = retry::read(state);
    let catch = catch::read(state);
    let assign = assign::read(state, state.fields, Moment::WithResult);
    let transition = state.transition();
    if let Some(resource) = &resource {
        integrations::check_parameters(state, resource);
    }
    Some(Task {
        resource: resource?,
        flow,
        arguments,
        assign,
        transition: transition?,
        retry,
        catch,
        timeout,
        heartbeat,
        credentials,
    })
}

/// `Resource`. A refused one is read as what was meant, so that the checks behind it still say something.
fn read_resource(state: &mut StateReader<'_, '_>) -> Option<Resource> {
    let (found, arn) = state.fields.text("Resource")?;
    match resource::parse(arn, state.builder.options.machine_type) {
        Ok(resource) => Some(resource),
        Err(refusal) => {
            let diagnostic = state.report().schema(&found.location, found.value.span, refusal.message);
            diagnostic.help = refusal.help;
            refusal.meant
        }
    }
}

/// A heartbeat that is not shorter than the time-out would never be missed.
fn check_heartbeat(state: &mut StateReader<'_, '_>, timeout: Option<&Seconds>, heartbeat: Option<&Seconds>) {
    if let (Some(Seconds::Fixed(timeout)), Some(Seconds::Fixed(heartbeat))) = (timeout, heartbeat)
        && heartbeat >= timeout
        && let Some(found) = state.fields.get("HeartbeatSeconds")
    {
        let message = "HeartbeatSeconds must be smaller than TimeoutSeconds";
        state.report().schema(&found.location, found.value.span, message);
    }
}

/// `Credentials`: an object with the role to call as.
fn read_credentials(state: &mut StateReader<'_, '_>) -> Option<PayloadTemplate> {
    let found = state.fields.get("Credentials")?;
    let language = state.language;
    if language == QueryLanguage::Jsonata && is_expression(found.value) {
        return state.template(state.fields, "Credentials", Moment::WithoutResult);
    }
    let fields =
        Reader::open(found.value, &found.location, CREDENTIALS, language, &mut state.builder.report)?;
    if found.value.get("RoleArn").is_none() && found.value.get("RoleArn.$").is_none() {
        let message = "The field 'RoleArn' is required but was missing";
        state.report().schema(&found.location, found.value.span, message);
    }
    fields.exclude(&["RoleArn", "RoleArn.$"], state.report());
    state.template(state.fields, "Credentials", Moment::WithoutResult)
}
