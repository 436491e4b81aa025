//! The Map state, in its present and its old form. Spec: States Language, "Map State".
//!
//! `ItemProcessor` and `ItemSelector` were once `Iterator` and `Parameters`; both are read. What only distributed
//! maps have is read in `distributed.rs`. That they cannot be executed is said in [`refuse_execution`], which is
//! the only place that does.

use super::diagnostic::DiagnosticCode;
use super::distributed::{self, EXECUTION_TYPES};
use super::fields::{Field, Kind, QueryLanguage, both, json_path, jsonata};
use super::machine::{Count, Items, Map, Mode, PayloadTemplate, Selection, StateIndex};
use super::options::{MachineType, Purpose};
use super::query::Moment;
use super::reader::{Found, Reader};
use super::state_reader::StateReader;
use super::states::Surroundings;
use super::{assign, catch, retry};
use crate::json::Text;

/// Characters in a `Label`. Source: AWS, "Label".
pub const LABEL_CHARACTERS_MAX: usize = 40;

/// The fields of a Map.
pub(super) const FIELDS: &[Field] = &[
    both("Next", Kind::Text),
    both("End", Kind::Boolean),
    both("ItemProcessor", Kind::Object),
    both("Iterator", Kind::Object),
    both("ItemSelector", Kind::Any),
    both("ItemReader", Kind::Object),
    both("ItemBatcher", Kind::Object),
    both("ResultWriter", Kind::Object),
    both("MaxConcurrency", Kind::Integer).or_expression(),
    both("ToleratedFailureCount", Kind::Integer).or_expression(),
    both("ToleratedFailurePercentage", Kind::Number).or_expression(),
    both("Label", Kind::Text),
    both("Retry", Kind::Array),
    both("Catch", Kind::Array),
    both("Assign", Kind::Object).or_expression(),
    json_path("InputPath", Kind::Path),
    json_path("ItemsPath", Kind::Text),
    json_path("Parameters", Kind::Any),
    json_path("MaxConcurrencyPath", Kind::Text),
    json_path("ToleratedFailureCountPath", Kind::Text),
    json_path("ToleratedFailurePercentagePath", Kind::Text),
    json_path("ResultSelector", Kind::Object),
    json_path("ResultPath", Kind::Path),
    json_path("OutputPath", Kind::Path),
    jsonata("Items", Kind::Any),
    jsonata("Output", Kind::Any),
];

const PROCESSOR: &[Field] = &[
    both("Comment", Kind::Text),
    both("ProcessorConfig", Kind::Object),
    both("StartAt", Kind::Text).required(),
    both("States", Kind::Object).required(),
];

const PROCESSOR_CONFIG: &[Field] = &[both("Mode", Kind::Text), both("ExecutionType", Kind::Text)];

/// Fields that only a distributed map has.
const DISTRIBUTED_ONLY: &[&str] = &["ItemReader", "ItemBatcher", "ResultWriter", "Label"];

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Option<Map> {
    let flow = state.data_flow(Moment::WithResult);
    let items = read_items(state);
    let item_selector = read_item_selector(state);
    let processor = read_processor(state);
    let max_concurrency = state.count("MaxConcurrency", "MaxConcurrencyPath", f64::INFINITY);
    let tolerated_failure_count =
        state.count("ToleratedFailureCount", "ToleratedFailureCountPath", f64::INFINITY);
    let tolerated_failure_percentage =
        state.count("ToleratedFailurePercentage", "ToleratedFailurePercentagePath", 100.0);
    let retry = retry::read(state);
    let catch = catch::read(state);
    let assign = assign::read(state, state.fields, Moment::WithResult);
    let transition = state.transition();
    let (processor, mode) = processor?;
    Some(Map {
        flow,
        items,
        item_selector,
        processor,
        mode,
        max_concurrency: max_concurrency.unwrap_or(Count::Fixed(0.0)),
        tolerated_failure_count,
        tolerated_failure_percentage,
        assign,
        transition: transition?,
        retry,
        catch,
    })
}

/// `ItemsPath`, or `Items` as `JSONata` states have it.
fn read_items(state: &mut StateReader<'_, '_>) -> Items {
    match state.language {
        QueryLanguage::JsonPath => Items::At(read_items_path(state)),
        QueryLanguage::Jsonata => {
            Items::Query(state.query_template(state.fields, "Items", Moment::WithoutResult))
        }
    }
}

/// `ItemsPath`, which, unlike the other paths of its kind, cannot be `null`.
fn read_items_path(state: &mut StateReader<'_, '_>) -> Selection {
    match state.fields.text("ItemsPath") {
        Some((_, text)) if &**text != "$" => state.path("ItemsPath").map(Selection::At).unwrap_or_default(),
        Some(_) | None => Selection::Whole,
    }
}

/// `ItemSelector`, or `Parameters` as it was called before.
fn read_item_selector(state: &mut StateReader<'_, '_>) -> Option<PayloadTemplate> {
    if state.fields.exclude(&["ItemSelector", "Parameters"], &mut state.builder.report) {
        return None;
    }
    let name = if state.fields.get("Parameters").is_some() { "Parameters" } else { "ItemSelector" };
    match state.language {
        QueryLanguage::JsonPath => state.payload(name).map(PayloadTemplate::JsonPath),
        QueryLanguage::Jsonata => state.template(state.fields, name, Moment::WithoutResult),
    }
}

