//! What a distributed Map has beside an inline one, as JSON.

use super::super::distributed::{
    CSV_DELIMITERS, CSV_HEADER_LOCATIONS, EXECUTION_TYPES, INPUT_TYPES, ItemsPointer, MANIFEST_TYPES,
    OUTPUT_TYPES, READER_TRANSFORMATIONS, WRITER_TRANSFORMATIONS, Words,
};
use super::super::distributed::{Distributed, ItemBatcher, ItemReader, ReaderConfig, ResultWriter};
use super::{arguments, count, template};
use crate::json::{Object, Text, Value};

/// The fields of the state.
pub(super) fn state(distributed: &Distributed, into: &mut Object) {
    if let Some(label) = &distributed.label {
        into.insert("Label", label.clone());
    }
    if let Some(reader) = &distributed.item_reader {
        into.insert("ItemReader", item_reader(reader));
    }
    if let Some(batcher) = &distributed.item_batcher {
        into.insert("ItemBatcher", item_batcher(batcher));
    }
    if let Some(writer) = &distributed.result_writer {
        into.insert("ResultWriter", result_writer(writer));
    }
}

/// `ProcessorConfig`.
pub(super) fn processor_config(distributed: &Distributed) -> Value {
    let mut config = Object::new();
    config.insert("Mode", "DISTRIBUTED");
    word("ExecutionType", Some(distributed.execution_type), EXECUTION_TYPES, &mut config);
    config.into()
}

fn item_reader(reader: &ItemReader) -> Value {
    let mut fields = Object::new();
    fields.insert("Resource", reader.resource.clone());
    arguments(reader.arguments.as_ref(), &mut fields);
    if reader.config != ReaderConfig::default() {
        fields.insert("ReaderConfig", reader_config(&reader.config));
    }
    fields.into()
}

fn reader_config(config: &ReaderConfig) -> Value {
    let mut fields = Object::new();
    word("InputType", config.input_type, INPUT_TYPES, &mut fields);
    word("CSVDelimiter", config.csv_delimiter, CSV_DELIMITERS, &mut fields);
    word("CSVHeaderLocation", config.csv_header_location, CSV_HEADER_LOCATIONS, &mut fields);
    if !config.csv_headers.is_empty() {
        fields.insert("CSVHeaders", super::names(&config.csv_headers));
    }
    count("MaxItems", config.max_items.as_ref(), &mut fields);
    match &config.items_pointer {
        None => None,
        Some(ItemsPointer::Fixed(pointer)) => fields.insert("ItemsPointer", pointer.clone()),
        Some(ItemsPointer::Query(query)) => fields.insert("ItemsPointer", query.text().clone()),
    };
    word("ManifestType", config.manifest_type, MANIFEST_TYPES, &mut fields);
    word("Transformation", config.transformation, READER_TRANSFORMATIONS, &mut fields);
    fields.into()
}

fn item_batcher(batcher: &ItemBatcher) -> Value {
    let mut fields = Object::new();
    template("BatchInput", batcher.batch_input.as_ref(), &mut fields);
    count("MaxItemsPerBatch", batcher.items_max.as_ref(), &mut fields);
    count("MaxInputBytesPerBatch", batcher.bytes_max.as_ref(), &mut fields);
    fields.into()
}

fn result_writer(writer: &ResultWriter) -> Value {
    let mut fields = Object::new();
    if let Some(resource) = &writer.resource {
        fields.insert("Resource", resource.clone());
    }
    arguments(writer.arguments.as_ref(), &mut fields);
    if let Some(config) = writer.config {
        let mut words = Object::new();
        word("Transformation", Some(config.transformation), WRITER_TRANSFORMATIONS, &mut words);
        word("OutputType", Some(config.output_type), OUTPUT_TYPES, &mut words);
        fields.insert("WriterConfig", words);
    }
    fields.into()
}

fn word<T: PartialEq>(name: &'static str, value: Option<T>, words: Words<T>, into: &mut Object) {
    let found = value.and_then(|value| words.iter().find(|(_, known)| *known == value));
    if let Some((word, _)) = found {
        into.insert(name, Text::from(*word));
    }
}
