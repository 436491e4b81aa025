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
            reason: in_words(cause.as_deref().unwrap_or_default()),
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

/// A cause for people. The workflow's own causes carry a step's whole answer as JSON, and a function's error is
/// JSON itself: the sentences within are what counts. A cause without any stays as it is.
fn in_words(cause: &str) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Explained {
        error_message: Option<String>,
        #[serde(default)]
        reasons: Vec<String>,
    }
    let json = cause.find('{').map_or("", |start| &cause[start..]);
    match serde_json::from_str(json) {
        Ok(Explained { error_message: Some(message), .. }) => message,
        Ok(Explained { reasons, .. }) if !reasons.is_empty() => reasons.join("; "),
        Ok(_) | Err(_) => cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_become_sentences() {
        let table = [
            (
                r#"Validation refused the image: {"result":"invalid","reasons":["the file is empty","x"]}"#,
                "the file is empty; x",
            ),
            (r#"{"errorMessage":"no room","errorType":"Lambda.ServiceException"}"#, "no room"),
            ("plain words", "plain words"),
            ("a { that is not JSON", "a { that is not JSON"),
            (r#"Resize did not complete: {"status":"odd"}"#, r#"Resize did not complete: {"status":"odd"}"#),
            ("", ""),
        ];
        for (cause, expected) in table {
            assert_eq!(in_words(cause), expected);
        }
    }
}
