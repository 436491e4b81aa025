//! `ErrorEquals`, as retriers and catchers have it. Spec: States Language, "Errors".

use std::collections::HashSet;

use super::diagnostic::DiagnosticCode;
use super::location::Location;
use super::reader::{Found, Reader};
use super::report::Report;
use crate::json::{Node, Span, Text};

/// The name that stands for every error.
const ALL: &str = "States.ALL";

/// The names that the language reserves. Spec: "Appendix A: Predefined Error Codes"; AWS, "Error names".
const RESERVED: &[&str] = &[
    ALL,
    "States.TaskFailed",
    "States.Timeout",
    "States.HeartbeatTimeout",
    "States.Permissions",
    "States.DataLimitExceeded",
    "States.Runtime",
    "States.NoChoiceMatched",
    "States.BranchFailed",
    "States.ResultPathMatchFailure",
    "States.ParameterPathFailure",
    "States.IntrinsicFailure",
    "States.QueryEvaluationError",
    "States.ExceedToleratedFailureThreshold",
    "States.ItemReaderFailed",
    "States.ResultWriterFailed",
    "States.Http.Socket",
];

/// What the entries of one `Retry` or `Catch` have named so far.
#[derive(Debug)]
pub(super) struct ErrorNames {
    /// How many entries there are.
    count: usize,
    named: HashSet<Text>,
}

impl ErrorNames {
    pub(super) fn new(count: usize) -> Self {
        Self { count, named: HashSet::new() }
    }

    /// Reads the `ErrorEquals` of the entry at `position`.
    pub(super) fn read(&mut self, fields: &Reader<'_>, position: usize, report: &mut Report) -> Vec<Text> {
        let items = fields.items("ErrorEquals");
        let names: Vec<Text> = items.iter().filter_map(|item| name(item, report)).collect();
        let Some(list) = fields.get("ErrorEquals") else { return names };
        let (location, span) = (&list.location, list.value.span);
        if names.iter().any(|name| &**name == ALL) {
            self.check_all(&names, position, location, span, report);
        }
        let novel = names.iter().any(|name| !self.named.contains(name));
        if !novel && !names.is_empty() {
            report
                .warning(
                    DiagnosticCode::ErrorHandlerNeverMatches,
                    location,
                    span,
                    format!("an earlier entry already takes {}", names.join(", ")),
                )
                .help("entries are tried in order and the first match is taken: remove this one");
        }
        self.named.extend(names.iter().cloned());
        names
    }

    /// `States.ALL` stands alone in its list, and its entry is the last.
    fn check_all(
        &self,
        names: &[Text],
        position: usize,
        location: &Location,
        span: Span,
        report: &mut Report,
    ) {
        if names.len() > 1 {
            report
                .schema(location, span, "'States.ALL' must appear alone in 'ErrorEquals'")
                .help("it takes every error that the others name");
        }
        if position + 1 < self.count {
            report
                .schema(location, span, "'States.ALL' must appear in the last entry")
                .help("entries behind it could never match: move it to the end");
        }
    }
}

/// One name. Unknown `States.…` names are legal for AWS and match nothing.
fn name(item: &Found<'_>, report: &mut Report) -> Option<Text> {
    let Node::String(name) = &item.value.node else {
        report.schema(&item.location, item.value.span, "Expected value of type String");
        return None;
    };
    let reserved = name.starts_with("States.");
    if reserved && !RESERVED.contains(&&**name) && !name.starts_with("States.Http.StatusCode.") {
        let message = format!("no error is named {name}");
        let code = DiagnosticCode::ErrorHandlerNeverMatches;
        report
            .warning(code, &item.location, item.value.span, message)
            .help("names that begin with `States.` are reserved");
    }
    Some(name.clone())
}
