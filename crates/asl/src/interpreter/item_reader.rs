//! What an `ItemReader` makes of the data that it has read: the items of a distributed Map.
//!
//! In goes a file as text, out come its items. Files that are not text, Parquet's and those that a manifest lists,
//! are handed over as the JSON array that they amount to. Where the data comes from is not decided here.
//!
//! Spec: AWS, "`ItemReader`". AWS: recorded, unless a line says otherwise.

use crate::definition::{CsvDelimiter, CsvHeaderLocation, InputType, ReaderConfig};
use crate::failure::{Failure, names};
use crate::json::{Object, Payload, Text, Value, parse};

/// What the file's JSON is, after `ItemsPointer`: the items, if it is an array.
pub(super) struct Pointed(Payload);

impl Pointed {
    /// What was found, as it is.
    pub(super) fn found(&self) -> &Payload {
        &self.0
    }

    /// The items.
    pub(super) fn items(&self) -> Result<Vec<Value>, Failure> {
        match self.0.value().as_array() {
            Some(items) => Ok(items.to_vec()),
            None => Err(failed("Attempting to map over non-iterable node.")),
        }
    }
}

/// Reads a file. `pointer` is the `ItemsPointer`, which only JSON can have.
pub(super) fn read(config: &ReaderConfig, pointer: Option<&str>, data: &str) -> Result<Pointed, Failure> {
    let value = match config.input_type {
        Some(InputType::Csv) => Value::from(read_csv(config, data)?),
        Some(InputType::JsonLines) => {
            let lines = data.lines().filter(|line| !line.trim().is_empty());
            Value::from(lines.map(read_json).collect::<Result<Vec<_>, _>>()?)
        }
        Some(InputType::Json | InputType::Parquet | InputType::Manifest) | None => read_json(data)?,
    };
    let Some(pointer) = pointer else { return Ok(Pointed(Payload::from_value(value))) };
    match point(&value, pointer) {
        Some(found) => Ok(Pointed(Payload::from_value(found.clone()))),
        None => Err(failed(&format!("The ItemsPointer '{pointer}' points at nothing in the data."))),
    }
}

fn read_json(text: &str) -> Result<Value, Failure> {
    parse(text).map_err(|error| failed(&format!("The data is not valid JSON: {error}")))
}

/// The part of a value that a JSON pointer means. Spec: RFC 6901.
fn point<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(value, |at, name| {
        let name = name.replace("~1", "/").replace("~0", "~");
        match at {
            Value::Object(members) => members.get(&name),
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    })
}

/// A row is an object of strings. What a row has beyond the headers is left out, what it lacks is empty.
fn read_csv(config: &ReaderConfig, data: &str) -> Result<Vec<Value>, Failure> {
    let delimiter = match config.csv_delimiter.unwrap_or(CsvDelimiter::Comma) {
        CsvDelimiter::Comma => ',',
        CsvDelimiter::Pipe => '|',
        CsvDelimiter::Semicolon => ';',
        CsvDelimiter::Space => ' ',
        CsvDelimiter::Tab => '\t',
    };
    let mut rows = csv_rows(data, delimiter).into_iter();
    let headers: Vec<Text> = match config.csv_header_location {
        Some(CsvHeaderLocation::Given) => config.csv_headers.clone(),
        Some(CsvHeaderLocation::FirstRow) => {
            rows.next().unwrap_or_default().into_iter().map(Text::from).collect()
        }
        None => return Err(failed("A CSV file needs a CSVHeaderLocation.")),
    };
    let item = |row: Vec<String>| {
        let fields = row.into_iter().chain(std::iter::repeat(String::new()));
        let members = headers.iter().cloned().zip(fields.map(Value::from));
        Value::from(members.collect::<Object>())
    };
    Ok(rows.map(item).collect())
}

/// The rows of a CSV file. Empty lines are none. Spec: RFC 4180, with another delimiter.
fn csv_rows(data: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut characters = data.strip_prefix('\u{FEFF}').unwrap_or(data).chars().peekable();
    let mut end_row = |row: &mut Vec<String>, field: &mut String| {
        if !row.is_empty() || !field.is_empty() {
            row.push(std::mem::take(field));
            rows.push(std::mem::take(row));
        }
    };
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            '\r' if !is_quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => end_row(&mut row, &mut field),
            other if other == delimiter && !is_quoted => row.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    end_row(&mut row, &mut field);
    rows
}

/// How many items are left by `MaxItems`, of so many. AWS: 0 is no bound.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive; the cast saturates")]
pub(super) fn kept(max_items: f64, length: usize) -> Result<usize, Failure> {
    if max_items < 0.0 {
        return Err(failed("field MaxItems must be positive"));
    }
    Ok(if max_items == 0.0 { length } else { length.min(max_items as usize) })
}

fn failed(cause: &str) -> Failure {
    Failure::new(names::ITEM_READER_FAILED, cause.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &ReaderConfig, pointer: Option<&str>, data: &str, expected: Result<&str, &str>) {
        let found = read(config, pointer, data).and_then(|pointed| pointed.items());
        let found = found.map(|items| Value::from(items).to_text());
        let found =
            found.as_ref().map(String::as_str).map_err(|failure| failure.cause.as_deref().unwrap_or(""));
        assert_eq!(found, expected, "{data}");
    }

    #[test]
    fn files_become_items() {
        let of = |input_type| ReaderConfig { input_type: Some(input_type), ..ReaderConfig::default() };
        let json = of(InputType::Json);
        check(&json, None, "[1, {\"a\": 2}]", Ok("[1,{\"a\":2}]"));
        check(&json, Some("/a/b~1c/1"), "{\"a\": {\"b/c\": [0, [7]]}}", Ok("[7]"));
        check(&json, Some(""), "[7]", Ok("[7]"));
        check(&json, None, "{\"Hello\": \"world\"}", Err("Attempting to map over non-iterable node."));
        check(&json, Some("/b"), "{\"a\": []}", Err("The ItemsPointer '/b' points at nothing in the data."));
        check(&of(InputType::JsonLines), None, "{\"a\":1}\n\n[2]\n", Ok("[{\"a\":1},[2]]"));
    }

    #[test]
    fn rows_of_csv_become_objects_of_strings() {
        let given = ReaderConfig {
            input_type: Some(InputType::Csv),
            csv_header_location: Some(CsvHeaderLocation::Given),
            csv_headers: vec!["H1".into(), "H2".into()],
            ..ReaderConfig::default()
        };
        check(
            &given,
            None,
            "a,b,c\n,\n   \n\n",
            Ok(r#"[{"H1":"a","H2":"b"},{"H1":"","H2":""},{"H1":"   ","H2":""}]"#),
        );
        let first_row = ReaderConfig {
            csv_header_location: Some(CsvHeaderLocation::FirstRow),
            csv_delimiter: Some(CsvDelimiter::Semicolon),
            ..given
        };
        check(&first_row, None, "x;y\r\n\"1;\"\"q\"\"\n\";2", Ok("[{\"x\":\"1;\\\"q\\\"\\n\",\"y\":\"2\"}]"));
        check(&first_row, None, "", Ok("[]"));
    }

    #[test]
    fn a_bound_of_nothing_is_none() {
        for (max_items, expected) in [(0.0, Some(5)), (2.0, Some(2)), (9.0, Some(5)), (-1.0, None)] {
            assert_eq!(kept(max_items, 5).ok(), expected, "{max_items}");
        }
    }
}
