//! `JSONata` in a state's fields: compiled, and held against what each field can see.
//!
//! Spec: States Language, "`JSONata`"; AWS, "Transforming data with `JSONata`".

use super::diagnostic::DiagnosticCode;
use super::draft::Read;
use super::location::Location;
use super::reader::{Found, Reader, is_expression};
use super::state_reader::StateReader;
use crate::data::query::QueryError;
use crate::data::{Query, QueryTemplate};
use crate::json::{Span, Text};

/// When in a state's life a field is evaluated: what `$states` holds then, beside `input` and `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// On the way in, or on the way out of a state that has no result.
    WithoutResult,
    /// On the way out of a Task, a Parallel or a Map: `result`.
    WithResult,
    /// When a catcher has taken an error: `errorOutput`.
    Caught,
}

/// The name under which an expression finds what its state has.
const STATES: &str = "states";

impl StateReader<'_, '_> {
    /// A field that holds JSON with expressions in it.
    pub(super) fn query_template(
        &mut self,
        fields: &Reader<'_>,
        name: &str,
        moment: Moment,
    ) -> Option<QueryTemplate> {
        let found = fields.get(name)?;
        let report = &mut self.builder.report;
        let template = QueryTemplate::parse(found.value, &mut |error| {
            // The place below the field is in AWS's form already.
            let location = found.location.below(&error.place);
            refuse(&error.error, &error.text, &location, error.span, report);
        })?;
        let mut queries = Vec::new();
        template.visit(&mut |place, query| queries.push((found.location.below(place), query.clone())));
        for (location, query) in queries {
            self.check_query(&query, &location, found.value.span, moment);
        }
        Some(template)
    }

    /// A field that is one expression, if it is one.
    pub(super) fn query(&mut self, fields: &Reader<'_>, name: &str, moment: Moment) -> Option<Query> {
        let found = fields.get(name).filter(|found| is_expression(found.value))?;
        self.query_at(&found, moment)
    }

    /// What is found where an expression must stand.
    pub(super) fn query_at(&mut self, found: &Found<'_>, moment: Moment) -> Option<Query> {
        let crate::json::Node::String(text) = &found.value.node else { return None };
        match Query::parse(text) {
            Ok(query) => {
                self.check_query(&query, &found.location, found.value.span, moment);
                Some(query)
            }
            Err(error) => {
                refuse(&error, text, &found.location, found.value.span, self.report());
                None
            }
        }
    }

    /// Notes the variables that an expression reads, and refuses what it cannot see.
    fn check_query(&mut self, query: &Query, location: &Location, span: Span, moment: Moment) {
        let expression = query.expression();
        self.draft.may_take_long |= !expression.is_quick();
        for reference in expression.context_references() {
            // AWS: recorded; an expression has no input of its own.
            let message = format!("Reference to '{}' at the top level is not supported.", reference.name);
            self.report()
                .error(DiagnosticCode::UnsupportedJsonataExpression, location, span, message)
                .help("the state's input is `$states.input`");
        }
        let mut variables = Vec::new();
        for reference in expression.references() {
            if reference.name == STATES {
                self.check_states(reference.path.first().map(String::as_str), location, span, moment);
            } else {
                let name = Text::from(&*reference.name);
                let path = Text::from(format!("${name}"));
                variables.push(Read { name, path, location: location.clone(), span });
            }
        }
        self.check_variables(&variables);
    }

    /// AWS: what a field cannot see is caught when the state machine is created.
    fn check_states(&mut self, member: Option<&str>, location: &Location, span: Span, moment: Moment) {
        let help = match (member, moment) {
            (Some("result"), Moment::WithoutResult | Moment::Caught) => {
                "a result is there in the Output and Assign of Task, Parallel and Map states"
            }
            (Some("errorOutput"), Moment::WithoutResult | Moment::WithResult) => {
                "the error output is there in the Output and Assign of a Catch"
            }
            (Some(_) | None, Moment::WithoutResult | Moment::WithResult | Moment::Caught) => return,
        };
        let message = format!("$states.{} is not accessible in this field", member.unwrap_or_default());
        self.report().error(DiagnosticCode::UnsupportedJsonataExpression, location, span, message).help(help);
    }
}

/// Says what is wrong with a string that is meant to be an expression.
fn refuse(
    error: &QueryError,
    text: &str,
    location: &Location,
    span: Span,
    report: &mut super::report::Report,
) {
    match error {
        QueryError::Unbalanced => {
            let message = "A JSONata expression must start with '{%' and end with '%}'";
            report
                .error(DiagnosticCode::InvalidJsonataExpression, location, span, message)
                .help("an expression is a whole string; to join texts, write `&` inside it");
        }
        QueryError::Syntax(error) => {
            let code = error.code.as_deref().map_or_else(String::new, |code| format!("{code}: "));
            let message = format!("{code}{}", error.message);
            let place = error.position.and_then(|at| span_of_character(span, text, at));
            report.error(DiagnosticCode::InvalidJsonataExpression, location, place.unwrap_or(span), message);
        }
    }
}

/// Where a character of a string's text stands in the definition, if the string is written without escapes.
fn span_of_character(string: Span, text: &str, offset: usize) -> Option<Span> {
    let quotes = 2;
    if string.end.checked_sub(string.start)? != text.len() + quotes {
        return None;
    }
    let character = text.get(offset..)?.chars().next()?;
    let start = string.start + 1 + offset;
    Some(Span { start, end: start + character.len_utf8() })
}
