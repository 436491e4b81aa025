//! What a metric is: its name, its namespace and its dimensions; and the units that its values can have.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A metric's identity. Two metrics whose dimensions differ have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Metric {
    /// Such as `AWS/States`.
    pub namespace: String,
    /// Such as `ExecutionsFailed`.
    pub name: String,
    /// Names and values, sorted: their order means nothing.
    dimensions: Vec<(String, String)>,
}

impl Metric {
    /// The metric of this name with these dimensions.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        dimensions: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut dimensions: Vec<_> = dimensions.into_iter().collect();
        dimensions.sort();
        dimensions.dedup();
        Self { namespace: namespace.into(), name: name.into(), dimensions }
    }

    /// Names and values, sorted.
    pub fn dimensions(&self) -> &[(String, String)] {
        &self.dimensions
    }

    /// Whether it has a dimension of this name, and of this value where one is given.
    pub fn has_dimension(&self, name: &str, value: Option<&str>) -> bool {
        self.dimensions.iter().any(|(its, is)| its == name && value.is_none_or(|value| value == is))
    }
}

/// A unit, by the name that CloudWatch has for it. Values are not converted from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Unit(&'static str);

const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

impl Unit {
    /// A number of things.
    pub const COUNT: Self = Self("Count");
    /// Bytes of memory or of data.
    pub const BYTES: Self = Self("Bytes");
    /// Thousandths of a second.
    pub const MILLISECONDS: Self = Self("Milliseconds");
    /// What a value has whose unit was not said.
    pub const NONE: Self = Self("None");

    /// The unit of this name.
    pub fn parse(name: &str) -> Option<Self> {
        UNITS.into_iter().find(|unit| *unit == name).map(Self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// All names, as a validation error lists them.
    pub(super) fn names() -> String {
        UNITS.join(", ")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| {
            serde::de::Error::custom(format!("`{name}` is no unit; expected one of {}", Self::names()))
        })
    }
}

/// A metric's values of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Series {
    /// Whose.
    pub metric: Metric,
    /// In which unit.
    pub unit: Unit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_dimensions_means_nothing() {
        let pair = |name: &str| (name.to_owned(), "v".to_owned());
        let one = Metric::new("N", "m", [pair("a"), pair("b")]);
        assert_eq!(one, Metric::new("N", "m", [pair("b"), pair("a")]));
        assert_ne!(one, Metric::new("N", "m", [pair("a")]));
        assert!(one.has_dimension("a", None) && one.has_dimension("a", Some("v")));
        assert!(!one.has_dimension("a", Some("w")) && !one.has_dimension("c", None));
    }
}
