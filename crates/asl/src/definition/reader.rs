//! One object of the definition: held against its table of fields, then handed out member by member.
//!
//! [`Reader::open`] reports everything that the table can know: members that are unknown, misplaced,
//! repeated, missing or of the wrong type. What is left is well formed, and [`Reader::get`] gives only
//! that, so that a parser reads on as if a faulty member were absent.

use std::collections::HashSet;

use super::fields::{Field, Kind, QueryLanguage};
use super::location::Location;
use super::report::Report;
use super::state_type::StateType;
use crate::json::{Member, Node, Span, Spanned};

/// An object whose members conform to its table.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    pub(super) location: Location,
    pub(super) span: Span,
    members: Vec<&'t Member>,
}

/// A member that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Found<'t> {
    pub(super) location: Location,
    pub(super) value: &'t Spanned,
}

impl<'t> Reader<'t> {
    /// Holds an object against its table. `None` if it is no object.
    pub(super) fn open(
        value: &'t Spanned,
        location: &Location,
        table: &[Field],
        language: QueryLanguage,
        report: &mut Report,
    ) -> Option<Self> {
        let reader = Self::open_freely(value, location, report)?;
        Some(reader.conform(&[table], language, report))
    }

    /// An object whose table is not known yet: only repeated members are reported.
    pub(super) fn open_freely(value: &'t Spanned, location: &Location, report: &mut Report) -> Option<Self> {
        let Node::Object(members) = &value.node else {
            report.schema(location, value.span, "Expected value of type Object");
            return None;
        };
        let mut once: Vec<&Member> = Vec::with_capacity(members.len());
        let mut seen = HashSet::with_capacity(members.len());
        for member in members {
            if seen.insert(&member.key) {
                once.push(member);
            } else {
                let location = location.field(&member.key);
                report.schema(&location, member.key_span, format!("Duplicate field '{}'", member.key));
            }
        }
        Some(Self { location: location.clone(), span: value.span, members: once })
    }

    /// The same object without the members that its tables do not allow, which are reported.
    pub(super) fn conform(
        mut self,
        tables: &[&[Field]],
        language: QueryLanguage,
        report: &mut Report,
    ) -> Self {
        let missing: Vec<&str> = tables
            .iter()
            .flat_map(|table| table.iter())
            .filter(|field| field.required && field.stands_in(language))
            .map(|field| field.name)
            .filter(|name| self.get(name).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!("These fields are required: [{}]", missing.join(", "));
            report.schema(&self.location, self.span, message);
        }
        let location = self.location.clone();
        self.members.retain(|member| conforms(member, &location, tables, language, report));
        self
    }

    /// The same object with some of its members.
    pub(super) fn only(&self, wanted: impl Fn(&&Member) -> bool) -> Self {
        let members = self.members().filter(wanted).collect();
        Self { location: self.location.clone(), span: self.span, members }
    }

    /// Every member, as written.
    pub(super) fn members(&self) -> impl Iterator<Item = &'t Member> {
        self.members.iter().copied()
    }

    /// A member, if it is there and in order.
    pub(super) fn get(&self, name: &str) -> Option<Found<'t>> {
        let member = self.members.iter().find(|member| &*member.key == name)?;
        Some(Found { location: self.location.known_field(name), value: &member.value })
    }

    /// A member's text.
    pub(super) fn text(&self, name: &str) -> Option<(Found<'t>, &'t crate::json::Text)> {
        let found = self.get(name)?;
        match &found.value.node {
            Node::String(text) => Some((found, text)),
            _ => None,
        }
    }

    /// A member's elements, each with its place.
    pub(super) fn items(&self, name: &str) -> Vec<Found<'t>> {
        self.get(name).map(|found| found.items()).unwrap_or_default()
    }

    /// Reports fields of which only one may stand here. Answers whether more than one does.
    pub(super) fn exclude(&self, names: &[&str], report: &mut Report) -> bool {
        let present: Vec<&Member> = self.members().filter(|member| names.contains(&&*member.key)).collect();
        let [_, second, ..] = present.as_slice() else { return false };
        let found: Vec<&str> = present.iter().map(|member| &*member.key).collect();
        let message = format!("Only one of these fields is allowed: [{}]", found.join(", "));
        report.schema(&self.location, second.key_span, message);
        true
    }

    /// Reports that one of `names` must be there, unless one is.
    pub(super) fn require_one_of(&self, names: &[&str], report: &mut Report) {
        if !self.members().any(|member| names.contains(&&*member.key)) {
            let message = format!("One of these fields is required: [{}]", names.join(", "));
            report.schema(&self.location, self.span, message);
        }
    }
}

impl<'t> Found<'t> {
    /// The elements, if this is an array.
    pub(super) fn items(&self) -> Vec<Found<'t>> {
        let Node::Array(items) = &self.value.node else { return Vec::new() };
        let item = |(position, value)| Found { location: self.location.item(position), value };
        items.iter().enumerate().map(item).collect()
    }
}

