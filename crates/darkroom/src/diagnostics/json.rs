//! A line as one JSON object: time, level, target and message, then what it concerns, the fields of the spans around it and
//! its own.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::surroundings;

/// Writes the fields of a span as an object. What is recorded later is one more object behind it.
pub struct JsonFields;

/// Writes lines.
pub struct JsonLines;

impl<'writer> FormatFields<'writer> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut members = Members::default();
        fields.record(&mut members);
        write!(writer, "{}", Value::Object(members.0))
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut own = Members::default();
        event.record(&mut own);
        let mut line = Map::new();
        line.insert("time".to_owned(), format!("{:.3}", Timestamp::now()).into());
        line.insert("level".to_owned(), metadata.level().as_str().to_ascii_lowercase().into());
        line.insert("target".to_owned(), metadata.target().into());
        // Its place, whatever its fields are.
        line.insert("message".to_owned(), own.0.shift_remove("message").unwrap_or_default());
        line.extend(surroundings().map(|(name, value)| (name.to_owned(), value.into())));
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                let objects = serde_json::Deserializer::from_str(fields).into_iter::<Map<String, Value>>();
                line.extend(objects.flatten().flatten());
            }
        }
        line.extend(own.0);
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Fields as members.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Members {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_an_object_with_the_fields_of_all_around_it() {
        let written = Written::default();
        let to = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || to.clone())
            .fmt_fields(JsonFields)
            .event_format(JsonLines);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let outer = tracing::error_span!("request", request_id = "r", both = 1);
            let _outer = outer.enter();
            let inner = tracing::error_span!("execution", execution_arn = %"arn:\"e\"", later = tracing::field::Empty);
            let _inner = inner.enter();
            inner.record("later", true);
            tracing::warn!(both = 2.5, error = %"größe\n", "said \"so\"");
        });
        let text = String::from_utf8(written.0.lock().expect("nobody panics").clone()).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        let mut line: Map<String, Value> = serde_json::from_str(&text).expect("JSON");
        assert!(
            line.remove("time").is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z')))
        );
        let expected = json!({
            "level": "warn", "target": module_path!(), "message": "said \"so\"", "request_id": "r",
            "execution_arn": "arn:\"e\"", "later": true, "both": 2.5, "error": "größe\n",
        });
        assert_eq!(Value::Object(line), expected);
    }
}
