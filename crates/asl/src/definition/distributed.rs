//! What a distributed Map has beside an inline one: where its items come from, how they are batched, where the
//! results go, and as what its iterations run.
//!
//! Whether such a map can be executed is not decided here.
//!
//! Spec: States Language, "Map State"; AWS, "Distributed Map state", "`ItemReader`", "`ItemBatcher`", "`ResultWriter`".

use super::fields::{Field, Kind, QueryLanguage, both, json_path, jsonata};
use super::machine::{Count, PayloadTemplate};
use super::options::MachineType;
use super::query::Moment;
use super::reader::{Found, Reader, is_expression};
use super::resource::unrecognised_message;
use super::state_reader::StateReader;
use crate::data::Query;
use crate::json::{Node, Text};

/// Items that a dataset may have. Source: AWS, "Quotas", and the bound of `MaxItems`.
pub const ITEMS_MAX: f64 = 100_000_000.0;
/// Bytes of a batch's input. Source: AWS, "`ItemBatcher`".
pub const BATCH_BYTES_MAX: f64 = 262_144.0;

/// The distributed mode of a Map: each iteration is an execution of its own.
#[derive(Debug, PartialEq)]
pub struct Distributed {
    /// `ExecutionType`: as what the iterations run.
    pub execution_type: MachineType,
    /// `Label`: part of the ARNs of the map run and its executions.
    pub label: Option<Text>,
    /// Where the items are read from, when they are not in the state's input.
    pub item_reader: Option<ItemReader>,
    /// How items are put together into one iteration's input.
    pub item_batcher: Option<ItemBatcher>,
    /// Where the results are written to.
    pub result_writer: Option<ResultWriter>,
}

/// `ItemReader`.
#[derive(Debug, PartialEq)]
pub struct ItemReader {
    /// The ARN as written.
    pub resource: Text,
    /// Which call it names.
    pub source: ItemSource,
    /// `Parameters` or `Arguments`: which bucket, key or prefix.
    pub arguments: Option<PayloadTemplate>,
    /// `ReaderConfig`: how what is read becomes items.
    pub config: ReaderConfig,
}

/// The calls that an `ItemReader` can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemSource {
    /// `s3:getObject`: a file with items in it.
    Object,
    /// `s3:listObjectsV2`: the objects are the items.
    Listing,
}

/// `ReaderConfig`.
#[derive(Debug, Default, PartialEq)]
pub struct ReaderConfig {
    /// What the file is.
    pub input_type: Option<InputType>,
    /// What stands between the columns of a CSV file.
    pub csv_delimiter: Option<CsvDelimiter>,
    /// Where the names of a CSV file's columns are.
    pub csv_header_location: Option<CsvHeaderLocation>,
    /// The names themselves, where they are given.
    pub csv_headers: Vec<Text>,
    /// How many items are read at most.
    pub max_items: Option<Count>,
    /// Where in a JSON file the items are.
    pub items_pointer: Option<ItemsPointer>,
    /// What wrote a manifest.
    pub manifest_type: Option<ManifestType>,
    /// Whether listed objects are items, or what is in them.
    pub transformation: Option<ReaderTransformation>,
}

/// `InputType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words")]
pub enum InputType {
    Csv,
    Json,
    JsonLines,
    Parquet,
    Manifest,
}

/// `CSVDelimiter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words")]
pub enum CsvDelimiter {
    Comma,
    Pipe,
    Semicolon,
    Space,
    Tab,
}

/// `CSVHeaderLocation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvHeaderLocation {
    /// The file's first row.
    FirstRow,
    /// `CSVHeaders`.
    Given,
}

/// `ItemsPointer`: a JSON pointer, given or computed.
#[derive(Debug, PartialEq)]
pub enum ItemsPointer {
    /// Written in the definition.
    Fixed(Text),
    /// An expression.
    Query(Query),
}

/// `ManifestType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words")]
pub enum ManifestType {
    AthenaData,
    S3Inventory,
}

/// `Transformation` of a `ReaderConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderTransformation {
    /// An item is what the listing says of an object.
    None,
    /// The objects are read, and what is in them are the items.
    LoadAndFlatten,
}

