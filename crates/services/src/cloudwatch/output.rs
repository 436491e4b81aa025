//! A call's output, in one model that each of the three protocols writes its own way.

use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

use crate::clock::iso_ms;
use crate::wire::xml::Xml;

/// CBOR's tag of seconds since 1970.
const TAG_TIME: u64 = 1;

/// A member's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    /// Milliseconds since 1970.
    Time(i64),
    List(Vec<Output>),
    Map(Vec<(String, Output)>),
    Structure(Structure),
}

/// Members by name, those alone that are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Structure(Vec<(&'static str, Output)>);

impl Structure {
    /// With this member.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Output>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// With this member, where there is one.
    pub(super) fn with_if(self, name: &'static str, value: Option<impl Into<Output>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// As AWS JSON has it: times are seconds.
    pub(super) fn json(&self) -> Value {
        Value::Object(self.0.iter().map(|(name, value)| ((*name).to_owned(), value.json())).collect())
    }

    /// As CBOR has it: times are tagged seconds.
    pub(super) fn cbor(&self) -> Cbor {
        Cbor::Map(self.0.iter().map(|(name, value)| (Cbor::from(*name), value.cbor())).collect())
    }

    /// As the query protocol has it: times are ISO 8601, lists have `member`s.
    pub(super) fn xml(&self, xml: &mut Xml) {
        for (name, value) in &self.0 {
            xml.within(name, |xml| value.xml(xml));
        }
    }
}

impl Output {
    fn json(&self) -> Value {
        let number = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Integer(integer) => Value::from(*integer),
            Self::Number(it) => number(*it),
            Self::Boolean(is) => Value::from(*is),
            Self::Time(ms) => number(seconds(*ms)),
            Self::List(items) => Value::Array(items.iter().map(Self::json).collect()),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| (name.clone(), value.json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            Self::Structure(structure) => structure.json(),
        }
    }

    fn cbor(&self) -> Cbor {
        match self {
            Self::Text(text) => Cbor::from(text.as_str()),
            Self::Integer(integer) => Cbor::from(*integer),
            Self::Number(number) => Cbor::from(*number),
            Self::Boolean(is) => Cbor::from(*is),
            Self::Time(ms) => Cbor::Tag(TAG_TIME, Box::new(Cbor::from(seconds(*ms)))),
            Self::List(items) => Cbor::Array(items.iter().map(Self::cbor).collect()),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| (Cbor::from(name.as_str()), value.cbor()));
                Cbor::Map(entries.collect())
            }
            Self::Structure(structure) => structure.cbor(),
        }
    }

    fn xml(&self, xml: &mut Xml) {
        match self {
            Self::Text(text) => xml.escape(text),
            Self::Integer(integer) => xml.escape(&integer.to_string()),
            // AWS: 5.0, and not 5.
            Self::Number(number) => xml.escape(&format!("{number:?}")),
            Self::Boolean(is) => xml.escape(&is.to_string()),
            Self::Time(ms) => xml.escape(&iso_ms(*ms)),
            Self::List(items) => {
                for item in items {
                    xml.within("member", |xml| item.xml(xml));
                }
            }
            Self::Map(entries) => {
                for (name, value) in entries {
                    xml.within("entry", |xml| {
                        xml.leaf("key", name);
                        xml.within("value", |xml| value.xml(xml));
                    });
                }
            }
            Self::Structure(structure) => structure.xml(xml),
        }
    }
}

fn seconds(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are far below 2^52")]
    let ms = ms as f64;
    ms / 1000.0
}

impl From<&str> for Output {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Output {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Output {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for Output {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Output {
    fn from(is: bool) -> Self {
        Self::Boolean(is)
    }
}

impl From<Structure> for Output {
    fn from(structure: Structure) -> Self {
        Self::Structure(structure)
    }
}

impl<T: Into<Output>> FromIterator<T> for Output {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_output_in_three_protocols() {
        let point = Structure::default()
            .with("Timestamp", Output::Time(1_800_000_000_500))
            .with("Sum", 5.0)
            .with("ExtendedStatistics", Output::Map(vec![("p99".to_owned(), Output::Number(1.5))]));
        let output = Structure::default()
            .with("Label", "a<b")
            .with("Period", 300)
            .with("IsOn", true)
            .with("Datapoints", Output::from_iter([point]))
            .with_if("Absent", None::<&str>);
        assert_eq!(
            output.json(),
            json!({
                "Label": "a<b", "Period": 300, "IsOn": true,
                "Datapoints": [
                    { "Timestamp": 1_800_000_000.5, "Sum": 5.0, "ExtendedStatistics": { "p99": 1.5 } },
                ],
            })
        );
        let mut xml = Xml::default();
        output.xml(&mut xml);
        assert_eq!(
            xml.text(),
            "<Label>a&lt;b</Label><Period>300</Period><IsOn>true</IsOn><Datapoints><member>\
             <Timestamp>2027-01-15T08:00:00.500Z</Timestamp><Sum>5.0</Sum><ExtendedStatistics><entry><key>p99</key>\
             <value>1.5</value></entry></ExtendedStatistics></member></Datapoints>"
        );
        let cbor = output.cbor();
        let points = cbor.as_map().unwrap()[3].1.as_array().unwrap();
        let (tag, time) = points[0].as_map().unwrap()[0].1.as_tag().unwrap();
        assert_eq!((tag, time.as_float()), (1, Some(1_800_000_000.5)));
    }
}
