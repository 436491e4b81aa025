//! `ValidateStateMachineDefinition`. A definition that is wrong is an answer and no error.

use darkroom_asl::definition::{self, Diagnostic, Options, Severity};
use serde::{Deserialize, Serialize};

use super::create_state_machine::TYPES;
use crate::error::ApiError;
use crate::members::{DEFINITION_MAX, Members};
use crate::protocol::Context;

/// Diagnostics that AWS tells at most, and of a caller who does not say.
const RESULTS_MAX: i64 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    definition: Option<String>,
    #[serde(rename = "type")]
    machine_type: Option<String>,
    severity: Option<String>,
    max_results: Option<i64>,
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
    let mut members = Members::default();
    let definition = members.text("definition", input.definition, 1, DEFINITION_MAX);
    let machine_type = members.word("type", input.machine_type.as_deref(), &TYPES).unwrap_or_default();
    let severities = [("ERROR", false), ("WARNING", true)];
    let with_warnings = members.word("severity", input.severity.as_deref(), &severities).unwrap_or(false);
    let asked = input.max_results.unwrap_or(0);
    members.range("maxResults", asked, 0, RESULTS_MAX);
    members.check()?;
    let length = if asked == 0 { RESULTS_MAX } else { asked };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
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