/// `ItemBatcher`.
#[derive(Debug, PartialEq)]
pub struct ItemBatcher {
    /// `BatchInput`: what each batch has beside its items.
    pub batch_input: Option<PayloadTemplate>,
    /// `MaxItemsPerBatch` or its path.
    pub items_max: Option<Count>,
    /// `MaxInputBytesPerBatch` or its path.
    pub bytes_max: Option<Count>,
}

/// `ResultWriter`.
#[derive(Debug, PartialEq)]
pub struct ResultWriter {
    /// The ARN of `s3:putObject`, as written; absent, the results are the state's own.
    pub resource: Option<Text>,
    /// `Parameters` or `Arguments`: which bucket and prefix.
    pub arguments: Option<PayloadTemplate>,
    /// `WriterConfig`.
    pub config: Option<WriterConfig>,
}

/// `WriterConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// What a result is made of.
    pub transformation: WriterTransformation,
    /// What the files are.
    pub output_type: OutputType,
}

/// `Transformation` of a `WriterConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterTransformation {
    /// The output of each execution, and what is known of it.
    None,
    /// The output alone.
    Compact,
    /// The outputs, those that are arrays taken apart.
    Flatten,
}

/// `OutputType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words")]
pub enum OutputType {
    Json,
    JsonLines,
}

/// AWS's words for the values of one field, in the order in which they are told.
pub(super) type Words<T> = &'static [(&'static str, T)];

pub(super) const EXECUTION_TYPES: Words<MachineType> =
    &[("STANDARD", MachineType::Standard), ("EXPRESS", MachineType::Express)];
pub(super) const INPUT_TYPES: Words<InputType> = &[
    ("CSV", InputType::Csv),
    ("JSON", InputType::Json),
    ("JSONL", InputType::JsonLines),
    ("PARQUET", InputType::Parquet),
    ("MANIFEST", InputType::Manifest),
];
pub(super) const CSV_DELIMITERS: Words<CsvDelimiter> = &[
    ("COMMA", CsvDelimiter::Comma),
    ("PIPE", CsvDelimiter::Pipe),
    ("SEMICOLON", CsvDelimiter::Semicolon),
    ("SPACE", CsvDelimiter::Space),
    ("TAB", CsvDelimiter::Tab),
];
pub(super) const CSV_HEADER_LOCATIONS: Words<CsvHeaderLocation> =
    &[("FIRST_ROW", CsvHeaderLocation::FirstRow), ("GIVEN", CsvHeaderLocation::Given)];
pub(super) const MANIFEST_TYPES: Words<ManifestType> =
    &[("ATHENA_DATA", ManifestType::AthenaData), ("S3_INVENTORY", ManifestType::S3Inventory)];
pub(super) const READER_TRANSFORMATIONS: Words<ReaderTransformation> =
    &[("NONE", ReaderTransformation::None), ("LOAD_AND_FLATTEN", ReaderTransformation::LoadAndFlatten)];
pub(super) const WRITER_TRANSFORMATIONS: Words<WriterTransformation> = &[
    ("NONE", WriterTransformation::None),
    ("COMPACT", WriterTransformation::Compact),
    ("FLATTEN", WriterTransformation::Flatten),
];
pub(super) const OUTPUT_TYPES: Words<OutputType> =
    &[("JSON", OutputType::Json), ("JSONL", OutputType::JsonLines)];

const ITEM_READER: &[Field] = &[
    both("Resource", Kind::Text).required(),
    both("ReaderConfig", Kind::Object),
    json_path("Parameters", Kind::Object),
    jsonata("Arguments", Kind::Object),
];

const READER_CONFIG: &[Field] = &[
    both("InputType", Kind::Text),
    both("CSVDelimiter", Kind::Text),
    both("CSVHeaderLocation", Kind::Text),
    both("CSVHeaders", Kind::Items),
    both("MaxItems", Kind::Integer).or_expression(),
    both("ItemsPointer", Kind::Text),
    both("ManifestType", Kind::Text),
    both("Transformation", Kind::Text),
    json_path("MaxItemsPath", Kind::Text),
];

