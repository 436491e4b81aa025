//! `ValidateStateMachineDefinition`. A definition that is wrong is an answer and no error.

use darkroom_asl::definition::{self, Diagnostic, Options, Severity};
use serde::{Deserialize, Serialize};

use super::create_state_machine::machine_type;
use crate::error::ApiError;
use crate::protocol::Context;

/// Diagnostics that AWS tells at most, and of a caller who does not say.
const RESULTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    definition: String,
    #[serde(rename = "type")]
    machine_type: Option<String>,
    severity: Option<Least>,
    max_results: Option<i64>,
}

/// The least severe diagnostics that a caller wants to see.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Least {
    Error,
    Warning,
}

#[derive(Serialize)]
pub(super) struct Output {
    result: &'static str,
    diagnostics: Vec<Item>,
    truncated: bool,
}

#[derive(Serialize)]
struct Item {
    severity: &'static str,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let Input { definition, machine_type: word, severity, max_results } = input;
    let machine_type = machine_type(word.as_deref());
    let asked = max_results.and_then(|asked| usize::try_from(asked).ok()).filter(|asked| *asked > 0);
    let length = asked.unwrap_or(RESULTS_MAX);
    let with_warnings = severity == Some(Least::Warning);
    context
        .blocking(move |_| {
            let diagnostics = definition::validate(&definition, Options { machine_type }).diagnostics;
            Ok(answer(diagnostics, with_warnings, length))
        })
        .await
}

fn answer(diagnostics: Vec<Diagnostic>, with_warnings: bool, length: usize) -> Output {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let result = if diagnostics.iter().any(is_error) { "FAIL" } else { "OK" };
    let mut shown: Vec<Item> = diagnostics
        .into_iter()
        .filter(|diagnostic| is_error(diagnostic) || (with_warnings && diagnostic.code.is_known_to_aws()))
        .map(|diagnostic| Item {
            severity: diagnostic.severity.as_str(),
            code: diagnostic.code.as_str(),
            message: diagnostic.message,
            location: diagnostic.location,
        })
        .collect();
    let truncated = shown.len() > length;
    shown.truncate(length);
    Output { result, diagnostics: shown, truncated }
}