/// `ItemProcessor`, or `Iterator` as it was called before.
fn read_processor(state: &mut StateReader<'_, '_>) -> Option<(StateIndex, Mode)> {
    const NAMES: &[&str] = &["ItemProcessor", "Iterator"];
    state.fields.exclude(NAMES, &mut state.builder.report);
    let Some(found) = NAMES.iter().find_map(|name| state.fields.get(name)) else {
        let (location, span) = (state.fields.location.clone(), state.draft.span);
        state.report().schema(&location, span, "These fields are required: [ItemProcessor]");
        return None;
    };
    let (language, report) = (state.language, &mut state.builder.report);
    let fields = Reader::open(found.value, &found.location, PROCESSOR, language, report)?;
    let mode = read_mode(state, &fields);
    let around = match &mode {
        Mode::Inline => {
            refuse_distributed_only(state);
            Surroundings::inside(state.scope, state.index)
        }
        Mode::Distributed(_) => {
            refuse_execution(state, &fields);
            Surroundings::apart(state.scope, state.index)
        }
    };
    let start = state.builder.scope(&fields, around)?;
    Some((start, mode))
}

/// The `ProcessorConfig`, and with it the fields that its mode brings.
fn read_mode(state: &mut StateReader<'_, '_>, processor: &Reader<'_>) -> Mode {
    const MODES: &[(&str, bool)] = &[("INLINE", false), ("DISTRIBUTED", true)];
    let language = state.language;
    let Some(config) = processor.get("ProcessorConfig") else { return Mode::Inline };
    let config =
        Reader::open(config.value, &config.location, PROCESSOR_CONFIG, language, &mut state.builder.report);
    let Some(config) = config else { return Mode::Inline };
    let is_distributed = distributed::word(state, &config, "Mode", MODES).unwrap_or(false);
    if is_distributed {
        if config.get("ExecutionType").is_none() {
            let message = "These fields are required: [ExecutionType]";
            state.report().schema(&config.location, config.span, message);
        }
        let execution_type = distributed::word(state, &config, "ExecutionType", EXECUTION_TYPES);
        let label = read_label(state);
        let fields = distributed::read(state, execution_type.unwrap_or_default(), label);
        return Mode::Distributed(Box::new(fields));
    }
    if let Some(found) = config.get("ExecutionType") {
        let message = "Field 'ExecutionType' is not supported";
        state
            .report()
            .schema(&config.location, found.value.span, message)
            .help("it belongs to Mode DISTRIBUTED");
    }
    Mode::Inline
}

/// Turns distributed maps away where they would have to run.
fn refuse_execution(state: &mut StateReader<'_, '_>, processor: &Reader<'_>) {
    let Some(config) = processor.get("ProcessorConfig") else { return };
    let message = match (state.builder.options.machine_type, state.builder.purpose) {
        (MachineType::Express, Purpose::Execution | Purpose::Inspection) => {
            "Express state machine does not support Map state in DISTRIBUTED mode"
        }
        (MachineType::Standard, Purpose::Execution) => "distributed maps are not supported yet",
        (MachineType::Standard, Purpose::Inspection) => return,
    };
    state.report().schema(&config.location, config.value.span, message);
}

fn refuse_distributed_only(state: &mut StateReader<'_, '_>) {
    for name in DISTRIBUTED_ONLY {
        if let Some(Found { location: _, value }) = state.fields.get(name) {
            let location = state.fields.location.clone();
            let message = format!("Field '{name}' is not supported");
            let help = "it belongs to an ItemProcessor whose ProcessorConfig has \"Mode\": \"DISTRIBUTED\"";
            state.report().schema(&location, value.span, message).help(help);
        }
    }
}

/// `Label`: part of the ARNs of a map run's executions.
fn read_label(state: &mut StateReader<'_, '_>) -> Option<Text> {
    let (found, label) = state.fields.text("Label")?;
    let problem = if label.is_empty() {
        Some("Label cannot be empty".to_owned())
    } else if label.chars().count() > LABEL_CHARACTERS_MAX {
        Some(format!("Label cannot exceed {LABEL_CHARACTERS_MAX} characters"))
    } else {
        let forbidden = label.chars().find(|character| is_forbidden_in_labels(*character));
        forbidden.map(|character| format!("Label contains invalid character: '{character}'"))
    };
    let (location, span) = (&found.location, found.value.span);
    if let Some(message) = problem {
        state.report().error(DiagnosticCode::InvalidLabelName, location, span, message);
    } else if !state.builder.labels.insert(label.clone()) {
        let message = format!("Duplicate Label name: {label}");
        state.report().error(DiagnosticCode::DuplicateLabelName, location, span, message);
    }
    Some(label.clone())
}

/// The characters that no name in an ARN may hold. Source: AWS, `CreateStateMachine`, "name".
fn is_forbidden_in_labels(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(character)
        || ('\u{FFFE}'..='\u{FFFF}').contains(&character)
        || character == '\u{10FFFF}'
}