const ITEM_BATCHER: &[Field] = &[
    both("BatchInput", Kind::Any),
    both("MaxItemsPerBatch", Kind::Integer).or_expression(),
    both("MaxInputBytesPerBatch", Kind::Integer).or_expression(),
    json_path("MaxItemsPerBatchPath", Kind::Text),
    json_path("MaxInputBytesPerBatchPath", Kind::Text),
];

const RESULT_WRITER: &[Field] = &[
    both("Resource", Kind::Text),
    both("WriterConfig", Kind::Object),
    json_path("Parameters", Kind::Object),
    jsonata("Arguments", Kind::Object),
];

const WRITER_CONFIG: &[Field] =
    &[both("Transformation", Kind::Text).required(), both("OutputType", Kind::Text).required()];

/// What reads items, and which call it is.
const SOURCES: &[(&str, ItemSource)] =
    &[("s3:getObject", ItemSource::Object), ("s3:listObjectsV2", ItemSource::Listing)];
const DESTINATIONS: &[(&str, ())] = &[("s3:putObject", ())];

/// Reads the fields of a Map that is distributed. A faulty one is reported and then as if absent.
pub(super) fn read(
    state: &mut StateReader<'_, '_>,
    execution_type: MachineType,
    label: Option<Text>,
) -> Distributed {
    Distributed {
        execution_type,
        label,
        item_reader: read_item_reader(state),
        item_batcher: read_item_batcher(state),
        result_writer: read_result_writer(state),
    }
}

/// A field's value as one of AWS's words.
pub(super) fn word<T: Copy>(
    state: &mut StateReader<'_, '_>,
    fields: &Reader<'_>,
    name: &str,
    words: Words<T>,
) -> Option<T> {
    let (found, text) = fields.text(name)?;
    let value = words.iter().find(|(word, _)| *word == &**text).map(|(_, value)| *value);
    if value.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("Value must be one of [{}]", known.join(", "));
        state.report().schema(&found.location, found.value.span, message);
    }
    value
}

/// A member of the state that is an object of its own.
fn open<'t>(state: &mut StateReader<'_, 't>, found: &Found<'t>, table: &[Field]) -> Option<Reader<'t>> {
    let language = state.language;
    Reader::open(found.value, &found.location, table, language, state.report())
}

fn read_item_reader(state: &mut StateReader<'_, '_>) -> Option<ItemReader> {
    let found = state.fields.get("ItemReader")?;
    let fields = open(state, &found, ITEM_READER)?;
    let resource = read_resource(state, &fields, SOURCES);
    let arguments = read_arguments(state, &fields);
    let config = fields.get("ReaderConfig").and_then(|config| read_reader_config(state, &config));
    let (resource, source) = resource?;
    Some(ItemReader { resource, source, arguments, config: config.unwrap_or_default() })
}

fn read_reader_config(state: &mut StateReader<'_, '_>, found: &Found<'_>) -> Option<ReaderConfig> {
    let language = state.language;
    let fields = Reader::open(found.value, &found.location, READER_CONFIG, language, state.report())?;
    let csv_header_location = word(state, &fields, "CSVHeaderLocation", CSV_HEADER_LOCATIONS);
    let csv_headers = read_csv_headers(state, &fields);
    if csv_header_location == Some(CsvHeaderLocation::Given) && fields.get("CSVHeaders").is_none() {
        let message = "These fields are required: [CSVHeaders]";
        state.report().schema(&fields.location, fields.span, message);
    }
    Some(ReaderConfig {
        input_type: word(state, &fields, "InputType", INPUT_TYPES),
        csv_delimiter: word(state, &fields, "CSVDelimiter", CSV_DELIMITERS),
        csv_header_location,
        csv_headers,
        max_items: state.count_in(&fields, "MaxItems", "MaxItemsPath", ITEMS_MAX),
        items_pointer: read_items_pointer(state, &fields),
        manifest_type: word(state, &fields, "ManifestType", MANIFEST_TYPES),
        transformation: word(state, &fields, "Transformation", READER_TRANSFORMATIONS),
    })
}

