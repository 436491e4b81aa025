//! Definitions: the text of a state machine becomes a [`StateMachine`], or every reason why it cannot.
//!
//! [`parse`] takes any text and never stops at the first fault: each becomes a [`Diagnostic`] with AWS's code,
//! message and location, and with ours beside it: the bytes that are meant and how to mend them. What AWS
//! would accept but is probably wrong is a warning.
//!
//! One file is one state type, with the table of its fields and its parser, for both query languages. Distributed
//! maps are read in full, but cannot be executed yet: [`parse`] turns them away, [`validate`] does not.
//!
//! Spec: States Language; AWS, `ValidateStateMachineDefinition`.

mod assign;
mod catch;
mod choice;
mod diagnostic;
mod distributed;
mod draft;
mod errors;
mod expressions;
mod fail;
mod fields;
mod flow;
mod integrations;
mod lints;
mod location;
mod machine;
mod map;
mod options;
mod parallel;
mod pass;
mod payload;
mod print;
mod query;
mod reachability;
mod reader;
mod report;
mod resource;
mod retry;
mod shape;
mod state_reader;
mod state_type;
mod states;
mod succeed;
mod task;
mod wait;

use std::sync::Arc;

pub use assign::VARIABLE_CHARACTERS_MAX;
pub use diagnostic::{Diagnostic, DiagnosticCode, Severity};
pub use distributed::{
    BATCH_BYTES_MAX, CsvDelimiter, CsvHeaderLocation, Distributed, ITEMS_MAX, InputType, ItemBatcher,
    ItemReader, ItemSource, ItemsPointer, ManifestType, OutputType, ReaderConfig, ReaderTransformation,
    ResultWriter, WriterConfig, WriterTransformation,
};
pub use machine::*;
pub use map::LABEL_CHARACTERS_MAX;
pub use options::{MachineType, Options};
pub use print::to_json;
pub use report::DIAGNOSTICS_MAX;
pub use state_reader::SECONDS_MAX;
pub use state_type::StateType;
pub use states::{NESTING_MAX, STATE_NAME_CHARACTERS_MAX};

use self::draft::Draft;
use self::fields::{Field, Kind, QueryLanguage, both};
use self::location::Location;
use self::options::Purpose;
use self::reader::Reader;
use self::report::Report;
use self::states::{Builder, Surroundings};
use crate::json::{JacksonError, Node, ParseError, ParseErrorKind, Span, Spanned, Text, parse_spanned};

/// Bytes that a definition may have. Source: AWS's API model.
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// What [`parse`] makes of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The machine; there is one exactly if no diagnostic is an error.
    pub machine: Option<Arc<StateMachine>>,
    /// Everything that was found, errors first, each in the order of the text; at most
    /// [`DIAGNOSTICS_MAX`] errors and as many warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// The fields of the whole definition. Spec: "Top-level fields".
const TOP: &[Field] = &[
    both("States", Kind::Object).required(),
    both("StartAt", Kind::Text).required(),
    both("Comment", Kind::Text),
    both("Version", Kind::Text),
    both("TimeoutSeconds", Kind::Integer),
    both("QueryLanguage", Kind::Text),
];

/// The name that AWS gives a state that is tested on its own.
const LONE_STATE: &str = "StateName";

/// Reads a definition that is to be executed.
///
/// Any text is taken; time and memory are bounded by its size, which is at most [`DEFINITION_BYTES_MAX`].
pub fn parse(text: &str, options: Options) -> Parsed {
    read(text, options, Purpose::Execution)
}

/// Reads a definition that is not to be executed, or not as a whole: what AWS takes and this interpreter cannot
/// run is no fault of it.
pub fn validate(text: &str, options: Options) -> Parsed {
    read(text, options, Purpose::Inspection)
}

fn read(text: &str, options: Options, purpose: Purpose) -> Parsed {
    let mut report = Report::default();
    let Some(root) = open(text, &mut report) else { return Parsed::refused(report) };
    let top = Location::top();
    let Some(fields) = Reader::open(&root, &top, TOP, QueryLanguage::JsonPath, &mut report) else {
        return Parsed::refused(report);
    };
    let language = fields
        .text("QueryLanguage")
        .and_then(|(found, name)| states::parse_language(&found, name, &mut report))
        .unwrap_or_default();
    let timeout_seconds = state_reader::integer(&fields, "TimeoutSeconds", 1, SECONDS_MAX, &mut report);
    if let Some((found, version)) = fields.text("Version")
        && &**version != "1.0"
    {
        report.schema(&found.location, found.value.span, "Value must be one of [1.0]");
    }
    let comment = fields.text("Comment").map(|(_, comment)| comment.clone());

    let mut builder = Builder::new(options, purpose, language, report);
    let start_at = builder.scope(&fields, Surroundings::default());
    flow::check(&builder.scopes, &builder.drafts, &mut builder.report);
    lints::check(&builder.scopes, &builder.drafts, &mut builder.report);
    finish(builder, start_at, comment, timeout_seconds)
}

