//! What a new object in the input bucket sets off: the start of its execution. A Lambda function of this process, which
//! a rule of EventBridge calls with S3's "Object Created".
//!
//! It may be called twice with the same event. The execution's name, `image-processing-<imageId>`, is taken then; where
//! it is taken by another upload (another user's of the same image id, or content that was there before) the name says
//! which. What content an image was last started for stands in its record.

use std::sync::{Arc, Weak};

use darkroom_asl::json::Payload;
use darkroom_engine::{Engine, StartError, arn};
use darkroom_functions::{DynamoRecords, FunctionError, Upload};
use jiff::Timestamp;
use serde::Deserialize;

use super::guard::Holder;

/// Starts executions for uploads.
pub struct Uploads {
    /// Where they run. It ends before the services do, so that a late event finds it gone and is told again.
    pub engine: Weak<Engine>,
    /// What is started.
    pub state_machine_arn: String,
    /// The images' records.
    pub records: DynamoRecords,
    /// Whose role has to allow it.
    pub holder: Holder,
}

/// S3's event, as EventBridge hands it on.
#[derive(Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: u64,
    etag: String,
}

/// Why an upload's execution was not started yet: an error's type, and words. The call is made again until it is: what
/// stands in its way (a full disk, a role, a state machine that was deleted) can be mended.
type Failure = (String, String);

impl Uploads {
    /// Answers what became of the event, as JSON.
    pub fn invoke(&self, event: &str) -> Result<String, Failure> {
        let refused = |key: &str, reason: &dyn std::fmt::Display| {
            // Nobody waits for an answer: the log is where its owner can find out.
            tracing::warn!(key, %reason, "an upload is refused, and nothing is started for it");
            Ok(serde_json::json!({ "status": "refused", "reason": reason.to_string() }).to_string())
        };
        let object = match serde_json::from_str(event) {
            Ok(Event { detail: Detail { object } }) => object,
            Err(error) => return refused("", &error),
        };
        let upload = match Upload::of_object(&object.key, object.size) {
            Ok(upload) => upload,
            Err(error) => return refused(&object.key, &error),
        };
        let e_tag = object.etag;
        self.holder
            .check("states:StartExecution", self.state_machine_arn.clone())
            .map_err(|message| ("AccessDenied".to_owned(), message))?;
        let key = upload.key().map_err(|error| of_function(&error))?;
        let noted = self.records.noted_upload(&key).map_err(|error| of_function(&error.into()))?;
        let engine = self.engine.upgrade().ok_or_else(|| failure("Unavailable", &"the engine has ended"))?;
        let execution_arn = self.start(&engine, &upload, &e_tag, noted.as_deref())?;
        if noted.as_deref() != Some(&*e_tag) {
            let noted = self.records.note_upload(&key, &e_tag, Timestamp::now());
            noted.map_err(|error| of_function(&error.into()))?;
        }
        Ok(serde_json::json!({ "status": "started", "executionArn": execution_arn }).to_string())
    }

    /// Starts the execution, unless it is there already; its ARN.
    fn start(
        &self,
        engine: &Engine,
        upload: &Upload,
        e_tag: &str,
        noted: Option<&str>,
    ) -> Result<String, Failure> {
        let input = serde_json::to_string(upload).map_err(|error| failure("InvalidEvent", &error))?;
        let name = upload.execution_name();
        let is_new_content = noted.is_some_and(|noted| noted != e_tag);
        if !is_new_content {
            let arn = self.start_as(engine, &name, &input)?;
            if self.is_of(engine, &arn, &input)? {
                return Ok(arn);
            }
        }
        self.start_as(engine, &upload.other_execution_name(e_tag), &input)
    }

    fn start_as(&self, engine: &Engine, name: &str, input: &str) -> Result<String, Failure> {
        let target =
            engine.target(&self.state_machine_arn).map_err(|error| failure("StateMachineGone", &error))?;
        let definition = &target.revision.definition;
        let machine = engine.machine(definition).map_err(|error| failure("StateMachineGone", &error))?;
        let arn = arn::of_execution(&target.machine.arn, &target.machine.name, name);
        let identity = target.identity(arn.clone(), name);
        match engine.start_execution(identity, definition, &machine, Payload::from_trusted(input)) {
            Ok(_) | Err(StartError::AlreadyExists { .. }) => Ok(arn),
            Err(error) => Err(failure("Unavailable", &error)),
        }
    }

    /// Whether the execution is this upload's.
    fn is_of(&self, engine: &Engine, arn: &str, input: &str) -> Result<bool, Failure> {
        let found = engine.store().execution(arn).map_err(|error| failure("Unavailable", &error))?;
        let owner = |text: &str| {
            let input: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            (input["userId"].clone(), input["s3Key"].clone())
        };
        Ok(found.is_some_and(|found| owner(found.input.text()) == owner(input)))
    }
}

fn failure(error_type: &str, error: &dyn std::fmt::Display) -> Failure {
    (error_type.to_owned(), error.to_string())
}

fn of_function(error: &FunctionError) -> Failure {
    failure(error.error_type(), error)
}

/// The function, to be put among the others.
pub fn code(uploads: Uploads) -> Arc<darkroom_services::lambda::Code> {
    Arc::new(move |event: &str| uploads.invoke(event))
}