fn read_csv_headers(state: &mut StateReader<'_, '_>, fields: &Reader<'_>) -> Vec<Text> {
    let mut headers = Vec::new();
    for item in fields.items("CSVHeaders") {
        if let Node::String(name) = &item.value.node {
            headers.push(name.clone());
        } else {
            state.report().schema(&item.location, item.value.span, "Expected value of type String");
        }
    }
    headers
}

/// A JSON pointer begins with a slash. Spec: RFC 6901.
fn read_items_pointer(state: &mut StateReader<'_, '_>, fields: &Reader<'_>) -> Option<ItemsPointer> {
    let (found, text) = fields.text("ItemsPointer")?;
    if state.language == QueryLanguage::Jsonata && is_expression(found.value) {
        return state.query(fields, "ItemsPointer", Moment::WithoutResult).map(ItemsPointer::Query);
    }
    if !text.is_empty() && !text.starts_with('/') {
        state.report().schema(&found.location, found.value.span, "Value is not a valid JSON pointer");
        return None;
    }
    Some(ItemsPointer::Fixed(text.clone()))
}

fn read_item_batcher(state: &mut StateReader<'_, '_>) -> Option<ItemBatcher> {
    const BOUNDS: &[&str] =
        &["MaxItemsPerBatch", "MaxInputBytesPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath"];
    let found = state.fields.get("ItemBatcher")?;
    let fields = open(state, &found, ITEM_BATCHER)?;
    let bounds = match state.language {
        QueryLanguage::JsonPath => BOUNDS,
        QueryLanguage::Jsonata => &BOUNDS[..2],
    };
    fields.require_one_of(bounds, state.report());
    Some(ItemBatcher {
        batch_input: state.template(&fields, "BatchInput", Moment::WithoutResult),
        items_max: state.count_in(&fields, "MaxItemsPerBatch", "MaxItemsPerBatchPath", ITEMS_MAX),
        bytes_max: state.count_in(
            &fields,
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
            BATCH_BYTES_MAX,
        ),
    })
}

fn read_result_writer(state: &mut StateReader<'_, '_>) -> Option<ResultWriter> {
    let found = state.fields.get("ResultWriter")?;
    let fields = open(state, &found, RESULT_WRITER)?;
    fields.require_one_of(&["Resource", "WriterConfig"], state.report());
    let resource = read_resource(state, &fields, DESTINATIONS).map(|(arn, ())| arn);
    let arguments = read_arguments(state, &fields);
    let config = fields.get("WriterConfig").and_then(|config| read_writer_config(state, &config));
    Some(ResultWriter { resource, arguments, config })
}

fn read_writer_config(state: &mut StateReader<'_, '_>, found: &Found<'_>) -> Option<WriterConfig> {
    let language = state.language;
    let fields = Reader::open(found.value, &found.location, WRITER_CONFIG, language, state.report())?;
    let transformation = word(state, &fields, "Transformation", WRITER_TRANSFORMATIONS);
    let output_type = word(state, &fields, "OutputType", OUTPUT_TYPES);
    Some(WriterConfig { transformation: transformation?, output_type: output_type? })
}

/// The `Resource` of a reader or writer, which names one of few calls.
fn read_resource<T: Copy>(
    state: &mut StateReader<'_, '_>,
    fields: &Reader<'_>,
    calls: &[(&str, T)],
) -> Option<(Text, T)> {
    let (found, arn) = fields.text("Resource")?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let call = match parts.as_slice() {
        ["arn", partition, "states", "", "", call] if partition.starts_with("aws") => Some(*call),
        _ => None,
    };
    let known = call.and_then(|call| calls.iter().find(|(known, _)| *known == call));
    if known.is_none() {
        let names: Vec<&str> = calls.iter().map(|(name, _)| *name).collect();
        let help = format!("here it is arn:aws:states:::{}", names.join(" or "));
        state.report().schema(&found.location, found.value.span, unrecognised_message(arn)).help(help);
    }
    known.map(|(_, value)| (arn.clone(), *value))
}

/// `Parameters` or `Arguments` of a reader or writer.
fn read_arguments(state: &mut StateReader<'_, '_>, fields: &Reader<'_>) -> Option<PayloadTemplate> {
    let name = match state.language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    };
    state.template(fields, name, Moment::WithoutResult)
}