/// Reads the definition of a single state, as `TestState` takes it.
///
/// The state is the start of a machine, and is named `StateName`. The states that it names need not be there:
/// each stands in the machine as a Succeed state. What concerns a whole workflow is not looked at.
pub fn parse_state(text: &str, options: Options) -> Parsed {
    let mut report = Report::default();
    let Some(root) = open(text, &mut report) else { return Parsed::refused(report) };
    let mut builder = Builder::new(options, Purpose::Inspection, QueryLanguage::JsonPath, report);
    let start_at = builder.lone_state(LONE_STATE, root);
    finish(builder, Some(start_at), None, None)
}

/// The text as JSON, if it is an object.
fn open(text: &str, report: &mut Report) -> Option<Spanned> {
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("The definition has more than {DEFINITION_BYTES_MAX} bytes");
        report.error_without_place(DiagnosticCode::SchemaValidationFailed, message);
        return None;
    }
    if text.is_empty() {
        report.error_without_place(DiagnosticCode::MissingDescription, "The definition is empty");
        return None;
    }
    match parse_spanned(text) {
        Ok(root) if matches!(root.node, Node::Object(_)) => return Some(root),
        Err(error) if !text.trim().is_empty() => not_json(text, &error, report),
        Ok(_) | Err(_) => {
            let message = "Definition must be a valid JSON object";
            report.error_without_place(DiagnosticCode::SchemaValidationFailed, message);
        }
    }
    None
}

/// AWS: what Jackson says, where Jackson says it.
fn not_json(text: &str, error: &ParseError, report: &mut Report) {
    let code = match error.kind {
        ParseErrorKind::TooDeep => DiagnosticCode::TooDeeplyNested,
        ParseErrorKind::UnexpectedEnd { .. }
        | ParseErrorKind::Unexpected { .. }
        | ParseErrorKind::TrailingText { .. }
        | ParseErrorKind::ControlCharacter { .. }
        | ParseErrorKind::InvalidEscape { .. }
        | ParseErrorKind::InvalidUnicodeEscape
        | ParseErrorKind::NumberOutOfRange
        | ParseErrorKind::NumberTooLong => DiagnosticCode::InvalidJsonDescription,
    };
    let JacksonError { message, location } = JacksonError::new(text, error);
    let diagnostic = report.error_without_place(code, message);
    diagnostic.location = Some(location);
    diagnostic.span = Some(Span { start: error.offset, end: error.offset });
}

/// The machine, if nothing speaks against it.
fn finish(
    builder: Builder,
    start_at: Option<StateIndex>,
    comment: Option<Text>,
    timeout_seconds: Option<u32>,
) -> Parsed {
    let Builder { mut report, mut drafts, scopes, .. } = builder;
    if report.has_errors() {
        return Parsed::refused(report);
    }
    // Outer scopes come last: what they say of a state is passed on to what runs inside it.
    for scope in scopes.iter().rev() {
        let around = scope.owner.is_some_and(|owner| drafts[owner.as_usize()].may_take_long);
        for index in &scope.states {
            drafts[index.as_usize()].may_take_long |= around;
        }
    }
    let state = |draft: Draft| {
        let variables = draft.variables.into_iter().collect();
        let may_take_long = draft.may_take_long;
        Some(State { name: draft.name, kind: draft.kind?, variables, may_take_long })
    };
    let states: Option<Vec<State>> = drafts.into_iter().map(state).collect();
    let (Some(start_at), Some(states)) = (start_at, states) else {
        // A fault of ours: something was left out without a word. Refusing is right, silence would not be.
        let message = "The definition could not be read: a state is missing";
        report.error_without_place(DiagnosticCode::SchemaValidationFailed, message);
        return Parsed::refused(report);
    };
    let machine = StateMachine::new(comment, start_at, timeout_seconds, states);
    Parsed { machine: Some(machine), diagnostics: report.finish() }
}

impl Parsed {
    fn refused(report: Report) -> Self {
        Self { machine: None, diagnostics: report.finish() }
    }
}
