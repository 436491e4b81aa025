//! The error handler: notes in an image's record that a step failed, and why. Spec: "Error Handler Lambda".
//!
//! A fault of its own is an error, and never an answer with another status code: the workflow would go on as
//! if the failure had been noted.

use serde::{Deserialize, Serialize};

use super::Functions;
use crate::error::FunctionError;
use crate::keys::ImageKey;
use crate::records::ErrorInfo;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    image_id: String,
    user_id: String,
    error: ErrorOutput,
    step: String,
}

/// What a `Catch` hands on. States Language: "Error Output"; a `Cause` may be missing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorOutput {
    error: String,
    cause: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status_code: u16,
    body: Body,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    message: &'static str,
    image_id: String,
    step: String,
    error: String,
}

impl Functions {
    pub(super) fn handle_error(&self, event: Event) -> Result<Answer, FunctionError> {
        let key = ImageKey::new(event.image_id, event.user_id)?;
        let ErrorOutput { error, cause } = event.error;
        let failure = ErrorInfo {
            step: event.step.clone(),
            error: error.clone(),
            cause: cause.unwrap_or_default(),
            timestamp: self.now(),
        };
        if !self.services.records.fail(&key, failure)? {
            return Err(FunctionError::RecordNotFound(key));
        }
        let body = Body {
            message: "Error handled successfully",
            image_id: key.image_id().to_owned(),
            step: event.step,
            error,
        };
        Ok(Answer { status_code: 200, body })
    }
}