fn conforms(
    member: &Member,
    location: &Location,
    tables: &[&[Field]],
    language: QueryLanguage,
    report: &mut Report,
) -> bool {
    let name = &*member.key;
    let Some(field) = tables.iter().flat_map(|table| table.iter()).find(|field| field.name == name) else {
        let is_full = report.is_full();
        let diagnostic = report.schema(location, member.key_span, format!("Field '{name}' is not supported"));
        let known = tables.iter().flat_map(|table| table.iter()).filter(|field| field.stands_in(language));
        if is_full {
            return false;
        }
        if let Some(near) = nearest(name, known.map(|field| field.name)) {
            diagnostic.help(format!("did you mean `{near}`?"));
        } else if let Some(elsewhere) = StateType::whose_field_is(name) {
            diagnostic.help(elsewhere);
        }
        return false;
    };
    if let Some(only) = field.language.filter(|_| !field.stands_in(language)) {
        let message = format!(
            "The QueryLanguage is set to '{language}', but field '{name}' is only supported for the '{only}' \
             QueryLanguage"
        );
        report.schema(location, member.key_span, message);
        return false;
    }
    let expression =
        field.or_expression && language == QueryLanguage::Jsonata && is_expression(&member.value);
    if !expression && !is_of(field.kind, &member.value) {
        let message = format!("Expected value of type {}", field.kind.name());
        report.schema(&location.known_field(name), member.value.span, message);
        return false;
    }
    if field.kind == Kind::Items && matches!(&member.value.node, Node::Array(items) if items.is_empty()) {
        report.schema(&location.known_field(name), member.value.span, "Value cannot be empty");
        return false;
    }
    true
}

fn is_of(kind: Kind, value: &Spanned) -> bool {
    match kind {
        Kind::Any => true,
        Kind::Text => matches!(value.node, Node::String(_)),
        Kind::Path => matches!(value.node, Node::String(_) | Node::Null),
        Kind::Boolean => matches!(value.node, Node::Bool(_)),
        Kind::Integer => matches!(&value.node, Node::Number(number) if number.is_integer()),
        Kind::Number => matches!(value.node, Node::Number(_)),
        Kind::Object => matches!(value.node, Node::Object(_)),
        Kind::Array | Kind::Items => matches!(value.node, Node::Array(_)),
    }
}

/// Whether a value is a `JSONata` expression, `{% … %}`.
pub(super) fn is_expression(value: &Spanned) -> bool {
    matches!(&value.node, Node::String(text) if text.starts_with("{%") && text.ends_with("%}"))
}

/// The name among `known` that a misspelt one will have meant.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    /// A slip or two; more would suggest fields that have nothing to do with each other.
    const SLIPS_MAX: usize = 2;
    if name.len() > 40 {
        return None;
    }
    known
        .map(|known| (slips(&name.to_lowercase(), &known.to_lowercase()), known))
        .filter(|(slips, known)| *slips <= SLIPS_MAX && *slips * 2 < known.len())
        .min()
        .map(|(_, known)| known)
}

/// The edit distance of two short texts, by Levenshtein's recurrence.
fn slips(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::super::fields::{both, json_path, jsonata};
    use super::*;
    use crate::json::parse_spanned;

    const TABLE: &[Field] = &[
        both("Type", Kind::Text).required(),
        both("Seconds", Kind::Integer).or_expression(),
        json_path("InputPath", Kind::Path),
        jsonata("Output", Kind::Any),
        both("Branches", Kind::Items),
    ];

    fn check(text: &str, language: QueryLanguage, expected: &[&str]) {
        let root = parse_spanned(text).unwrap();
        let mut report = Report::default();
        Reader::open(&root, &Location::top().known_field("S"), TABLE, language, &mut report);
        let found: Vec<String> = report.finish().iter().map(ToString::to_string).collect();
        let expected: Vec<String> =
            expected.iter().map(|line| format!("SCHEMA_VALIDATION_FAILED: {line}")).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_object_against_its_table() {
        use QueryLanguage::{JsonPath, Jsonata};
        check(r#"{"Type":"T","Seconds":1,"InputPath":null}"#, JsonPath, &[]);
        check(r#"{"Type":"T","Seconds":"{% 1 %}","Output":"{% 1 %}"}"#, Jsonata, &[]);
        check("{}", JsonPath, &["These fields are required: [Type] at /S"]);
        check("[]", JsonPath, &["Expected value of type Object at /S"]);
        check(r#"{"Type":"T","Typo":1}"#, JsonPath, &["Field 'Typo' is not supported at /S"]);
        check(r#"{"Type":"T","Type":"T"}"#, JsonPath, &["Duplicate field 'Type' at /S/Type"]);
        check(r#"{"Type":"T","Branches":[]}"#, JsonPath, &["Value cannot be empty at /S/Branches"]);
        check(r#"{"Type":"T","Seconds":1.5}"#, JsonPath, &["Expected value of type Integer at /S/Seconds"]);
        check(
            r#"{"Type":"T","Seconds":"{% 1 %}"}"#,
            JsonPath,
            &["Expected value of type Integer at /S/Seconds"],
        );
        check(
            r#"{"Type":"T","Output":1}"#,
            JsonPath,
            &[
                "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' \
               QueryLanguage at /S",
            ],
        );
    }

    #[test]
    fn a_misspelt_field_is_recognised() {
        let near = |name| nearest(name, TABLE.iter().map(|field| field.name));
        assert_eq!(near("type"), Some("Type"));
        assert_eq!(near("Secnods"), Some("Seconds"));
        assert_eq!(near("Foo"), None);
    }
}
