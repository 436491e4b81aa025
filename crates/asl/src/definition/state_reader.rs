//! What the parsers of the state types share: the fields that several types have.
//!
//! A faulty field is reported and then taken as absent; the report refuses the machine, so what stands in
//! for it is never executed. Reads of the state's input are noted on the way, for the data-flow check.
//!
//! Spec: States Language, "Transitions", "Input and Output Processing".

use super::diagnostic::DiagnosticCode;
use super::draft::{Draft, Edge, Read, Role, Scope};
use super::expressions;
use super::fields::QueryLanguage;
use super::machine::{
    Count, DataFlow, PathFlow, PayloadTemplate, ResultPath, Seconds, Selection, StateIndex, Transition,
};
use super::payload::{self, Payload};
use super::query::Moment;
use super::reader::{Found, Reader, nearest};
use super::report::Report;
use super::shape::Shape;
use super::states::Builder;
use crate::data::{Path, Template};
use crate::json::{Node, Text};

/// The longest time that any field can give. Source: AWS, "Task workflow state".
pub const SECONDS_MAX: u32 = 99_999_999;

/// How many variables are looked at for the one that a misspelt name will have meant. Our choice.
const NEAREST_VARIABLES_MAX: usize = 100;

/// One state under way.
#[derive(Debug)]
pub(super) struct StateReader<'b, 't> {
    pub(super) builder: &'b mut Builder,
    /// The state's members, held against its tables.
    pub(super) fields: &'b Reader<'t>,
    pub(super) scope: &'b Scope,
    pub(super) language: QueryLanguage,
    pub(super) index: StateIndex,
    pub(super) draft: Draft,
}

impl<'t> StateReader<'_, 't> {
    pub(super) fn report(&mut self) -> &mut Report {
        &mut self.builder.report
    }

    /// `Next` or `End`, of which there is exactly one.
    pub(super) fn transition(&mut self) -> Option<Transition> {
        let end = self.fields.get("End").filter(|found| found.value.node == Node::Bool(true));
        let next = self.fields.text("Next");
        match (next, end) {
            (Some((found, name)), Some(_)) => {
                self.fields.exclude(&["Next", "End"], &mut self.builder.report);
                self.draft.is_terminal = true;
                self.edge(Role::Next, &found, name);
                None
            }
            (Some((found, name)), None) => {
                let target = self.edge(Role::Next, &found, name)?;
                Some(Transition::Next(target))
            }
            (None, Some(found)) => {
                self.draft.is_terminal = true;
                self.draft.end = Some((found.location, found.value.span));
                Some(Transition::End)
            }
            (None, None) => {
                self.draft.is_unclear = true;
                let location = self.fields.location.clone();
                let span = self.draft.span;
                let message = "One of these fields is required: [Next, End]";
                self.report().schema(&location, span, message);
                None
            }
        }
    }

    /// Follows a transition by name and notes it.
    pub(super) fn edge(&mut self, role: Role, found: &Found<'_>, name: &str) -> Option<StateIndex> {
        let target = self.builder.target(self.scope, found, name)?;
        self.draft.transitions.push(Edge { role, target, present: Vec::new() });
        Some(target)
    }

    /// `InputPath`.
    pub(super) fn input_path(&mut self) -> Selection {
        let selection = self.selection("InputPath");
        if let (Selection::At(_), Some((found, text))) = (&selection, self.fields.text("InputPath")) {
            self.note_reads(&found, text);
        }
        selection
    }

    /// `OutputPath`, `ItemsPath`: a path, `null` or nothing.
    pub(super) fn selection(&mut self, name: &str) -> Selection {
        let Some(found) = self.fields.get(name) else { return Selection::Whole };
        match &found.value.node {
            Node::Null => Selection::Empty,
            Node::String(text) if &**text == "$" => Selection::Whole,
            Node::String(text) => self.path_at(&found, text).map(Selection::At).unwrap_or_default(),
            _ => Selection::Whole,
        }
    }

    /// A field that holds a path and nothing else.
    pub(super) fn path(&mut self, name: &str) -> Option<Path> {
        self.path_in(self.fields, name)
    }

    /// The same of an object in the state.
    fn path_in(&mut self, fields: &Reader<'_>, name: &str) -> Option<Path> {
        let (found, text) = fields.text(name)?;
        let path = self.path_at(&found, text)?;
        if self.sees_whole_input() {
            self.note_reads(&found, text);
        }
        Some(path)
    }

    /// Whether paths of this state are into its input, and not into a part that an `InputPath` picks.
    fn sees_whole_input(&self) -> bool {
        self.fields
            .get("InputPath")
            .is_none_or(|found| matches!(&found.value.node, Node::String(text) if &**text == "$"))
    }

    /// A path at a place.
    pub(super) fn path_at(&mut self, found: &Found<'_>, text: &Text) -> Option<Path> {
        match expressions::path(text) {
            Ok(path) => {
                let reads = payload::reads_of(text, &found.location, found.value.span);
                self.check_variables(&reads.variables);
                Some(path)
            }
            Err(why) => {
                self.report()
                    .schema(&found.location, found.value.span, "Value is not a valid JSONPath")
                    .help(why);
                None
            }
        }
    }

    /// `ResultPath`, the state's or a catcher's.
    pub(super) fn result_path(&mut self, fields: &Reader<'_>) -> ResultPath {
        let Some(found) = fields.get("ResultPath") else { return ResultPath::Replace };
        match &found.value.node {
            Node::Null => ResultPath::Discard,
            Node::String(text) if &**text == "$" => ResultPath::Replace,
            Node::String(text) => match expressions::reference_path(text) {
                Ok(path) => ResultPath::At(path),
                Err(why) => {
                    self.report()
                        .schema(&found.location, found.value.span, "Value is not a Reference Path")
                        .help(why);
                    ResultPath::Replace
                }
            },
            _ => ResultPath::Replace,
        }
    }

    /// `Parameters`, `ItemSelector`: a template over the state's effective input.
    pub(super) fn payload(&mut self, name: &str) -> Option<Template> {
        let Payload { template, shape, reads } = self.payload_of(self.fields, name)?;
        if self.sees_whole_input() {
            self.draft.flow.reads.extend(reads.input);
        }
        self.draft.flow.payload = shape;
        template
    }

    /// What becomes of the state's data on its way out, in its language.
    pub(super) fn data_flow(&mut self, moment: Moment) -> DataFlow {
        match self.language {
            QueryLanguage::JsonPath => DataFlow::JsonPath(PathFlow {
                input_path: self.input_path(),
                result_selector: self.result_selector(),
                result_path: self.result_path(self.fields),
                output_path: self.selection("OutputPath"),
            }),
            QueryLanguage::Jsonata => DataFlow::Jsonata(self.query_template(self.fields, "Output", moment)),
        }
    }

    /// `Parameters`, or `Arguments` as `JSONata` states have it.
    pub(super) fn arguments(&mut self) -> Option<PayloadTemplate> {
        match self.language {
            QueryLanguage::JsonPath => self.payload("Parameters").map(PayloadTemplate::JsonPath),
            QueryLanguage::Jsonata => self
                .query_template(self.fields, "Arguments", Moment::WithoutResult)
                .map(PayloadTemplate::Jsonata),
        }
    }

    /// `ResultSelector`: a template over the result.
    pub(super) fn result_selector(&mut self) -> Option<Template> {
        let Payload { template, shape, .. } = self.payload_of(self.fields, "ResultSelector")?;
        self.draft.flow.selected = shape;
        template
    }

    /// A `JSONPath` template of any object.
    pub(super) fn payload_of(&mut self, fields: &Reader<'_>, name: &str) -> Option<Payload> {
        let found = fields.get(name)?;
        let payload = payload::read(&found, &mut self.builder.report);
        self.check_variables(&payload.reads.variables);
        Some(payload)
    }

    /// A template that both languages have under one name.
    pub(super) fn template(
        &mut self,
        fields: &Reader<'_>,
        name: &str,
        moment: Moment,
    ) -> Option<PayloadTemplate> {
        match self.language {
            QueryLanguage::JsonPath => self.payload_of(fields, name)?.template.map(PayloadTemplate::JsonPath),
            QueryLanguage::Jsonata => self.query_template(fields, name, moment).map(PayloadTemplate::Jsonata),
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(&mut self, fields: &Reader<'_>, name: &str, least: u32, most: u32) -> Option<u32> {
        integer(fields, name, least, most, &mut self.builder.report)
    }

    /// `TimeoutSeconds` or `TimeoutSecondsPath`, and their like.
    pub(super) fn seconds(&mut self, name: &str, path_name: &str) -> Option<Seconds> {
        if self.fields.exclude(&[name, path_name], &mut self.builder.report) {
            return None;
        }
        let path = self.path(path_name).map(Seconds::At);
        let query = self.query(self.fields, name, Moment::WithoutResult).map(Seconds::Query);
        path.or(query).or_else(|| self.integer(self.fields, name, 1, SECONDS_MAX).map(Seconds::Fixed))
    }

    /// `MaxConcurrency` or `MaxConcurrencyPath`, and their like.
    pub(super) fn count(&mut self, name: &str, path_name: &str, most: f64) -> Option<Count> {
        self.count_in(self.fields, name, path_name, most)
    }

    /// The same of an object in the state.
    pub(super) fn count_in(
        &mut self,
        fields: &Reader<'_>,
        name: &str,
        path_name: &str,
        most: f64,
    ) -> Option<Count> {
        if fields.exclude(&[name, path_name], &mut self.builder.report) {
            return None;
        }
        if let Some(path) = self.path_in(fields, path_name) {
            return Some(Count::At(path));
        }
        if let Some(query) = self.query(fields, name, Moment::WithoutResult) {
            return Some(Count::Query(query));
        }
        let found = fields.get(name)?;
        let Node::Number(number) = &found.value.node else { return None };
        let value = number.as_f64();
        if !(0.0..=most).contains(&value) {
            let message = if most.is_finite() {
                format!("Value must be between 0 and {most}")
            } else {
                "Value must not be negative".to_owned()
            };
            self.report().schema(&found.location, found.value.span, message);
            return None;
        }
        Some(Count::Fixed(value))
    }

    /// Notes which parts of the state's input a path or intrinsic reads.
    pub(super) fn note_reads(&mut self, found: &Found<'_>, text: &str) {
        let reads = payload::reads_of(text, &found.location, found.value.span);
        self.draft.flow.reads.extend(reads.input);
    }

    /// Notes which variables are read, and warns of those that no state assigns, in this scope or around it.
    pub(super) fn check_variables(&mut self, reads: &[Read]) {
        for Read { name, path, location, span } in reads {
            self.draft.variables.insert(name.clone());
            let variables = &self.scope.variables;
            let is_assigned = variables.own.contains(name) || variables.is_taken_around(name);
            if is_assigned || self.builder.is_for_a_lone_state() {
                continue;
            }
            let known = variables.own.iter().map(|known| &**known).take(NEAREST_VARIABLES_MAX);
            let near = nearest(name, known).map(|near| format!("did you mean `${near}`?"));
            let message = format!("`{path}` reads a variable that no state assigns");
            self.builder.report.warning(DiagnosticCode::VariableNotAssigned, location, *span, message).help =
                near;
        }
    }

    /// Notes the shape of a literal result.
    pub(super) fn note_literal(&mut self, found: &Found<'t>) {
        self.draft.flow.literal = Some(Shape::of_literal(found.value));
    }
}

/// A whole number within bounds, `None` if it is absent or was reported.
pub(super) fn integer(
    fields: &Reader<'_>,
    name: &str,
    least: u32,
    most: u32,
    report: &mut Report,
) -> Option<u32> {
    let found = fields.get(name)?;
    let Node::Number(number) = &found.value.node else { return None };
    let value = number.as_i64().and_then(|value| u32::try_from(value).ok());
    let value = value.filter(|value| (least..=most).contains(value));
    if value.is_none() {
        let message = format!("Value must be between {least} and {most}");
        report.schema(&found.location, found.value.span, message);
    }
    value
}
